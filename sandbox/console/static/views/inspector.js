// What one's own programs asked and were told, why it was refused, and running it again: #inspector or #inspector/ID.

import { control } from "../api.js";
import { facts, failure, h, moment, status, table } from "../dom.js";
import { secretForm } from "../secret.js";
import { session } from "../session.js";
import { either, t } from "../texts.js";

const PAGE = 25;
const LIST = `query Exchanges($filter: ExchangeFilter, $after: Cursor) {
  exchanges(filter: $filter, first: ${PAGE}, after: $after) {
    nodes { id at endpoint operationName operationKind outcome codes operatorNumber milliseconds }
    pageInfo { hasNextPage endCursor }
  }
}`;
const ONE = `query Exchange($id: ID!) {
  exchange(id: $id) {
    id at tenantAt endpoint protocol method requestId status outcome operationName operationKind document variables masked
    operatorNumber cost milliseconds answers scenario fault idempotencyKey digest link notReplayable notReplayableZh
    why { code article articleText articleTextEn field message messageZh advice adviceZh permission permissionWhy permissionWhyZh }
  }
}`;
const REPLAY = `mutation Replay($id: ID!, $token: String) {
  replayExchange(id: $id, token: $token) { status same body exchange { id } }
}`;
const OUTCOMES = ["OK", "REFUSED", "FAILED", "RUNNING"];

let asked = {};

const nameOf = (exchange) => exchange.operationName ?? (exchange.endpoint === "GRAPHQL" ? exchange.operationKind ?? "?" : exchange.endpoint);
const pretty = (json) => { try { return JSON.stringify(JSON.parse(json), null, 2); } catch { return json; } };
const block = (title, text) => text ? [h("h2", {}, title), h("pre", { tabindex: "0", "aria-label": title, role: "region" }, text)] : [];

function row(exchange) {
  return [
    moment(exchange.at),
    h("a", { href: `#inspector/${exchange.id}` }, nameOf(exchange)),
    [status(exchange.outcome), " ", exchange.codes.join(", ")],
    exchange.operatorNumber,
    exchange.milliseconds === null ? "…" : `${exchange.milliseconds} ms`,
  ];
}

function listOf(nodes) {
  const heads = ["time", "operation", "outcome", "operatorOne", "duration"].map(t);
  return nodes.length ? table(t("exchanges"), heads, nodes.map(row)) : h("p", { class: "quiet" }, t("noExchanges"));
}

function field(name, attributes = {}) {
  return h("label", {}, t(name), " ", h("input", { name, value: asked[name] ?? "", autocomplete: "off", size: "16", ...attributes }));
}

function filterForm(apply) {
  const outcome = h("select", { name: "outcome" }, h("option", { value: "" }, t("all")),
    OUTCOMES.map((each) => h("option", { value: each, selected: asked.outcome === each }, each)));
  return h("form", { role: "search", "aria-label": t("exchanges"), onsubmit: (event) => {
    event.preventDefault();
    asked = Object.fromEntries([...new FormData(event.target)].map(([key, value]) => [key, value.trim()]).filter(([, value]) => value));
    apply();
  } }, field("operation"), field("code"), h("label", {}, t("outcome"), " ", outcome), h("button", { type: "submit" }, t("search")));
}

async function list() {
  const shown = h("div", { id: "exchanges", "aria-live": "polite" });
  const found = [];
  async function show(after = null) {
    try {
      if (after === null) found.length = 0;
      const { nodes, pageInfo } = (await control(LIST, { filter: asked, after })).exchanges;
      found.push(...nodes);
      const more = pageInfo.hasNextPage && h("button", { type: "button", class: "plain", onclick: () => show(pageInfo.endCursor) }, t("more"));
      shown.replaceChildren(listOf(found), ...(more ? [more] : []));
    } catch (error) {
      shown.replaceChildren(failure(error));
    }
  }
  await show();
  return [h("p", {}, t("inspectorMore")), filterForm(() => show()), shown];
}

