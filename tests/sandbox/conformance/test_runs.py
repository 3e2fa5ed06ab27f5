"""Runs: whatever is asked of one in whatever order, one case is under way at most, and an ended run stays as it is."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.conformance.grader import CaseState, Finding, Meeting, Verdict
from sandbox.conformance.runs import (
    LONGEST_RUN,
    MOST_ATTEMPTS,
    MOST_DECLARATIONS,
    Declaration,
    Fact,
    Run,
    RunState,
    abandoned,
    case_begun,
    case_ended,
    declared,
    finished,
    is_over,
)
from sandbox.storage.conformance_runs import ConformanceRunStore
from service.errors import BadInput
from tests.explain import recorded_queries
from tests.sandbox.opening import opened_sandbox, prepared_settings

BEGUN = datetime(2026, 3, 1, tzinfo=UTC)
CASES = ("one", "two", "three")
SAID = Declaration(BEGUN, "receiptA", genuine=True, environment="SANDBOX", binding=False, accepted=False)


def make_run(**changes: object) -> Run:
    plain: dict[str, object] = {
        "id": "run-1",
        "version": 1,
        "tenant_id": "sbx-par-1",
        "epoch": 1,
        "state": RunState.RUNNING,
        "suite": "0" * 64,
        "facts": (Fact("clerk", "sbx-op-1"),),
        "started_at": BEGUN,
        "begun_at": BEGUN,
    }
    return Run(**plain | changes)  # type: ignore[arg-type]  # fields by name


def verdict(*, passed: bool) -> Verdict:
    meeting = Meeting.HELD if passed else Meeting.BROKEN
    return Verdict(CaseState.PASSED if passed else CaseState.FAILED, (Finding(meeting, "Do better.", "请改进。"),))


def begin(run: Run, case: str) -> Run:
    return case_begun(run, case, [Fact("receiptA", "ey"), Fact("genuine", "receiptA", shown=False)], BEGUN)


commands = st.one_of(
    st.sampled_from(CASES).map(lambda case: lambda run: begin(run, case)),
    st.booleans().map(lambda passed: lambda run: case_ended(run, verdict(passed=passed), BEGUN)),
    st.just(lambda run: declared(run, [SAID])),
    st.just(lambda run: finished(run, CASES, BEGUN, "ey", "sbx-rec-1")),
    st.just(lambda run: abandoned(run, BEGUN)),
)


@given(st.lists(commands, max_size=25))
def test_one_case_is_under_way_at_most_and_an_end_is_an_end(asked: list[Callable[[Run], Run]]) -> None:
    run = make_run()
    for command in asked:
        try:
            following = command(run)
        except BadInput:
            continue
        assert run.state is RunState.RUNNING, "an ended run takes nothing"
        run = following
        assert sum(each.state is CaseState.RUNNING for each in run.cases) <= 1
        assert len({each.id for each in run.cases}) == len(run.cases)
    if run.state is RunState.PASSED:
        assert {each.id for each in run.cases if each.state is CaseState.PASSED} == set(CASES)
    assert (run.report is not None) == (run.state in {RunState.PASSED, RunState.FAILED})
    assert (run.ended_at is None) == (run.state is RunState.RUNNING)


def test_a_failed_case_may_be_tried_again_and_a_passed_one_not():
    run = case_ended(begin(make_run(), "one"), verdict(passed=False), BEGUN)
    run = begin(run, "one")
    assert run.cases[0].attempt == 2
    run = case_ended(run, verdict(passed=True), BEGUN)
    with pytest.raises(BadInput, match="passed already"):
        begin(run, "one")


def test_a_case_is_tried_so_often_and_no_more():
    run = make_run()
    for _ in range(MOST_ATTEMPTS):
        run = case_ended(begin(run, "one"), verdict(passed=False), BEGUN)
    with pytest.raises(BadInput, match="another run"):
        begin(run, "one")


def test_a_run_with_a_case_that_was_left_out_has_failed():
    run = case_ended(begin(make_run(), "one"), verdict(passed=True), BEGUN)
    assert finished(run, CASES, BEGUN, "ey", "sbx-rec-1").state is RunState.FAILED
    assert finished(run, ("one",), BEGUN, "ey", "sbx-rec-1").state is RunState.PASSED


def test_only_what_the_case_gave_is_declared_and_only_so_often():
    run = begin(make_run(), "one")
    with pytest.raises(BadInput):
        declared(run, [Declaration(BEGUN, "genuine", genuine=True, environment="", binding=False, accepted=False)])
    with pytest.raises(BadInput):
        declared(run, [SAID] * (MOST_DECLARATIONS + 1))
    with pytest.raises(BadInput, match="No case"):
        declared(make_run(), [SAID])
    current = declared(run, [SAID]).current
    assert current is not None
    assert current.declarations == (SAID,)


def test_a_reset_tenant_or_a_day_ends_a_run():
    assert not is_over(make_run(), 1, BEGUN + LONGEST_RUN - timedelta(seconds=1))
    assert is_over(make_run(), 1, BEGUN + LONGEST_RUN)
    assert is_over(make_run(), 2, BEGUN)
    assert not is_over(make_run(state=RunState.PASSED), 2, BEGUN + LONGEST_RUN)


@pytest.mark.wire
async def test_runs_are_found_by_an_index(wire_uri: str, tmp_path: Path):
    async with (
        prepared_settings(wire_uri, tmp_path) as settings,
        opened_sandbox(settings) as sandbox,
        recorded_queries(wire_uri, sandbox.database) as queries,
    ):
        kept = ConformanceRunStore(queries.database)
        await kept.find_own("sbx-par-1", "run-1")
        await kept.find_running("sbx-par-1")
        await kept.latest_of("sbx-par-1", 10)
        await kept.keep_newest("sbx-par-1", 50)
        await queries.assert_indexed(sorted_in_memory=True)
