"""A tenant's own time, and moving it."""

from datetime import datetime

import strawberry

from sandbox.control.jobs import Job
from sandbox.control.requests import Info, own_tenant, sandbox_of
from sandbox.durations import parse_duration


@strawberry.type(description="The tenant's own time: the real one, or ahead of it.")
class Clock:
    now: datetime
    real: datetime
    ahead_seconds: int


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
