"""Setting and clearing a tenant's faults, outages that pass by themselves, and telling every process of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from sandbox.scenarios.faults import BEGINNING, Faults, FaultSetting, FaultTable, Outage
from sandbox.storage.faults import FaultStore

POLL_SECONDS = 0.5  # after so long every process knows of a change
_ROOM = timedelta(seconds=10)  # by which the clocks of processes may differ
_TICK = timedelta(milliseconds=1)  # the database keeps no shorter one


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
        await self._change(tenant_id, lambda setting: replace(setting, outage=None))

    async def _change(self, tenant_id: str, change: Callable[[FaultSetting], FaultSetting]) -> Faults:
        """Changes at the same time follow one another: each begins from what the one before it left."""
        while True:
            former = await self._store.find(tenant_id)
            before = former or FaultSetting(id=tenant_id, faults=None, set_at=BEGINNING)
            changed = change(before)
            if changed != before:
                changed = replace(changed, set_at=max(self._now(), before.set_at + _TICK))
                if not await self._store.put(changed, former):
                    continue
            self._table.learn([changed])
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
