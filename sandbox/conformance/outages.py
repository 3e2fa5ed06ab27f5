"""Outages of a few seconds for one tenant: the faults that it can ask for, set and taken back by the suite.

A process that is killed in between leaves the faults set: the tenant clears them as it clears its own.
"""

import asyncio

from sandbox.scenarios.fault_keeping import FaultKeeping
from sandbox.scenarios.faults import Faults, FaultTable

SECONDS = 3  # shorter than any client's patience, longer than a retry without a pause


class Outages:
    def __init__(self, table: FaultTable, keeping: FaultKeeping) -> None:
        self._table = table
        self._keeping = keeping
        self._endings: dict[str, asyncio.Task[None]] = {}

    async def begin(self, tenant_id: str, faults: Faults) -> None:
        """In place of what the tenant has set, which comes back when it is over."""
        await self.end(tenant_id)
        former = self._table.of(tenant_id)
        await self._keeping.set(tenant_id, faults)
        self._endings[tenant_id] = asyncio.create_task(self._pass(tenant_id, former), name=f"outage {tenant_id}")

    async def end(self, tenant_id: str) -> None:
        """At once, if there is one."""
        task = self._endings.pop(tenant_id, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _pass(self, tenant_id: str, former: Faults) -> None:
        try:
            await asyncio.sleep(SECONDS)
        finally:
            await asyncio.shield(self._restore(tenant_id, former))

    async def _restore(self, tenant_id: str, former: Faults) -> None:
        if former == self._table.by_default:
            await self._keeping.clear(tenant_id)
        else:
            await self._keeping.set(tenant_id, former)

    async def aclose(self) -> None:
        for tenant_id in list(self._endings):
            await self.end(tenant_id)
