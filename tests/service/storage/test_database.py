"""The connection, the stamp, validators, indexes, transactions and outages, against a real server."""

import asyncio
import dataclasses
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from pymongo import ASCENDING
from pymongo.errors import PyMongoError, WriteError

from service.errors import ErrorCode, Unavailable
from service.storage.database import Collection, Database, Index, Names, NotInitialised, WorldMismatch, open_database
from service.storage.errors import as_service_error
from service.storage.init import ChangeKind, init_database
from service.world import PRODUCTION, World
from tests.databases import NEIGHBOUR, drop_databases, free_port, make_database, open_server, raw_client, renamed
from tests.explain import recorded_queries

THINGS = Collection(
    name="things",
    properties={
        "_id": {"bsonType": "string"},
        "owner": {"bsonType": "string"},
        "at": {"bsonType": "date"},
        "count": {"bsonType": ["int", "long"]},
    },
    required=("owner",),
    indexes=(Index((("owner", 1), ("at", -1))),),
)
TRACES = Collection("traces", {"_id": {"bsonType": "string"}, "of": {"bsonType": "string"}}, ("of",), evidence=True)
BOTH = (THINGS, TRACES)


def thing(world: World, **fields: object) -> dict[str, object]:
    return {"_id": "1", "owner": "x", "environment": world.environment.value, "binding": world.binding} | fields


@asynccontextmanager
async def open_made(uri: str, world: World) -> AsyncIterator[Database]:
    """The databases of `world` with BOTH in them, whatever a test does to their declarations."""
    await init_database(uri, world, BOTH)
    try:
        async with open_database(uri, world) as database:
            yield database
    finally:
        drop_databases(uri, world)


@pytest.fixture
async def database(wire_uri: str) -> AsyncIterator[Database]:
    async with open_made(wire_uri, renamed(NEIGHBOUR)) as database:
        yield database


# --- the stamp


@pytest.mark.wire
async def test_a_database_without_a_stamp_is_not_opened(wire_uri: str, wire_world: World) -> None:
    with pytest.raises(NotInitialised, match="prop database init"):
        async with open_database(wire_uri, wire_world):
            pass


@pytest.mark.wire
@pytest.mark.parametrize(("mine", "other"), [(PRODUCTION, NEIGHBOUR), (NEIGHBOUR, PRODUCTION)])
async def test_two_worlds_on_one_database_are_refused_from_both_sides(wire_uri: str, mine: World, other: World) -> None:
    home = renamed(mine)
    intruder = dataclasses.replace(other, database=home.database)
    async with open_made(wire_uri, home):
        with pytest.raises(WorldMismatch, match=f"stamped '{mine.name}'.*is '{other.name}'") as refused:
            async with open_database(wire_uri, intruder):
                pass
        assert refused.value.code is ErrorCode.ENVIRONMENT_MISMATCH
        with pytest.raises(WorldMismatch):
            await init_database(wire_uri, intruder, BOTH)
        assert await init_database(wire_uri, home, BOTH) == []  # nothing was touched


@pytest.mark.wire
async def test_an_evidence_database_of_the_other_world_is_refused(wire_uri: str) -> None:
    home, other = renamed(PRODUCTION), renamed(NEIGHBOUR)
    async with open_made(wire_uri, home), open_made(wire_uri, other):
        mixed = Names(home.database, other.evidence_database)
        with pytest.raises(WorldMismatch, match=other.evidence_database):
            async with open_database(wire_uri, home, mixed):
                pass


@pytest.mark.wire
async def test_a_stamp_changed_while_the_service_runs_makes_it_unready(wire_uri: str, database: Database) -> None:
    await database.ready()
    with raw_client(wire_uri) as client:
        stamps = client[database.names.database]["world"]
        stamps.drop()
        with pytest.raises(NotInitialised):
            await database.ready()
        stamps.insert_one({"_id": "world", "name": "elsewhere"})
        with pytest.raises(WorldMismatch, match="'elsewhere'"):
            await database.ready()


# --- validators


@pytest.mark.wire
@pytest.mark.parametrize(("mine", "other"), [(PRODUCTION, NEIGHBOUR), (NEIGHBOUR, PRODUCTION)])
async def test_a_document_of_the_other_world_inserted_by_hand_is_refused(
    wire_uri: str, mine: World, other: World
) -> None:
    home = renamed(mine)
    async with open_made(wire_uri, home):
        with raw_client(wire_uri) as client:
            things = client[home.database]["things"]
            for wrong in (thing(other), thing(home, binding=not home.binding), {"_id": "1", "owner": "x"}):
                with pytest.raises(WriteError) as refused:
                    things.insert_one(wrong)
                assert refused.value.code == 121
            things.insert_one(thing(home))
            with pytest.raises(WriteError):
                things.update_one({"_id": "1"}, {"$set": {"environment": other.environment.value}})
            assert things.find_one() == thing(home)


