"""Deliveries in MongoDB: kept once for each event and endpoint, found when due, and gone after thirty days or sooner:
of those that are over, each endpoint's last ones stay.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from pymongo.errors import BulkWriteError

from sandbox.storage.removing import remove_in_batches
from sandbox.webhooks.deliveries import Delivery, DeliveryState
from service.storage.database import Database, Document, Index
from service.storage.documents import Codec, Versioned, declare

KEPT = timedelta(days=30)
KEPT_ENDED = 500  # of an endpoint, in each of the two states in which a delivery is over
_ENDED = (DeliveryState.DELIVERED, DeliveryState.FAILED)
_DUPLICATE = 11000
_CODEC = Codec(Delivery)

DELIVERIES = declare(
    "sandbox_deliveries",
    _CODEC,
    Index((("state", 1), ("nextAttemptAt", 1), ("endpointId", 1))),
    Index((("endpointId", 1), ("state", 1), ("nextAttemptAt", 1), ("place", 1))),
    Index((("tenantId", 1), ("createdAt", -1), ("place", -1))),
    Index((("endpointId", 1), ("createdAt", -1), ("place", -1))),
    Index((("createdAt", 1),), expire_after_seconds=int(KEPT.total_seconds())),
)


class DeliveryStore(Versioned[Delivery]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, DELIVERIES, _CODEC)

    async def keep(self, deliveries: Iterable[Delivery]) -> None:
        """Those that are not kept already: an event that is read twice is delivered once."""
        documents = [self._document(each) for each in deliveries]
        if not documents:
            return
        try:
            await self.collection.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            if any(each["code"] != _DUPLICATE for each in error.details["writeErrors"]):
                raise

    async def due_endpoints(self, now: datetime) -> list[str]:
        """Those to which something is to be sent now, each once, however much waits for it: an index alone says so."""
        query = {"state": DeliveryState.PENDING.value, "nextAttemptAt": {"$lte": now}}
        return [str(each) for each in await self.collection.distinct("endpointId", query)]

    async def due_to(self, endpoint_id: str, now: datetime, limit: int) -> list[Delivery]:
        """What is to be sent to one endpoint now, in order."""
        query = {"endpointId": endpoint_id, "state": DeliveryState.PENDING.value, "nextAttemptAt": {"$lte": now}}
        cursor = self.collection.find(query).sort([("nextAttemptAt", 1), ("place", 1)]).limit(limit)
        return [self._codec.decode(each) for each in await cursor.to_list(limit)]

    async def waiting(self, endpoint_id: str) -> int:
        states = [DeliveryState.PENDING.value, DeliveryState.HELD.value]
        return await self.count({"endpointId": endpoint_id, "state": {"$in": states}})

    async def hold(self, endpoint_id: str) -> None:
        """What is to be sent there waits from now on."""
        await self._turn(endpoint_id, DeliveryState.PENDING, DeliveryState.HELD)

    async def release(self, endpoint_id: str) -> None:
        """What waits is to be sent."""
        await self._turn(endpoint_id, DeliveryState.HELD, DeliveryState.PENDING)

    async def held(self) -> list[str]:
        """The endpoints for which something waits."""
        return [str(each) for each in await self.collection.distinct("endpointId", {"state": DeliveryState.HELD.value})]

    async def _turn(self, endpoint_id: str, before: DeliveryState, after: DeliveryState) -> None:
        query = {"endpointId": endpoint_id, "state": before.value}
        await self.collection.update_many(query, {"$set": {"state": after.value}, "$inc": {"version": 1}})

    async def trim(self, endpoint_id: str, kept: int) -> None:
        """Forget those that are over, but for the last `kept` in each state, and those due together with the oldest."""
        for state in _ENDED:
            query: Document = {"endpointId": endpoint_id, "state": state.value}
            order = [("nextAttemptAt", -1), ("place", -1)]
            beyond = await self.collection.find(query, {"nextAttemptAt": 1}).sort(order).skip(kept).limit(1).to_list(1)
            for last in beyond:
                await remove_in_batches(self.collection, query | {"nextAttemptAt": {"$lt": last["nextAttemptAt"]}})

    async def latest_of(self, tenant_id: str, endpoint_id: str | None, limit: int) -> list[Delivery]:
        """The newest first, of one endpoint or of all; none of another tenant's."""
        query = {"tenantId": tenant_id} if endpoint_id is None else {"endpointId": endpoint_id}
        cursor = self.collection.find(query).sort([("createdAt", -1), ("place", -1)]).limit(limit)
        found = [self._codec.decode(each) for each in await cursor.to_list(limit)]
        return [each for each in found if each.tenant_id == tenant_id]

    async def forget(self, whose: Document) -> None:
        await remove_in_batches(self.collection, whose)
