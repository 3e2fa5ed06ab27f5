"""The built-in receivers in MongoDB: how each answers, and the last messages that came."""

from sandbox.webhooks.receivers import KEPT, Manner, Received, Receiver
from service.storage.database import Database, Index
from service.storage.documents import Codec, Versioned, declare

_RECEIVER, _RECEIVED = Codec(Receiver), Codec(Received)

RECEIVERS = declare("sandbox_receivers", _RECEIVER)
RECEIVED = declare(
    "sandbox_received", _RECEIVED, Index((("tenantId", 1), ("_id", 1))), Index((("tenantId", 1), ("webhookId", 1)))
)


class ReceivedStore(Versioned[Received]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, RECEIVED, _RECEIVED)

    async def keep(self, received: Received) -> None:
        """With the last ones before it; those before these go."""
        await self.insert(None, received)
        beyond = self.collection.find({"tenantId": received.tenant_id}, {"_id": 1}).sort("_id", -1).skip(KEPT)
        gone = [each["_id"] for each in await beyond.to_list(KEPT)]
        if gone:
            await self.collection.delete_many({"tenantId": received.tenant_id, "_id": {"$lte": gone[0]}})

    async def came_before(self, tenant_id: str, webhook_id: str) -> bool:
        found = await self.collection.find_one({"tenantId": tenant_id, "webhookId": webhook_id}, {"_id": 1})
        return found is not None

    async def latest_of(self, tenant_id: str, limit: int) -> list[Received]:
        """The newest first."""
        cursor = self.collection.find({"tenantId": tenant_id}).sort("_id", -1).limit(limit)
        return [self._codec.decode(each) for each in await cursor.to_list(limit)]

    async def forget(self, tenant_id: str) -> None:
        await self.collection.delete_many({"tenantId": tenant_id})


class ReceiverStore(Versioned[Receiver]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, RECEIVERS, _RECEIVER)

    async def manner_of(self, tenant_id: str) -> Manner:
        found = await self.find(tenant_id)
        return found.manner if found else Manner.OK

    async def put(self, tenant_id: str, manner: Manner) -> None:
        document = self._document(Receiver(id=tenant_id, version=1, manner=manner))
        await self.collection.replace_one({"_id": tenant_id}, document, upsert=True)

    async def forget(self, tenant_id: str) -> None:
        await self.collection.delete_one({"_id": tenant_id})
