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

function Page() {
  const [token, setToken] = React.useState(null);
  const headers = token === null ? undefined : JSON.stringify({ Authorization: `Bearer ${token}` }, null, 2);
  React.useEffect(() => {
    offerPersonas(setToken);
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

// Where the page was given an address, a list of {name, token} to choose from. Otherwise nothing is fetched.
async function offerPersonas(setToken) {
  if (!config.personasUrl) return;
  const response = await fetch(config.personasUrl);
  if (!response.ok) return;
  const personas = await response.json();
  const label = document.getElementById("personas");
  const select = label.querySelector("select");
  select.replaceChildren(new Option("(no token 无令牌)", ""), ...personas.map((each) => new Option(each.name, each.token)));
  select.addEventListener("change", () => setToken(select.value || null));
  label.hidden = false;
}

ReactDOM.createRoot(place).render(React.createElement(Page));
