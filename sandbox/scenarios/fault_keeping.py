"""Setting and clearing a tenant's faults, and telling every process of it."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sandbox.scenarios.faults import BEGINNING, Faults, FaultSetting, FaultTable
from sandbox.storage.faults import FaultStore

POLL_SECONDS = 0.5  # after so long every process knows of a change
_ROOM = timedelta(seconds=10)  # by which the clocks of processes may differ


class FaultKeeping:
    def __init__(self, table: FaultTable, store: FaultStore, now: Callable[[], datetime]) -> None:
        self._table = table
        self._store = store
        self._now = now

    async def set(self, tenant_id: str, faults: Faults) -> Faults:
        """From now on; answers what holds."""
        return await self._keep(tenant_id, faults)

    async def clear(self, tenant_id: str) -> Faults:
        """Back to what all have that set nothing; answers what that is."""
        return await self._keep(tenant_id, None)

    async def _keep(self, tenant_id: str, faults: Faults | None) -> Faults:
        setting = FaultSetting(id=tenant_id, faults=faults, set_at=self._now())
        await self._store.put(setting)
        self._table.learn([setting])
        return self._table.of(tenant_id)

    async def forget(self, tenant_id: str) -> None:
        """For a tenant that ends."""
        await self._store.forget(tenant_id)
        self._table.forget(tenant_id)

    async def learn_all(self) -> None:
        self._table.learn(await self._store.set_since(BEGINNING))

    async def learn_latest(self) -> None:
        """What any process set lately."""
        self._table.learn(await self._store.set_since(self._now() - _ROOM))
