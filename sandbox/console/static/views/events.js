// Events: fire one, see it arrive, deliver it again; where they go, and a receiver to try them against.

import { control } from "../api.js";
import { facts, failure, h, moment, status, table } from "../dom.js";
import { session } from "../session.js";
import { either, t } from "../texts.js";

const LOOK_MS = 1500;
const MANNERS = ["OK", "ERROR", "SLOW", "GONE"];
const STATE = `{
  webhooks { id url topics state pausedBecause missed }
  receiver { url manner received { at verdict again webhookId answered body } }
  deliveries(first: 20) { id eventType fired state createdAt payload
    attempts { at byHand milliseconds status problem requestHead responseHead responseBody } } }`;

const button = (label, act, plain = true) => h("button", { type: "button", class: plain ? "plain" : false, onclick: act }, label);

// A place that draws what the tenant has, again and again for as long as it is on the page.
function live(draw) {
  const place = h("div", {});
  let drawn = "";
  async function look() {
    try {
      const state = await control(STATE);
      const now = JSON.stringify(state);
      if (now !== drawn && !place.querySelector("details[open], select:focus, button:focus")) {
        drawn = now;
        place.replaceChildren(...draw(state, look));
      }
    } catch (error) {
      place.replaceChildren(failure(error));
    }
  }
  async function follow() {
    await look();
    setTimeout(() => { if (place.isConnected) follow(); }, LOOK_MS);
  }
  return { place, look, follow };
}

// A button that does something and then shows what has become of it.
function doing(label, look, mutation, variables) {
  const made = button(label, async () => {
    made.disabled = true;
    try {
      await control(mutation, variables);
      made.blur();
      await look();
    } catch (error) {
      made.after(failure(error));
    }
    made.disabled = false;
  });
  return made;
}

function fireForm(types, look) {
  const select = h("select", { name: "type" }, types.map((each) =>
    h("option", { value: each.name, selected: each.name === "certificate.reminded" }, `${each.name} · ${either(each.zh, each.en)}`)));
  const example = h("pre", { tabindex: "0" });
  const shown = () => {
    const type = types.find((each) => each.name === select.value);
    example.textContent = JSON.stringify(JSON.parse(type.example), null, 2);
  };
  select.addEventListener("change", shown);
  shown();
  const said = h("div", { "aria-live": "polite" });
  return h("form", { onsubmit: async (event) => {
    event.preventDefault();
    try {
      const { fireEvent } = await control("mutation Fire($type: String!) { fireEvent(type: $type) { id deliveries { id } } }", { type: select.value });
      said.replaceChildren(h("p", { class: "quiet" }, `${fireEvent.id} → ${fireEvent.deliveries.length}`));
      await look();
    } catch (error) {
      said.replaceChildren(failure(error));
    }
  } }, h("label", {}, t("event"), " ", select), h("button", { type: "submit" }, t("fire")), said,
    h("div", {}, h("details", {}, h("summary", {}, t("example")), example)));
}

function registerForm(receiverUrl, look) {
  const input = h("input", { name: "url", type: "url", size: "60", value: receiverUrl, required: true });
  const topics = h("input", { name: "topics", placeholder: "certificate, operator.offboarded" });
  const said = h("div", { "aria-live": "polite" });
  return h("form", { onsubmit: async (event) => {
    event.preventDefault();
    const wanted = topics.value.split(/[\s,]+/).filter(Boolean);
    try {
      const { registerWebhook: made } = await control(
        "mutation Register($input: WebhookInput!) { registerWebhook(input: $input) { secret snippets { language file run text } } }",
        { input: { url: input.value, topics: wanted } });
      said.replaceChildren(h("p", {}, `${t("webhookSecret")}: `, h("code", { class: "secret" }, made.secret)),
        ...made.snippets.map((each) => h("details", {}, h("summary", {}, `${each.language} · ${each.file}`), h("pre", { tabindex: "0" }, `${each.run}\n\n${each.text}`))));
      await look();
    } catch (error) {
      said.replaceChildren(failure(error));
    }
  } }, h("label", {}, t("address"), " ", input), h("label", {}, t("topics"), " ", topics), h("button", { type: "submit" }, t("register")), said);
}

function webhookRow(each, look) {
  const on = each.state === "ACTIVE";
  const named = (mutation) => `mutation Change($id: ID!) { ${mutation}(id: $id) { id } }`;
  return [
    h("span", { class: "long" }, each.url), each.topics.join(" · ") || t("all"),
    h("span", {}, status(each.state), each.pausedBecause ? h("p", { class: "error", role: "alert" }, `${each.pausedBecause} (${each.missed})`) : null),
    h("span", {},
      doing(on ? t("switchOff") : t("switchOn"), look, named(on ? "disableWebhook" : "enableWebhook"), { id: each.id }), " ",
      doing(t("remove"), look, "mutation Remove($id: ID!) { removeWebhook(id: $id) }", { id: each.id })),
  ];
}

function deliveryRow(each, look) {
  const last = each.attempts.at(-1);
  const told = last
    ? `${last.requestHead}\n\n${each.payload}\n\n${last.responseHead || last.problem}\n\n${last.responseBody}`.replaceAll("\r", "")
    : each.payload;
  return [
    moment(each.createdAt), each.fired ? `${each.eventType} (${t("fired")})` : each.eventType, status(each.state),
    last ? `${last.status ?? last.problem} · ${last.milliseconds} ms · ${each.attempts.length}` : "–",
    h("details", {}, h("summary", {}, t("details")), h("pre", { tabindex: "0" }, told)),
    doing(t("again"), look, "mutation Again($id: ID!) { redeliver(id: $id) { id } }", { id: each.id }),
  ];
}

function mannerSelect(receiver, look) {
  const select = h("select", { name: "manner" }, MANNERS.map((each) => h("option", { value: each, selected: each === receiver.manner }, each)));
  select.addEventListener("change", async () => {
    await control("mutation Manner($manner: Manner!) { setReceiver(manner: $manner) { manner } }", { manner: select.value });
    select.blur();
    await look();
  });
  return h("label", {}, t("receiverAnswers"), " ", select);
}

function drawn({ webhooks, deliveries, receiver }, look) {
  return [
    table(t("webhooks"), [t("address"), t("topics"), t("state"), t("actions")], webhooks.map((each) => webhookRow(each, look))),
    h("h2", {}, t("deliveries")),
    table(t("deliveries"), [t("time"), t("event"), t("state"), t("answer"), t("details"), t("actions")], deliveries.map((each) => deliveryRow(each, look))),
    h("h2", {}, t("receiver")),
    facts([[t("address"), receiver.url]]), mannerSelect(receiver, look),
    table(t("received"), [t("time"), t("verdict"), "webhook-id", t("answer")], receiver.received.slice(0, 20).map((each) => [
      moment(each.at), h("span", {}, status(each.verdict), each.again ? ` ${t("seenBefore")}` : ""), each.webhookId || "–", each.answered === null ? t("late") : String(each.answered),
    ])),
  ];
}

async function render() {
  if (!session.secret) return [h("p", {}, h("a", { href: "#start" }, t("needsTenant")))];
  const { eventTypes, receiver } = await control("{ eventTypes { name zh en example } receiver { url } }");
  const { place, look, follow } = live(drawn);
  await follow();
  return [
    h("section", { class: "panel" }, h("h2", {}, t("fire")), fireForm(eventTypes, look)),
    h("section", { class: "panel" }, h("h2", {}, t("register")), h("p", { class: "quiet" }, t("registerMore")), registerForm(receiver.url, look)),
    place,
  ];
}

export const events = { name: "events", needsLogin: false, render };
