"""Runs of the suite by a tenant, and how they go on: one case at a time, each to its verdict, then the run to its own.

Times are the tenant's. A run belongs to one epoch of its tenant: a reset or a restore abandons it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sandbox.conformance.events import Event, Source
from sandbox.conformance.grader import CaseState, Finding, Verdict
from service.errors import BadInput

LONGEST_RUN = timedelta(hours=24)
MOST_DECLARATIONS = 20  # of one case
MOST_ATTEMPTS = 10  # at one case


class RunState(StrEnum):
    RUNNING = "RUNNING"
    PASSED = "PASSED"
    FAILED = "FAILED"
    ABANDONED = "ABANDONED"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that a case speaks of: an id, a number. What is not `shown` only the grading knows."""

    name: str
    value: str
    shown: bool = True


@dataclass(frozen=True, slots=True)
class Declaration:
    """What the client said of a thing that it was given to judge."""

    at: datetime
    item: str
    genuine: bool
    environment: str
    binding: bool
    accepted: bool

    def event(self, place: int) -> Event:
        fields = {
            "item": self.item,
            "genuine": self.genuine,
            "environment": self.environment,
            "binding": self.binding,
            "accepted": self.accepted,
        }
        return Event(f"declaration {place:03d}", self.at, Source.DECLARATION, fields)


@dataclass(frozen=True, slots=True)
class CaseRun:
    """One case of a run; `attempt` counts how often it was begun."""

    id: str
    state: CaseState
    attempt: int
    begun_at: datetime
    ended_at: datetime | None = None
    facts: tuple[Fact, ...] = ()
    declarations: tuple[Declaration, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run. `suite` is the digest of the cases; `cases` those begun, in the order in which they first were.

    `started_at` is real time.
    """

    id: str
    version: int
    tenant_id: str
    epoch: int
    state: RunState
    suite: str
    facts: tuple[Fact, ...]
    cases: tuple[CaseRun, ...] = ()
    started_at: datetime
    begun_at: datetime
    ended_at: datetime | None = None
    report: str | None = None
    record_id: str | None = None

    @property
    def current(self) -> CaseRun | None:
        """The case that is under way."""
        return next((each for each in self.cases if each.state is CaseState.RUNNING), None)

    def fact(self, name: str) -> str:
        """Raises LookupError for one that the run does not have."""
        return {each.name: each.value for each in self.facts}[name]

    def facts_of(self, case: CaseRun) -> Mapping[str, str]:
        return {each.name: each.value for each in (*self.facts, *case.facts)}


def is_over(run: Run, epoch: int, now: datetime) -> bool:
    """Whether a run can only be abandoned: its tenant was reset, or a day has passed."""
    return run.state is RunState.RUNNING and (run.epoch != epoch or now >= run.begun_at + LONGEST_RUN)


def ensure_running(run: Run) -> Run:
    if run.state is not RunState.RUNNING:
        raise BadInput(f"This run has ended: it is {run.state.value}. Begin another.")
    return run


def ensure_may_begin(run: Run, case_id: str) -> None:
    """A case is begun while no other is under way; again only after it failed. Raises BadInput."""
    ensure_running(run)
    if run.current is not None:
        raise BadInput(f"The case {run.current.id} is under way: finish it first.")
    former = next((each for each in run.cases if each.id == case_id), None)
    if former is not None and former.state is CaseState.PASSED:
        raise BadInput(f"The case {case_id} has passed already.")
    if former is not None and former.attempt >= MOST_ATTEMPTS:
        raise BadInput(f"The case {case_id} was tried {MOST_ATTEMPTS} times: begin another run.")


def case_begun(run: Run, case_id: str, facts: Sequence[Fact], at: datetime) -> Run:
    """Raises BadInput as `ensure_may_begin` does."""
    ensure_may_begin(run, case_id)
    former = next((each for each in run.cases if each.id == case_id), None)
    begun = CaseRun(case_id, CaseState.RUNNING, former.attempt + 1 if former else 1, at, facts=tuple(facts))
    return _with(run, begun)


def declared(run: Run, declarations: Sequence[Declaration]) -> Run:
    """What was said of the things that the current case gave. Raises BadInput where none is under way."""
    current = ensure_running(run).current
    if current is None:
        raise BadInput("No case is under way.")
    given = {each.name for each in current.facts if each.shown}
    said = (*current.declarations, *declarations)
    if len(said) > MOST_DECLARATIONS or not {each.item for each in declarations} <= given:
        raise BadInput(f"What is declared was given by the case, and at most {MOST_DECLARATIONS} times.")
    return _with(run, replace(current, declarations=said))


def case_ended(run: Run, verdict: Verdict, at: datetime) -> Run:
    """The current case has its verdict. Raises BadInput where none is under way, or the verdict is none yet."""
    current = ensure_running(run).current
    if current is None or verdict.state is CaseState.RUNNING:
        raise BadInput("No case is under way that could end.")
    return _with(run, replace(current, state=verdict.state, ended_at=at, findings=verdict.findings))


def outcome(run: Run, case_ids: Sequence[str]) -> RunState:
    """What a run comes to: PASSED if each case has. Raises BadInput while one is under way."""
    if ensure_running(run).current is not None:
        raise BadInput(f"The case {run.current.id if run.current else ''} is under way: finish it first.")
    passed = {each.id for each in run.cases if each.state is CaseState.PASSED}
    return RunState.PASSED if set(case_ids) <= passed else RunState.FAILED


def finished(run: Run, case_ids: Sequence[str], at: datetime, report: str, record_id: str) -> Run:
    """Ended, with its report."""
    state = outcome(run, case_ids)
    return replace(run, state=state, ended_at=at, report=report, record_id=record_id)


def abandoned(run: Run, at: datetime) -> Run:
    """Ended without a report. Raises BadInput for one that has ended."""
    return replace(ensure_running(run), state=RunState.ABANDONED, ended_at=at)


def _with(run: Run, case: CaseRun) -> Run:
    if any(each.id == case.id for each in run.cases):
        return replace(run, cases=tuple(case if each.id == case.id else each for each in run.cases))
    return replace(run, cases=(*run.cases, case))
