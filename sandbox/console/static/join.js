// Joining: keys made here, requests sent, certificates received, a first login, and programs that run as printed.

import { ask, send } from "./api.js";
import { failure, h } from "./dom.js";
import { certificateRequest, logIn, newKey, privateKeyPem } from "./request.js";
import { session } from "./session.js";
import { t } from "./texts.js";

const ROLES = ["ADMINISTRATOR", "OPERATOR", "REVIEWER"];
const FIRST = "query First { viewer { participant { participantCode legalName status } permissions } }";

async function keysOf(role) {
  const [login, seal] = [await newKey(), await newKey()];
  const request = { role, login: await certificateRequest(login, role), seal: await certificateRequest(seal, role) };
  return { role, login, seal, request };
}

function download(name, text) {
  const link = h("a", { href: URL.createObjectURL(new Blob([text], { type: "text/plain" })), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}

async function bundle(joined, made) {
  const parts = [`# participant ${joined.tenant.code}, tenant secret ${joined.secret}\n`];
  for (const operator of joined.operators) {
    const keys = made.find((each) => each.role === operator.role);
    for (const certificate of operator.certificates) {
      const pair = certificate.profile === "LOGIN" ? keys.login : keys.seal;
      parts.push(`\n# ${operator.role} ${operator.id} ${certificate.profile}\n${await privateKeyPem(pair)}${certificate.pem}`);
    }
  }
  return parts.join("");
}

// A program and, above it, the line that runs it beside the downloaded files.
function program({ language, file, run, text }) {
  return h("details", {}, h("summary", {}, `${language} · ${file}`), h("pre", { tabindex: "0" }, `${run}\n\n${text}`));
}

async function join(name) {
  const made = await Promise.all(ROLES.map(keysOf));
  const joined = await send("/sandbox/join", { ...(name ? { name } : {}), operators: made.map((each) => each.request) });
  const administrator = joined.operators.find((each) => each.role === "ADMINISTRATOR");
  const certificate = administrator.certificates.find((each) => each.profile === "LOGIN");
  const token = await logIn(made[0].login, certificate.pem, administrator.id);
  const held = { token, secret: joined.secret, name: `${joined.tenant.code} ADMINISTRATOR` };
  const verified = await ask(FIRST, {}, "/graphql", token);
  return { joined, made, held, verified, programs: administrator.snippets };
}

export function joinForm() {
  const said = h("div", { "aria-live": "polite" });
  const input = h("input", { name: "name", maxlength: "120", autocomplete: "organization" });
  const button = h("button", { type: "submit" }, t("join"));
  return h("form", { onsubmit: async (event) => {
    event.preventDefault();
    button.disabled = true;
    said.replaceChildren(h("progress", { "aria-label": t("working") }));
    try {
      const { joined, made, held, verified, programs } = await join(input.value.trim());
      said.replaceChildren(
        h("h3", {}, `${t("joined")}: ${joined.tenant.code}`),
        h("pre", { tabindex: "0", id: "first-call" }, JSON.stringify(verified, null, 2)),
        h("p", {},
          h("button", { type: "button", onclick: async () => download(`${joined.tenant.code}.pem`, await bundle(joined, made)) }, t("downloadKeys")), " ",
          h("button", { type: "button", class: "plain", onclick: () => session.begin(held) }, `${t("logIn")}: ${held.name}`)),
        ...programs.map(program));
    } catch (error) {
      said.replaceChildren(failure(error));
      button.disabled = false;
    }
  } }, h("label", {}, t("name"), " ", input), button, said);
}
