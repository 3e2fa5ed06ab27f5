// Where one begins: a persona that is ready, or a participant of one's own.

import { get, send } from "../api.js";
import { failure, h } from "../dom.js";
import { joinForm } from "../join.js";
import { session } from "../session.js";
import { either, t } from "../texts.js";

function card(persona) {
  const said = h("div", { "aria-live": "polite" });
  const take = h("button", { type: "button", onclick: async () => {
    take.disabled = true;
    try {
      const answer = await send(`/sandbox/personas/${encodeURIComponent(persona.name)}/token`, {});
      session.begin({ token: answer.access_token, name: persona.name, persona: persona.name });
      location.hash = "participant";
    } catch (error) {
      said.replaceChildren(failure(error));
      take.disabled = false;
    }
  } }, `${t("logIn")}: ${persona.name}`);
  return h("li", {}, h("strong", {}, persona.name), h("p", {}, either(persona.showsZh, persona.shows)), take, said);
}

async function render() {
  const { personas } = await get("/sandbox/personas");
  return [
    h("section", { class: "panel" }, h("h2", {}, t("hello")), h("p", {}, t("helloMore"))),
    h("section", { class: "panel", "aria-labelledby": "join" }, h("h2", { id: "join" }, t("join")), h("p", { class: "quiet" }, t("joinMore")), joinForm()),
    h("h2", { id: "personas" }, t("choose")),
    h("ul", { class: "cards", "aria-labelledby": "personas" }, personas.map(card)),
  ];
}

export const start = { name: "start", needsLogin: false, render };
