"""Webhooks in MongoDB: a tenant's endpoints, and who of many tenants has any."""

from collections.abc import Iterable

from sandbox.webhooks.endpoints import Endpoint, EndpointState
from service.storage.database import Database, Document, Index
from service.storage.documents import Codec, Versioned, declare

_CODEC = Codec(Endpoint)
WEBHOOKS = declare("sandbox_webhooks", _CODEC, Index((("tenantId", 1), ("_id", 1))), Index((("state", 1),)))
_LISTENING = [EndpointState.ACTIVE.value, EndpointState.PAUSED.value]
_MANY = 10_000


class WebhookStore(Versioned[Endpoint]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, WEBHOOKS, _CODEC)

    async def of_tenant(self, tenant_id: str) -> list[Endpoint]:
        return await self.list_by({"tenantId": tenant_id}, 100)

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
