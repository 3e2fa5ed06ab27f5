"""The conformance suite: its cases, runs of it, how they go on, and what comes of them."""

import asyncio
import time
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Self

import strawberry

from sandbox.conformance import cases, runs
from sandbox.conformance.grader import CaseState, Finding, Meeting, Verdict
from sandbox.conformance.runs import RunState
from sandbox.control.requests import Info, own_tenant, sandbox_of
from schema.cost import ListSize

LOOK_SECONDS = 0.25
REST = 9  # times as long as a look took: whoever watches a long case takes a tenth of the time, not all of it
UNDATED = datetime.min.replace(tzinfo=UTC)  # until the suite takes it in
FORMS = ("json", "html", "pdf", "jws")

for _each in (CaseState, RunState, Meeting):
    strawberry.enum(_each)


@strawberry.type(description="A case of the suite: what a client is to do, and the article that it proves.")
class ConformanceCase:
    id: str
    article: int
    title: str
    title_zh: str
    instructions: str
    instructions_zh: str
    seconds: int = strawberry.field(description="How long a client has for it.")

    @classmethod
    def of(cls, case: cases.Case) -> Self:
        return cls(
            id=case.id,
            article=case.article,
            title=case.title.en,
            title_zh=case.title.zh,
            instructions=case.instructions.en,
            instructions_zh=case.instructions.zh,
            seconds=case.seconds,
        )


@strawberry.type(description="What a case speaks of: an id, a number.")
class ConformanceFact:
    name: str
    value: str


@strawberry.type(description="What became of one expectation, and what to do better where it is not HELD.")
class ConformanceFinding:
    meeting: Meeting
    advice: str
    advice_zh: str

    @classmethod
    def of(cls, finding: Finding) -> Self:
        return cls(meeting=finding.meeting, advice=finding.advice, advice_zh=finding.advice_zh)


@strawberry.type(description="One case of a run, as it stands.")
class ConformanceCaseRun:
    id: str
    state: CaseState
    attempt: int
    begun_at: datetime
    ended_at: datetime | None
    facts: list[ConformanceFact] = strawberry.field(directives=[ListSize(assumed_size=8)])
    findings: list[ConformanceFinding] = strawberry.field(
        description="Of each expectation; of a case under way, so far.", directives=[ListSize(assumed_size=5)]
    )

    @classmethod
    def of(cls, case: runs.CaseRun, verdict: Verdict) -> Self:
        return cls(
            id=case.id,
            state=case.state,
            attempt=case.attempt,
            begun_at=case.begun_at,
            ended_at=case.ended_at,
            facts=[ConformanceFact(name=each.name, value=each.value) for each in case.facts if each.shown],
            findings=[ConformanceFinding.of(each) for each in verdict.findings],
        )


@strawberry.type(description="Where a report lies: GET it with the tenant's secret as the bearer.")
class ConformanceReportLink:
    form: str
    url: str


@strawberry.type(description="A run of the suite by a tenant.")
class ConformanceRun:
    id: strawberry.ID
    version: int
    state: RunState
    percent: int
    begun_at: datetime
    ended_at: datetime | None
    facts: list[ConformanceFact] = strawberry.field(
        description="The operators that the cases speak of.", directives=[ListSize(assumed_size=3)]
    )
    cases: list[ConformanceCaseRun] = strawberry.field(
        description="Those begun.", directives=[ListSize(assumed_size=20)]
    )
    current: ConformanceCaseRun | None = strawberry.field(description="The case under way.")
    reports: list[ConformanceReportLink] = strawberry.field(
        description="Of a run that has ended; none of one that was abandoned.", directives=[ListSize(assumed_size=4)]
    )


async def _shown(info: Info, run: runs.Run) -> ConformanceRun:
    """The run with the verdicts as they are at this moment."""
    sandbox = sandbox_of(info)
    shown = [ConformanceCaseRun.of(each, await sandbox.conformance.verdict(run, each)) for each in run.cases]
    ended = sum(each.state is not CaseState.RUNNING for each in run.cases)
    base = f"{sandbox.settings.public_url}/sandbox/conformance/{run.id}/report"
    links = [ConformanceReportLink(form=each, url=f"{base}.{each}") for each in FORMS] if run.report else []
    return ConformanceRun(
        id=strawberry.ID(run.id),
        version=run.version,
        state=run.state,
        percent=100 * ended // len(sandbox.conformance.cases),
        begun_at=run.begun_at,
        ended_at=run.ended_at,
        facts=[ConformanceFact(name=each.name, value=each.value) for each in run.facts],
        cases=shown,
        current=next((each for each in shown if each.state is CaseState.RUNNING), None),
        reports=links,
    )


