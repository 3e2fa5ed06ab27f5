"""Clock settings in MongoDB: one document a tenant; what moved lately is found by when it moved."""

from datetime import datetime

from sandbox.clock import ClockSetting
from service.storage.database import Database, Index
from service.storage.documents import Codec, Versioned, declare

_CODEC = Codec(ClockSetting)

CLOCKS = declare("sandbox_clocks", _CODEC, Index((("movedAt", 1),)))


class ClockStore(Versioned[ClockSetting]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, CLOCKS, _CODEC)

    async def put(self, setting: ClockSetting) -> None:
        """Whoever holds the tenant's job alone writes here: the last one wins."""
        await self.collection.replace_one({"_id": setting.id}, self._document(setting), upsert=True)

    async def moved_since(self, since: datetime) -> list[ClockSetting]:
        cursor = self.collection.find({"movedAt": {"$gte": since}})
        return [self._codec.decode(each) for each in await cursor.to_list(None)]

    async def forget(self, tenant_id: str) -> None:
        await self.collection.delete_one({"_id": tenant_id})