@pytest.mark.wire
async def test_a_field_that_is_not_declared_is_refused_and_the_error_tells_nothing_of_it(database: Database) -> None:
    with pytest.raises(WriteError) as refused:
        await database.collection(THINGS).insert_one(thing(database.world, telephone="13800000000"))
    told = as_service_error(refused.value)
    assert told is not None
    assert told.code is ErrorCode.INTERNAL_SERVER_ERROR
    assert "13800000000" not in repr((told, told.message, told.extensions))


# --- init


@pytest.mark.wire
async def test_init_says_what_it_did_and_the_second_time_does_nothing(wire_uri: str, wire_world: World) -> None:
    first = await init_database(wire_uri, wire_world, BOTH)
    assert {change.kind for change in first} == {ChangeKind.CREATED}
    home, evidence = wire_world.database, wire_world.evidence_database
    assert {
        f"created stamp of {home}.world",
        f"created stamp of {evidence}.world",
        f"created collection of {home}.things",
        f"created index prop_owner_1_at_-1 of {home}.things",
        f"created collection of {evidence}.traces",
    } <= set(map(str, first))
    assert await init_database(wire_uri, wire_world, BOTH) == []


@pytest.mark.wire
async def test_a_changed_validator_is_migrated_and_reported(wire_uri: str, database: Database) -> None:
    wider = dataclasses.replace(THINGS, properties={**THINGS.properties, "note": {"bsonType": "string"}})
    changes = await init_database(wire_uri, database.world, (wider, TRACES))
    assert [str(change) for change in changes] == [f"migrated validator of {database.names.database}.things"]
    await database.collection(THINGS).insert_one(thing(database.world, note="now allowed"))
    assert await init_database(wire_uri, database.world, (wider, TRACES)) == []


@pytest.mark.wire
@pytest.mark.parametrize(
    "change",
    [{"unique": True}, {"partial": {"count": {"$exists": True}}}, {"expire_after_seconds": 60}],
    ids=lambda change: next(iter(change)),
)
async def test_a_changed_index_is_made_anew_and_reported(
    wire_uri: str, database: Database, change: dict[str, object]
) -> None:
    plain = Index((("at", 1),))
    declared = dataclasses.replace(THINGS, indexes=(plain,))
    await init_database(wire_uri, database.world, (declared, TRACES))
    changed = dataclasses.replace(THINGS, indexes=(dataclasses.replace(plain, **change),))  # type: ignore[arg-type]  # parametrised
    changes = await init_database(wire_uri, database.world, (changed, TRACES))
    assert [str(each) for each in changes] == [f"migrated index prop_at_1 of {database.names.database}.things"]
    assert await init_database(wire_uri, database.world, (changed, TRACES)) == []


@pytest.mark.wire
async def test_an_index_no_longer_declared_is_dropped_and_a_stranger_is_left(wire_uri: str, database: Database) -> None:
    await database.collection(THINGS).create_index([("count", ASCENDING)], name="somebody_else")
    changes = await init_database(wire_uri, database.world, (dataclasses.replace(THINGS, indexes=()), TRACES))
    assert {(change.kind, change.thing) for change in changes} == {
        (ChangeKind.DROPPED, "index prop_owner_1_at_-1"),
        (ChangeKind.FOREIGN, "index somebody_else"),
    }
    names = {index["name"] async for index in database.collection(THINGS).list_indexes()}
    assert names == {"_id_", "somebody_else"}


# --- transactions


@pytest.mark.wire
async def test_a_transaction_keeps_both_databases_or_neither(database: Database) -> None:
    things, traces = database.collection(THINGS), database.collection(TRACES)

    async def write(session: object, *, fail: bool) -> None:
        await things.insert_one(thing(database.world), session=session)
        trace = thing(database.world) | {"of": "1"}
        del trace["owner"]
        await traces.insert_one(trace, session=session)
        if fail:
            raise ValueError("changed my mind")

    with pytest.raises(ValueError, match="changed my mind"):
        await database.transaction(lambda session: write(session, fail=True))
    assert [await each.count_documents({}) for each in (things, traces)] == [0, 0]
    await database.transaction(lambda session: write(session, fail=False))
    assert [await each.count_documents({}) for each in (things, traces)] == [1, 1]


