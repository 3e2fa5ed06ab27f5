"""Reset, snapshot, restore: the same bytes come back, quickly, and nobody else's are touched."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import bson
import pytest

from sandbox.bootstrap import Sandbox
from sandbox.storage.collections import SANDBOX_COLLECTIONS
from sandbox.storage.snapshots import OF_THE_WORLD, tenant_collections
from sandbox.tenants.jobs import JobState
from sandbox.tenants.joining import Joined
from sandbox.tenants.openings import ensure_staff
from sandbox.tenants.records import TenantState
from sandbox.tenants.snapshots import JOINED, MOST_SNAPSHOTS, parse_name
from service.access import SYSTEM
from service.certificate_changes import revoked
from service.certificates import RevocationReason
from service.errors import BadInput
from service.operators import OffboardReason, OperatorStatus
from service.records import RecordFilter
from service.storage.certificates import CertificateStore
from service.storage.collections import ALL_COLLECTIONS
from service.storage.operators import OPERATORS
from service.storage.revocations import REVOCATIONS
from service.storage.tasks import TASKS
from service.storage.usage import PERMISSION_USE
from tests.sandbox.opening import join, opened_sandbox, prepared_settings
from tests.sandbox.test_clock import advance, ended

wire = pytest.mark.wire
MANY = 2_000  # several parts of a snapshot; how long ten thousand take is measured in tests/sandbox/bench/resets.py


@pytest.fixture
async def sandbox(wire_uri: str, tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with prepared_settings(wire_uri, tmp_path) as settings, opened_sandbox(settings) as opened:
        yield opened


async def bytes_of(sandbox: Sandbox, joined: Joined) -> dict[str, list[bytes]]:
    """Every document of a tenant's, byte for byte."""
    store, tenant_id = sandbox.snapshots._store, joined.tenant.id
    operators = await store.operator_ids(tenant_id)
    return {
        each.name: [bson.encode(document) for document in await store.objects_of(each, tenant_id, operators)]
        for each in tenant_collections()
    }


async def take(sandbox: Sandbox, joined: Joined, name: str) -> None:
    job = await ended(sandbox, await sandbox.snapshots.begin_take(sandbox.jobs, joined.tenant, name))
    assert job.state is JobState.DONE, job.problem


async def restore(sandbox: Sandbox, joined: Joined, name: str) -> None:
    job = await ended(sandbox, await sandbox.snapshots.begin_restore(sandbox.jobs, joined.tenant, name))
    assert job.state is JobState.DONE, job.problem


async def damage(sandbox: Sandbox, joined: Joined) -> None:
    """An operator leaves, and its certificates with it."""
    staff = await ensure_staff(sandbox.services)
    for each in joined.operators[1:]:
        await sandbox.services.operators.offboard(staff.desk, each.operator.id, OffboardReason.LEFT)


@wire
async def test_what_was_damaged_comes_back_byte_for_byte_and_a_neighbour_is_not_touched(sandbox: Sandbox):
    mine, neighbours = await join(sandbox), await join(sandbox)
    await take(sandbox, mine, "before")
    before, others = await bytes_of(sandbox, mine), await bytes_of(sandbox, neighbours)
    await damage(sandbox, mine)
    assert await bytes_of(sandbox, mine) != before
    await restore(sandbox, mine, "before")
    assert await bytes_of(sandbox, mine) == before
    assert await bytes_of(sandbox, neighbours) == others
    assert len(before["certificate_keys"]) == len(before["certificates"]) == 2
    tenant = await sandbox.tenants.find(mine.tenant.id)
    assert tenant is not None
    assert (tenant.epoch, tenant.state) == (2, TenantState.ACTIVE)


@wire
async def test_a_reset_returns_to_the_joining_its_time_included_and_leaves_the_records(sandbox: Sandbox):
    joined = await join(sandbox)
    before = await bytes_of(sandbox, joined)
    await advance(sandbox, joined, timedelta(days=3))
    await damage(sandbox, joined)
    wanted = RecordFilter(participant_id=joined.tenant.id)
    written = await sandbox.services.records.count(SYSTEM, wanted)
    await restore(sandbox, joined, JOINED)
    assert await bytes_of(sandbox, joined) == before
    assert sandbox.clock.ahead(joined.tenant.id) == timedelta(0)
    assert await sandbox.services.records.count(SYSTEM, wanted) >= written
    operator = await sandbox.services.operators.find(SYSTEM, joined.operators[1].operator.id)
    assert operator is not None
    assert operator.status is OperatorStatus.ACTIVE


