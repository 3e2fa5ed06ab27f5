// One's own participant; to the depository's staff, all of them.

import { ask } from "../api.js";
import { facts, h, moment, status, table } from "../dom.js";
import { either, t } from "../texts.js";

const QUERY = `query Standing { viewer { kind role participant {
    participantCode legalName legalNameEn uscc status kind openedAt clearingNumbers tradingUnits
    services { service grantedAt } qualifications { type status since until }
    acceptance { agreementNumber manner acceptedAt } }
  missingPermissions { permission why whyZh } permissions } }`;
const ALL = `query Participants { participants(first: 100) { nodes {
  id participantCode legalName legalNameEn kind status openedAt } } }`;

function own(viewer) {
  const it = viewer.participant;
  return [
    h("section", { class: "panel" },
      h("h2", {}, either(it.legalName, it.legalNameEn)), " ", status(it.status),
      facts([
        [t("number"), it.participantCode], ["统一社会信用代码 USCC", it.uscc], [t("kind"), it.kind],
        ["清算编号 Clearing numbers", it.clearingNumbers.join(", ")], ["交易单元 Trading units", it.tradingUnits.join(", ")],
        ["开通 Opened", moment(it.openedAt)],
        [t("agreement"), it.acceptance ? `${it.acceptance.agreementNumber} · ${it.acceptance.manner}` : "–"],
      ])),
    h("h2", {}, t("services")),
    table(t("services"), [t("name"), t("time")], it.services.map((each) => [each.service, moment(each.grantedAt)])),
    h("h2", {}, t("permissions")),
    h("p", {}, viewer.permissions.join(" · ") || "–"),
    viewer.missingPermissions.length
      ? table("未持有的权限及原因 What is not held, and why", [t("permissions"), "原因 Why"],
          viewer.missingPermissions.map((each) => [each.permission, either(each.whyZh, each.why)]))
      : null,
  ].filter(Boolean);
}

async function render() {
  const { viewer } = await ask(QUERY);
  if (viewer.participant) return own(viewer);
  const { participants } = await ask(ALL);
  return [table(t("participants"), [t("number"), t("name"), t("kind"), t("state"), t("time")],
    participants.nodes.map((each) => [each.participantCode, either(each.legalName, each.legalNameEn), each.kind, status(each.status), moment(each.openedAt)]))];
}

export const participant = { name: "participant", needsLogin: true, render };
