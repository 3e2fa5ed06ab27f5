// Outcomes on demand: scenarios that a request names in a header, and faults that a tenant sets for all it does.

import { control, get } from "../api.js";
import { failure, h, table } from "../dom.js";
import { session } from "../session.js";
import { either, t } from "../texts.js";

const HEADER = "X-PROP-Test-Scenario";
const QUESTION = "query Try { viewer { kind permissions } operators(first: 1) { nodes { id } } }";
const FAULTS = ["latencyMs", "rateLimited", "unavailable", "droppedSockets", "duplicateEvents", "lateEvents", "ocspTryLater"];
const SHOWN = `{ ${FAULTS.join(" ")} }`;

async function copy(text, code, said) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // not allowed here: leave it selected, to be copied by hand
    getSelection().selectAllChildren(code);
  }
  said.textContent = `${t("copied")}: ${text}`;
  said.scrollIntoView({ block: "nearest" });
}

// What the scenario makes of a question, with whoever is logged in.
async function trial(name, said) {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", [HEADER]: name, ...(session.token ? { authorization: `Bearer ${session.token}` } : {}) },
    body: JSON.stringify({ query: QUESTION }),
  });
  const wait = response.headers.get("retry-after");
  const head = `HTTP ${response.status}${wait ? `\nRetry-After: ${wait}` : ""}`;
  said.replaceChildren(h("pre", { tabindex: "0", id: "trial" }, `${HEADER}: ${name}\n\n${head}\n\n${JSON.stringify(await response.json(), null, 2)}`));
  said.scrollIntoView({ block: "nearest" });
}

function scenarioRow(each, said) {
  const line = `${HEADER}: ${each.name}`;
  const code = h("code", { class: "long" }, line);
  const button = (label, act) => h("button", { type: "button", class: "plain", "aria-label": `${label}: ${each.name}`, onclick: act }, label);
  return [
    code, either(each.showsZh, each.shows), each.places.join(" · "), each.answer, each.article ? String(each.article) : "–",
    h("span", {}, button(t("copy"), () => copy(line, code, said)), " ",
      each.places.includes("GRAPHQL") ? button(t("try"), () => trial(each.name, said).catch((error) => said.replaceChildren(failure(error)))) : null),
  ];
}

function faultInput(name, held) {
  const latency = name === "latencyMs";
  const input = h("input", { name, type: "number", min: "0", max: latency ? "10000" : "100", step: "1", required: true, value: String(held[name]) });
  return h("label", {}, `${t(name)} (${latency ? "ms" : "%"})`, " ", input);
}

function faultForm(held) {
  const said = h("div", { "aria-live": "polite" });
  const inputs = FAULTS.map((name) => faultInput(name, held));
  const form = h("form", {}, ...inputs, h("button", { type: "submit" }, t("setFaults")), " ", h("button", { type: "button", class: "plain" }, t("clearFaults")), said);
  const show = (now) => {
    for (const name of FAULTS) form.elements[name].value = String(now[name]);
    said.replaceChildren(h("p", { class: "quiet", role: "status" }, t(FAULTS.some((name) => now[name]) ? "faultsHold" : "noFaults")));
  };
  const send = async (mutation, variables) => {
    try {
      show((await control(mutation, variables)).faults);
    } catch (error) {
      said.replaceChildren(failure(error));
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const input = Object.fromEntries(FAULTS.map((name) => [name, Number(form.elements[name].value)]));
    send(`mutation Set($input: FaultsInput!) { faults: setFaults(input: $input) ${SHOWN} }`, { input });
  });
  form.querySelector("button.plain").addEventListener("click", () => send(`mutation Clear { faults: clearFaults ${SHOWN} }`));
  return form;
}

async function faultPanel() {
  const content = session.secret
    ? faultForm((await control(`{ faults ${SHOWN} }`)).faults)
    : h("p", {}, h("a", { href: "#start" }, t("needsTenantForFaults")));
  return h("section", { class: "panel" }, h("h2", {}, t("faults")), h("p", { class: "quiet" }, t("faultsMore")), content);
}

async function render() {
  const { scenarios: known } = await get("/sandbox/scenarios");
  const said = h("div", { "aria-live": "polite" });
  return [
    h("p", {}, t("scenariosMore")),
    table(t("scenarios"), [t("headerLine"), t("shows"), t("where"), t("answer"), t("article"), t("actions")], known.map((each) => scenarioRow(each, said))),
    said,
    await faultPanel(),
  ];
}

export const scenarios = { name: "scenarios", needsLogin: false, render };
