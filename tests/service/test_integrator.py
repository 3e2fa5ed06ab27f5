"""Racing integrators, killed ones, forgotten ones: the log stays gap-free and every record enters it once."""

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from starlette.applications import Starlette

from service.evidence import checkpoint, merkle
from service.evidence.tiles import Tile
from service.http.log import log_routes
from service.http.rate_limits import TokenBuckets
from service.integrator import Integrator
from service.log import LogService
from service.records import RecordService
from service.storage.database import Database, open_database
from service.storage.log import BATCHES, LOG, Fenced, LogState, LogStore
from service.world import World
from tests.databases import open_wire_database, raw_client
from tests.service.records import KEYS, make_service, write_record

pytestmark = pytest.mark.wire


@contextlib.asynccontextmanager
async def running(*integrators: Integrator) -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks = [asyncio.create_task(each.run()) for each in integrators]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def make_integrator(database: Database, *, lease: float = 0.4) -> Integrator:
    return Integrator(database.world, KEYS, database, pause=0.01, lease=lease)


async def write_many(database: Database, service: RecordService, count: int, start: int = 0) -> list[str]:
    written = [write_record(database, service, number=number) for number in range(start, start + count)]
    return [each.id for each in await asyncio.gather(*written)]


async def wait_until_integrated(database: Database, size: int, seconds: float = 20) -> LogState:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        state = await LogStore(database).find_state()
        if state is not None and state.tree.size >= size:
            return state
        await asyncio.sleep(0.02)
    raise AssertionError(f"the log did not reach {size} records")


async def lead(database: Database, name: str) -> LogState:
    store = LogStore(database)
    await store.found()
    state = await store.find_state()
    assert state is not None
    return await store.take(state, name)


def ensure_sound(uri: str, world: World, records: list[str]) -> None:
    """The log holds each record once, without gap; every checkpoint ever signed is a beginning of the tree."""
    with raw_client(uri) as client:
        database = client[world.evidence_database]
        batches = sorted(database[BATCHES.name].find(), key=lambda each: each["_id"])
        hashes = {each["_id"]: each["hash"] for each in database["records"].find()}
        assert database["log_queue"].count_documents({}) == 0
    logged = [record for batch in batches for record in batch["records"]]
    assert sorted(logged) == sorted(records)
    entries = [entry for batch in batches for entry in batch["hashes"]]
    assert [entry.hex() for entry in entries] == [hashes[record] for record in logged]
    tree, verifier = merkle.CompactRange(), KEYS.log_verifier(world.log_origin)
    for batch in batches:
        assert batch["_id"] == tree.size
        tree = tree.append(merkle.hash_leaf(entry) for entry in batch["hashes"])
        head = verifier.verify(checkpoint.parse(batch["checkpoint"]))
        assert (head.size, head.root) == (tree.size, tree.root())


async def test_three_racing_integrators_leave_no_gap_and_no_double(wire_uri: str, wire_database: Database) -> None:
    world, service = wire_database.world, make_service(wire_database)
    async with contextlib.AsyncExitStack() as stack:
        others = [await stack.enter_async_context(open_database(wire_uri, world)) for _ in range(2)]
        integrators = [make_integrator(each) for each in (wire_database, *others)]
        async with running(*integrators) as tasks:
            ids = await write_many(wire_database, service, 60)
            await wait_until_integrated(wire_database, 1)
            tasks[0].cancel()
            ids += await write_many(wire_database, service, 60, start=60)
            await wait_until_integrated(wire_database, 120)
    ensure_sound(wire_uri, world, ids)


async def test_integrators_that_all_believe_to_lead_cannot_both_write(wire_uri: str, wire_database: Database) -> None:
    service = make_service(wire_database)
    ids = await write_many(wire_database, service, 20)
    first = await lead(wire_database, "first")
    second = await lead(wire_database, "second")
    integrators = [make_integrator(wire_database) for _ in range(3)]
    results = await asyncio.gather(
        integrators[0].append_batch(first),
        integrators[1].append_batch(second),
        integrators[2].append_batch(second),
        return_exceptions=True,
    )
    assert isinstance(results[0], Fenced)
    assert sorted(type(each).__name__ for each in results[1:]) in (["Fenced", "LogState"], ["LogState", "NoneType"])
    ensure_sound(wire_uri, wire_database.world, ids)


async def test_a_leader_that_stops_without_a_word_is_replaced(wire_uri: str, wire_database: Database) -> None:
    service = make_service(wire_database)
    silent = await lead(wire_database, "silent")
    ids = await write_many(wire_database, service, 3)
    begun = time.monotonic()
    async with running(make_integrator(wire_database, lease=0.5)):
        await wait_until_integrated(wire_database, 3)
    assert time.monotonic() - begun >= 0.5
    with pytest.raises(Fenced):
        await LogStore(wire_database).beat(silent)
    ensure_sound(wire_uri, wire_database.world, ids)


async def test_a_leader_that_leaves_in_order_is_replaced_at_once(wire_database: Database) -> None:
    async with running(make_integrator(wire_database, lease=60)):
        await wait_for_holder(wire_database, held=True)
    await wait_for_holder(wire_database, held=False)
    service = make_service(wire_database)
    async with running(make_integrator(wire_database, lease=60)):
        await write_many(wire_database, service, 1)
        await wait_until_integrated(wire_database, 1, seconds=5)


