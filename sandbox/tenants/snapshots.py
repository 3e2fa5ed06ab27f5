"""Snapshots of a tenant: all that it has, kept under a name and put back; a reset puts back how it was when it joined.

Records are written once (art. 12): those of before stay, and what follows is of the tenant's next epoch. Its time
returns to that of the snapshot. Certificates are again as they were, and the revocation list follows them.
"""

import re
from dataclasses import replace
from datetime import timedelta

from sandbox.storage.snapshots import Snapshot, SnapshotStore
from sandbox.storage.tenants import TenantStore
from sandbox.tenants.clock_moves import ClockMoves
from sandbox.tenants.job_runner import JobRunner, Progress
from sandbox.tenants.jobs import JobKind, TenantJob
from sandbox.tenants.objects import TenantObjects
from sandbox.tenants.records import Tenant, TenantState
from service.bootstrap import Services
from service.errors import BadInput

JOINED = "joined"
MOST_SNAPSHOTS = 10
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def parse_name(name: str) -> str:
    """Raises BadInput, also for the name that is the sandbox's own."""
    if _NAME.fullmatch(name) is None or name == JOINED:
        raise BadInput(f"A snapshot's name has 1 to 40 small letters, digits and hyphens, and is not {JOINED!r}.")
    return name


class Snapshots:
    def __init__(self, services: Services, store: SnapshotStore, tenants: TenantStore, moves: ClockMoves) -> None:
        self._objects = TenantObjects(services, store)
        self._tokens = services.tokens
        self._store = store
        self._tenants = tenants
        self._moves = moves

    async def of_tenant(self, tenant: Tenant) -> list[Snapshot]:
        return await self._store.of_tenant(tenant.id)

    async def begin_take(self, jobs: JobRunner, tenant: Tenant, name: str) -> TenantJob:
        """Raises BadInput for a name that is none, for too many, and while another job runs."""
        parse_name(name)
        kept = {each.name for each in await self._store.of_tenant(tenant.id)}
        if name not in kept and len(kept) >= MOST_SNAPSHOTS:
            raise BadInput(f"A tenant has at most {MOST_SNAPSHOTS} snapshots: take one under a name that there is.")
        return await jobs.begin(tenant.id, JobKind.SNAPSHOT, snapshot=name)

    async def begin_restore(self, jobs: JobRunner, tenant: Tenant, name: str) -> TenantJob:
        """Raises BadInput for a snapshot that there is not, and while another job runs."""
        if await self._store.find(f"{tenant.id}/{name}") is None:
            raise BadInput(f"There is no snapshot {name[:40]!r} of this tenant.")
        kind = JobKind.RESET if name == JOINED else JobKind.RESTORE
        return await jobs.begin(tenant.id, kind, snapshot=name)

    async def take_job(self, job: TenantJob, progress: Progress) -> int:
        await progress.tell(0, "taking", 0)
        return (await self.take(job.tenant_id, job.snapshot or "")).objects

    async def take(self, tenant_id: str, name: str) -> Snapshot:
        """As `TenantObjects.take`."""
        return await self._objects.take(tenant_id, name)

    async def restore_job(self, job: TenantJob, progress: Progress) -> int:
        """1 mark, 2 put back the objects, 3 set the time back, 4 begin the next epoch. Broken off, it begins anew."""
        snapshot = await self._store.find(f"{job.tenant_id}/{job.snapshot}")
        tenant = await self._tenants.find(job.tenant_id)
        if snapshot is None or tenant is None:
            raise LookupError("There is no such snapshot.")
        tenant = await self._tenants.replace(None, replace(tenant, state=TenantState.RESTORING))  # 1
        events = await self._objects.put_back(snapshot, progress.tell)  # 2
        epoch = tenant.epoch + 1
        await self._moves.put(tenant.id, epoch, timedelta(milliseconds=snapshot.ahead_ms))  # 3
        self._tokens.forget()
        await self._tenants.replace(None, replace(tenant, state=TenantState.ACTIVE, epoch=epoch))  # 4
        return events

    async def forget(self, tenant_id: str) -> None:
        """All that a tenant has, for one that ends."""
        await self._objects.remove(tenant_id)
