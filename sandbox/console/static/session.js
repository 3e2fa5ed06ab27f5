// Who this tab is: an access token of ten minutes, and a tenant's secret if it is one. Gone with the tab.

const KEY = "prop.session";
const TOKEN = "prop.token"; // where GraphiQL finds it

class Session {
  #kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null") ?? {};
  onchange = () => {};
  refusal = ""; // why the last secret was not taken

  get token() { return this.#kept.token; }
  get secret() { return this.#kept.secret; }
  get name() { return this.#kept.name; }
  get persona() { return this.#kept.persona; }

  // Who comes in as a persona is no tenant any more, and the other way round: each has a time of its own.
  begin(kept) {
    this.refusal = "";
    this.#kept = { ...(kept.token || this.persona ? {} : this.#kept), ...kept };
    this.#keep();
  }

  // What was refused as a bearer is not brought again. Of the other one nothing is said by that.
  refuse(bearer, message) {
    if (!bearer || ![this.token, this.secret].includes(bearer)) return;
    if (bearer === this.secret) {
      this.refusal = message;
      delete this.#kept.secret;
    } else {
      delete this.#kept.token;
      delete this.#kept.name;
    }
    this.#keep();
  }

  end() {
    this.#kept = {};
    this.#keep();
  }

  #keep() {
    sessionStorage.setItem(KEY, JSON.stringify(this.#kept));
    if (this.token) sessionStorage.setItem(TOKEN, this.token);
    else sessionStorage.removeItem(TOKEN);
    this.onchange();
  }
}

export const session = new Session();