async def wait_for_holder(database: Database, *, held: bool) -> None:
    for _ in range(200):
        state = await LogStore(database).find_state()
        if state is not None and (state.holder is not None) is held:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the lead did not change hands")


KILLED = """
import asyncio, dataclasses, sys
from pathlib import Path
from service.integrator import Integrator
from service.keys import load_keys
from service.storage.database import open_database
from service.world import PRODUCTION

async def main():
    uri, name, keys = sys.argv[1:]
    world = dataclasses.replace(PRODUCTION, database=name)
    signing, log = Path(keys).read_text().split("|")
    async with open_database(uri, world) as database:
        await Integrator(world, load_keys(signing, log), database, pause=0.005, lease=0.3).run()

asyncio.run(main())
"""


@pytest.mark.process
async def test_integrators_killed_in_the_middle_lose_and_double_nothing(doomed_uri: str, tmp_path: Path) -> None:
    keys = write_keys(tmp_path / "keys")
    async with open_wire_database(doomed_uri) as database:
        world = database.world
        service, ids = make_service(database), list[str]()
        for _ in range(3):
            command = [sys.executable, "-c", KILLED, doomed_uri, world.database, keys]
            processes = [subprocess.Popen(command) for _ in range(3)]  # noqa: ASYNC220 - killed below
            try:
                size = len(ids)
                writing = asyncio.create_task(write_many(database, service, 60, start=size))
                await wait_until_integrated(database, size + 5)
            finally:
                for process in processes:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
            ids += await writing
        async with running(make_integrator(database)):
            await wait_until_integrated(database, len(ids))
        ensure_sound(doomed_uri, world, ids)


def write_keys(path: Path) -> str:
    """The test's keys, for processes that must sign as it does."""
    log = KEYS.log.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(KEYS.current.as_pem(private=True) + b"|" + log)
    return str(path)


async def test_a_monitor_can_rebuild_and_check_the_log_from_its_static_resources(wire_database: Database) -> None:
    world, service = wire_database.world, make_service(wire_database)
    state = await lead(wire_database, "test")
    integrator = make_integrator(wire_database)
    roots = {}
    for count in (3, 200, 100):
        await write_many(wire_database, service, count)
        while following := await integrator.append_batch(state):
            state = following
        roots[state.tree.size] = state.tree.root()
    log = LogService(LogStore(wire_database))
    app = Starlette(routes=log_routes(world, lambda: KEYS, lambda: log, TokenBuckets(per_minute=1, burst=100)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://log.test/log/") as client:
        verifier = checkpoint.parse_verifier((await client.get("key")).text)
        head = verifier.verify(checkpoint.parse((await client.get("checkpoint")).text))
        assert head.size == 303
        full, partial = await client.get("tile/0/000"), await client.get("tile/0/001.p/47")
        assert "immutable" in full.headers["cache-control"]
        leaves = [each.content[at : at + 32] for each in (full, partial) for at in range(0, len(each.content), 32)]
        assert merkle.root_of(leaves) == head.root
        bundle = (await client.get("tile/entries/000")).content
        assert len(bundle) == 256 * 34
        assert [merkle.hash_leaf(bundle[at + 2 : at + 34]) for at in range(0, len(bundle), 34)] == leaves[:256]
        assert (await client.get("tile/1/000.p/1")).content == merkle.root_of(leaves[:256])
        older = await client.get("tile/0/000.p/3")
        assert merkle.root_of([older.content[at : at + 32] for at in range(0, 96, 32)]) == roots[3]
        for missing in ("tile/0/001", "tile/0/001.p/48", "tile/entries/001", "tile/2/000.p/1", "tile/0/x", "tile/../x"):
            assert (await client.get(missing)).status_code == 404, missing
        (key,) = (await client.get("jwks.json")).json()["keys"]
        assert "d" not in key


async def test_the_lag_is_the_age_of_the_oldest_record_that_waits(wire_database: Database) -> None:
    log, service = LogService(LogStore(wire_database)), make_service(wire_database)
    assert await log.waiting_since() is None
    record = await write_record(wire_database, service)
    assert await log.waiting_since() == record.at
    state = await lead(wire_database, "test")
    await make_integrator(wire_database).append_batch(state)
    assert await log.waiting_since() is None


async def test_a_log_whose_tile_was_lost_stops_instead_of_growing_wrong(wire_uri: str, wire_database: Database) -> None:
    service, world = make_service(wire_database), wire_database.world
    state = await lead(wire_database, "test")
    await write_many(wire_database, service, 2)
    state = await make_integrator(wire_database).append_batch(state) or state
    with raw_client(wire_uri) as client:
        client[world.evidence_database]["log_tiles"].delete_many({})
    await write_many(wire_database, service, 1)
    with pytest.raises(Fenced):
        await make_integrator(wire_database).append_batch(state)
    with raw_client(wire_uri) as client:
        assert client[world.evidence_database][LOG.name].find_one({"_id": "log"}, {"size": 1}) == {
            "_id": "log",
            "size": 2,
        }
    assert Tile(0, 0) not in await LogStore(wire_database).tiles([Tile(0, 0)])
