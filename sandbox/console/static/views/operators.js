// Operators with their roles and permissions, by page, filtered by name or number.

import { ask } from "../api.js";
import { failure, h, moment, status, table } from "../dom.js";
import { t } from "../texts.js";

const QUERY = `query Operators($text: String, $after: Cursor) {
  operators(first: 20, after: $after, filter: { text: $text }) {
    totalCount pageInfo { hasNextPage endCursor }
    nodes { id operatorNumber name role status permissions lastSeenAt } } }`;

async function page(text, after) {
  const { operators } = await ask(QUERY, { text: text || null, after });
  const rows = operators.nodes.map((each) => [
    each.operatorNumber, each.name, each.role, status(each.status), each.permissions.join(" · "), moment(each.lastSeenAt),
  ]);
  const place = h("div", {}, table(`${t("operators")} (${operators.totalCount})`,
    [t("number"), t("name"), t("role"), t("state"), t("permissions"), t("time")], rows));
  if (operators.pageInfo.hasNextPage) {
    const more = h("button", { type: "button", class: "plain", onclick: async () => {
      more.replaceWith(await page(text, operators.pageInfo.endCursor).catch(failure));
    } }, t("more"));
    place.append(more);
  }
  return place;
}

async function render() {
  const results = h("div", {}, await page("", null));
  const input = h("input", { type: "search", name: "text", maxlength: "100" });
  const form = h("form", { role: "search", onsubmit: async (event) => {
    event.preventDefault();
    results.replaceChildren(await page(input.value, null).catch(failure));
  } }, h("label", {}, t("search"), " ", input), h("button", { type: "submit" }, t("search")));
  return [form, results];
}

export const operators = { name: "operators", needsLogin: true, render };
