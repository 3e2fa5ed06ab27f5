// Asking the service. What goes wrong is an Error whose message the service wrote for people.

import { session } from "./session.js";

async function post(path, body, headers = {}) {
  const response = await fetch(path, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });
  const answer = await response.json().catch(() => ({}));
  return { response, answer };
}

export async function ask(query, variables = {}, path = "/graphql", token = session.token) {
  const bearer = path === "/graphql" ? token : session.secret;
  const { answer } = await post(path, { query, variables }, bearer ? { authorization: `Bearer ${bearer}` } : {});
  if (answer.errors?.length) {
    const first = answer.errors[0];
    if (first.extensions?.code === "UNAUTHENTICATED") session.refuse(bearer, first.message);
    throw new Error(`${first.extensions?.code ?? "ERROR"}: ${first.message}`);
  }
  return answer.data;
}

export const control = (query, variables) => ask(query, variables, "/sandbox/graphql");

export async function send(path, body) {
  const { response, answer } = await post(path, body);
  if (!response.ok) {
    throw new Error(answer.error_description ?? answer.errors?.[0]?.message ?? `HTTP ${response.status}`);
  }
  return answer;
}

export async function get(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.json();
}
