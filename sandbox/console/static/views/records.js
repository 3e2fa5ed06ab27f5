// The records of what was done and by whom (art. 12), the latest first, with the bytes that were signed.

import { ask } from "../api.js";
import { failure, h, moment, table } from "../dom.js";
import { t } from "../texts.js";

const QUERY = `query Records($after: Cursor) { records(first: 20, after: $after) {
  pageInfo { hasNextPage endCursor }
  nodes { id kind at hash content actor { kind id } subject { id } } } }`;

async function page(after) {
  const { records } = await ask(QUERY, { after });
  const rows = records.nodes.map((each) => [
    moment(each.at), each.kind, each.actor.id ?? each.actor.kind, each.subject?.id,
    h("details", {}, h("summary", {}, each.hash.slice(0, 12)), h("pre", { tabindex: "0" }, pretty(each.content))),
  ]);
  const place = h("div", {}, table(t("records"), [t("time"), t("kind"), t("who"), t("subject"), "SHA-256"], rows));
  if (records.pageInfo.hasNextPage) {
    const more = h("button", { type: "button", class: "plain", onclick: async () => {
      more.replaceWith(await page(records.pageInfo.endCursor).catch(failure));
    } }, t("more"));
    place.append(more);
  }
  return place;
}

const pretty = (content) => JSON.stringify(JSON.parse(content), null, 2);

export const records = { name: "records", needsLogin: true, render: async () => [await page(null)] };
