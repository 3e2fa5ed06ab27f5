"""What a sandbox does besides answering: follows clocks, lets due things happen, takes over jobs, ends idle tenants."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Protocol

from sandbox.scenarios.fault_keeping import POLL_SECONDS as FAULTS_SECONDS
from sandbox.scenarios.fault_keeping import FaultKeeping
from sandbox.storage.tenants import TenantStore
from sandbox.tenants.clock_moves import POLL_SECONDS, ClockMoves
from sandbox.tenants.job_runner import TAKE_OVER_SECONDS, JobRunner
from sandbox.tenants.joining import PLACE_LIFE, Joining
from sandbox.tenants.one_by_one import one_by_one
from sandbox.tenants.records import IDLE_LIFE, NOTICE_DAYS, Tenant, due_notice, ending, expired, noticed
from service.background import Jobs, repeat
from service.clock import Clock
from service.jobs import EFFECT_SECONDS

SEEN_SECONDS = 10.0  # how late a use is written
IDLE_SECONDS = 3600.0
_BATCH = 100

logger = logging.getLogger(__name__)


class Uses:
    """Tenants that were used lately, noted without a write for each request."""

    def __init__(self, store: TenantStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._seen: set[str] = set()

    def note(self, tenant_id: str | None) -> None:
        if tenant_id is not None:
            self._seen.add(tenant_id)

    async def flush(self) -> None:
        seen, self._seen = self._seen, set()
        if seen:
            try:
                await self._store.saw(seen, self._clock.now())
            except Exception:
                self._seen |= seen
                raise


class OfTenants(Protocol):
    """Something kept of each tenant, which ends with it."""

    async def forget(self, tenant_id: str) -> None: ...


class Idleness:
    """Tells tenants that nobody uses that they will end, and ends them."""

    def __init__(self, tenants: TenantStore, kept: Sequence[OfTenants], clock: Clock) -> None:
        self._tenants = tenants
        self._kept = kept
        self._clock = clock

    async def look(self) -> int:
        """Answers how many tenants were noticed or ended."""
        now = self._clock.now()
        found = await self._tenants.idle_since(now - IDLE_LIFE + timedelta(days=max(NOTICE_DAYS)), _BATCH)
        idle = {each.id: each for each in found}
        return await one_by_one(idle, lambda tenant_id: self._see_to(idle[tenant_id], now), "ending what is idle")

    async def _see_to(self, tenant: Tenant, now: datetime) -> int:
        if now >= tenant.expires_at:
            end = tenant if tenant.has_ended else await self._tenants.replace_unused(ending(tenant, now))
            return 0 if end is None else await self._end(end, now)
        notice = due_notice(tenant, now)
        if notice is None:
            return 0
        return int(await self._tenants.replace_unused(noticed(tenant, notice)) is not None)

    async def _end(self, tenant: Tenant, now: datetime) -> int:
        for each in self._kept:
            await each.forget(tenant.id)
        await self._tenants.replace(None, expired(tenant, now))
        logger.info("an idle tenant has ended", extra={"tenant": tenant.id})
        return 1


@asynccontextmanager
async def keeping(
    jobs: Jobs,
    *,
    moves: ClockMoves,
    runner: JobRunner,
    uses: Uses,
    idleness: Idleness,
    faults: FaultKeeping,
    joining: Joining,
) -> AsyncIterator[None]:
    """All of it, for as long as the context is open. Any number of processes may."""
    await moves.learn_all()
    await faults.learn_all()
    works = {
        "clocks": repeat(moves.learn_latest, POLL_SECONDS),
        "faults": repeat(faults.learn_latest, FAULTS_SECONDS),
        "due work": repeat(moves.live, EFFECT_SECONDS),
        "tenants' jobs": repeat(runner.take_over, TAKE_OVER_SECONDS),
        "uses": repeat(uses.flush, SEEN_SECONDS),
        "idle tenants": repeat(idleness.look, IDLE_SECONDS),
        "places of joining": repeat(joining.clear_left, PLACE_LIFE.total_seconds()),
    }
    try:
        async with jobs.running(works):
            yield
    finally:
        await runner.aclose()
        await uses.flush()
