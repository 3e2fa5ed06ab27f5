"""Idle tenants end, those in use do not, and what fails for one tenant leaves the others alone."""

import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox.bootstrap import Sandbox
from sandbox.tenants.due_work import DueWork
from sandbox.tenants.joining import Joined
from sandbox.tenants.records import IDLE_LIFE, TenantState
from service.access import SYSTEM
from service.errors import Unauthenticated
from service.pagination import BY_ID, PageRequest
from service.records import RecordFilter
from tests.sandbox.opening import join, leave_unused, opened_sandbox, prepared_settings
from tests.sandbox.tenants.test_snapshots import bytes_of
from tests.sandbox.test_clock import advance

pytestmark = pytest.mark.wire


@pytest.fixture
async def sandbox(wire_uri: str, tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with prepared_settings(wire_uri, tmp_path) as settings, opened_sandbox(settings) as opened:
        yield opened


async def state_of(sandbox: Sandbox, joined: Joined) -> TenantState:
    tenant = await sandbox.tenants.find(joined.tenant.id)
    assert tenant is not None
    return tenant.state


async def test_an_idle_tenant_is_told_twice_then_ends_with_all_it_had_but_its_records(sandbox: Sandbox):
    idle, used = await join(sandbox), await join(sandbox)

    async def unused_for(days: float) -> None:
        tenant = await sandbox.tenants.find(idle.tenant.id)
        assert tenant is not None
        last = sandbox.clock.now() - timedelta(days=days)
        notices = tuple(dataclasses.replace(each, at=last + timedelta(days=1)) for each in tenant.notices)
        await sandbox.tenants.replace(None, dataclasses.replace(tenant, notices=notices))
        await leave_unused(sandbox, idle, last)
        await sandbox.idleness.look()

    told = []
    for days in (22, 23.5, 24, 29.5, 29.6):
        await unused_for(days)
        tenant = await sandbox.tenant_of(idle.secret)
        told.append([each.days_left for each in tenant.notices])
    assert told == [[], [7], [7], [7, 1], [7, 1]]
    await unused_for(IDLE_LIFE.days)
    with pytest.raises(Unauthenticated):
        await sandbox.tenant_of(idle.secret)
    assert not any((await bytes_of(sandbox, idle)).values())
    assert await sandbox.services.records.page(
        SYSTEM, RecordFilter(participant_id=idle.tenant.id), PageRequest(BY_ID, 1)
    )
    assert (await sandbox.tenant_of(used.secret)).state is TenantState.ACTIVE


async def test_an_end_that_fails_is_brought_to_its_end_later_and_holds_up_no_other(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    idle, another = await join(sandbox), await join(sandbox)
    for days, each in ((2, idle), (1, another)):
        await leave_unused(sandbox, each, sandbox.clock.now() - IDLE_LIFE - timedelta(days=days))
    forget = type(sandbox.snapshots).forget

    async def fail(self: Any, tenant_id: str) -> None:
        if tenant_id == idle.tenant.id:
            raise ZeroDivisionError("a document that nobody can read")
        await forget(self, tenant_id)

    with monkeypatch.context() as broken:
        broken.setattr(type(sandbox.snapshots), "forget", fail)
        assert await sandbox.idleness.look() == 1
    assert await state_of(sandbox, another) is TenantState.EXPIRED
    with pytest.raises(Unauthenticated):
        await sandbox.tenant_of(idle.secret)
    assert any((await bytes_of(sandbox, idle)).values())
    assert await sandbox.idleness.look() == 1
    assert not any((await bytes_of(sandbox, idle)).values())
    assert await state_of(sandbox, idle) is TenantState.EXPIRED
    assert await sandbox.idleness.look() == 0


@pytest.mark.parametrize("days", [IDLE_LIFE.days + 1, IDLE_LIFE.days - 0.5])
async def test_a_tenant_used_after_it_was_found_idle_neither_ends_nor_is_told(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, days: float
):
    joined = await join(sandbox)
    await leave_unused(sandbox, joined, sandbox.clock.now() - timedelta(days=days))
    idle_since = sandbox.tenants.idle_since

    async def then_used(*given: Any) -> Any:
        found = await idle_since(*given)
        await sandbox.tenants.saw([joined.tenant.id], sandbox.clock.now())
        return found

    monkeypatch.setattr(sandbox.tenants, "idle_since", then_used)
    assert await sandbox.idleness.look() == 0
    tenant = await sandbox.tenant_of(joined.secret)
    assert (tenant.state, tenant.notices) == (TenantState.ACTIVE, ())
    assert tenant.last_used_at > sandbox.clock.now() - timedelta(minutes=5)


async def test_a_change_of_a_tenant_read_before_its_last_use_leaves_that_as_it_is(sandbox: Sandbox):
    joined = await join(sandbox)
    read = await sandbox.tenants.find(joined.tenant.id)
    assert read is not None
    later = read.last_used_at + timedelta(hours=1)
    await sandbox.tenants.saw([read.id], later)
    await sandbox.tenants.replace(None, dataclasses.replace(read, epoch=7))
    changed = await sandbox.tenants.find(read.id)
    assert changed is not None
    assert (changed.epoch, changed.version, changed.last_used_at) == (7, read.version + 1, later)


async def test_a_tenant_that_is_left_half_restored_ends_like_any_other(sandbox: Sandbox):
    joined = await join(sandbox)
    await sandbox.tenants.replace(None, dataclasses.replace(joined.tenant, state=TenantState.RESTORING))
    await leave_unused(sandbox, joined, sandbox.clock.now() - IDLE_LIFE)
    await sandbox.idleness.look()
    assert await state_of(sandbox, joined) is TenantState.EXPIRED


async def test_due_work_that_fails_for_one_tenant_is_done_for_the_others(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    broken, other = await join(sandbox), await join(sandbox)
    for each in (broken, other):
        await advance(sandbox, each, timedelta(days=1))
    done = []

    async def does(tenant_id: str, _: object) -> int:
        if tenant_id == broken.tenant.id:
            raise ZeroDivisionError("a document that nobody can read")
        done.append(tenant_id)
        return 1

    async def falls(*_: object) -> tuple[()]:
        return ()

    monkeypatch.setattr(sandbox.moves, "_works", (DueWork("all", falls, does),))
    assert await sandbox.moves.live() == 1
    assert done == [other.tenant.id]


async def test_nothing_becomes_due_for_a_tenant_from_the_moment_its_objects_are_being_put_back(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    joined = await join(sandbox)
    await advance(sandbox, joined, timedelta(days=400))
    done = []

    async def does(tenant_id: str, _: object) -> int:
        """As if a restore began meanwhile."""
        done.append(tenant_id)
        tenant = await sandbox.tenants.find(tenant_id)
        assert tenant is not None
        await sandbox.tenants.replace(None, dataclasses.replace(tenant, state=TenantState.RESTORING))
        return 1

    async def falls(*_: object) -> tuple[()]:
        return ()

    monkeypatch.setattr(sandbox.moves, "_works", (DueWork("one", falls, does), DueWork("another", falls, does)))
    assert await sandbox.moves.live() == 1
    assert await sandbox.moves.live() == 0
    assert done == [joined.tenant.id]


async def test_an_ended_tenants_clock_is_forgotten_here_and_in_other_processes(sandbox: Sandbox):
    joined = await join(sandbox)
    async with opened_sandbox(sandbox.settings) as other:
        await advance(sandbox, joined, timedelta(days=1))
        await other.moves.learn_all()
        assert sandbox.clock.moved() == other.clock.moved() == [joined.tenant.id]
        await leave_unused(sandbox, joined, sandbox.clock.now() - IDLE_LIFE)
        await sandbox.idleness.look()
        assert sandbox.clock.moved() == []
        await other.moves.live()
        assert other.clock.moved() == []
        assert other.clock.ahead(joined.tenant.id) == timedelta(0)
