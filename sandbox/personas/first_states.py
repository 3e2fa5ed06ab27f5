"""How the personas' institutions were when they were made: kept once, and put back when somebody asks."""

from sandbox.personas.people import INSTITUTIONS
from sandbox.storage.snapshots import SnapshotStore
from sandbox.tenants.objects import TenantObjects
from service.access import SYSTEM
from service.bootstrap import Services

FIRST = "first"


class FirstStates:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._store = SnapshotStore(services.database)
        self._objects = TenantObjects(services, self._store)

    async def keep(self) -> None:
        """Of each institution that there is, the first time; whatever its users change later is not looked at."""
        for participant_id in await self._ids():
            if await self._store.find(f"{participant_id}/{FIRST}") is None:
                await self._objects.take(participant_id, FIRST)

    async def put_back(self) -> int:
        """Answers how many objects had been changed or removed."""
        objects = 0
        for participant_id in await self._ids():
            kept = await self._store.find(f"{participant_id}/{FIRST}")
            objects += await self._objects.put_back(kept) if kept else 0
        return objects

    async def _ids(self) -> list[str]:
        found = [await self._services.participants.find_by_code(SYSTEM, each.code) for each in INSTITUTIONS]
        return [each.id for each in found if each is not None]
