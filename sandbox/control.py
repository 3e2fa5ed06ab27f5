"""The sandbox's own GraphQL schema at /sandbox/graphql: join, and rule one's own corner: clock, snapshots, reset.

Beside the public schema, never inside it: what is here has no counterpart in production.
"""

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime
from pathlib import Path
from typing import Any, Self, cast

import strawberry

from sandbox import joining, personas, snapshots
from sandbox import tenants as tenant_records
from sandbox.bootstrap import Sandbox
from sandbox.durations import parse_duration
from sandbox.join_routes import client_address
from sandbox.snippets import Language, render_snippets
from sandbox.storage.snapshots import Snapshot as SnapshotRecord
from sandbox.tenant_jobs import JobKind, JobState, TenantJob
from sandbox.tenants import IdleNotice, TenantState
from schema.build import Schema, make_schema, print_sdl
from schema.context import Context
from schema.cost import ListSize
from schema.types import Marked, marks
from service.access import OperatorRole
from service.certificates import CertificateProfile
from service.errors import Unauthenticated

SDL = Path(__file__).with_name("control.graphql")
LATEST_JOBS = 20
LOOK_SECONDS = 0.25

Info = strawberry.Info[Context, None]

for _each in (JobKind, JobState, TenantState, Language):
    strawberry.enum(_each)


def sandbox_of(info: Info) -> Sandbox:
    return cast("Sandbox", info.context.services)  # this schema is served over a Sandbox alone


async def own_tenant(info: Info) -> tenant_records.Tenant:
    """The tenant whose secret the request bears. Raises Unauthenticated."""
    tenant_id = info.context.caller.participant_id
    if tenant_id is None:
        raise Unauthenticated("This takes a tenant's secret as the bearer: join gives one.")
    return tenant_records.ensure_usable(await sandbox_of(info).tenants.find(tenant_id))


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


@strawberry.type(description="What the tenant had, kept under a name.")
class Snapshot:
    name: str
    taken_at: datetime
    objects: int

    @classmethod
    def of(cls, snapshot: SnapshotRecord) -> Self:
        return cls(name=snapshot.name, taken_at=snapshot.taken_at, objects=snapshot.objects)


@strawberry.type(description="The tenant was told that it will end for want of use.")
class Notice:
    at: datetime
    days_left: int

    @classmethod
    def of(cls, notice: IdleNotice) -> Self:
        return cls(at=notice.at, days_left=notice.days_left)


@strawberry.type(description="The tenant's own time: the real one, or ahead of it.")
class Clock:
    now: datetime
    real: datetime
    ahead_seconds: int


@strawberry.type(description="Whoever joined: a participant of its own, and the right to rule its own corner.")
class Tenant(Marked):
    id: strawberry.ID = strawberry.field(description="That of its participant.")
    code: str
    legal_name: str
    state: TenantState
    epoch: int = strawberry.field(description="Counts resets and restores; within one, time goes forward only.")
    joined_at: datetime
    expires_at: datetime = strawberry.field(description="When it ends if nobody uses it until then.")
    clock: Clock
    notices: list[Notice] = strawberry.field(directives=[ListSize(assumed_size=10)])

    @classmethod
    def of(cls, tenant: tenant_records.Tenant, sandbox: Sandbox) -> Self:
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

    @strawberry.field(directives=[ListSize(assumed_size=snapshots.MOST_SNAPSHOTS)])
    async def snapshots(self, info: Info) -> list[Snapshot]:
        return [Snapshot.of(each) for each in await sandbox_of(info).snapshots.of_tenant(await own_tenant(info))]


@strawberry.type(description="A test identity that is always there.")
class Persona:
    name: str
    shows: str
    shows_zh: str
    role: str
    participant_code: str | None = strawberry.field(description="Null for the depository's staff.")

    @classmethod
    def of(cls, persona: personas.Persona) -> Self:
        code = persona.institution.code if persona.institution else None
        return cls(
            name=persona.name,
            shows=persona.shows,
            shows_zh=persona.shows_zh,
            role=persona.role.value,
            participant_code=code,
        )


@strawberry.input(description="The keys of one operator. Each use of each operator has a key of its own.")
class KeysInput:
    role: OperatorRole = strawberry.field(description="ADMINISTRATOR, OPERATOR (the clerk) or REVIEWER.")
    login: str = strawberry.field(description="A PKCS#10 request in PEM, of which only the key is read.")
    seal: str | None = None


