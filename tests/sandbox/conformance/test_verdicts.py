"""However many look at a case under way, and however often, grading it takes a small share of the time."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from sandbox import tasks
from sandbox.conformance.grader import CaseState, Verdict
from sandbox.conformance.runs import CaseRun, Run
from sandbox.conformance.verdicts import REST, Verdicts
from sandbox.tasks import in_slices
from service.errors import Unavailable
from tests.sandbox.conformance.test_runs import BEGUN, SAID, make_run

RUN, CASE = make_run(), CaseRun("one", CaseState.RUNNING, 1, BEGUN)
COST = 2.0


class Grading:
    """Takes COST seconds of a clock that nothing else moves, and `go_on` of the real one."""

    def __init__(self) -> None:
        self.done: list[bool] = []
        self.time = 0.0
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.verdicts = Verdicts(self.grade, lambda: self.time)

    async def grade(self, run: Run, case: CaseRun, ended: bool) -> Verdict:
        self.done.append(ended)
        self.time += COST
        await self.go_on.wait()
        return Verdict(CaseState.RUNNING, ())


async def test_a_verdict_is_kept_for_several_times_as_long_as_it_took():
    grading = Grading()
    for _ in range(3):
        await grading.verdicts.of(RUN, CASE)
    assert grading.done == [False]
    grading.time += REST * COST
    await grading.verdicts.of(RUN, CASE)
    assert grading.done == [False, False]


async def test_all_who_look_while_a_verdict_is_made_have_that_one():
    grading = Grading()
    grading.go_on.clear()
    looks = [asyncio.create_task(grading.verdicts.of(RUN, CASE)) for _ in range(5)]
    await asyncio.sleep(0)
    grading.go_on.set()
    assert len({id(each) for each in await asyncio.gather(*looks)}) == 1
    assert grading.done == [False]


@pytest.mark.parametrize(
    "case", [replace(CASE, attempt=2), replace(CASE, declarations=(SAID,)), replace(CASE, id="two")]
)
async def test_a_verdict_of_what_has_changed_since_is_none(case: CaseRun):
    grading = Grading()
    await grading.verdicts.of(RUN, CASE)
    await grading.verdicts.of(RUN, case)
    await grading.verdicts.of(replace(RUN, tenant_id="another"), CASE)
    assert len(grading.done) == 3


async def test_what_ends_a_case_counts_all_that_was_before_and_many_who_end_it_at_once_are_few_gradings():
    grading = Grading()
    await grading.verdicts.of(RUN, CASE)
    await grading.verdicts.of(RUN, CASE, ended=True)
    await grading.verdicts.of(RUN, CASE, ended=True)
    assert grading.done == [False, True, True], "each asked after the one before was made"
    grading.go_on.clear()
    looks = [asyncio.create_task(grading.verdicts.of(RUN, CASE, ended=True)) for _ in range(5)]
    await asyncio.sleep(0)
    grading.go_on.set()
    await asyncio.gather(*looks)
    assert len(grading.done) == 5, "the one under way, and one for all who asked meanwhile"


async def test_a_grading_that_was_broken_off_is_not_begun_again_at_once():
    grading = Grading()
    grading.go_on.clear()
    look = asyncio.create_task(grading.verdicts.of(RUN, CASE, ended=True))
    await asyncio.sleep(0)
    look.cancel()
    with pytest.raises(asyncio.CancelledError):
        await look
    for ended in (True, False):
        with pytest.raises(Unavailable, match="takes long") as caught:
            await grading.verdicts.of(RUN, CASE, ended=ended)
        assert caught.value.extensions["retryAfter"] == REST * COST
    grading.time += REST * COST
    grading.go_on.set()
    assert await grading.verdicts.of(RUN, CASE)


async def test_work_on_much_lets_others_have_their_turn(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tasks, "SLICE_SECONDS", 0.0)
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def much() -> AsyncIterator[int]:
        for each in range(100):
            yield each

    busy = asyncio.create_task(other())
    assert [each async for each in in_slices(much())] == list(range(100))
    busy.cancel()
    assert turns >= 99
