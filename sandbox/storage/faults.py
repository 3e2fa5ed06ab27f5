"""Settings of faults in MongoDB: one document a tenant; what was set lately is found by when it was."""

from datetime import datetime

from pymongo.errors import DuplicateKeyError

from sandbox.scenarios.faults import FaultSetting
from service.storage.database import Database, Index
from service.storage.documents import Codec, Versioned, declare

_CODEC = Codec(FaultSetting)

FAULTS = declare("sandbox_faults", _CODEC, Index((("setAt", 1),)))


class FaultStore(Versioned[FaultSetting]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, FAULTS, _CODEC)

    async def put(self, setting: FaultSetting, former: FaultSetting | None) -> bool:
        """In the place of `former`, if that still stands; each setting is of another time than the one before it."""
        if former is not None:
            place = {"_id": former.id, "setAt": former.set_at}
            return bool((await self.collection.replace_one(place, self._document(setting))).matched_count)
        try:
            await self.insert(None, setting)
        except DuplicateKeyError:
            return False
        return True

    async def set_since(self, since: datetime) -> list[FaultSetting]:
        cursor = self.collection.find({"setAt": {"$gte": since}})
        return [self._codec.decode(each) for each in await cursor.to_list(None)]

    async def forget(self, tenant_id: str) -> None:
        await self.collection.delete_one({"_id": tenant_id})