@strawberry.input
class JoinInput:
    name: str | None = strawberry.field(default=None, description="The legal name; made up if left out.")
    code: str | None = strawberry.field(default=None, description="The participant code; made up if left out.")
    operators: list[KeysInput] = strawberry.field(description="The administrator, and as one likes the others.")


@strawberry.type
class IssuedCertificate:
    profile: CertificateProfile
    not_after: datetime
    pem: str | None


@strawberry.type(description="A program that logs in and asks a first question: save it beside the key, and run it.")
class Snippet:
    language: Language
    file: str
    run: str
    text: str


@strawberry.type
class JoinedOperator:
    id: strawberry.ID
    role: OperatorRole
    number: str
    certificates: list[IssuedCertificate] = strawberry.field(directives=[ListSize(assumed_size=2)])
    snippets: list[Snippet] = strawberry.field(directives=[ListSize(assumed_size=4)])

    @classmethod
    def of(cls, joined: joining.Joined, each: joining.JoinedOperator, public_url: str) -> Self:
        rendered = render_snippets(public_url, joined.tenant, each.operator) if each.certificates else ()
        issued = [
            IssuedCertificate(profile=one.profile, not_after=one.not_after, pem=one.pem) for one in each.certificates
        ]
        return cls(
            id=strawberry.ID(each.operator.id),
            role=each.operator.role,
            number=each.operator.operator_number,
            certificates=issued,
            snippets=[Snippet(language=one.language, file=one.file, run=one.run, text=one.text) for one in rendered],
        )


@strawberry.type
class Joined:
    tenant: Tenant
    uscc: str
    secret: str = strawberry.field(description="The bearer of this endpoint from now on. Shown this once.")
    operators: list[JoinedOperator] = strawberry.field(directives=[ListSize(assumed_size=3)])


@strawberry.type
class ControlQuery:
    @strawberry.field(description="The tenant whose secret the request bears.")
    async def tenant(self, info: Info) -> Tenant:
        return Tenant.of(await own_tenant(info), sandbox_of(info))

    @strawberry.field(description="A job of the tenant; null for another's, as for none.")
    async def job(self, info: Info, id: strawberry.ID) -> Job | None:  # noqa: A002 - GraphQL's name for it
        found = await _own_job(info, id)
        return Job.of(found) if found else None

    @strawberry.field(directives=[ListSize(assumed_size=20)])
    def personas(self) -> list[Persona]:
        return [Persona.of(each) for each in personas.PERSONAS.values()]


@strawberry.type
class ControlMutation:
    @strawberry.mutation(description="A participant of one's own. Needs no secret: it gives one.")
    async def join(self, info: Info, input: JoinInput) -> Joined:  # noqa: A002 - GraphQL's name for it
        sandbox = sandbox_of(info)
        joined = await sandbox.joining.join(joining.parse_join(_plain(input)), client_address.get())
        url = sandbox.settings.public_url
        return Joined(
            tenant=Tenant.of(joined.tenant, sandbox),
            uscc=joined.uscc,
            secret=joined.secret,
            operators=[JoinedOperator.of(joined, each, url) for each in joined.operators],
        )

    @strawberry.mutation(description="Move the tenant's clock forward by a span such as 30d, 36h or P1DT12H.")
    async def advance_clock(self, info: Info, by: str) -> Job:
        sandbox = sandbox_of(info)
        return Job.of(await sandbox.moves.advance(sandbox.jobs, await own_tenant(info), parse_duration(by)))

    @strawberry.mutation(description="Move the tenant's clock forward to a moment.")
    async def set_clock(self, info: Info, to: datetime) -> Job:
        sandbox = sandbox_of(info)
        return Job.of(await sandbox.moves.set(sandbox.jobs, await own_tenant(info), to))

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
        return Job.of(await sandbox.snapshots.begin_restore(sandbox.jobs, await own_tenant(info), snapshots.JOINED))


@strawberry.type
class ControlSubscription:
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


def _plain(given: JoinInput) -> dict[str, Any]:
    keys = [{"role": each.role.value, "login": each.login, "seal": each.seal} for each in given.operators]
    return {"name": given.name, "code": given.code, "operators": keys}


def control_schema() -> Schema:
    return make_schema((ControlQuery,), (ControlMutation,), (ControlSubscription,))


if __name__ == "__main__":
    SDL.write_text(print_sdl(control_schema()), encoding="utf-8")