function reason(why) {
  const place = why.field.length ? ` (${why.field.join(".")})` : "";
  return h("section", { class: "panel why" },
    h("h3", {}, `${why.code}${place}`),
    h("p", {}, either(why.messageZh, why.message)),
    h("p", {}, h("strong", {}, `${t("advice")}: `), either(why.adviceZh, why.advice)),
    why.permission && h("p", {}, `${why.permission}: ${either(why.permissionWhyZh, why.permissionWhy)}`),
    why.articleText && h("details", {}, h("summary", {}, either(`第 ${why.article} 条`, `Article ${why.article}`)), h("p", {}, either(why.articleText, why.articleTextEn))));
}

function replay(exchange) {
  const said = h("div", { "aria-live": "polite", id: "replayed" });
  const impossible = either(exchange.notReplayableZh, exchange.notReplayable);
  if (impossible) return h("p", { class: "quiet" }, `${t("notReplayable")}: ${impossible}`);
  const button = h("button", { type: "button", onclick: async () => {
    button.disabled = true;
    try {
      const { replayExchange: made } = await control(REPLAY, { id: exchange.id, token: session.token ?? null });
      said.replaceChildren(
        h("p", {}, `HTTP ${made.status} · ${made.same ? t("sameAnswer") : t("otherAnswer")} `,
          made.exchange && h("a", { href: `#inspector/${made.exchange.id}` }, t("itsExchange"))),
        h("pre", { tabindex: "0", "aria-label": t("replay"), role: "region" }, pretty(made.body)));
    } catch (error) {
      said.replaceChildren(failure(error));
    }
    button.disabled = false;
  } }, t("replay"));
  return h("div", {}, h("p", {}, button), said);
}

function share(exchange) {
  const said = h("span", { role: "status" });
  const link = h("input", { readonly: true, value: exchange.link, size: "48" });
  const copy = h("button", { type: "button", class: "plain", onclick: async () => {
    link.select();
    try {
      await navigator.clipboard.writeText(exchange.link);
      said.textContent = t("copied");
    } catch {
      said.textContent = t("copyByHand"); // the browser keeps its clipboard to itself: the text is selected
    }
  } }, t("copyLink"));
  return h("div", { class: "panel" }, h("label", {}, t("linkForOurs"), " ", link), copy, " ", said);
}

async function detail(id) {
  const back = h("p", {}, h("a", { href: "#inspector" }, `← ${t("exchanges")}`));
  const { exchange } = await control(ONE, { id });
  if (!exchange) return [back, h("p", { class: "quiet" }, t("noSuchExchange"))];
  const pairs = [
    ["time", moment(exchange.at)], ["tenantTime", moment(exchange.tenantAt)], ["operation", nameOf(exchange)],
    ["outcome", [status(exchange.outcome), ` ${exchange.protocol} ${exchange.status}`]], ["operatorOne", exchange.operatorNumber],
    ["duration", exchange.milliseconds === null ? "…" : `${exchange.milliseconds} ms`], ["cost", exchange.cost],
    ["requestId", exchange.requestId], ["idempotencyKey", exchange.idempotencyKey], ["scenario", exchange.scenario], ["fault", exchange.fault],
  ];
  return [
    back,
    exchange.why.length > 0 && h("h2", {}, t("whyRefused")),
    exchange.why.map(reason),
    facts(pairs.filter(([, value]) => value !== null).map(([name, value]) => [t(name), value])),
    exchange.masked && h("p", { class: "quiet" }, t("maskedNote")),
    block(t("document"), exchange.document),
    block(t("variables"), exchange.variables && pretty(exchange.variables)),
    replay(exchange),
    share(exchange),
  ].flat(Infinity).filter(Boolean);
}

async function render() {
  if (!session.secret) return [secretForm()];
  const id = location.hash.split("/")[1];
  return id ? detail(decodeURIComponent(id)) : list();
}

export const inspector = { name: "inspector", needsLogin: false, render };