@pytest.mark.wire
async def test_transactions_in_conflict_all_succeed_and_none_is_lost(database: Database) -> None:
    things = database.collection(THINGS)
    await things.insert_one(thing(database.world, count=0))
    attempts = 0

    async def increment(session: object) -> int:
        nonlocal attempts
        attempts += 1
        found = await things.find_one({"_id": "1"}, session=session)
        await asyncio.sleep(0.005)  # long enough for the others to read the same
        await things.update_one({"_id": "1"}, {"$set": {"count": found["count"] + 1}}, session=session)
        return int(found["count"]) + 1

    counts = await asyncio.gather(*(database.transaction(increment) for _ in range(8)))
    assert sorted(counts) == list(range(1, 9))
    assert attempts > 8, "there was no conflict: this test shows nothing"


@pytest.mark.wire
async def test_a_transaction_that_never_gets_through_ends_with_a_coded_error(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.storage.database.TRANSACTION_SECONDS", 0.3)

    async def conflict(session: object) -> None:
        error = PyMongoError("write conflict")
        error._add_error_label("TransientTransactionError")
        raise error

    with pytest.raises(Unavailable, match="Too many changes") as refused:
        await database.transaction(conflict)
    assert refused.value.extensions == {"retryAfter": 1}


# --- what goes in comes out


@pytest.mark.wire
async def test_times_come_back_aware_and_in_utc(database: Database) -> None:
    noon = datetime(2026, 5, 1, 20, 0, tzinfo=timezone(timedelta(hours=8)))
    await database.collection(THINGS).insert_one(thing(database.world, at=noon))
    found = await database.collection(THINGS).find_one({"_id": "1"})
    assert found["at"] == noon
    assert found["at"].utcoffset() == UTC.utcoffset(None)


async def test_reads_run_in_process_too() -> None:
    database = make_database()
    await database.collection(THINGS).insert_one(thing(database.world))
    assert await database.collection(THINGS).find_one({"_id": "1"}) == thing(database.world)


@pytest.mark.wire
async def test_the_recorder_tells_a_scan_from_an_index(wire_uri: str, database: Database) -> None:
    async with recorded_queries(wire_uri, database) as queries:
        things = queries.database.collection(THINGS)
        await things.find({"owner": "x"}).to_list(None)
        await things.count_documents({"owner": "x"})
        await queries.assert_indexed()
        await things.find({"count": 1}).to_list(None)
        with pytest.raises(AssertionError, match="COLLSCAN"):
            await queries.assert_indexed()
        queries.sent.clear()
        with pytest.raises(AssertionError, match="no query was sent"):
            await queries.assert_indexed()
        await things.find({"owner": "x"}).sort("count").to_list(None)
        with pytest.raises(AssertionError, match="SORT"):
            await queries.assert_indexed()
        await queries.assert_indexed(sorted_in_memory=True)


# --- outages


@pytest.mark.wire
async def test_a_start_without_a_database_fails_in_bounded_time() -> None:
    start = time.monotonic()
    with pytest.raises(Unavailable):
        async with open_database(f"mongodb://127.0.0.1:{free_port()}", PRODUCTION, server_selection_ms=300):
            pass
    assert time.monotonic() - start < 2


@pytest.mark.wire
async def test_an_outage_is_told_at_once_and_ends_by_itself(tmp_path: Path) -> None:
    pytest.importorskip("secantus", reason="the extra [embedded] is not installed: this test stops its server")
    with open_server(str(tmp_path / "data")) as server:
        await init_database(server.uri, PRODUCTION, BOTH)
        async with open_database(server.uri, PRODUCTION) as database:
            await database.collection(THINGS).insert_one(thing(PRODUCTION))
            in_flight = asyncio.gather(*(_outcome(database) for _ in range(100)))
            await asyncio.sleep(0)
            await asyncio.to_thread(server.stop, signal.SIGKILL)
            for error, seconds in await in_flight:  # some were answered before the end
                assert error is None or as_service_error(error) is not None, error
                assert seconds < 4
            during = await asyncio.gather(*(_outcome(database) for _ in range(100)))
            assert all(isinstance(error, Unavailable) and seconds < 0.5 for error, seconds in during), during
            with pytest.raises(Unavailable):
                await database.ready()
            with pytest.raises(Unavailable):
                await database.transaction(_nothing)
            await asyncio.to_thread(server.start)
            await _until_ready(database, seconds=5)
            assert await database.collection(THINGS).find_one({"_id": "1"}) == thing(PRODUCTION)


async def _nothing(session: object) -> None: ...


async def _outcome(database: Database) -> tuple[Exception | None, float]:
    start = time.monotonic()
    try:
        with database.deadline(3):
            await database.collection(THINGS).find_one({"_id": "1"})
    except (Unavailable, PyMongoError) as error:
        return error, time.monotonic() - start
    return None, time.monotonic() - start


async def _until_ready(database: Database, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while True:
            try:
                await database.ready()
            except Unavailable:
                await asyncio.sleep(0.05)
            else:
                return
