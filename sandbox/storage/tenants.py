"""Tenants in MongoDB: found by id and by the digest of their secret, counted by address, listed by idleness."""

from collections.abc import Iterable
from datetime import datetime

from sandbox.tenants.records import Tenant, TenantState
from service.storage.database import Database, Index
from service.storage.documents import Codec, Versioned, declare

TENANT_CODEC = Codec(Tenant)

TENANTS = declare(
    "sandbox_tenants",
    TENANT_CODEC,
    Index((("secretDigest", 1),), unique=True),
    Index((("address", 1), ("joinedAt", 1))),
    Index((("state", 1), ("lastUsedAt", 1))),
)


class TenantStore(Versioned[Tenant]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, TENANTS, TENANT_CODEC)

    async def find_by_secret(self, secret_digest: str) -> Tenant | None:
        return await self.find_by({"secretDigest": secret_digest})

    async def count_standing(self) -> int:
        return await self.count({"state": {"$ne": TenantState.EXPIRED.value}})

    async def count_joined(self, address: str, since: datetime) -> int:
        return await self.count({"address": address, "joinedAt": {"$gte": since}})

    async def idle_since(self, before: datetime, limit: int) -> list[Tenant]:
        """Those unused since before then, the longest unused first, and those whose end was broken off."""
        query = {"state": {"$in": [TenantState.ACTIVE.value, TenantState.ENDING.value]}, "lastUsedAt": {"$lt": before}}
        cursor = self.collection.find(query).sort([("lastUsedAt", 1)]).limit(limit)
        return [self._codec.decode(each) for each in await cursor.to_list(limit)]

    async def saw(self, ids: Iterable[str], at: datetime) -> None:
        """They were used. Not a change of the record: its version stays."""
        await self.collection.update_many({"_id": {"$in": list(ids)}}, {"$max": {"lastUsedAt": at}})
