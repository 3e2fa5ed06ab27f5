"""Of a tenant's exchanges the newest are kept, up to a number and a size; what another has is not touched."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorCollection

from sandbox.bootstrap import Sandbox
from sandbox.inspector.bounds import ExchangeBounds
from sandbox.inspector.exchanges import Exchange, Trouble, size_of
from sandbox.storage import removing
from sandbox.storage.exchanges import EXCHANGES, ExchangeStore
from tests.sandbox.inspector.test_exchanges import some_exchange
from tests.sandbox.opening import opened_sandbox, prepared_settings

wire = pytest.mark.wire
MUCH = 10**9


@pytest.fixture
async def sandbox(wire_uri: str, tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with prepared_settings(wire_uri, tmp_path) as settings, opened_sandbox(settings) as opened:
        yield opened


def exchanges(count: int, *, of: str = "a", **more: Any) -> list[Exchange]:
    """The oldest first."""
    return [replace(some_exchange(n), id=f"{of}{n:025}", participant_id=f"sbx-par-{of}", **more) for n in range(count)]


async def kept(store: ExchangeStore, of: str = "a") -> list[str]:
    return [each.id for each in await store.list_by({"participantId": f"sbx-par-{of}"}, 1_000)]


@wire
async def test_the_newest_are_kept_by_number_and_a_neighbours_all(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
    store, mine = ExchangeStore(sandbox.database), exchanges(30)
    await store.write([*mine, *exchanges(30, of="b")])
    monkeypatch.setattr(removing, "BATCH", 7)  # several removals
    assert await store.keep_newest("sbx-par-a", 30, MUCH) == 0
    assert await store.keep_newest("sbx-par-a", 10, MUCH) == 20
    assert await kept(store) == [each.id for each in mine[20:]]
    assert len(await kept(store, "b")) == 30


@wire
async def test_what_a_tenant_has_is_forgotten_in_batches_and_a_neighbours_stays(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    store, asked = ExchangeStore(sandbox.database), []
    delete_many = AsyncIOMotorCollection.delete_many

    async def noted(self: Any, query: Any) -> Any:
        done = await delete_many(self, query)
        asked.append(done.deleted_count)
        return done

    await store.write([*exchanges(16), *exchanges(3, of="b")])
    monkeypatch.setattr(removing, "BATCH", 7)
    monkeypatch.setattr(AsyncIOMotorCollection, "delete_many", noted)
    await store.forget("sbx-par-a")
    assert asked == [7, 7, 2]
    assert (await kept(store), len(await kept(store, "b"))) == ([], 3)


@wire
async def test_the_newest_are_kept_by_size_and_those_of_before_sizes_were_written_by_age_alone(sandbox: Sandbox):
    store, mine = ExchangeStore(sandbox.database), exchanges(20, document="证" * 3_000)
    await store.write(mine)
    size = size_of(mine[0])
    assert size > 9_000
    assert await store.keep_newest("sbx-par-a", 1_000, 5 * size) == 15
    assert await kept(store) == [each.id for each in mine[15:]]
    await sandbox.database.collection(EXCHANGES).update_many({}, {"$unset": {"sized": 1}})
    assert await store.keep_newest("sbx-par-a", 1, 1) == 0


@wire
async def test_a_tenant_is_looked_at_at_once_and_again_when_it_has_grown_by_a_twentieth(sandbox: Sandbox):
    store = ExchangeStore(sandbox.database)
    bounds, mine = ExchangeBounds(store, most=40), exchanges(50)
    await store.write(mine)
    bounds.wrote(mine[-1:])  # the others by another process
    assert await bounds.trim() == 10
    more = [replace(each, id=f"b{number:025}") for number, each in enumerate(exchanges(3))]
    for number, expected in ((0, 0), (1, 2), (2, 0)):
        await store.write([more[number]])
        bounds.wrote([more[number]])
        assert await bounds.trim() == expected
    assert len(await kept(store)) == 41


@wire
async def test_a_tenant_whose_exchanges_cannot_be_trimmed_holds_up_no_other(sandbox: Sandbox):
    class Stubborn(ExchangeStore):
        async def keep_newest(self, participant_id: str, most: int, most_bytes: int) -> int:
            if participant_id == "sbx-par-a":
                raise ZeroDivisionError("a document that nobody can read")
            return await super().keep_newest(participant_id, most, most_bytes)

    store = Stubborn(sandbox.database)
    bounds, all_of_them = ExchangeBounds(store, most=5), [*exchanges(9), *exchanges(9, of="b")]
    await store.write(all_of_them)
    bounds.wrote(all_of_them)
    assert await bounds.trim() == 4


@wire
async def test_what_is_written_for_a_tenant_counts_towards_its_bounds(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sandbox.exchanges, "bounds", ExchangeBounds(ExchangeStore(sandbox.database), most=3))
    sandbox.exchanges._is_tenant["sbx-par-a"] = True
    for each in exchanges(8):
        sandbox.exchanges.note(each)
    await sandbox.exchanges.flush()
    assert await sandbox.exchanges.bounds.trim() == 5
    await sandbox.exchanges.forget("sbx-par-a")
    assert not sandbox.exchanges.bounds._grown


def test_what_an_answer_said_counts_as_what_was_asked_does():
    plain = some_exchange(1)
    told = replace(plain, variables="x" * 100, troubles=(Trouble(code="C", english="e" * 10, chinese="证"),))
    assert size_of(told) - size_of(plain) == 113
