// The shell: language, navigation, and one view at a time, chosen by the part of the address behind "#".

import { h, failure } from "./dom.js";
import { session } from "./session.js";
import { choose, language, t } from "./texts.js";
import { agreement } from "./views/agreement.js";
import { certificates } from "./views/certificates.js";
import { clock } from "./views/clock.js";
import { conformance } from "./views/conformance.js";
import { events } from "./views/events.js";
import { inspector } from "./views/inspector.js";
import { operators } from "./views/operators.js";
import { participant } from "./views/participant.js";
import { records } from "./views/records.js";
import { scenarios } from "./views/scenarios.js";
import { start } from "./views/start.js";

const VIEWS = [start, agreement, participant, operators, certificates, records, clock, events, scenarios, conformance, inspector];

const main = document.getElementById("main");
const nav = document.getElementById("nav");
let turn = 0;

function current() {
  const name = location.hash.slice(1).split("/")[0];
  return VIEWS.find((view) => view.name === name) ?? start;
}

function drawShell(view) {
  document.documentElement.lang = language();
  document.getElementById("language").textContent = t("language");
  nav.replaceChildren(
    ...VIEWS.map((each) => h("a", { href: `#${each.name}`, "aria-current": each === view ? "page" : false }, t(each.name))),
    h("a", { href: "/graphql" }, t("graphiql")),
  );
  const who = session.name
    ? [`${t("loggedInAs")} ${session.name} `, h("button", { type: "button", class: "plain", onclick: () => session.end() }, t("logOut"))]
    : [t("nobody")];
  document.getElementById("who").replaceChildren(...who);
}

async function draw(focus) {
  const view = current();
  const mine = ++turn;
  drawShell(view);
  document.title = `${t(view.name)} – PROP Sandbox 测试环境`;
  const heading = h("h1", {}, t(view.name));
  main.replaceChildren(heading, h("p", { class: "quiet", role: "status" }, t("working")));
  if (focus) main.focus();
  let content;
  try {
    content = view.needsLogin && !session.token ? [h("p", {}, h("a", { href: "#start" }, t("needsLogin")))] : await view.render();
  } catch (error) {
    content = [failure(error)];
  }
  if (mine === turn) main.replaceChildren(heading, ...content);
}

document.getElementById("language").addEventListener("click", () => {
  choose(language() === "zh" ? "en" : "zh");
  draw(false);
});
session.onchange = () => draw(false);
window.addEventListener("hashchange", () => draw(true));
draw(false);
