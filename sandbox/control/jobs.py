"""The jobs of a tenant, and how they go on."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Self

import strawberry

from sandbox.control.requests import Info, own_tenant, sandbox_of
from sandbox.tenants.jobs import JobKind, JobState, TenantJob

LOOK_SECONDS = 0.25

for _each in (JobKind, JobState):
    strawberry.enum(_each)


@strawberry.type(description="A job of the tenant: one at a time, with progress to look at.")
class Job:
    id: strawberry.ID
    kind: JobKind
    state: JobState
    percent: int
    doing: str = strawberry.field(description="What it is at; of a clock, the day it has reached.")
    events: int = strawberry.field(description="What it has brought about, counted.")
    started_at: datetime
    ended_at: datetime | None
    problem: str | None = strawberry.field(description="Why it failed.")

    @classmethod
    def of(cls, job: TenantJob) -> Self:
        return cls(
            id=strawberry.ID(job.id),
            kind=job.kind,
            state=job.state,
            percent=job.percent,
            doing=job.doing,
            events=job.events,
            started_at=job.started_at,
            ended_at=job.ended_at,
            problem=job.problem,
        )


@strawberry.type
class JobQuery:
    @strawberry.field(description="A job of the tenant; null for another's, as for none.")
    async def job(self, info: Info, id: strawberry.ID) -> Job | None:  # noqa: A002 - GraphQL's name for it
        found = await _own_job(info, id)
        return Job.of(found) if found else None


@strawberry.type
class JobSubscription:
    @strawberry.subscription(description="The job each time it has moved on, until it has ended.")
    async def job_progress(self, info: Info, id: strawberry.ID) -> AsyncGenerator[Job, None]:  # noqa: A002 - as above
        seen = None
        while (job := await _own_job(info, id)) is not None:
            if job.version != seen:
                seen = job.version
                yield Job.of(job)
            if job.ended:
                return
            await asyncio.sleep(LOOK_SECONDS)


async def _own_job(info: Info, job_id: str) -> TenantJob | None:
    tenant = await own_tenant(info)
    job = await sandbox_of(info).kept_jobs.find(job_id)
    return job if job and job.tenant_id == tenant.id else None
