"""Keeping what a tenant has under a name, and putting it back."""

from datetime import datetime
from typing import Self

import strawberry

from sandbox.control.jobs import Job
from sandbox.control.requests import Info, own_tenant, sandbox_of
from sandbox.storage.snapshots import Snapshot as SnapshotRecord
from sandbox.tenants.snapshots import JOINED


@strawberry.type(description="What the tenant had, kept under a name.")
class Snapshot:
    name: str
    taken_at: datetime
    objects: int

    @classmethod
    def of(cls, snapshot: SnapshotRecord) -> Self:
        return cls(name=snapshot.name, taken_at=snapshot.taken_at, objects=snapshot.objects)


@strawberry.type
class SnapshotMutation:
    @strawberry.mutation(description="Keep all that the tenant has under a name, in place of what that name had.")
    async def take_snapshot(self, info: Info, name: str) -> Job:
        sandbox = sandbox_of(info)
        return Job.of(await sandbox.snapshots.begin_take(sandbox.jobs, await own_tenant(info), name))

    @strawberry.mutation(description="Put back what a snapshot kept, its time included. Records stay.")
    async def restore_snapshot(self, info: Info, name: str) -> Job:
        sandbox = sandbox_of(info)
        return Job.of(await sandbox.snapshots.begin_restore(sandbox.jobs, await own_tenant(info), name))

    @strawberry.mutation(description="Put the tenant back to how it was when it joined. Records stay.")
    async def reset(self, info: Info) -> Job:
        sandbox = sandbox_of(info)
        return Job.of(await sandbox.snapshots.begin_restore(sandbox.jobs, await own_tenant(info), JOINED))
