"""Runs the jobs of tenants, one at a time for each: begun by a call, followed to the end, taken over from the dead."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from ulid import ULID

from sandbox.storage.tenant_jobs import Busy, TenantJobStore
from sandbox.tasks import begin_apart
from sandbox.tenants.jobs import STALE, JobKind, JobState, TenantJob, done, failed, progressed
from service.errors import BadInput, ServiceError
from service.refusals import Refused
from service.storage.errors import as_service_error

TELL_SECONDS = 0.25  # at most so often is progress written
BEAT_SECONDS = 3.0
TAKE_OVER_SECONDS = 5.0
_BATCH = 20

logger = logging.getLogger(__name__)


class Progress:
    """A job under way: told how far it is, it writes so now and then, which also shows that it lives."""

    def __init__(self, job: TenantJob, store: TenantJobStore, now: Callable[[], datetime]) -> None:
        self.job = job
        self._store = store
        self._now = now
        self._written = time.monotonic()
        self._writing = asyncio.Lock()

    async def tell(self, percent: int, doing: str, events: int) -> None:
        """Raises Refused(VERSION_CONFLICT) where another process has taken the job over: leave it alone then."""
        if time.monotonic() - self._written >= TELL_SECONDS:
            await self._write(percent, doing, events)

    async def beat(self) -> None:
        """For as long as the job runs: it lives, however long a step takes. Ends where it was taken over."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            await self._write(0, self.job.doing, self.job.events)

    async def _write(self, percent: int, doing: str, events: int) -> None:
        async with self._writing:
            self._written = time.monotonic()
            self.job = await self._store.replace(None, progressed(self.job, percent, doing, events, self._now()))


Work = Callable[[TenantJob, Progress], Awaitable[int]]
"""Does a job and answers how many events it brought about. Begun a second time, it goes on where it was."""


class JobRunner:
    def __init__(self, store: TenantJobStore, works: Mapping[JobKind, Work], now: Callable[[], datetime]) -> None:
        self._store = store
        self._works = works
        self._now = now
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def begin(
        self,
        tenant_id: str,
        kind: JobKind,
        *,
        ahead_ms: int | None = None,
        snapshot: str | None = None,
        wait: float = 1,
    ) -> TenantJob:
        """Begin a job and answer it as it is after `wait` seconds at most. Raises BadInput while another one runs."""
        now = self._now()
        job = TenantJob(
            id=str(ULID.from_datetime(now)),
            version=1,
            tenant_id=tenant_id,
            kind=kind,
            state=JobState.RUNNING,
            ahead_ms=ahead_ms,
            snapshot=snapshot,
            started_at=now,
            beat_at=now,
        )
        try:
            await self._store.begin(job)
        except Busy:
            raise BadInput("Another job of this tenant is under way: wait until it has ended.") from None
        task = self._start(job)
        await asyncio.wait({task}, timeout=wait)
        return await self._store.find(job.id) or job

    def _start(self, job: TenantJob) -> asyncio.Task[None]:
        task = begin_apart(self._run(job), f"job {job.id}")
        self._tasks[job.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(job.id, None))
        return task

    async def _run(self, job: TenantJob) -> None:
        progress = Progress(job, self._store, self._now)
        beat = asyncio.create_task(progress.beat())
        events, problem = 0, ""
        try:
            events = await self._works[job.kind](job, progress)
        except (ServiceError, Refused, LookupError) as error:
            problem = str(error)
        except Exception as error:
            known = as_service_error(error)
            logger.error("a tenant's job failed", extra=_told(job), exc_info=None if known else error)
            problem = str(known or "Something went wrong here.")
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)
        at = self._now()
        await self._end(failed(progress.job, problem, at) if problem else done(progress.job, events, at))

    async def _end(self, job: TenantJob) -> None:
        try:
            await self._store.replace(None, job)
        except Refused:
            logger.warning("a tenant's job was taken over", extra=_told(job))

    async def take_over(self) -> int:
        """Go on with jobs whose process is gone; answers how many."""
        silent = await self._store.silent_since(self._now() - STALE, _BATCH)
        taken = 0
        for job in silent:
            try:
                mine = await self._store.replace(None, progressed(job, 0, job.doing, job.events, self._now()))
            except Refused:
                continue  # another was faster
            self._start(mine)
            taken += 1
        return taken

    async def aclose(self) -> None:
        """Leave the jobs to another process."""
        for task in list(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)


def _told(job: TenantJob) -> dict[str, str]:
    return {"job": job.id, "kind": job.kind.value, "tenant": job.tenant_id}
