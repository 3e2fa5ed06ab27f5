// Where a tenant's secret is needed and this tab has none: a way to give it. It stays in this tab.

import { failure, h } from "./dom.js";
import { session } from "./session.js";
import { t } from "./texts.js";

export function secretForm() {
  const input = h("input", { name: "secret", type: "password", autocomplete: "off", required: true, size: "40" });
  return h("section", { class: "panel" },
    h("p", {}, t("needsSecret"), " ", h("a", { href: "#start" }, t("join"))),
    ...(session.refusal ? [failure(new Error(session.refusal))] : []),
    h("form", { onsubmit: (event) => {
      event.preventDefault();
      session.begin({ secret: input.value.trim() }); // which draws this view anew
    } }, h("label", {}, t("secret"), " ", input), h("button", { type: "submit" }, t("open"))));
}
