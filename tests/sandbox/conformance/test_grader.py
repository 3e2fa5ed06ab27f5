"""Grading: each kind of expectation, and what holds of every verdict whatever was seen."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sandbox.conformance.cases import COMMON_FACTS, STEP_FACTS, Case, Step, all_cases
from sandbox.conformance.events import Event, Source
from sandbox.conformance.grader import CaseState, Meeting, Verdict, grade

BEGUN = datetime(2026, 3, 1, tzinfo=UTC)
SAID = {"en": "Do better.", "zh": "请改进。"}
FACTS = {"administrator": "op-1", "clerk": "op-2", "participant": "par-1", "retryAfter": "2", "cursors": "a b c d e"}


def make_case(*expectations: Mapping[str, Any], step: Step = Step.NOTHING, **more: object) -> Case:
    expect = [{"advice": SAID, **each} for each in expectations]
    plain = {"id": "case", "order": 1, "article": 11, "title": SAID, "instructions": SAID, "step": step}
    return Case.model_validate(plain | {"expect": expect} | more)


def seen(second: float, source: Source = Source.RECORD, **fields: Any) -> Event:
    return Event(f"{second:08.3f} {fields}", BEGUN + timedelta(seconds=second), source, fields)


def judge(case: Case, *events: Event, at: float = 10, ended: bool = True) -> Verdict:
    now = BEGUN + timedelta(seconds=at)
    return grade(case, FACTS, events, begun_at=BEGUN, now=now, ended=ended)


LOGIN = {"source": "record", "kind": "login.accepted", "actor": "$administrator"}


def test_what_was_seen_often_enough_passes_and_what_was_not_fails_with_its_sentence():
    case = make_case({"saw": LOGIN, "times": 2})
    one, two = (seen(each, kind="login.accepted", actor="op-1") for each in (1, 2))
    assert judge(case, one, two).state is CaseState.PASSED
    failed = judge(case, one, seen(2, kind="login.accepted", actor="op-2"))
    assert failed.state is CaseState.FAILED
    assert [each.advice for each in failed.advice] == ["Do better."]
    assert [each.advice_zh for each in failed.advice] == ["请改进。"]


def test_before_its_end_a_case_runs_and_what_is_missing_waits():
    verdict = judge(make_case({"saw": LOGIN}), ended=False)
    assert (verdict.state, verdict.findings[0].meeting) == (CaseState.RUNNING, Meeting.WAITING)


def test_when_its_time_is_up_a_case_has_ended_by_itself():
    case = make_case({"saw": LOGIN}, seconds=10)
    assert judge(case, at=9.9, ended=False).state is CaseState.RUNNING
    assert judge(case, at=10, ended=False).state is CaseState.FAILED


def test_what_happened_before_the_case_does_not_count():
    case = make_case({"saw": LOGIN})
    assert judge(case, seen(-0.001, kind="login.accepted", actor="op-1")).state is CaseState.FAILED


def test_one_thing_too_often_fails_at_once():
    case = make_case({"saw": LOGIN}, {"never": {"source": "record", "kind": "login.refused"}, "more_than": 1})
    good, bad = seen(1, kind="login.accepted", actor="op-1"), [seen(each, kind="login.refused") for each in (2, 3)]
    assert judge(case, good, bad[0]).state is CaseState.PASSED
    assert judge(case, good, *bad, ended=False).state is CaseState.FAILED


def test_what_comes_too_late_is_not_made_good():
    case = make_case({"saw": LOGIN, "within": 5})
    assert judge(case, seen(5, kind="login.accepted", actor="op-1")).state is CaseState.PASSED
    late = seen(5.001, kind="login.accepted", actor="op-1")
    assert judge(case, late, at=6, ended=False).state is CaseState.FAILED


def test_an_order_is_kept():
    after = {"name": "first", "saw": {"source": "record", "kind": "first"}}
    case = make_case(after, {"saw": {"source": "record", "kind": "second"}, "after": "first"})
    assert judge(case, seen(1, kind="first"), seen(2, kind="second")).state is CaseState.PASSED
    assert judge(case, seen(2, kind="first"), seen(1, kind="second")).state is CaseState.FAILED


def test_different_things_are_counted_by_what_makes_them_different():
    case = make_case({"saw": {"source": "declaration", "genuine": False}, "times": 2, "distinct": "item"})
    said = [seen(each, Source.DECLARATION, item=item, genuine=False) for each, item in enumerate("aab")]
    assert judge(case, *said).state is CaseState.PASSED
    assert judge(case, *said[:2]).state is CaseState.FAILED


def test_a_repeated_call_agrees_in_its_key_and_an_absent_key_is_none():
    case = make_case({"repeated": {"source": "exchange", "field": "f"}, "agreeing": ["key", "arguments"]})

    def call(second: float, key: str | None, number: str = "1") -> Event:
        return seen(second, Source.EXCHANGE, field="f", key=key, arguments={"number": number})

    assert judge(case, call(1, "k"), call(2, "k")).state is CaseState.PASSED
    for others in ([call(1, "k"), call(2, "l")], [call(1, None), call(2, None)], [call(1, "k"), call(2, "k", "2")]):
        assert judge(case, *others).state is CaseState.FAILED


@pytest.mark.parametrize(
    ("second", "state"), [(1.0, CaseState.FAILED), (1.95, CaseState.PASSED), (9, CaseState.PASSED)]
)
def test_whoever_asks_again_too_soon_has_not_waited(second: float, state: CaseState):
    pattern = {"source": "exchange", "status": 429}
    case = make_case({"spaced": pattern, "by": "retryAfter"}, step=Step.LIMIT_RATE)
    limited, again = seen(0, Source.EXCHANGE, status=429), seen(second, Source.EXCHANGE, status=200)
    assert judge(case, limited, again).state is state


@pytest.mark.parametrize(
    ("positions", "meeting"),
    [
        ([None, "b", "d"], Meeting.HELD),
        ([None, "b"], Meeting.BROKEN),
        ([None, "d"], Meeting.BROKEN),
        ([None, None, "b", "d"], Meeting.BROKEN),
        (["b", "d"], Meeting.BROKEN),
        ([], Meeting.BROKEN),
    ],
)
def test_a_list_is_read_from_its_start_to_its_end_without_a_gap_or_a_repetition(
    positions: list[str | None], meeting: Meeting
):
    pattern = {"source": "exchange", "field": "operators"}
    case = make_case({"paged": pattern, "cursors": "cursors"}, step=Step.COUNT_OPERATORS)
    pages = [
        seen(second, Source.EXCHANGE, field="operators", arguments={"first": 2, "after": position})
        for second, position in enumerate(positions)
    ]
    assert judge(case, *pages).findings[0].meeting is meeting


def test_a_page_that_has_all_is_the_whole_list():
    case = make_case({"paged": {"source": "exchange"}, "cursors": "cursors"}, step=Step.COUNT_OPERATORS)
    assert judge(case, seen(1, Source.EXCHANGE, arguments={"first": 5})).state is CaseState.PASSED


@pytest.mark.parametrize(
    "wrong",
    [
        {"saw": LOGIN, "never": LOGIN},
        {"saw": {"kind": "login.accepted"}},
        {"saw": {"source": "record", "actor": "$nobody"}},
        {"saw": {"source": "record", "actor": {"like": "x"}}},
        {"saw": LOGIN, "after": "nothing"},
        {"saw": LOGIN, "unknown": 1},
        {},
    ],
)
def test_a_case_that_names_what_there_is_not_is_none(wrong: dict[str, Any]):
    with pytest.raises(ValidationError):
        make_case(wrong)


def test_every_case_of_the_suite_is_one_and_names_its_article_and_both_languages():
    cases = all_cases()
    assert len(cases) >= 14
    assert len({each.id for each in cases}) == len({each.order for each in cases}) == len(cases)
    for case in cases:
        for told in (case.title, case.instructions, *(each.advice for each in case.expect)):
            assert any("一" <= letter <= "鿿" for letter in told.zh), case.id
            assert told.en.isascii(), case.id
        assert verdict_of_silence(case).state is CaseState.FAILED, "whoever does nothing passes nothing"


def test_every_step_is_taken_by_some_case():
    assert {each.step for each in all_cases()} == set(Step) == set(STEP_FACTS)


def facts_for(case: Case) -> dict[str, str]:
    return {name: "2" if name == "retryAfter" else "x" for name in COMMON_FACTS | STEP_FACTS[case.step]}


def verdict_of_silence(case: Case) -> Verdict:
    return grade(case, facts_for(case), [], begun_at=BEGUN, now=BEGUN, ended=True)


values = st.one_of(st.none(), st.booleans(), st.integers(0, 600), st.sampled_from(["x", "login.accepted", "viewer"]))
events = st.builds(
    seen,
    st.floats(0, 100, allow_nan=False),
    st.sampled_from(Source),
    kind=st.sampled_from(["login.accepted", "login.refused", "operator.offboarded"]),
    actor=values,
    subject=values,
    status=st.sampled_from([200, 429, 503]),
    field=st.sampled_from(["viewer", "operators", "freezeOperator"]),
    codes=st.one_of(st.none(), st.lists(st.sampled_from(["UNAUTHENTICATED", "VERSION_CONFLICT"]), max_size=2)),
    arguments=st.dictionaries(st.sampled_from(["first", "after"]), values),
    content=st.dictionaries(st.sampled_from(["number", "certificate", "reason"]), values),
)


@given(st.sampled_from(all_cases()), st.lists(events, max_size=12), st.booleans(), st.randoms())
def test_a_verdict_depends_on_what_was_seen_and_not_on_the_order_in_which_it_is_told(
    case: Case, timeline: list[Event], ended: bool, random: Any
):
    told = grade(case, facts_for(case), timeline, begun_at=BEGUN, now=BEGUN, ended=ended)
    shuffled = [*timeline, *timeline[:3]]
    random.shuffle(shuffled)
    assert grade(case, facts_for(case), shuffled, begun_at=BEGUN, now=BEGUN, ended=ended) == told
    assert told.state is not CaseState.RUNNING or not ended


@given(st.sampled_from(all_cases()), st.lists(events, max_size=12), st.integers(0, 12))
def test_what_is_broken_stays_broken_whatever_follows(case: Case, timeline: list[Event], seen_first: int):
    ordered = sorted(timeline, key=lambda each: (each.at, each.id))
    facts = facts_for(case)
    if not ordered:
        return
    early = ordered[:seen_first]
    before = grade(case, facts, early, begun_at=BEGUN, now=BEGUN, ended=False)
    later = grade(case, facts, ordered, begun_at=BEGUN, now=BEGUN, ended=False)
    for former, latter in zip(before.findings, later.findings, strict=True):
        if former.meeting is Meeting.BROKEN:
            assert latter.meeting is Meeting.BROKEN
