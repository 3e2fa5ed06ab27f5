"""Reviews of what operators hold (art. 11): against what they used, and against what leavers left behind."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from service.access import Caller, may_see
from service.acts import Acts
from service.endings import CertificateEndings
from service.operator_reviews import (
    IDLE,
    MOST_FINDINGS,
    LeastPrivilegeReview,
    LeaverFinding,
    least_privilege,
    leaver_concerns,
)
from service.operators import Operator
from service.policy import Action
from service.storage.operators import OperatorStore
from service.usage import Usage

_BATCH = 200  # operators looked at together
MOST_BATCHES = 5


class OperatorReviewService:
    def __init__(self, acts: Acts, operators: OperatorStore, certificates: CertificateEndings, usage: Usage) -> None:
        self._acts = acts
        self._operators = operators
        self._certificates = certificates
        self._usage = usage

    async def least_privilege(
        self, caller: Caller, operators: Sequence[Operator], days: int
    ) -> list[LeastPrivilegeReview]:
        """What each holds against what it used in the last `days` (art. 11), in their order."""
        await self._acts.permit(caller, Action.READ_LEAST_PRIVILEGE)
        now = self._acts.now(caller)
        uses = await self._usage.uses_of([operator.id for operator in operators], now, days)
        since = now - timedelta(days=days)
        return [least_privilege(operator, each, days, since) for operator, each in zip(operators, uses, strict=True)]

    async def reviews_of(self, caller: Caller, asked: Sequence[tuple[Operator, int]]) -> list[LeastPrivilegeReview]:
        """`least_privilege` for many operators, each with its own number of days, in their order."""
        reviews: dict[tuple[str, int], LeastPrivilegeReview] = {}
        for days in {days for _, days in asked}:
            some = [operator for operator, wanted in asked if wanted == days]
            found = await self.least_privilege(caller, some, days)
            reviews |= {(operator.id, days): review for operator, review in zip(some, found, strict=True)}
        return [reviews[operator.id, days] for operator, days in asked]

    async def leaver_report(self, caller: Caller, participant_id: str) -> list[LeaverFinding]:
        """Operators who may have left something behind, among the first 1 000 of the participant who are not gone.

        `MOST_FINDINGS` of them at most, in the order of their ids.
        """
        await self._acts.permit(caller, Action.READ_LEAST_PRIVILEGE)
        findings: list[LeaverFinding] = []
        if not may_see(caller, participant_id):
            return findings
        idle_since, after = self._acts.now(caller) - IDLE, ""
        for _ in range(MOST_BATCHES):
            operators = await self._operators.standing(None, participant_id, after, _BATCH)
            findings += await self._look_at(operators, idle_since)
            if len(operators) < _BATCH or len(findings) >= MOST_FINDINGS:
                break
            after = operators[-1].id
        return findings[:MOST_FINDINGS]

    async def _look_at(self, operators: Sequence[Operator], idle_since: datetime) -> list[LeaverFinding]:
        holders = await self._certificates.holders_of_certificates([each.id for each in operators])
        findings = (
            LeaverFinding(each, leaver_concerns(each, idle_since=idle_since, has_certificate=each.id in holders))
            for each in operators
        )
        return [finding for finding in findings if finding.concerns]
