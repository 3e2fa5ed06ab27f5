// The tenant's own time: what it is, moving it forward, and what it has brought.

import { control } from "../api.js";
import { facts, failure, h, moment, status, table } from "../dom.js";
import { session } from "../session.js";
import { language, t } from "../texts.js";

const LOOK_MS = 400;
const SHOWN = 50;
const JOB = "{ id kind state percent doing events problem }";
const STATE = `query State($first: Int!) { tenant { clock { now real aheadSeconds } jobs ${JOB} }
  happenings(first: $first) { id kind at subject daysLeft serialNumber notAfter } }`;
const ONE = `query One($id: ID!) { job(id: $id) ${JOB} }`;
const SPANS = [["1d", "advanceDay"], ["30d", "advanceMonth"], ["365d", "advanceYear"]];

const wait = () => new Promise((resolve) => setTimeout(resolve, LOOK_MS));

function ahead(seconds) {
  const days = seconds / 86_400;
  return days < 0.01 ? t("realTime") : new Intl.NumberFormat(language(), { maximumFractionDigits: 1 }).format(days);
}

function happening(each) {
  const what = each.daysLeft === null ? t(each.kind) : `${t(each.kind)} · ${each.daysLeft}`;
  return [moment(each.at), h("span", {}, status(each.kind), " ", what), each.serialNumber ?? each.subject, moment(each.notAfter)];
}

function drawn({ tenant, happenings }) {
  return [
    facts([[t("tenantNow"), moment(tenant.clock.now)], [t("realNow"), moment(tenant.clock.real)], [t("daysAhead"), ahead(tenant.clock.aheadSeconds)]]),
    h("h2", {}, t("happened")),
    table(t("happened"), [t("time"), t("event"), t("certificateOrApplication"), t("notAfter")], happenings.map(happening)),
  ];
}

// Follows a job to its end and says how far it is.
async function follow(job, said) {
  const bar = h("progress", { max: "100", "aria-label": t("moving") });
  const words = h("p", { class: "quiet" });
  said.replaceChildren(bar, words);
  while (job && said.isConnected) {
    bar.value = job.percent;
    words.textContent = `${job.percent} % · ${job.doing} · ${t("brought")}: ${job.events}`;
    if (job.state !== "RUNNING") break;
    await wait();
    ({ job } = await control(ONE, { id: job.id }));
  }
  if (job?.state === "FAILED") throw new Error(job.problem);
  if (job) said.replaceChildren(h("p", {}, `${t("moved")} ${t("brought")}: ${job.events}`));
}

function mover(look) {
  const said = h("div", { role: "status" });
  const controls = [];
  async function move(query, variables) {
    for (const each of controls) each.disabled = true;
    try {
      await follow((await control(query, variables)).job, said);
      await look();
    } catch (error) {
      said.replaceChildren(failure(error));
    }
    for (const each of controls) each.disabled = false;
  }
  const advance = SPANS.map(([by, name]) => h("button", { type: "button", class: "plain",
    onclick: () => move(`mutation Advance($by: String!) { job: advanceClock(by: $by) ${JOB} }`, { by }) }, t(name)));
  const input = h("input", { type: "datetime-local", name: "to", required: true });
  const submit = h("button", { type: "submit" }, t("moveTo"));
  controls.push(...advance, submit);
  const form = h("form", { onsubmit: (event) => {
    event.preventDefault();
    move(`mutation Set($to: DateTime!) { job: setClock(to: $to) ${JOB} }`, { to: `${input.value}:00+08:00` });
  } }, h("label", {}, t("moveToWhen"), " ", input), submit);
  const running = (job) => follow(job, said).then(look).catch((error) => said.replaceChildren(failure(error)));
  return { place: h("div", {}, h("p", {}, advance.flatMap((each) => [each, " "])), form, said), running };
}

async function render() {
  if (!session.secret) return [h("p", {}, h("a", { href: "#start" }, t("needsTenantForClock")))];
  const place = h("div", {});
  const look = async () => {
    const state = await control(STATE, { first: SHOWN });
    place.replaceChildren(...drawn(state));
    return state;
  };
  const { place: moving, running } = mover(look);
  const { tenant } = await look();
  const job = tenant.jobs.find((each) => each.kind === "MOVE_CLOCK" && each.state === "RUNNING");
  if (job) setTimeout(() => running(job));
  return [h("section", { class: "panel" }, h("h2", {}, t("moveClock")), h("p", { class: "quiet" }, t("moveClockMore")), moving), place];
}

export const clock = { name: "clock", needsLogin: false, render };