@wire
async def test_the_revocation_list_follows_a_certificate_that_comes_back(sandbox: Sandbox):
    joined = await join(sandbox)
    certificate = joined.operators[0].certificates[0]
    ended_one = revoked(certificate, RevocationReason.SUPERSEDED, sandbox.clock.now())
    store = CertificateStore(sandbox.services.database)
    await sandbox.services.database.transaction(lambda session: store.replace(session, ended_one))
    place = {"serialNumber": certificate.serial_number}
    entries = sandbox.services.database.collection(REVOCATIONS)
    listed = await entries.find_one(place)
    assert listed["entry"] is not None
    await restore(sandbox, joined, JOINED)
    released = await entries.find_one(place)
    assert released["entry"] is None
    assert released["sequence"] > listed["sequence"]


@wire
async def test_a_key_of_before_a_reset_answers_anew(sandbox: Sandbox):
    joined = await join(sandbox)
    staff = await ensure_staff(sandbox.services)
    who = joined.operators[1].operator.id
    first = await sandbox.services.operators.freeze(staff.desk, who, key="k")
    await restore(sandbox, joined, JOINED)
    second = await sandbox.services.operators.freeze(staff.desk, who, key="k")
    assert first.record is not None
    assert second.record is not None
    assert first.record.id != second.record.id


async def fill(sandbox: Sandbox, joined: Joined, objects: int) -> None:
    """So many objects more: a tenth operators, the rest what they used, and tasks."""
    people = objects // 10
    others = (objects - people) // 2
    operators = sandbox.services.database.collection(OPERATORS)
    pattern = await operators.find_one({"participantId": joined.tenant.id})
    marks = {"environment": "SANDBOX", "binding": False}
    staff = [{**pattern, "_id": f"{pattern['_id']}-{n}", "operatorNumber": f"{n + 100_000}"} for n in range(people)]
    uses = [
        {"_id": f"{pattern['_id']}/{n}", "operatorId": pattern["_id"], "permission": "OPERATOR_READ", "times": 1}
        | {"day": "2026-11-22", "lastUsedAt": sandbox.clock.now(), **marks}
        for n in range(others)
    ]
    task = {"version": 1, "kind": "QUALIFICATION_LOST", "status": "OPEN", "reference": "letter", "closedAt": None}
    task |= {"participantId": joined.tenant.id, "raisedAt": sandbox.clock.now(), "closedBy": None, "note": None} | marks
    tasks = [{"_id": f"{joined.tenant.id}-task-{n}", **task} for n in range(others)]
    for declared, documents in ((OPERATORS, staff), (PERMISSION_USE, uses), (TASKS, tasks)):
        for start in range(0, len(documents), 500):
            await sandbox.services.database.collection(declared).insert_many(documents[start : start + 500])


@wire
async def test_thousands_of_objects_are_reset_to_the_bytes_of_the_joining(sandbox: Sandbox):
    joined = await join(sandbox)
    before = await bytes_of(sandbox, joined)
    await fill(sandbox, joined, MANY)
    assert await bytes_of(sandbox, joined) != before
    await restore(sandbox, joined, JOINED)
    assert await bytes_of(sandbox, joined) == before


@wire
async def test_thousands_of_objects_are_taken_and_come_back_when_some_are_gone(sandbox: Sandbox):
    joined = await join(sandbox)
    await fill(sandbox, joined, MANY)
    await take(sandbox, joined, "large")
    before = await bytes_of(sandbox, joined)
    await damage(sandbox, joined)
    await sandbox.services.database.collection(TASKS).delete_many({"participantId": joined.tenant.id})
    await restore(sandbox, joined, "large")
    assert await bytes_of(sandbox, joined) == before


@wire
async def test_a_tenant_has_so_many_snapshots_and_none_that_is_anothers(sandbox: Sandbox):
    mine, neighbours = await join(sandbox), await join(sandbox)
    await take(sandbox, neighbours, "theirs")
    with pytest.raises(BadInput, match="no snapshot"):
        await sandbox.snapshots.begin_restore(sandbox.jobs, mine.tenant, "theirs")
    for number in range(MOST_SNAPSHOTS - 1):
        await take(sandbox, mine, f"s{number}")
    with pytest.raises(BadInput, match="at most"):
        await sandbox.snapshots.begin_take(sandbox.jobs, mine.tenant, "more")
    await take(sandbox, mine, "s0")


@pytest.mark.parametrize("name", ["", "Joined", JOINED, "a" * 41, "-a", "a/b", "ä", "a b", "a\n"])
def test_names_that_a_snapshot_cannot_have(name: str):
    with pytest.raises(BadInput):
        parse_name(name)


def test_every_collection_is_a_tenants_or_the_worlds():
    named = {each.name for each in tenant_collections()} | OF_THE_WORLD | {"idempotency"}
    assert {each.name for each in ALL_COLLECTIONS if not each.evidence} <= named
    assert {each.name for each in ALL_COLLECTIONS} <= {each.name for each in SANDBOX_COLLECTIONS}