@strawberry.type
class ConformanceQuery:
    @strawberry.field(directives=[ListSize(assumed_size=20)])
    def conformance_cases(self, info: Info) -> list[ConformanceCase]:
        """All cases, in the order in which they are best run."""
        return [ConformanceCase.of(each) for each in sandbox_of(info).conformance.cases]

    @strawberry.field(description="A run of the tenant; null for another's, as for none.")
    async def conformance_run(self, info: Info, id: strawberry.ID) -> ConformanceRun | None:  # noqa: A002 - GraphQL's name for it
        found = await sandbox_of(info).conformance.find(await own_tenant(info), id)
        return await _shown(info, found) if found else None

    @strawberry.field(description="The tenant's runs, the newest first.", directives=[ListSize(assumed_size=10)])
    async def conformance_runs(self, info: Info) -> list[ConformanceRun]:
        found = await sandbox_of(info).conformance.latest(await own_tenant(info))
        return [await _shown(info, each) for each in found]


@strawberry.input(description="What a client makes of a receipt that a case gave it, as the signed bytes have it.")
class ReceiptDeclaration:
    item: str = strawberry.field(description="The name of the fact: receiptA.")
    genuine: bool = strawberry.field(description="Whether it is signed by a key of this service, over these bytes.")
    environment: str = strawberry.field(description="Which environment it says it is of.")
    binding: bool = strawberry.field(description="Whether it says that it binds.")
    accepted: bool = strawberry.field(description="Whether your production system would accept it as evidence.")

    @property
    def record(self) -> runs.Declaration:
        return runs.Declaration(UNDATED, self.item, self.genuine, self.environment[:32], self.binding, self.accepted)


@strawberry.type
class ConformanceMutation:
    @strawberry.mutation(description="Begin a run. The tenant has at most one under way.")
    async def begin_conformance_run(self, info: Info) -> ConformanceRun:
        return await _shown(info, await sandbox_of(info).conformance.begin(await own_tenant(info)))

    @strawberry.mutation(description="Begin a case: the suite does its part at once; then do what is instructed.")
    async def begin_conformance_case(self, info: Info, run_id: strawberry.ID, case_id: str) -> ConformanceRun:
        suite = sandbox_of(info).conformance
        return await _shown(info, await suite.begin_case(await own_tenant(info), run_id, case_id))

    @strawberry.mutation(description="Declare what you make of receipts that the current case gave you.")
    async def declare_receipts(
        self, info: Info, run_id: strawberry.ID, declarations: list[ReceiptDeclaration]
    ) -> ConformanceRun:
        suite, said = sandbox_of(info).conformance, [each.record for each in declarations]
        return await _shown(info, await suite.declare(await own_tenant(info), run_id, said))

    @strawberry.mutation(description="You are done with the current case: it has its verdict.")
    async def finish_conformance_case(self, info: Info, run_id: strawberry.ID) -> ConformanceRun:
        return await _shown(info, await sandbox_of(info).conformance.finish_case(await own_tenant(info), run_id))

    @strawberry.mutation(description="End the run: PASSED if each case has passed. Its report is signed and recorded.")
    async def finish_conformance_run(self, info: Info, run_id: strawberry.ID) -> ConformanceRun:
        return await _shown(info, await sandbox_of(info).conformance.finish(await own_tenant(info), run_id))

    @strawberry.mutation(description="End the run without a report.")
    async def abandon_conformance_run(self, info: Info, run_id: strawberry.ID) -> ConformanceRun:
        return await _shown(info, await sandbox_of(info).conformance.abandon(await own_tenant(info), run_id))


@strawberry.type
class ConformanceSubscription:
    @strawberry.subscription(description="The run each time that anything of it has changed, until it has ended.")
    async def conformance_progress(self, info: Info, id: strawberry.ID) -> AsyncGenerator[ConformanceRun, None]:  # noqa: A002 - as above
        seen, began = None, time.monotonic()
        while (run := await sandbox_of(info).conformance.find(await own_tenant(info), id)) is not None:
            shown = await _shown(info, run)
            if shown != seen:
                seen = shown
                yield shown
            if run.state is not RunState.RUNNING:
                return
            await asyncio.sleep(max(LOOK_SECONDS, REST * (time.monotonic() - began)))
            began = time.monotonic()
