"""The report of a run: composed from its verdicts, signed by the sandbox's key, recorded as any act is."""

import json
from collections.abc import Sequence
from dataclasses import replace

from sandbox.conformance.cases import Case
from sandbox.conformance.grader import CaseState, Meeting
from sandbox.conformance.runs import CaseRun, Run, RunState, outcome
from service.access import SYSTEM
from service.bootstrap import Services
from service.conformance_reports import (
    CaseResult,
    ConformanceReport,
    ReportVerdict,
    Sentence,
    compose,
    verify_report,
)
from service.errors import BadInput
from service.evidence import canonical
from service.evidence.records import Marks
from service.pagination import BY_ID, PageRequest
from service.participants import Participant
from service.records import RecordFilter
from service.storage.database import Session

BATCH = 500
MOST_KEYS = 400  # as many as fit into what is signed
NOT_RUN = Sentence("This case was not run.", "本用例未执行。")


class TooManyKeys(BadInput):
    """More keys than a report can hold: join anew, for a report that leaves one out would be worth nothing."""


class Reporting:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def sign(self, run: Run, cases: Sequence[Case], session: Session) -> tuple[str, str]:
        """The JWS of the run's report, and the id of the record that holds its digest (art. 12)."""
        report = await self._compose(run, cases)
        data = compose(report, Marks.of(self._services.world))
        content = {
            "run": run.id,
            "verdict": report.verdict.value,
            "suite": report.suite,
            "report": canonical.digest(data),
            "failed": [each.id for each in report.cases if each.verdict is ReportVerdict.FAIL],
        }
        caller = replace(SYSTEM, participant_id=run.tenant_id)
        record = await self._services.records.write(
            caller, session, "conformance.reported", run.id, run.tenant_id, content
        )
        return self._services.keys.sign_report(data), record.id

    def read(self, signed: str) -> ConformanceReport:
        """A report of ours, verified as anybody would. Raises EvidenceError."""
        return verify_report(signed, self._services.keys.receipt_keys(), self._services.world.environment)

    async def _compose(self, run: Run, cases: Sequence[Case]) -> ConformanceReport:
        participant = await self._participant(run.tenant_id)
        runs = {each.id: each for each in run.cases}
        passed = outcome(run, [each.id for each in cases]) is RunState.PASSED
        return ConformanceReport(
            run=run.id,
            suite=run.suite,
            participant=participant.id,
            participant_code=participant.participant_code,
            uscc=participant.uscc,
            legal_name=participant.legal_name,
            verdict=ReportVerdict.PASS if passed else ReportVerdict.FAIL,
            begun_at=run.started_at.replace(microsecond=0),
            ended_at=self._services.clock.now().replace(microsecond=0),
            cases=tuple(_result(each, runs.get(each.id)) for each in cases),
            keys=await self._keys(run.tenant_id),
        )

    async def _participant(self, tenant_id: str) -> Participant:
        found = await self._services.participants.find(SYSTEM, tenant_id)
        if found is None:
            raise LookupError("The tenant's participant is not there.")
        return found

    async def _keys(self, tenant_id: str) -> tuple[str, ...]:
        """Every key that a certificate of the tenant was asked for, by its records, which outlast a reset.

        Raises TooManyKeys.
        """
        keys: set[str] = set()
        wanted = RecordFilter(participant_id=tenant_id, kind="certificate")
        caller, boundary = replace(SYSTEM, participant_id=tenant_id), None
        while True:
            page = await self._services.records.page(caller, wanted, PageRequest(BY_ID, BATCH, boundary))
            keys |= {
                key for each in page.items if isinstance(key := json.loads(each.content)["content"].get("key"), str)
            }
            if len(keys) > MOST_KEYS:
                raise TooManyKeys(f"This tenant has used more than {MOST_KEYS} keys: join anew for a report.")
            if not page.has_next:
                return tuple(sorted(keys))
            boundary = page.positions[-1]


def _result(case: Case, run: CaseRun | None) -> CaseResult:
    title = Sentence(case.title.en, case.title.zh)
    if run is None:
        return CaseResult(case.id, case.article, title, ReportVerdict.FAIL, 0, (NOT_RUN,))
    verdict = ReportVerdict.PASS if run.state is CaseState.PASSED else ReportVerdict.FAIL
    advice = [Sentence(each.advice, each.advice_zh) for each in run.findings if each.meeting is not Meeting.HELD]
    return CaseResult(case.id, case.article, title, verdict, run.attempt, tuple(advice))
