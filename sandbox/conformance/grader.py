"""Grading: what a case expects against what the server saw. Pure: the same events give the same verdict.

An expectation is HELD, WAITING for what may still come, or BROKEN for good. A case has FAILED with the first broken
one; it has PASSED when it has ended and nothing is broken or waiting.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sandbox.conformance.cases import Case
from sandbox.conformance.events import Event, Source, Value, in_order
from sandbox.conformance.expectations import AnyExpectation, Never, Paged, Repeated, Saw, Spaced
from sandbox.conformance.patterns import Facts, matches

EARLY = timedelta(milliseconds=100)  # by which a client's clock may be faster than ours


class CaseState(StrEnum):
    RUNNING = "RUNNING"
    PASSED = "PASSED"
    FAILED = "FAILED"


class Meeting(StrEnum):
    """How an expectation is met."""

    HELD = "HELD"
    WAITING = "WAITING"
    BROKEN = "BROKEN"


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one expectation; what is wrong and what to do better, where it is not held."""

    meeting: Meeting
    advice: str
    advice_zh: str


@dataclass(frozen=True, slots=True)
class Verdict:
    state: CaseState
    findings: tuple[Finding, ...]

    @property
    def advice(self) -> tuple[Finding, ...]:
        """What is not held."""
        return tuple(each for each in self.findings if each.meeting is not Meeting.HELD)


def grade(
    case: Case, facts: Facts, events: Sequence[Event], *, begun_at: datetime, now: datetime, ended: bool
) -> Verdict:
    """The verdict at this moment. `ended`: the client says that it is done; so does the case's time."""
    timeline = [each for each in in_order(events) if begun_at <= each.at <= now]
    over = ended or now >= begun_at + timedelta(seconds=case.seconds)
    findings = []
    for each in case.expect:
        meeting = _meet(each, _after(each, case, timeline, facts), facts, begun_at, now)
        if meeting is Meeting.WAITING and over:
            meeting = Meeting.BROKEN
        findings.append(Finding(meeting, each.advice.en, each.advice.zh))
    meetings = {each.meeting for each in findings}
    state = CaseState.FAILED if Meeting.BROKEN in meetings else CaseState.PASSED if over else CaseState.RUNNING
    return Verdict(state, tuple(findings))


def _after(expectation: AnyExpectation, case: Case, timeline: list[Event], facts: Facts) -> list[Event]:
    """What counts for this one: all, or what came after the event that another waits for."""
    if expectation.after is None:
        return timeline
    first = next(each for each in case.expect if each.name == expectation.after)
    before = _after(first, case, timeline, facts)
    met = next((place for place, event in enumerate(before) if matches(first.pattern, event, facts)), len(before))
    return before[met + 1 :]


def _meet(
    expectation: AnyExpectation, timeline: list[Event], facts: Facts, begun_at: datetime, now: datetime
) -> Meeting:
    found = [each for each in timeline if matches(expectation.pattern, each, facts)]
    match expectation:
        case Saw():
            return _saw(expectation, found, begun_at, now)
        case Never():
            return Meeting.BROKEN if len(found) > expectation.more_than else Meeting.HELD
        case Repeated():
            return _repeated(expectation, found)
        case Spaced():
            return _spaced(expectation, found, timeline, facts)
        case Paged():
            return _paged(expectation, found, facts)


def _saw(expectation: Saw, found: list[Event], begun_at: datetime, now: datetime) -> Meeting:
    last = begun_at + timedelta(seconds=expectation.within) if expectation.within else None
    timely = [each for each in found if last is None or each.at <= last]
    if expectation.distinct is not None:
        values = {_plain(each.field(expectation.distinct)) for each in timely}
        enough = len(values - {None}) >= expectation.times
    else:
        enough = len(timely) >= expectation.times
    if enough:
        return Meeting.HELD
    return Meeting.BROKEN if last is not None and now > last else Meeting.WAITING


def _repeated(expectation: Repeated, found: list[Event]) -> Meeting:
    groups = Counter(tuple(_plain(each.field(path)) for path in expectation.agreeing) for each in found)
    most = max((count for values, count in groups.items() if None not in values), default=0)
    return Meeting.HELD if most >= expectation.times else Meeting.WAITING


def _spaced(expectation: Spaced, found: list[Event], timeline: list[Event], facts: Facts) -> Meeting:
    pause = timedelta(seconds=int(facts[expectation.by])) - EARLY
    requests = [each.at for each in timeline if each.source is Source.EXCHANGE]
    hasty = any(each.at < at < each.at + pause for each in found for at in requests)
    return Meeting.BROKEN if hasty else Meeting.HELD


def _paged(expectation: Paged, found: list[Event], facts: Facts) -> Meeting:
    """The positions asked for are those that end each page: nothing skipped, nothing read twice, nothing left."""
    cursors = facts[expectation.cursors].split()
    if not found:
        return Meeting.WAITING
    size = found[0].field(expectation.first)
    if not isinstance(size, int) or size < 1 or {each.field(expectation.first) for each in found} != {size}:
        return Meeting.BROKEN
    wanted: list[Value] = [None, *cursors[size - 1 : len(cursors) - 1 : size]]
    asked = [each.field(expectation.position) for each in found]
    if asked != wanted[: len(asked)]:
        return Meeting.BROKEN
    return Meeting.HELD if len(asked) == len(wanted) else Meeting.WAITING


def _plain(value: Value) -> str | None:
    """A value as something that can be counted."""
    return None if value is None else repr(_sorted(value))


def _sorted(value: Value) -> object:
    if isinstance(value, str | int | None):
        return value
    if hasattr(value, "items"):
        return sorted((key, _sorted(each)) for key, each in value.items())
    return [_sorted(each) for each in value]
