"""The connection, the stamp, validators, indexes and transactions, against a real server."""

import dataclasses

import pytest
from pymongo.errors import WriteError

from service.storage.database import Collection, Index, NotInitialised, WorldMismatch, open_database
from service.storage.init import ChangeKind, init_database
from service.world import World
from tests.databases import NEIGHBOUR, make_database, open_wire_database, raw_client, renamed

THINGS = Collection(
    name="things",
    properties={"_id": {"bsonType": "string"}, "owner": {"bsonType": "string"}, "at": {"bsonType": "date"}},
    required=("owner",),
    indexes=(Index((("owner", 1), ("at", -1))),),
)
TRACES = Collection("traces", {"_id": {"bsonType": "string"}, "of": {"bsonType": "string"}}, ("of",), evidence=True)
BOTH = (THINGS, TRACES)


def marked(world: World, **fields: object) -> dict[str, object]:
    return {"environment": world.environment.value, "binding": world.binding, **fields}


@pytest.mark.wire
async def test_a_database_without_a_stamp_is_not_opened(wire_uri: str, wire_world: World) -> None:
    with pytest.raises(NotInitialised, match="prop database init"):
        async with open_database(wire_uri, wire_world):
            pass


@pytest.mark.wire
async def test_two_worlds_on_one_database_are_refused_from_both_sides(wire_uri: str, wire_world: World) -> None:
    for mine, other in ((wire_world, NEIGHBOUR), (NEIGHBOUR, wire_world)):
        home = renamed(mine)
        intruder = dataclasses.replace(other, database=home.database)
        async with open_wire_database(wire_uri, home, BOTH):
            with pytest.raises(WorldMismatch, match=f"stamped '{mine.name}'.*is '{other.name}'"):
                async with open_database(wire_uri, intruder):
                    pass
            with pytest.raises(WorldMismatch):
                await init_database(wire_uri, intruder, BOTH)


@pytest.mark.wire
async def test_the_database_refuses_a_document_of_the_other_world_inserted_by_hand(wire_uri: str) -> None:
    for home, other in ((renamed(NEIGHBOUR), renamed(NEIGHBOUR).neighbour),):
        async with open_wire_database(wire_uri, home, BOTH):
            with raw_client(wire_uri) as client:
                foreign = {"_id": "1", "owner": "x", "environment": other.environment.value, "binding": True}
                with pytest.raises(WriteError):
                    client[home.database]["things"].insert_one(foreign)


@pytest.mark.wire
async def test_init_says_what_it_did_and_the_second_time_does_nothing(wire_uri: str, wire_world: World) -> None:
    first = await init_database(wire_uri, wire_world, BOTH)
    assert {change.kind for change in first} == {ChangeKind.CREATED}
    assert f"created stamp of {wire_world.database}.world" in map(str, first)
    assert await init_database(wire_uri, wire_world, BOTH) == []


@pytest.mark.wire
async def test_a_transaction_keeps_both_databases_or_neither(wire_uri: str) -> None:
    async with open_wire_database(wire_uri, renamed(NEIGHBOUR), BOTH) as database:

        async def write(session: object, *, fail: bool) -> None:
            things, traces = database.collection(THINGS), database.collection(TRACES)
            await things.insert_one(marked(database.world, _id="1", owner="x"), session=session)
            await traces.insert_one(marked(database.world, _id="1", of="1"), session=session)
            if fail:
                raise ValueError("changed my mind")

        with pytest.raises(ValueError, match="changed my mind"):
            await database.transaction(lambda session: write(session, fail=True))
        assert await database.collection(THINGS).count_documents({}) == 0
        assert await database.collection(TRACES).count_documents({}) == 0
        await database.transaction(lambda session: write(session, fail=False))
        assert await database.collection(THINGS).count_documents({}) == 1
        assert await database.collection(TRACES).count_documents({}) == 1


async def test_reads_run_in_process_too() -> None:
    database = make_database()
    await database.collection(THINGS).insert_one(marked(database.world, _id="1", owner="x"))
    assert await database.collection(THINGS).find_one({"_id": "1"})
