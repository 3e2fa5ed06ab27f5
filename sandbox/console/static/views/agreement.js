// The agreement in force, article by article, with a search that marks what it found.

import { ask } from "../api.js";
import { facts, failure, h } from "../dom.js";
import { language, t } from "../texts.js";

const QUERY = `query Agreement { agreement {
  number title isDigest effectiveFrom contentHash
  chapters { number title articles { number text english enforcedBy } } } }`;
const SEARCH = `query Search($text: String!) { agreement { search(text: $text) {
  score language spans { start end } article { number text english } } } }`;

function law(article) {
  const text = language() === "zh" ? article.text : article.english ?? article.text;
  return h("article", { class: "law" },
    h("h3", {}, `第${article.number}条 · Article ${article.number}`),
    h("p", {}, text),
    article.enforcedBy.length ? h("p", { class: "quiet" }, article.enforcedBy.join(" · ")) : null);
}

// Offsets count code points, so the text is taken apart by code points too.
function marked(text, spans) {
  const points = [...text];
  const parts = [];
  let at = 0;
  for (const { start, end } of spans) {
    parts.push(points.slice(at, start).join(""), h("mark", {}, points.slice(start, end).join("")));
    at = end;
  }
  return [...parts, points.slice(at).join("")];
}

async function found(text) {
  const { agreement } = await ask(SEARCH, { text });
  return [
    h("p", { role: "status" }, `${agreement.search.length} ${t("articlesFound")}`),
    ...agreement.search.map(({ article, language: of, spans }) =>
      h("article", { class: "law" },
        h("h3", {}, `第${article.number}条 · Article ${article.number}`),
        h("p", {}, marked(of === "ENGLISH" ? article.english : article.text, spans)))),
  ];
}

async function render() {
  const { agreement } = await ask(QUERY);
  if (!agreement) return [h("p", {}, "–")];
  const results = h("div", {});
  const input = h("input", { type: "search", name: "text", maxlength: "200", required: true });
  const form = h("form", { role: "search", onsubmit: async (event) => {
    event.preventDefault();
    results.replaceChildren(...(await found(input.value).catch((error) => [failure(error)])));
  } }, h("label", {}, t("search"), " ", input), h("button", { type: "submit" }, t("search")));
  return [
    h("section", { class: "panel" },
      h("h2", {}, agreement.title),
      agreement.isDigest ? h("p", { class: "bad" }, t("digestNote")) : null,
      facts([[t("version"), String(agreement.number)], [t("effective"), agreement.effectiveFrom], [t("contentHash"), agreement.contentHash]])),
    form, results,
    ...agreement.chapters.map((chapter) => h("section", {}, h("h2", {}, `${chapter.number}. ${chapter.title}`), chapter.articles.map(law))),
  ];
}

export const agreement = { name: "agreement", needsLogin: false, render };
