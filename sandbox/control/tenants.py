"""A tenant as it sees itself."""

from datetime import datetime
from typing import Self

import strawberry

from sandbox.bootstrap import Sandbox
from sandbox.control.clock import Clock
from sandbox.control.jobs import Job
from sandbox.control.requests import Info, own_tenant, sandbox_of
from sandbox.control.snapshots import Snapshot
from sandbox.tenants import records as tenants
from sandbox.tenants.snapshots import MOST_SNAPSHOTS
from schema.cost import ListSize
from schema.types import Marked, marks

LATEST_JOBS = 20

strawberry.enum(tenants.TenantState)


@strawberry.type(description="The tenant was told that it will end for want of use.")
class Notice:
    at: datetime
    days_left: int

    @classmethod
    def of(cls, notice: tenants.IdleNotice) -> Self:
        return cls(at=notice.at, days_left=notice.days_left)


@strawberry.type(description="Whoever joined: a participant of its own, and the right to rule its own corner.")
class Tenant(Marked):
    id: strawberry.ID = strawberry.field(description="That of its participant.")
    code: str
    legal_name: str
    state: tenants.TenantState
    epoch: int = strawberry.field(description="Counts resets and restores; within one, time goes forward only.")
    joined_at: datetime
    expires_at: datetime = strawberry.field(description="When it ends if nobody uses it until then.")
    clock: Clock
    notices: list[Notice] = strawberry.field(directives=[ListSize(assumed_size=10)])

    @classmethod
    def of(cls, tenant: tenants.Tenant, sandbox: Sandbox) -> Self:
        real, now = sandbox.clock.now(), sandbox.clock.now(tenant.id)
        return cls(
            **marks(sandbox.world),
            id=strawberry.ID(tenant.id),
            code=tenant.code,
            legal_name=tenant.legal_name,
            state=tenant.state,
            epoch=tenant.epoch,
            joined_at=tenant.joined_at,
            expires_at=tenant.expires_at,
            clock=Clock(now=now, real=real, ahead_seconds=round((now - real).total_seconds())),
            notices=[Notice.of(each) for each in tenant.notices],
        )

    @strawberry.field(description="The newest first.", directives=[ListSize(assumed_size=LATEST_JOBS)])
    async def jobs(self, info: Info) -> list[Job]:
        return [Job.of(each) for each in await sandbox_of(info).kept_jobs.latest_of(self.id, LATEST_JOBS)]

    @strawberry.field(directives=[ListSize(assumed_size=MOST_SNAPSHOTS)])
    async def snapshots(self, info: Info) -> list[Snapshot]:
        return [Snapshot.of(each) for each in await sandbox_of(info).snapshots.of_tenant(await own_tenant(info))]


@strawberry.type
class TenantQuery:
    @strawberry.field(description="The tenant whose secret the request bears.")
    async def tenant(self, info: Info) -> Tenant:
        return Tenant.of(await own_tenant(info), sandbox_of(info))
