"""Turns: each caller one at a time, all together a few."""

import asyncio
from collections import Counter

from service.turns import Turns


async def most_at_once(turns: Turns, callers: list[str]) -> tuple[int, int]:
    """How many had their turn at once at most, of one caller and of all."""
    now: Counter[str] = Counter()
    seen: list[tuple[int, int]] = []

    async def work(caller: str) -> None:
        async with turns.of(caller):
            now[caller] += 1
            seen.append((max(now.values()), now.total()))
            await asyncio.sleep(0)
            now[caller] -= 1

    await asyncio.gather(*map(work, callers))
    assert len(seen) == len(callers)
    return max(each for each, _ in seen), max(each for _, each in seen)


async def test_a_caller_has_one_turn_at_a_time_and_all_together_no_more_than_there_are() -> None:
    assert await most_at_once(Turns(3), ["a"] * 5) == (1, 1)
    assert await most_at_once(Turns(3), list("abcde") * 3) == (1, 3)


async def test_one_that_waits_for_itself_takes_no_place_from_another() -> None:
    turns = Turns(2)
    async with turns.of("a"):
        waiting = [asyncio.create_task(most_at_once(turns, ["a"])) for _ in range(5)]
        await asyncio.sleep(0)
        await asyncio.wait_for(most_at_once(turns, ["b"]), 10)
        assert not any(each.done() for each in waiting)
    await asyncio.gather(*waiting)


async def test_nobody_is_kept_in_mind_who_is_done() -> None:
    turns = Turns(1)
    await most_at_once(turns, list("abc"))
    assert not turns._of_callers
