// The conformance suite: begin a run, take its cases one by one, watch the verdicts come, fetch the signed report.

import { control } from "../api.js";
import { facts, failure, h, moment, status, table } from "../dom.js";
import { session } from "../session.js";
import { either, t } from "../texts.js";

const LOOK_MS = 1000;
const RUN = `{ id state percent begunAt endedAt facts { name value }
  current { id facts { name value } findings { meeting advice adviceZh } }
  cases { id state attempt findings { meeting advice adviceZh } } reports { form url } }`;
const CASES = "query Cases { conformanceCases { id article title titleZh instructions instructionsZh } }";
const LATEST = "query Latest { conformanceRuns { id } }";
const ONE = `query Run($id: ID!) { run: conformanceRun(id: $id) ${RUN} }`;

const button = (label, act, plain = true) => h("button", { type: "button", class: plain ? "plain" : false, onclick: act }, label);

// A button that asks for something and then shows how the run stands.
function doing(label, look, mutation, variables, plain = true) {
  const made = button(label, async () => {
    made.disabled = true;
    try {
      await control(mutation, variables);
      await look();
    } catch (error) {
      made.after(failure(error));
      made.disabled = false;
    }
  }, plain);
  return made;
}

function act(name, look, run, label, plain) {
  return doing(label, look, `mutation Act($run: ID!) { ${name}(runId: $run) { id } }`, { run: run.id }, plain);
}

// Reports want the tenant's secret, which a link cannot carry: they are fetched, and handed out as files.
async function fetchReport(run, form, place) {
  try {
    const answer = await fetch(`/sandbox/conformance/${encodeURIComponent(run.id)}/report.${form}`,
      { headers: { authorization: `Bearer ${session.secret}` } });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    const link = h("a", { href: URL.createObjectURL(await answer.blob()), download: `conformance-${run.id}.${form}` });
    link.click();
    URL.revokeObjectURL(link.href);
  } catch (error) {
    place.append(failure(error));
  }
}

function reports(run) {
  if (!run.reports.length) return null;
  const place = h("div", {}, h("h3", {}, t("report")));
  place.append(h("p", {}, run.reports.map(({ form }) =>
    [button(form.toUpperCase(), () => fetchReport(run, form, place)), " "])));
  return place;
}

const unmet = (findings) => findings.filter((each) => each.meeting !== "HELD")
  .map((each) => h("p", { class: each.meeting === "BROKEN" ? "bad" : "quiet" }, either(each.adviceZh, each.advice)));

function current(run, cases, look) {
  const under = run.current;
  const told = cases.find((each) => each.id === under.id);
  return h("section", { class: "panel", "aria-labelledby": "case" },
    h("h2", { id: "case" }, either(told.titleZh, told.title)),
    h("p", {}, either(told.instructionsZh, told.instructions)),
    facts([...run.facts, ...under.facts].map((each) => [each.name, h("code", {}, each.value)])),
    h("div", { "aria-live": "polite" }, unmet(under.findings)),
    act("finishConformanceCase", look, run, t("finishCase"), false));
}

function overview(run, cases, look) {
  const running = run?.state === "RUNNING";
  const rows = cases.map((each) => {
    const its = run?.cases.find((one) => one.id === each.id);
    const free = running && !run.current && its?.state !== "PASSED";
    const begin = "mutation Begin($run: ID!, $id: String!) { beginConformanceCase(runId: $run, caseId: $id) { id } }";
    return [
      h("div", {}, h("strong", {}, either(each.titleZh, each.title)), h("div", { class: "quiet" }, each.id),
        its && its.state === "FAILED" ? unmet(its.findings) : null),
      String(each.article),
      its ? status(its.state) : "–",
      free ? doing(`${t("beginCase")}: ${each.id}`, look, begin, { run: run.id, id: each.id }) : "–",
    ];
  });
  return table(t("cases"), [t("name"), t("article"), t("state"), t("beginCase")], rows);
}

function head(run, look) {
  const begin = "mutation BeginRun { beginConformanceRun { id } }";
  if (!run || run.state !== "RUNNING") {
    return [doing(t("beginRun"), look, begin, {}, false)];
  }
  return run.current ? [act("abandonConformanceRun", look, run, t("abandonRun"), true)] : [
    act("finishConformanceRun", look, run, t("finishRun"), false), " ",
    act("abandonConformanceRun", look, run, t("abandonRun"), true),
  ];
}

function draw(cases, run, look) {
  return [
    h("section", { class: "panel" },
      run ? h("p", { role: "status" }, run.id, " ", status(run.state), ` ${run.percent} % `, moment(run.begunAt)) : h("p", {}, t("noRun")),
      run ? h("progress", { max: "100", value: String(run.percent), "aria-label": t("conformance") }) : null,
      h("p", {}, head(run, look)),
      run ? reports(run) : null),
    run?.current ? current(run, cases, look) : null,
    overview(run, cases, look),
  ].filter(Boolean);
}

async function render() {
  if (!session.secret) return [h("p", {}, h("a", { href: "#start" }, t("needsTenant")))];
  const { conformanceCases: cases } = await control(CASES);
  const place = h("div", {});
  let drawn = "";
  async function look() {
    const [latest] = (await control(LATEST)).conformanceRuns;
    const run = latest ? (await control(ONE, { id: latest.id })).run : null;
    const now = JSON.stringify(run);
    if (now !== drawn) {
      drawn = now;
      place.replaceChildren(...draw(cases, run, look));
    }
  }
  async function follow() {
    await look().catch((error) => place.replaceChildren(failure(error)));
    setTimeout(() => { if (place.isConnected) follow(); }, LOOK_MS);
  }
  await look();
  setTimeout(follow, LOOK_MS);
  return [h("p", { class: "quiet" }, t("conformanceMore")), place];
}

export const conformance = { name: "conformance", needsLogin: false, render };
