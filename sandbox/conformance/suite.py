"""The suite as its callers see it: begin a run, take its cases one by one, finish it, and get a signed report."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from ulid import ULID

from sandbox.clock import TenantClock
from sandbox.conformance.cases import Case, all_cases, get_case, suite_digest
from sandbox.conformance.grader import CaseState, Verdict, grade
from sandbox.conformance.people import People
from sandbox.conformance.reporting import Reporting
from sandbox.conformance.revisions import Revisions
from sandbox.conformance.runs import (
    CaseRun,
    Declaration,
    Fact,
    Run,
    RunState,
    abandoned,
    case_begun,
    case_ended,
    declared,
    ensure_may_begin,
    ensure_running,
    finished,
    is_over,
    outcome,
)
from sandbox.conformance.seen import Seen
from sandbox.conformance.steps import Steps
from sandbox.conformance.verdicts import Verdicts
from sandbox.inspector.exchange_log import WRITE_SECONDS, ExchangeLog
from sandbox.scenarios.fault_keeping import FaultKeeping
from sandbox.storage.conformance_runs import ConformanceRunStore
from sandbox.tenants.records import Tenant
from service.bootstrap import Services
from service.conformance_reports import ConformanceReport
from service.errors import BadInput
from service.refusals import Refused
from service.storage.database import Database, Session

LATEST = 10
MOST_RUNS = 50  # of a tenant that are kept: the newest


class Conformance:
    def __init__(
        self,
        database: Database,
        clock: TenantClock,
        store: ConformanceRunStore,
        *,
        people: People,
        steps: Steps,
        seen: Seen,
        reporting: Reporting,
        lag: float = 0,
    ) -> None:
        self._database = database
        self._clock = clock
        self._store = store
        self._people = people
        self._steps = steps
        self._seen = seen
        self._verdicts = Verdicts(self._graded)
        self._reporting = reporting
        self._lag = lag  # seconds by which other processes write what they saw

    @property
    def cases(self) -> Sequence[Case]:
        return all_cases()

    async def begin(self, tenant: Tenant) -> Run:
        """A run. Raises BadInput while another is under way, or where nobody can log in for it."""
        await self._end_what_is_over(tenant)
        cast = await self._people.cast(tenant.id)
        facts = (
            Fact("participant", tenant.id),
            Fact("administrator", cast.administrator.id),
            Fact("clerk", cast.clerk.id),
        )
        run = Run(
            id=f"run-{ULID.from_datetime(self._clock.now())}",
            version=1,
            tenant_id=tenant.id,
            epoch=tenant.epoch,
            state=RunState.RUNNING,
            suite=suite_digest(self.cases),
            facts=facts,
            started_at=_whole(self._clock.now()),
            begun_at=self._now(tenant),
        )
        begun = await self._store.begin(run)
        await self._store.keep_newest(tenant.id, MOST_RUNS)
        return begun

    async def find(self, tenant: Tenant, run_id: str) -> Run | None:
        """The run as it is now: a case whose time is up has its verdict. None for another's, as for none."""
        try:
            return await self._look(tenant, run_id)
        except Refused:  # somebody else looked as well, and was faster
            return await self._look(tenant, run_id)

    async def latest(self, tenant: Tenant) -> list[Run]:
        """The newest first, each as it is now."""
        await self._end_what_is_over(tenant)
        return await self._store.latest_of(tenant.id, LATEST)

    async def begin_case(self, tenant: Tenant, run_id: str, case_id: str) -> Run:
        """1 may it begin, 2 take its step, 3 note what there is, 4 begin it: what happened before does not count.

        Raises BadInput, and Refused for a run that has changed meanwhile.
        """
        run, case = await self._own(tenant, run_id), self._case(case_id)
        ensure_may_begin(run, case.id)  # 1
        facts = await self._steps.take(case.step, run)  # 2
        begun_at = self._now(tenant)
        facts += await self._seen.start(tenant.id, case, begun_at)  # 3
        return await self._store.replace(None, case_begun(run, case.id, facts, begun_at))  # 4

    async def declare(self, tenant: Tenant, run_id: str, said: Sequence[Declaration]) -> Run:
        """What the client makes of the things that the case gave it. Raises BadInput."""
        run = await self._own(tenant, run_id)
        now = self._now(tenant)
        return await self._store.replace(None, declared(run, [replace(each, at=now) for each in said]))

    async def finish_case(self, tenant: Tenant, run_id: str) -> Run:
        """The client is done with the current case: it has its verdict. Raises BadInput where there is none."""
        run = ensure_running(await self._own(tenant, run_id))
        if run.current is None:
            raise BadInput("No case is under way.")
        await asyncio.sleep(self._lag)
        return await self._end_case(tenant, run, await self._verdicts.of(run, run.current, ended=True))

    async def finish(self, tenant: Tenant, run_id: str) -> Run:
        """The run comes to PASSED or FAILED, and to its report. Raises BadInput while a case is under way."""
        run = await self._own(tenant, run_id)
        ids = [each.id for each in self.cases]
        outcome(run, ids)

        async def work(session: Session) -> Run:
            report, record = await self._reporting.sign(run, self.cases, session)
            return await self._store.replace(session, finished(run, ids, self._now(tenant), report, record))

        return await self._database.transaction(work)

    async def forget(self, tenant_id: str) -> None:
        """For a tenant that ends. The records of its reports stay."""
        await self._store.forget(tenant_id)
        self._verdicts.forget(tenant_id)

    def read(self, signed: str) -> ConformanceReport:
        """What a report of ours says. Raises EvidenceError."""
        return self._reporting.read(signed)

    async def abandon(self, tenant: Tenant, run_id: str) -> Run:
        """End it without a report, whatever its case has come to. Raises BadInput for one that has ended."""
        run = _ensure_there(await self._store.find_own(tenant.id, run_id))
        await self._steps.settle(run)
        return await self._store.replace(None, abandoned(run, self._now(tenant)))

    async def verdict(self, run: Run, case: CaseRun) -> Verdict:
        """Of a case that is under way, as it stood a short while ago; of another, the one that it has.

        A case that was under way when its run was abandoned has none.
        """
        if run.state is not RunState.RUNNING or case.state is not CaseState.RUNNING:
            return Verdict(case.state, case.findings)
        return await self._verdicts.of(run, case)

    async def _graded(self, run: Run, case: CaseRun, ended: bool) -> Verdict:  # noqa: FBT001 - as Verdicts asks
        """In a thread of its own: grading much takes long, and holds up nobody there."""
        events = await self._seen.events(run.tenant_id, self._case(case.id), case)
        now, facts = self._clock.now(run.tenant_id), run.facts_of(case)
        work = partial(grade, self._case(case.id), facts, events, begun_at=case.begun_at, now=now, ended=ended)
        return await asyncio.to_thread(work)

    async def _own(self, tenant: Tenant, run_id: str) -> Run:
        """Raises BadInput for another tenant's, as for none."""
        return _ensure_there(await self.find(tenant, run_id))

    async def _end_what_is_over(self, tenant: Tenant) -> None:
        running = await self._store.find_running(tenant.id)
        if running is not None:
            await self.find(tenant, running.id)

    async def _look(self, tenant: Tenant, run_id: str) -> Run | None:
        run = await self._store.find_own(tenant.id, run_id)
        return await self._up_to_date(tenant, run) if run else None

    async def _up_to_date(self, tenant: Tenant, run: Run) -> Run:
        if is_over(run, tenant.epoch, self._now(tenant)):
            return await self._store.replace(None, abandoned(run, self._now(tenant)))
        case = run.current
        if run.state is RunState.RUNNING and case is not None and self._is_late(tenant, case):
            return await self._end_case(tenant, run, await self._verdicts.of(run, case, ended=True))
        return run

    def _is_late(self, tenant: Tenant, case: CaseRun) -> bool:
        return (self._now(tenant) - case.begun_at).total_seconds() >= self._case(case.id).seconds

    async def _end_case(self, tenant: Tenant, run: Run, verdict: Verdict) -> Run:
        await self._steps.settle(run)
        return await self._store.replace(None, case_ended(run, verdict, self._now(tenant)))

    def _case(self, case_id: str) -> Case:
        try:
            return get_case(case_id, self.cases)
        except LookupError:
            known = ", ".join(each.id for each in self.cases)
            raise BadInput(f"There is no case {case_id[:40]!r}; there are {known}.") from None

    def _now(self, tenant: Tenant) -> datetime:
        return _whole(self._clock.now(tenant.id))


def _ensure_there(run: Run | None) -> Run:
    """Raises BadInput for another tenant's, as for none."""
    if run is None:
        raise BadInput("This tenant has no such run.")
    return run


def _whole(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)  # what the database keeps of a time


def conformance_over(
    services: Services, clock: TenantClock, exchanges: ExchangeLog, faults: FaultKeeping
) -> Conformance:
    people = People(services)
    return Conformance(
        services.database,
        clock,
        ConformanceRunStore(services.database),
        people=people,
        steps=Steps(services, people, Revisions(services), faults),
        seen=Seen(services, exchanges),
        reporting=Reporting(services),
        lag=2 * WRITE_SECONDS if services.settings.workers > 1 else 0,
    )
