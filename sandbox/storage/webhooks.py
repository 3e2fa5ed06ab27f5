"""Webhooks in MongoDB: a tenant's endpoints, and who of many tenants has any."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from pymongo.errors import DuplicateKeyError

from sandbox.webhooks.endpoints import Endpoint, EndpointState
from service.storage.database import Database, Document, Index
from service.storage.documents import Codec, Versioned, declare

_CODEC = Codec(Endpoint)
WEBHOOKS = declare(
    "sandbox_webhooks",
    _CODEC,
    Index((("tenantId", 1), ("_id", 1))),
    Index((("tenantId", 1), ("place", 1)), unique=True),
    Index((("state", 1),)),
)
_LISTENING = [EndpointState.ACTIVE.value, EndpointState.PAUSED.value]
_MANY = 10_000


class WebhookStore(Versioned[Endpoint]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, WEBHOOKS, _CODEC)

    async def of_tenant(self, tenant_id: str) -> list[Endpoint]:
        return await self.list_by({"tenantId": tenant_id}, 100)

    async def insert_in_place(self, endpoint: Endpoint, most: int) -> Endpoint | None:
        """In the first place that is free, as many as register at once; None where all `most` are taken."""
        taken = {each.place for each in await self.of_tenant(endpoint.tenant_id)}
        for place in sorted(set(range(most)) - taken):
            with suppress(DuplicateKeyError):  # somebody was faster
                return await self.insert(None, replace(endpoint, place=place))
        return None

    async def listening(self, tenant_ids: Iterable[str] | None) -> list[Endpoint]:
        """Those of these tenants (None: of all) that events go to, now or once they are no longer paused."""
        wanted: Document = {"state": {"$in": _LISTENING}}
        if tenant_ids is not None:
            wanted = {"tenantId": {"$in": sorted(tenant_ids)}}
        found = await self.list_by(wanted, _MANY)
        return [each for each in found if each.state is not EndpointState.OFF]

    async def missed(self, endpoint_id: str, events: int) -> None:
        """Not a change of the record: its version stays."""
        await self.collection.update_one({"_id": endpoint_id}, {"$inc": {"missed": events}})

    async def remove(self, endpoint_id: str) -> None:
        await self.collection.delete_one({"_id": endpoint_id})

    async def forget(self, tenant_id: str) -> None:
        await self.collection.delete_many({"tenantId": tenant_id})
