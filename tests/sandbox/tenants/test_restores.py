"""Restores and snapshots that are broken off, fail or follow each other: what is left is right, or gone."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from sandbox.bootstrap import Sandbox
from sandbox.issuing import issue_certificate
from sandbox.storage.snapshots import SNAPSHOT_PARTS, SnapshotStore
from sandbox.tenants import objects
from sandbox.tenants.jobs import JobState, TenantJob
from sandbox.tenants.joining import Joined
from sandbox.tenants.openings import ensure_staff
from sandbox.tenants.records import TenantState
from sandbox.tenants.snapshots import JOINED
from service.certificate_requests import RequestInput
from service.certificates import Certificate, CertificateProfile, RevocationReason
from service.storage.revocations import REVOCATIONS, RevocationStore
from tests.sandbox.opening import join, key_request, opened_sandbox, prepared_settings
from tests.sandbox.tenants.test_snapshots import bytes_of, restore, take
from tests.sandbox.test_clock import ended

pytestmark = pytest.mark.wire


@pytest.fixture
async def sandbox(wire_uri: str, tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with prepared_settings(wire_uri, tmp_path) as settings, opened_sandbox(settings) as opened:
        yield opened


async def issue(sandbox: Sandbox, joined: Joined) -> Certificate:
    """For an operator that had none when it joined."""
    given = RequestInput(CertificateProfile.LOGIN, key_request(), operator_id=joined.operators[1].operator.id)
    return await issue_certificate(sandbox.services, await ensure_staff(sandbox.services), given)


async def revoke(sandbox: Sandbox, certificate: Certificate) -> None:
    staff = await ensure_staff(sandbox.services)
    await sandbox.services.certificates.revoke(staff.desk, certificate.id, RevocationReason.CESSATION_OF_OPERATION)


async def is_listed(sandbox: Sandbox, certificate: Certificate) -> bool:
    place = {"serialNumber": certificate.serial_number}
    found = await sandbox.services.database.collection(REVOCATIONS).find_one(place)
    return found is not None and found["entry"] is not None


async def reset_fails(sandbox: Sandbox, joined: Joined) -> TenantJob:
    job = await ended(sandbox, await sandbox.snapshots.begin_restore(sandbox.jobs, joined.tenant, JOINED))
    assert job.state is JobState.FAILED
    return job


async def test_a_certificate_that_comes_back_good_after_a_reset_leaves_the_revocation_list(sandbox: Sandbox):
    joined = await join(sandbox)
    certificate = await issue(sandbox, joined)
    await take(sandbox, joined, "good")
    await revoke(sandbox, certificate)
    await restore(sandbox, joined, JOINED)
    assert await is_listed(sandbox, certificate), "who is gone and was revoked stays so"
    await restore(sandbox, joined, "good")
    assert not await is_listed(sandbox, certificate)


async def test_a_certificate_that_comes_back_revoked_after_a_reset_is_on_the_revocation_list(sandbox: Sandbox):
    joined = await join(sandbox)
    certificate = await issue(sandbox, joined)
    await take(sandbox, joined, "good")
    await revoke(sandbox, certificate)
    await take(sandbox, joined, "ended")
    await restore(sandbox, joined, "good")
    assert not await is_listed(sandbox, certificate)
    await restore(sandbox, joined, JOINED)
    await restore(sandbox, joined, "ended")
    assert await is_listed(sandbox, certificate)


async def test_a_restore_killed_before_the_revocation_list_followed_lets_it_follow_when_begun_anew(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    joined = await join(sandbox)
    certificate = await issue(sandbox, joined)
    await take(sandbox, joined, "good")
    await revoke(sandbox, certificate)

    async def fail(*_: object) -> None:
        raise LookupError("the process was killed here")

    with monkeypatch.context() as killed:
        killed.setattr(RevocationStore, "follow", fail)
        job = await ended(sandbox, await sandbox.snapshots.begin_restore(sandbox.jobs, joined.tenant, "good"))
        assert job.state is JobState.FAILED
    assert await is_listed(sandbox, certificate)
    await restore(sandbox, joined, "good")
    assert not await is_listed(sandbox, certificate)


async def parts_of(sandbox: Sandbox, joined: Joined) -> set[str]:
    """The generations of which anything is kept."""
    found = sandbox.services.database.collection(SNAPSHOT_PARTS).find({"tenantId": joined.tenant.id})
    return {each["generation"] async for each in found}


async def test_a_snapshot_that_is_too_large_leaves_nothing_behind(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
    joined = await join(sandbox)
    before = await parts_of(sandbox, joined)
    monkeypatch.setattr(objects, "MOST_OBJECTS", 3)
    job = await ended(sandbox, await sandbox.snapshots.begin_take(sandbox.jobs, joined.tenant, "large"))
    assert job.problem == "A snapshot holds at most 3 objects."
    assert await parts_of(sandbox, joined) == before


async def test_a_snapshot_that_is_broken_off_leaves_nothing_behind(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
    joined = await join(sandbox)
    before = await parts_of(sandbox, joined)
    keep_part, written = SnapshotStore.keep_part, asyncio.Event()

    async def stuck(self: SnapshotStore, *given: Any) -> None:
        await keep_part(self, *given)
        written.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as slow:
        slow.setattr(SnapshotStore, "keep_part", stuck)
        taking = asyncio.create_task(sandbox.snapshots.take(joined.tenant.id, "slow"))
        await written.wait()
        assert len(await parts_of(sandbox, joined)) == len(before) + 1
        taking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taking
    assert await parts_of(sandbox, joined) == before


async def test_what_a_killed_process_left_of_a_snapshot_goes_with_the_next(sandbox: Sandbox):
    joined, neighbour = await join(sandbox), await join(sandbox)
    before = await bytes_of(sandbox, joined)
    stored = sandbox.services.database.collection(SNAPSHOT_PARTS)
    for each in (joined, neighbour):
        part = await stored.find_one({"tenantId": each.tenant.id})
        await stored.insert_one(part | {"_id": f"{each.tenant.id}-killed/0", "generation": f"{each.tenant.id}-killed"})
    theirs = await parts_of(sandbox, neighbour)
    await take(sandbox, joined, "next")
    assert len(await parts_of(sandbox, joined)) == len(await sandbox.snapshots.of_tenant(joined.tenant)) == 2
    assert await parts_of(sandbox, neighbour) == theirs
    await restore(sandbox, joined, JOINED)
    assert await bytes_of(sandbox, joined) == before


async def test_an_outage_that_ends_a_restore_is_named_and_the_tenant_can_be_reset(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    joined = await join(sandbox)

    async def fail(*_: object) -> None:
        raise AutoReconnect("db.internal:27017: connection refused")

    with monkeypatch.context() as away:
        away.setattr(SnapshotStore, "put_objects", fail)
        job = await reset_fails(sandbox, joined)
    assert job.problem == "The database does not answer at the moment."
    assert (await sandbox.tenant_of(joined.secret)).state is TenantState.RESTORING
    await restore(sandbox, joined, JOINED)
    assert (await sandbox.tenant_of(joined.secret)).state is TenantState.ACTIVE


async def test_what_nobody_foresaw_is_not_told_to_the_tenant(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
    joined = await join(sandbox)

    async def fail(*_: object) -> None:
        raise ZeroDivisionError("inner workings")

    monkeypatch.setattr(SnapshotStore, "put_objects", fail)
    assert (await reset_fails(sandbox, joined)).problem == "Something went wrong here."
