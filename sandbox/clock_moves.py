"""Moving a tenant's clock: forward only, day by day, and on each day what that day brings, as production does it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from sandbox.clock import FURTHEST, ClockSetting, TenantClock, milliseconds
from sandbox.due_work import DueWork
from sandbox.job_runner import JobRunner, Progress
from sandbox.storage.clocks import ClockStore
from sandbox.storage.tenants import TenantStore
from sandbox.tenant_jobs import JobKind, TenantJob
from sandbox.tenants import Tenant
from service.clock import SHANGHAI
from service.errors import BadInput

POLL_SECONDS = 0.5  # after so long every process knows of a move
_ROOM = timedelta(seconds=10)  # by which the clocks of processes may differ
_DAY = timedelta(days=1)
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
        """The job. Broken off, it goes on from the day it had reached."""
        tenant = await self._tenants.find(job.tenant_id)
        if tenant is None or job.ahead_ms is None:
            raise LookupError("There is no such tenant.")
        start, target = self._clock.ahead(tenant.id), timedelta(milliseconds=job.ahead_ms)
        events, ahead = job.events, start
        while ahead < target:
            ahead = min(target, self._to_next_day(ahead))
            await self.put(tenant.id, tenant.epoch, ahead)
            for work in self._works:
                events += await work.does(tenant.id)
            day = self._clock.now(tenant.id).astimezone(SHANGHAI).date().isoformat()
            await progress.tell(100 * (ahead - start) // (target - start), day, events)
        await asyncio.sleep(POLL_SECONDS)  # so that whoever sees the job done finds the time moved, in any process
        return events

    def _to_next_day(self, ahead: timedelta) -> timedelta:
        """How far ahead the clock is when the tenant's next day begins in Shanghai, where the agreement counts days."""
        real = self._clock.now()
        local = (real + ahead).astimezone(SHANGHAI)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0) + _DAY
        return midnight - real

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
        """What has become due for tenants whose time is not the real one; the service's own jobs see to the others."""
        return sum([await work.does(tenant) for tenant in self._clock.moved() for work in self._works])
