// Certificates, and a picture of what expires when: a row a month, a square a day, darker for more.

import { ask, control } from "../api.js";
import { h, moment, status, table } from "../dom.js";
import { session } from "../session.js";
import { t } from "../texts.js";

const QUERY = `query Certificates { certificates(first: 100) { totalCount nodes {
  id serialNumber profile state validity usable notAfter daysLeft operator { operatorNumber name } } } }`;

const SIDE = 15;
const LEFT = 76;
const MONTHS = 14;
const NAMESPACE = "http://www.w3.org/2000/svg";

function s(name, attributes, ...children) {
  const element = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const dayOf = (instant) => new Date(instant).toLocaleDateString("sv-SE", { timeZone: "Asia/Shanghai" });

function calendar(certificates, now) {
  const ending = Map.groupBy ? Map.groupBy(certificates, (each) => dayOf(each.notAfter)) : grouped(certificates);
  const today = dayOf(now);
  const [year, month] = today.split("-").map(Number);
  const rows = Array.from({ length: MONTHS }, (_, row) => new Date(Date.UTC(year, month - 1 + row, 1)));
  const shapes = rows.flatMap((first, row) => {
    const days = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate();
    const label = first.toISOString().slice(0, 7);
    const squares = Array.from({ length: days }, (_, index) => {
      const day = `${label}-${String(index + 1).padStart(2, "0")}`;
      const count = ending.get(day)?.length ?? 0;
      const fill = count === 0 ? "#e6ebf1" : count === 1 ? "#e89a3c" : "#b3261e";
      return s("rect", { x: LEFT + index * SIDE, y: row * (SIDE + 3), width: SIDE - 2, height: SIDE - 2, fill,
        stroke: day === today ? "#0b5cad" : "none", "stroke-width": 2 }, s("title", {}, `${day}: ${count}`));
    });
    return [s("text", { x: 0, y: row * (SIDE + 3) + 11 }, label), ...squares];
  });
  const height = MONTHS * (SIDE + 3);
  const width = LEFT + 31 * SIDE;
  return s("svg", { viewBox: `0 0 ${width} ${height}`, width: "100%", role: "img", "aria-label": t("calendar") }, ...shapes);
}

function grouped(certificates) {
  const groups = new Map();
  for (const each of certificates) groups.set(dayOf(each.notAfter), [...(groups.get(dayOf(each.notAfter)) ?? []), each]);
  return groups;
}

// A tenant's own time; a persona's is the real one.
async function timeNow() {
  if (!session.secret) return new Date().toISOString();
  return (await control("query Time { tenant { clock { now } } }")).tenant.clock.now;
}

async function render() {
  const { certificates } = await ask(QUERY);
  const live = certificates.nodes.filter((each) => each.state === "ISSUED" || each.state === "HELD");
  return [
    h("section", { class: "panel" }, h("h2", {}, t("calendar")), calendar(live, await timeNow())),
    table(`${t("certificates")} (${certificates.totalCount})`,
      [t("number"), "Profile", t("state"), "有效性 Validity", t("notAfter"), "天 Days", t("operators")],
      certificates.nodes.map((each) => [
        each.serialNumber, each.profile, status(each.state), status(each.validity), moment(each.notAfter), String(each.daysLeft),
        each.operator ? `${each.operator.operatorNumber} ${each.operator.name}` : "–",
      ])),
  ];
}

export const certificates = { name: "certificates", needsLogin: true, render };
