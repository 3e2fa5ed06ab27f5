// A front end's use of the generated types: what is misspelt or of the wrong kind here does not compile.

import type { OffboardMutation, OffboardMutationVariables, OperatorPageQuery, RefusalCode } from "./generated/prop";

export function names(page: OperatorPageQuery): string[] {
  return page.operators.nodes.map((operator) => `${operator.operatorNumber} ${operator.name} (${operator.status})`);
}

export const asked: OffboardMutationVariables = {
  input: { operatorId: "sbx-op-01K9ZZZZZZZZZZZZZZZZZZZZZZ", reason: "LEFT" },
  key: "once",
};

export function why(answer: OffboardMutation): RefusalCode | undefined {
  return answer.offboardOperator.refusals[0]?.code;
}

// @ts-expect-error - an operator has no such status
export const wrong: OperatorPageQuery["operators"]["nodes"][number]["status"] = "SLEEPING";
