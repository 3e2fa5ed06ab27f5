"""Webhooks in MongoDB: a tenant's endpoints, and who of many tenants has any."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from pymongo.errors import DuplicateKeyError

from sandbox.webhooks.endpoints import Endpoint, EndpointState
from service.refusals import Refused
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
_CONFLICTS = 5


class WebhookStore(Versioned[Endpoint]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, WEBHOOKS, _CODEC)

    async def of_tenant(self, tenant_id: str) -> list[Endpoint]:
        return await self.list_by({"tenantId": tenant_id}, 100)

    async def free_places(self, tenant_id: str, most: int) -> list[int]:
        """Of `most` places, those that are not taken at this moment."""
        taken = {each.place for each in await self.of_tenant(tenant_id)}
        return sorted(set(range(most)) - taken)

    async def insert_in_place(self, endpoint: Endpoint, most: int) -> Endpoint | None:
        """In the first place that is free, as many as register at once; None where all `most` are taken."""
        for place in await self.free_places(endpoint.tenant_id, most):
            with suppress(DuplicateKeyError):  # somebody was faster
                return await self.insert(None, replace(endpoint, place=place))
        return None

    async def change(self, found: Endpoint, change: Callable[[Endpoint], Endpoint]) -> Endpoint | None:
        """Store what `change` makes of what was found, or of what others have made of it since; answers it so.

        None for one that is gone. Raises Refused(VERSION_CONFLICT) where others are faster again and again.
        """
        for _ in range(_CONFLICTS):
            if (changed := change(found)) == found:
                return found
            with suppress(Refused):
                return await self.replace(None, changed)
            again = await self.find(found.id)
            if again is None:
                return None
            found = again
        return await self.replace(None, change(found))

    async def listening(self, tenant_ids: Iterable[str] | None) -> list[Endpoint]:
        """Those of these tenants (None: of all) that events go to, now or once they are no longer paused."""
        wanted: Document = {"state": {"$in": _LISTENING}}
        if tenant_ids is not None:
            wanted = {"tenantId": {"$in": sorted(tenant_ids)}}
        found = await self.list_by(wanted, _MANY)
        return [each for each in found if each.state is not EndpointState.OFF]

    async def missed(self, endpoint_id: str, events: int) -> None:
        """Count them, whoever is changing the endpoint at the same time: he begins again, with the count."""
        await self.collection.update_one({"_id": endpoint_id}, {"$inc": {"missed": events, "version": 1}})

    async def remove(self, endpoint_id: str) -> None:
        await self.collection.delete_one({"_id": endpoint_id})

    async def forget(self, tenant_id: str) -> None:
        await self.collection.delete_many({"tenantId": tenant_id})
