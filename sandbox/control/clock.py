"""A tenant's own time, and moving it."""

from datetime import datetime
from typing import Self

import strawberry

from sandbox.control.jobs import Job
from sandbox.control.requests import Info, own_tenant, sandbox_of
from sandbox.tenants import happenings
from sandbox.tenants.durations import parse_duration
from sandbox.tenants.happenings import HappeningKind
from schema.cost import ListSize
from service.errors import BadInput

strawberry.enum(HappeningKind)


@strawberry.type(description="The tenant's own time: the real one, or ahead of it.")
class Clock:
    now: datetime
    real: datetime
    ahead_seconds: int


@strawberry.type(description="Something that the tenant's time has brought.")
class Happening:
    id: strawberry.ID = strawberry.field(description="That of its record.")
    kind: HappeningKind
    at: datetime = strawberry.field(description="By the tenant's time.")
    subject: strawberry.ID = strawberry.field(description="The certificate or the application.")
    days_left: int | None = strawberry.field(description="Of a reminder: how many days, or fewer, were left.")
    serial_number: str | None
    not_after: datetime | None

    @classmethod
    def of(cls, happening: happenings.Happening) -> Self:
        return cls(
            id=strawberry.ID(happening.id),
            kind=happening.kind,
            at=happening.at,
            subject=strawberry.ID(happening.subject),
            days_left=happening.days_left,
            serial_number=happening.serial_number,
            not_after=happening.not_after,
        )


@strawberry.type
class ClockQuery:
    @strawberry.field(
        description="Reminders, expiries, ends of overlaps and applications that took effect, the latest first.",
        directives=[ListSize(assumed_size=happenings.MOST)],
    )
    async def happenings(self, info: Info, first: int = 50) -> list[Happening]:
        if not 1 <= first <= happenings.MOST:
            raise BadInput(f"first: 1 to {happenings.MOST}.")
        tenant = await own_tenant(info)
        return [Happening.of(each) for each in await sandbox_of(info).happenings.of_tenant(tenant.id, first)]


@strawberry.type
class ClockMutation:
    @strawberry.mutation(description="Move the tenant's clock forward by a span such as 30d, 36h or P1DT12H.")
    async def advance_clock(self, info: Info, by: str) -> Job:
        sandbox = sandbox_of(info)
        return Job.of(await sandbox.moves.advance(sandbox.jobs, await own_tenant(info), parse_duration(by)))

    @strawberry.mutation(description="Move the tenant's clock forward to a moment.")
    async def set_clock(self, info: Info, to: datetime) -> Job:
        sandbox = sandbox_of(info)
        return Job.of(await sandbox.moves.set(sandbox.jobs, await own_tenant(info), to))
