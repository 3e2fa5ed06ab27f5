"""Tenants in MongoDB: found by id and by the digest of their secret, counted by address, listed by idleness."""

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import datetime

from sandbox.tenants.records import Tenant, TenantState
from service.refusals import RefusalCode, refuse
from service.storage.database import Database, Document, Index, Session
from service.storage.documents import Codec, Versioned, declare

TENANT_CODEC = Codec(Tenant)

TENANTS = declare(
    "sandbox_tenants",
    TENANT_CODEC,
    Index((("secretDigest", 1),), unique=True),
    Index((("address", 1), ("joinedAt", 1))),
    Index((("state", 1), ("lastUsedAt", 1))),
)


_STANDING = [each.value for each in TenantState if each is not TenantState.EXPIRED]


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
        """Those unused since before then, the longest unused first, in whatever state they were left but ended."""
        query = {"state": {"$in": _STANDING}, "lastUsedAt": {"$lt": before}}
        cursor = self.collection.find(query).sort([("lastUsedAt", 1)]).limit(limit)
        return [self._codec.decode(each) for each in await cursor.to_list(limit)]

    async def expired_of(self, ids: Sequence[str]) -> list[str]:
        """Which of these have come to their end."""
        query = {"_id": {"$in": list(ids)}, "state": TenantState.EXPIRED.value}
        return [each["_id"] async for each in self.collection.find(query, {"_id": 1})] if ids else []

    async def saw(self, ids: Iterable[str], at: datetime) -> None:
        """They were used. Not a change of the record: its version stays, and `replace` leaves this as it is."""
        await self.collection.update_many({"_id": {"$in": list(ids)}}, {"$max": {"lastUsedAt": at}})

    async def replace(self, session: Session, record: Tenant) -> Tenant:
        """As ever, but for the time of its last use, which is that of `saw` alone."""
        if not await self._put(session, record, {}):
            raise refuse(RefusalCode.VERSION_CONFLICT, "expectedVersion", found="another", expected=record.version)
        return dataclasses.replace(record, version=record.version + 1)

    async def replace_unused(self, record: Tenant) -> Tenant | None:
        """As `replace`, of one that nobody has used or changed since it was read; None where somebody has."""
        put = await self._put(None, record, {"lastUsedAt": record.last_used_at})
        return dataclasses.replace(record, version=record.version + 1) if put else None

    async def _put(self, session: Session, record: Tenant, where: Document) -> bool:
        fields = self._document(dataclasses.replace(record, version=record.version + 1))
        changed = {key: value for key, value in fields.items() if key not in {"_id", "lastUsedAt"}}
        query = {"_id": record.id, "version": record.version} | where
        result = await self.collection.update_one(query, {"$set": changed}, session=session)
        return bool(result.matched_count)
