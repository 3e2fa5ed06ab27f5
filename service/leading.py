"""One of several processes does a job: the leader, until it is heard of no more.

No clocks are compared: a candidate takes the lead when, on its own stop-watch, the leader has shown no sign of life for
`lease` seconds. Two may believe to lead for a moment, so what a leader does must be right even then: a lease saves
work, and is not what makes anything happen once.
"""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Awaitable, Callable

from service.storage.leases import Lease, LeaseStore

LEASE_SECONDS = 10.0


class Leading:
    def __init__(
        self,
        leases: LeaseStore,
        job: str,
        *,
        lease: float = LEASE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._leases = leases
        self._job = job
        self._lease = lease
        self._monotonic = monotonic
        self._name = uuid.uuid4().hex

    async def run(self, work: Callable[[], Awaitable[object]], every: float) -> None:
        """Do `work` every so many seconds while leading, until cancelled. Raises what `work` raises."""
        while True:
            lease = await self._lead()
            try:
                await self._work(lease, work, every)
            finally:
                with contextlib.suppress(Exception):  # the database may be away: the lease runs out
                    await asyncio.shield(self._leases.release(lease))

    async def _lead(self) -> Lease:
        seen, since = await self._leases.get(self._job), self._monotonic()
        while True:
            quiet = self._monotonic() - since
            if seen.holder in {None, self._name} or quiet >= self._lease:
                taken = await self._leases.take(seen, self._name)
                if taken is not None:
                    return taken
            await asyncio.sleep(self._lease / 4)
            now = await self._leases.get(self._job)
            if (now.epoch, now.beat, now.holder) != (seen.epoch, seen.beat, seen.holder):
                seen, since = now, self._monotonic()

    async def _work(self, lease: Lease, work: Callable[[], Awaitable[object]], every: float) -> None:
        """While the lead is kept: another's shows at the next beat."""
        beating = asyncio.create_task(self._beat(lease))
        try:
            while not beating.done():
                await work()
                await asyncio.wait({beating}, timeout=every)
        finally:
            beating.cancel()

    async def _beat(self, lease: Lease) -> None:
        while await self._leases.beat(lease) is not None:  # noqa: ASYNC110 - each look is a sign of life
            await asyncio.sleep(self._lease / 4)
