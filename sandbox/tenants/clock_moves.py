"""Moving a tenant's clock: forward only, from one thing that is due to the next, each done on its day as in production.

Days on which nothing is due are jumped over.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from sandbox.clock import FURTHEST, ClockSetting, TenantClock, milliseconds
from sandbox.storage.clocks import ClockStore
from sandbox.storage.tenants import TenantStore
from sandbox.tenants.due_work import DueWork, visits
from sandbox.tenants.job_runner import JobRunner, Progress
from sandbox.tenants.jobs import JobKind, TenantJob
from sandbox.tenants.one_by_one import one_by_one
from sandbox.tenants.records import Tenant, TenantState
from service.clock import SHANGHAI, business_date
from service.errors import BadInput

POLL_SECONDS = 0.5  # after so long every process knows of a move
_ROOM = timedelta(seconds=10)  # by which the clocks of processes may differ
_STRETCH = timedelta(days=31)  # planned at once: what comes into being meanwhile is seen in the next
_BEGINNING = datetime(2020, 1, 1, tzinfo=SHANGHAI)


class ClockMoves:
    def __init__(self, clock: TenantClock, store: ClockStore, tenants: TenantStore, works: Sequence[DueWork]) -> None:
        self._clock = clock
        self._store = store
        self._tenants = tenants
        self._works = works

    async def advance(self, jobs: JobRunner, tenant: Tenant, by: timedelta) -> TenantJob:
        """Raises BadInput for a move that is too long, or while another job of the tenant runs."""
        return await self._begin(jobs, tenant, self._clock.ahead(tenant.id) + by)

    async def set(self, jobs: JobRunner, tenant: Tenant, to: datetime) -> TenantJob:
        """As `advance`, to a moment. Raises BadInput for one that has passed already, by the tenant's time."""
        if to <= self._clock.now(tenant.id):
            raise BadInput("A test clock goes forward only; reset or restore the tenant to return.")
        return await self._begin(jobs, tenant, to - self._clock.now())

    async def _begin(self, jobs: JobRunner, tenant: Tenant, ahead: timedelta) -> TenantJob:
        if ahead > FURTHEST:
            raise BadInput(f"A test clock goes at most {FURTHEST.days} days ahead.")
        return await jobs.begin(tenant.id, JobKind.MOVE_CLOCK, ahead_ms=milliseconds(ahead))

    async def move(self, job: TenantJob, progress: Progress) -> int:
        """The job. Broken off, it goes on from the moment it had reached."""
        tenant = await self._tenants.find(job.tenant_id)
        if tenant is None or job.ahead_ms is None:
            raise LookupError("There is no such tenant.")
        start, target = self._clock.ahead(tenant.id), timedelta(milliseconds=job.ahead_ms)
        events = job.events + await self._work(tenant, None)
        while (ahead := self._clock.ahead(tenant.id)) < target:
            now = self._clock.now(tenant.id)
            stop = now + min(_STRETCH, target - ahead)
            for moment in visits(await self._falls(tenant, now, stop), now, stop):
                events += await self._visit(tenant, moment, now)
                now = moment
                passed = self._clock.ahead(tenant.id) - start
                day = business_date(moment).isoformat()
                await progress.tell(100 * passed // max(target - start, _ROOM), day, events)
            await self.put(tenant.id, tenant.epoch, min(target, ahead + _STRETCH))
            events += await self._work(tenant, now)
        events += await self._work(tenant, None)  # what came into being while the time moved
        await asyncio.sleep(POLL_SECONDS)  # so that whoever sees the job done finds the time moved, in any process
        return events

    async def _falls(self, tenant: Tenant, after: datetime, until: datetime) -> list[datetime]:
        return [moment for work in self._works for moment in await work.falls(tenant.id, after, until)]

    async def _visit(self, tenant: Tenant, moment: datetime, since: datetime) -> int:
        """Go to a moment, unless the real time has brought it already, and do what has become due since another."""
        ahead = moment - self._clock.now()
        if ahead > self._clock.ahead(tenant.id):
            await self.put(tenant.id, tenant.epoch, ahead)
        return await self._work(tenant, since)

    async def _work(self, tenant: Tenant, since: datetime | None) -> int:
        return sum([await work.does(tenant.id, since) for work in self._works])

    async def put(self, tenant_id: str, epoch: int, ahead: timedelta) -> None:
        setting = ClockSetting(id=tenant_id, epoch=epoch, ahead_ms=milliseconds(ahead), moved_at=self._clock.now())
        await self._store.put(setting)
        self._clock.learn([setting])

    async def learn_all(self) -> None:
        self._clock.learn(await self._store.moved_since(_BEGINNING))

    async def learn_latest(self) -> None:
        """What any process moved lately."""
        self._clock.learn(await self._store.moved_since(self._clock.now() - _ROOM))

    async def live(self) -> int:
        """What has become due for tenants whose time is not the real one; the service's own jobs see to the others.

        Not of one whose objects are being put back: they would be looked at by the time of before.
        """
        for ended in await self._tenants.expired_of(self._clock.moved()):  # by another process
            self._clock.forget(ended)
        return await one_by_one(self._clock.moved(), self._live, "due work")

    async def _live(self, tenant_id: str) -> int:
        return sum([await work.does(tenant_id, None) for work in self._works if await self._is_active(tenant_id)])

    async def _is_active(self, tenant_id: str) -> bool:
        tenant = await self._tenants.find(tenant_id)
        return tenant is not None and tenant.state is TenantState.ACTIVE

    async def forget(self, tenant_id: str) -> None:
        """For a tenant that ends."""
        await self._store.forget(tenant_id)
        self._clock.forget(tenant_id)
