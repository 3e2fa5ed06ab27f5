// GraphiQL on this service: example tabs, a header editor for a token, subscriptions as server-sent events.
"use strict";

const place = document.getElementById("graphiql");
const config = JSON.parse(place.dataset.config);
const endpoint = new URL("/graphql", window.location.href).href;

function isSubscription(parameters, options) {
  const operations = options?.documentAST?.definitions.filter((each) => each.kind === "OperationDefinition") ?? [];
  const named = operations.find((each) => each.name?.value === parameters.operationName);
  return (named ?? operations[0])?.operation === "subscription";
}

async function post(parameters, headers, accept) {
  return fetch(endpoint, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers, accept },
    body: JSON.stringify(parameters),
  });
}

// One event stream as GraphQL results. Events are divided by a blank line; lines that begin with ":" are heartbeats.
async function* subscribe(parameters, headers) {
  const response = await post(parameters, headers, "text/event-stream");
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
    yield await response.json();
    return;
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let pending = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      pending += value;
      const events = pending.split("\n\n");
      pending = events.pop();
      for (const event of events) {
        const lines = event.split("\n");
        if (lines.includes("event: complete")) return;
        const data = lines.find((line) => line.startsWith("data: "));
        if (data) yield JSON.parse(data.slice(6));
      }
    }
  } finally {
    await reader.cancel();
  }
}

async function fetcher(parameters, options) {
  const headers = options?.headers ?? {};
  if (isSubscription(parameters, options)) return subscribe(parameters, headers);
  return (await post(parameters, headers, "application/json")).json();
}

function headersOf(token) {
  return JSON.stringify(token ? { Authorization: `Bearer ${token}` } : {}, null, 2);
}

function Page() {
  // Who logged in on another page of this tab is logged in here. What the reader writes stays until a persona is chosen.
  const brought = sessionStorage.getItem("prop.token");
  const [headers, setHeaders] = React.useState(brought ? headersOf(brought) : undefined);
  React.useEffect(() => {
    offerPersonas((token) => setHeaders(headersOf(token)));
  }, []);
  return React.createElement(GraphiQL, {
    fetcher,
    plugins: [GraphiQLPluginExplorer.explorerPlugin()],
    defaultTabs: config.examples.map(({ query, variables }) => ({ query, variables: variables || null, headers: null })),
    headers,
    isHeadersEditorEnabled: true,
    shouldPersistHeaders: false,
    defaultEditorToolsVisibility: true,
    inputValueDeprecation: true,
    storage: window.sessionStorage,
  });
}

// Where the page was given an address, the personas to be found there; a token is asked for when one is chosen.
async function offerPersonas(setToken) {
  if (!config.personasUrl) return;
  const response = await fetch(config.personasUrl);
  if (!response.ok) return;
  const { personas } = await response.json();
  const label = document.getElementById("personas");
  const select = label.querySelector("select");
  const options = personas.map((each) => Object.assign(new Option(each.name), { title: `${each.shows} ${each.showsZh}` }));
  select.replaceChildren(new Option("(nobody 未登录)", ""), ...options);
  select.addEventListener("change", () => become(select.value, label, setToken));
  label.hidden = false;
}

async function become(name, label, setToken) {
  const output = label.querySelector("output");
  label.setAttribute("aria-busy", "true");
  output.value = "";
  setToken(null);
  if (name) {
    const address = `${config.personasUrl}/${encodeURIComponent(name)}/token`;
    const answer = await (await fetch(address, { method: "POST" })).json();
    setToken(answer.access_token ?? null);
    output.value = answer.error_description ?? "";
  }
  label.setAttribute("aria-busy", "false");
}

ReactDOM.createRoot(place).render(React.createElement(Page));
