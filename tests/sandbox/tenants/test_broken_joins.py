"""Joinings that fail half way, are cut off or killed: nothing of them stays, and the code is free again."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.app import application
from sandbox.bootstrap import Ground, Sandbox, sandbox_over
from sandbox.storage.joining_places import ROOM, JoiningPlaceStore
from sandbox.storage.snapshots import SNAPSHOT_PARTS, SnapshotStore, tenant_collections
from sandbox.tenants import joining
from sandbox.tenants.joining import ATTEMPTS_AT_ONCE, PLACE_LIFE, parse_join
from service.errors import Unavailable
from service.refusals import RefusalCode, Refused
from service.storage.database import Document
from tests.sandbox.opening import administrator, join, key_request, opened_sandbox, prepared_settings

pytestmark = pytest.mark.wire


@pytest.fixture
async def sandbox(wire_uri: str, tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with prepared_settings(wire_uri, tmp_path) as settings, opened_sandbox(settings) as opened:
        yield opened


async def ids_of_all(sandbox: Sandbox) -> dict[str, set[str]]:
    """Whatever tenants could have, of everybody."""
    found = {}
    for each in (*tenant_collections(), SNAPSHOT_PARTS):
        documents: list[Document] = await sandbox.database.collection(each).find({}, {"_id": 1}).to_list(None)
        found[each.name] = {str(one["_id"]) for one in documents}
    return found


async def places(sandbox: Sandbox) -> int:
    room = await JoiningPlaceStore(sandbox.database).find(ROOM)
    return len(room.places) if room else 0


async def test_a_key_that_another_has_is_refused_before_anything_is_opened(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    request = key_request()
    await sandbox.joining.join(parse_join({"operators": [{"role": "ADMINISTRATOR", "login": request}]}), "192.0.2.1")
    before = await ids_of_all(sandbox)

    async def open_nothing(*_: object, **__: object) -> None:
        raise AssertionError("something was opened")

    monkeypatch.setattr(joining, "open_participant", open_nothing)
    for given in ({"login": request}, {"login": key_request(), "seal": request}):
        with pytest.raises(Refused) as refused:
            await sandbox.joining.join(parse_join({"operators": [{"role": "ADMINISTRATOR", **given}]}), "192.0.2.1")
        assert [each.code for each in refused.value.refusals] == [RefusalCode.CERTIFICATE_KEY_OF_ANOTHER]
    assert (await ids_of_all(sandbox), await places(sandbox)) == (before, 0)


@pytest.mark.parametrize("step", ["_certify", "come_in"])
async def test_who_fails_after_the_opening_leaves_nothing_and_may_join_with_the_same_code_and_keys(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, step: str
):
    await join(sandbox)
    before, given = await ids_of_all(sandbox), administrator(code="AGAIN1")

    async def fail(*_: object) -> None:
        raise Unavailable("The database does not answer at the moment.")

    with monkeypatch.context() as broken:
        if step == "_certify":
            broken.setattr(type(sandbox.joining), step, fail)
        else:
            broken.setattr(sandbox.joining._tenants, "insert", fail)
        with pytest.raises(Unavailable):
            await sandbox.joining.join(parse_join(given), "192.0.2.1")
    assert (await ids_of_all(sandbox), await places(sandbox)) == (before, 0)
    assert (await sandbox.joining.join(parse_join(given), "192.0.2.1")).tenant.code == "AGAIN1"


async def test_who_is_cut_off_leaves_nothing_and_its_place_is_looked_at_again(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    before, opened = await ids_of_all(sandbox), asyncio.Event()

    async def forever(*_: object) -> None:
        opened.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as slow:
        slow.setattr(type(sandbox.joining), "_certify", forever)
        task = asyncio.create_task(join(sandbox, code="SLOW01"))
        async with asyncio.timeout(30):
            await opened.wait()
        assert await ids_of_all(sandbox) != before
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert (await ids_of_all(sandbox), await places(sandbox)) == (before, 1)
    assert await sandbox.joining.clear_left() == 0, "it may yet be joining, as far as others can tell"
    assert (await join(sandbox, code="SLOW01")).tenant.code == "SLOW01"
    monkeypatch.setattr(sandbox.joining, "_now", lambda: sandbox.clock.now() + PLACE_LIFE)
    assert (await sandbox.joining.clear_left(), await places(sandbox)) == (1, 0)


async def test_what_a_killed_process_opened_is_removed_and_nobody_elses(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    neighbour = await join(sandbox)
    before = await ids_of_all(sandbox)

    async def killed(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as dying:
        dying.setattr(type(sandbox.joining), "_certify", killed)
        dying.setattr(type(sandbox.joining), "_close", killed)
        with pytest.raises(asyncio.CancelledError):
            await join(sandbox, code="KILLED")
    assert await ids_of_all(sandbox) != before
    with pytest.raises(Refused, match="KILLED"):
        await join(sandbox, code="KILLED")
    later = sandbox.clock.now() + PLACE_LIFE
    monkeypatch.setattr(sandbox.joining, "_now", lambda: later)
    assert await sandbox.joining.clear_left() == 1
    assert (await ids_of_all(sandbox), await places(sandbox)) == (before, 0)
    assert (await sandbox.tenant_of(neighbour.secret)).id == neighbour.tenant.id
    assert (await join(sandbox, code="KILLED")).tenant.code == "KILLED"


@pytest.mark.parametrize("step", ["forget_answers", "remove_all"])
async def test_a_clearing_that_is_broken_off_is_brought_to_its_end_later(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, step: str
):
    before = await ids_of_all(sandbox)

    async def fail(*_: object) -> None:
        raise Unavailable("The database does not answer at the moment.")

    with monkeypatch.context() as broken:
        broken.setattr(sandbox.joining._tenants, "insert", fail)
        broken.setattr(SnapshotStore, step, fail)
        with pytest.raises(Unavailable):
            await join(sandbox)
    assert await ids_of_all(sandbox) != before
    monkeypatch.setattr(sandbox.joining, "_now", lambda: sandbox.clock.now() + PLACE_LIFE)
    assert await sandbox.joining.clear_left() == 1
    assert (await ids_of_all(sandbox), await places(sandbox)) == (before, 0)


async def test_a_place_that_was_left_costs_no_quota_after_its_time(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
    few = sandbox.settings.model_copy(update={"tenants_per_address": 1})
    narrow = sandbox_over(sandbox.services, few, sandbox.clock, sandbox.faults, Ground(few, sandbox.clock).serve)

    async def killed(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as dying:
        dying.setattr(type(narrow.joining), "_join", killed)
        with pytest.raises(asyncio.CancelledError):
            await join(narrow)
    later = sandbox.clock.now() + PLACE_LIFE + timedelta(seconds=1)
    monkeypatch.setattr(narrow.joining, "_now", lambda: later)
    assert (await join(narrow)).tenant.code


async def test_attempts_from_one_address_are_bounded_whatever_comes_of_them(wire_uri: str, tmp_path: Path):
    async with prepared_settings(wire_uri, tmp_path) as settings:
        app = application(settings)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://sandbox.test") as client,
        ):
            login = "-----BEGIN CERTIFICATE REQUEST-----"
            body: dict[str, Any] = {"operators": [{"role": "ADMINISTRATOR", "login": login}]}
            answers = [await client.post("/sandbox/join", json=body) for _ in range(ATTEMPTS_AT_ONCE)]
            assert {each.status_code for each in answers} == {400}
            while (last := await client.post("/sandbox/join", json=body)).status_code == 400:
                pass  # a token a second comes back meanwhile
            assert last.status_code == 429
            assert int(last.headers["retry-after"]) >= 1
