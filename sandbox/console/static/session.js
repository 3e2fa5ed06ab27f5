// Who this tab is: an access token of ten minutes, and how to get the next one. Gone with the tab.

const KEY = "prop.session";
const TOKEN = "prop.token"; // where GraphiQL finds it

class Session {
  #kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null") ?? {};
  onchange = () => {};

  get token() { return this.#kept.token; }
  get secret() { return this.#kept.secret; }
  get name() { return this.#kept.name; }
  get persona() { return this.#kept.persona; }

  begin(kept) {
    this.#kept = { ...this.#kept, ...kept };
    this.#keep();
  }

  expire() {
    delete this.#kept.token;
    delete this.#kept.name;
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
