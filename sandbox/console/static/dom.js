// A few words for making elements: h("p", {class: "quiet"}, "text", child). Text is always text, never HTML.

export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function facts(pairs) {
  return h("dl", { class: "facts" }, pairs.map(([term, value]) => [h("dt", {}, term), h("dd", {}, value ?? "–")]));
}

export function table(caption, heads, rows) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {},
      h("caption", {}, caption),
      h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell) => h("td", {}, cell ?? "–")))))));
}

export function failure(error) {
  return h("p", { class: "error", role: "alert" }, error.message);
}

const GOOD = new Set(["ACTIVE", "ISSUED", "VALID", "PUBLISHED", "PASS", "PASSED", "EFFECTED", "DELIVERED", "VERIFIED", "OK"]);
const BAD = new Set(["SUSPENDED", "REVOKED", "EXPIRED", "OFFBOARDED", "TERMINATED", "LAPSED", "FAIL", "ABANDONED", "REJECTED", "HELD", "EXPIRING", "FAILED", "REFUSED", "PAUSED", "TOO_OLD", "INCOMPLETE", "WRONG_SIGNATURE"]);

export function status(value) {
  return h("span", { class: `tag ${GOOD.has(value) ? "good" : BAD.has(value) ? "bad" : "quiet"}` }, value);
}

// A time as people in Shanghai read it, in an element that keeps the instant.
export function moment(instant) {
  if (!instant) return "–";
  const shown = new Date(instant).toLocaleString("zh-CN", { timeZone: "Asia/Shanghai", hour12: false });
  return h("time", { datetime: instant, title: "Asia/Shanghai" }, shown);
}
