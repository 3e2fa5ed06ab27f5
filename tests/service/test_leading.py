"""Leases: one leads, the next takes over when it is heard of no more, and at once when it goes in order."""

import asyncio

import pytest

from service.leading import Leading
from service.storage.database import Database
from service.storage.leases import LeaseStore

pytestmark = pytest.mark.wire
LEASE = 0.4


class Worker:
    def __init__(self, database: Database, name: str, done: list[str]) -> None:
        self.leading = Leading(LeaseStore(database), "job", lease=LEASE)
        self.name = name
        self.done = done
        self.task = asyncio.create_task(self.leading.run(self.work, 0.02))

    async def work(self) -> None:
        self.done.append(self.name)


async def until(found: list[str], name: str, seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while name not in found:  # noqa: ASYNC110 - another task's work
            await asyncio.sleep(0.01)


async def test_one_of_several_does_the_work_and_the_next_takes_over_when_it_goes(wire_database: Database) -> None:
    done: list[str] = []
    first = Worker(wire_database, "first", done)
    await until(done, "first")
    second = Worker(wire_database, "second", done)
    await asyncio.sleep(3 * LEASE)
    assert set(done) == {"first"}
    first.task.cancel()
    await asyncio.gather(first.task, return_exceptions=True)
    await until(done, "second")
    second.task.cancel()
    await asyncio.gather(second.task, return_exceptions=True)


async def test_a_leader_that_is_heard_of_no_more_is_replaced(wire_database: Database) -> None:
    store, done = LeaseStore(wire_database), list[str]()
    gone = await store.take(await store.get("job"), "somebody who died")
    assert gone is not None
    next_one = Worker(wire_database, "next", done)
    await asyncio.sleep(LEASE / 2)
    assert done == []
    await until(done, "next")
    assert await store.beat(gone) is None, "it leads no more, should it come back"
    next_one.task.cancel()
    await asyncio.gather(next_one.task, return_exceptions=True)


async def test_of_two_who_take_at_once_one_does(wire_database: Database) -> None:
    store = LeaseStore(wire_database)
    seen = await store.get("job")
    taken = await asyncio.gather(store.take(seen, "one"), store.take(seen, "two"))
    assert len([each for each in taken if each is not None]) == 1
