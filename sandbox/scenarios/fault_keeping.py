"""Setting and clearing a tenant's faults, outages that pass by themselves, and telling every process of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from sandbox.scenarios.faults import BEGINNING, Faults, FaultSetting, FaultTable, Outage
from sandbox.storage.faults import FaultStore

POLL_SECONDS = 0.5  # after so long every process knows of a change
_ROOM = timedelta(seconds=10)  # by which the clocks of processes may differ


class FaultKeeping:
    def __init__(self, table: FaultTable, store: FaultStore, now: Callable[[], datetime]) -> None:
        self._table = table
        self._store = store
        self._now = now

    async def set(self, tenant_id: str, faults: Faults) -> Faults:
        """From now on; answers what holds. An outage under way goes on."""
        return await self._change(tenant_id, lambda setting: replace(setting, faults=faults))

    async def clear(self, tenant_id: str) -> Faults:
        """Back to what all have that set nothing; answers what holds. An outage under way goes on."""
        return await self._change(tenant_id, lambda setting: replace(setting, faults=None))

    async def begin_outage(self, tenant_id: str, faults: Faults, duration: timedelta) -> None:
        """These faults alone, and when the time is over what the tenant has set."""
        outage = Outage(faults=faults, until=self._now() + duration)
        await self._change(tenant_id, lambda setting: replace(setting, outage=outage))

    async def end_outage(self, tenant_id: str) -> None:
        """At once, if there is one."""
        setting = await self._store.find(tenant_id)
        if setting is not None and setting.outage is not None:
            await self._change(tenant_id, lambda setting: replace(setting, outage=None))

    async def _change(self, tenant_id: str, change: Callable[[FaultSetting], FaultSetting]) -> Faults:
        now = self._now()
        former = await self._store.find(tenant_id) or FaultSetting(id=tenant_id, faults=None, set_at=now)
        setting = replace(change(former), set_at=now)
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
