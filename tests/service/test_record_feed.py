"""Coming back to the feed of records: all that was missed, once each and in order, and nobody else's read for it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from service import record_feed
from service.access import Caller
from service.errors import BadInput
from service.integrator import Integrator
from service.record_feed import RecordFeed
from service.records import Record, RecordFilter
from service.storage import log
from service.storage.changes import HistoryLost
from service.storage.database import Database
from service.storage.log import BATCHES, LogStore, Stretch
from service.storage.records import RecordStore
from tests.explain import index_in_order, recorded_queries, scans_of
from tests.service.records import (
    KEYS,
    OPERATOR,
    OTHER_PARTICIPANT,
    PARTICIPANT,
    REGISTRAR,
    STRANGER,
    SteppingClock,
    make_service,
    write_record,
)
from tests.waiting import until

pytestmark = pytest.mark.wire

PATIENCE = 30.0


def current(caller: Caller) -> Callable[[], Awaitable[Caller]]:
    async def answer() -> Caller:
        return caller

    return answer


def make_feed(database: Database) -> RecordFeed:
    return RecordFeed(database, make_service(database), RecordStore(database))


@asynccontextmanager
async def running(*jobs: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(job()) for job in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def write(database: Database, count: int, clock: SteppingClock | None = None) -> list[str]:
    """Records of the one participant, of the other and of none, in turn; answers those of the one."""
    service, own = make_service(database, clock), []
    for number in range(count):
        own.append((await write_record(database, service, number=number)).id)
        await write_record(database, service, STRANGER, participant=OTHER_PARTICIPANT, number=number)
        await write_record(database, service, REGISTRAR, participant=None, number=number)
    return own


async def integrate(database: Database, *, batch: int = log.BATCH) -> None:
    """All that is queued, in batches of this size: the same as an integrator makes of a quiet day."""
    store = LogStore(database)
    await store.found()
    state = await store.find_state()
    assert state is not None
    integrator = Integrator(database.world, KEYS, database)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "BATCH", batch)
        following = await store.take(state, "test")
        while following is not None:
            following = await integrator.append_batch(following)


async def in_order_of_log(database: Database) -> list[str]:
    found = await database.collection(BATCHES).find({}).sort("_id", 1).to_list(None)
    return [record for batch in found for record in batch["records"]]


async def take(following: AsyncGenerator[Record], count: int) -> list[str]:
    async with asyncio.timeout(PATIENCE):
        return [(await anext(following)).id for _ in range(count)]


@pytest.mark.parametrize("batch", [1, 7, log.BATCH])
async def test_whoever_comes_back_gets_its_own_and_nobody_elses_is_read(
    wire_uri: str, wire_database: Database, batch: int
) -> None:
    own = await write(wire_database, 12)
    await integrate(wire_database, batch=batch)
    async with recorded_queries(wire_uri, wire_database) as queries:
        feed = make_feed(queries.database)
        async with running(feed.run):
            await feed._until_open()
            queries.sent.clear()
            queries.answered.clear()
            following = feed.follow(current(OPERATOR), RecordFilter(), after=own[1])
            assert await take(following, 10) == own[2:]
            await following.aclose()
        assert queries.answered["records"] == 1 + 10, "the one that it goes on after, and what it got"
        plans = [(query, plan) for query, plan in await queries.plans() if query["find"] == BATCHES.name]
        assert not [
            query for query, plan in plans if query["filter"].keys() != {"_id"} and "COLLSCAN" in scans_of(plan)
        ]
        walked = {tuple(query["filter"]): index_in_order(query, BATCHES) for query, _ in plans if "sort" in query}
        assert walked == {("_id",): "_id_", ("participants", "_id"): "prop_participants_1__id_1"}


async def test_the_depository_gets_all_or_those_of_the_participant_it_asks_for(wire_database: Database) -> None:
    await write(wire_database, 4)
    await integrate(wire_database, batch=5)
    logged = await in_order_of_log(wire_database)
    found = {each.id: each.participant_id for each in await RecordStore(wire_database).get_many(logged)}
    feed = make_feed(wire_database)
    async with running(feed.run):
        for wanted in (None, PARTICIPANT):
            expected = [each for each in logged[1:] if wanted in {None, found[each]}]
            following = feed.follow(current(REGISTRAR), RecordFilter(participant_id=wanted), after=logged[0])
            assert await take(following, len(expected)) == expected
            await following.aclose()


async def test_nothing_is_missed_or_doubled_while_records_are_written(
    wire_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_AHEAD", 2)  # many stretches, between which there is writing
    before = await write(wire_database, 6)
    await integrate(wire_database, batch=2)
    feed, integrator = make_feed(wire_database), Integrator(wire_database.world, KEYS, wire_database, pause=0.01)
    async with running(feed.run, integrator.run):
        writing: list[asyncio.Task[list[str]]] = []
        following, received = feed.follow(current(OPERATOR), RecordFilter(), after=before[0]), []
        for place in range(5 + 6):
            received += await take(following, 1)
            if place in {0, 2, 4}:
                writing.append(asyncio.create_task(write(wire_database, 2)))
        during = {each for some in await asyncio.gather(*writing) for each in some}
        quiet = asyncio.ensure_future(anext(following))
        await until(lambda: feed._position == 3 * 6 + 3 * 6)
        assert not quiet.done()
        quiet.cancel()
        await asyncio.gather(quiet, return_exceptions=True)
        await following.aclose()
    assert set(received) == {*before[1:], *during}
    assert received == [each for each in await in_order_of_log(wire_database) if each in received]


async def test_one_whose_id_is_earlier_but_that_was_kept_later_is_not_missed(wire_database: Database) -> None:
    (cursor,) = await write(wire_database, 1)
    await integrate(wire_database)
    earlier = await write(wire_database, 2, SteppingClock(SteppingClock().time - timedelta(days=300)))
    await integrate(wire_database)
    assert max(earlier) < cursor
    feed = make_feed(wire_database)
    async with running(feed.run):
        following = feed.follow(current(OPERATOR), RecordFilter(), after=cursor)
        assert await take(following, 2) == earlier
        await following.aclose()


async def test_batches_that_do_not_say_whom_they_concern_are_read_whole(wire_database: Database) -> None:
    own = await write(wire_database, 6)
    await integrate(wire_database, batch=3)
    unsaid = {"$unset": {"participants": ""}}
    changed = await wire_database.collection(BATCHES).update_many({"_id": {"$in": [6, 9]}}, unsaid)
    assert changed.modified_count == 2
    feed = make_feed(wire_database)
    async with running(feed.run):
        following = feed.follow(current(OPERATOR), RecordFilter(), after=own[0])
        assert await take(following, 5) == own[1:]
        await following.aclose()


async def test_what_was_queued_by_a_release_that_did_not_say_is_said_of_none_in_its_batch(
    wire_database: Database,
) -> None:
    await write(wire_database, 1)
    await wire_database.collection(log.QUEUE).update_one({}, {"$unset": {"participantId": ""}})
    await integrate(wire_database)
    (batch,) = await wire_database.collection(BATCHES).find({}).to_list(None)
    assert (len(batch["records"]), "participants" in batch) == (3, False)


async def test_only_what_one_may_see_counts_against_what_may_be_missed(
    wire_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = await write(wire_database, 6)
    await integrate(wire_database, batch=3)
    monkeypatch.setattr(log, "_AHEAD", 1)
    monkeypatch.setattr(record_feed, "MOST_MISSED", 5)
    feed = make_feed(wire_database)
    async with running(feed.run):
        following = feed.follow(current(OPERATOR), RecordFilter(), after=own[0])
        assert await take(following, 5) == own[1:]
        await following.aclose()
        monkeypatch.setattr(record_feed, "MOST_MISSED", 4)
        following = feed.follow(current(OPERATOR), RecordFilter(), after=own[0])
        assert await take(following, 4) == own[1:5]
        with pytest.raises(BadInput, match="follow again after the last one received"):
            await anext(following)
        again = feed.follow(current(OPERATOR), RecordFilter(), after=own[4])
        assert await take(again, 1) == own[5:]
        await again.aclose()


async def test_one_caller_reads_one_stretch_at_a_time_however_often_it_comes_back(
    wire_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = await write(wire_database, 4)
    await integrate(wire_database, batch=3)
    monkeypatch.setattr(log, "_AHEAD", 1)
    reading, most, plain = 0, 0, LogStore.stretch

    async def counted(self: LogStore, begin: int, end: int, participant_id: str | None = None) -> Stretch:
        nonlocal reading, most
        reading += 1
        most = max(most, reading)
        try:
            return await plain(self, begin, end, participant_id)
        finally:
            reading -= 1

    monkeypatch.setattr(LogStore, "stretch", counted)
    feed = make_feed(wire_database)
    async with running(feed.run):
        back = [feed.follow(current(OPERATOR), RecordFilter(), after=own[0]) for _ in range(10)]
        assert await asyncio.gather(*(take(each, 3) for each in back)) == [own[1:]] * 10
        assert most == 1
        for each in back:
            await each.aclose()


async def test_whoever_comes_while_a_feed_begins_again_misses_nothing(wire_database: Database) -> None:
    (cursor,) = await write(wire_database, 1)
    await integrate(wire_database)
    feed = make_feed(wire_database)
    async with running(feed.run):
        await feed._until_open()
    feed._begin_again(HistoryLost())
    following = feed.follow(current(OPERATOR), RecordFilter(), after=cursor)
    first = asyncio.ensure_future(take(following, 1))
    await asyncio.sleep(0)
    between = await write(wire_database, 1)
    await integrate(wire_database)
    async with running(feed.run):
        assert await first == between
        await following.aclose()
