"""What a tenant has, as raw documents: taken out, kept under a name, and put back byte for byte.

What belongs to a tenant is told by its collection: by `participantId`, or by one of the ways of `BY_ANOTHER_FIELD`.
Records are not among it: they are written once, and stay (art. 12).
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import bson

from service.storage.collections import ALL_COLLECTIONS, WORLD
from service.storage.database import Collection, Database, Document, Index, Session
from service.storage.documents import Codec, Versioned, declare

PART = 500  # objects to a document
MOST_OBJECTS = 20_000
MOST_NAMED = 500  # ids that a removal leaves out
NAMED = 50  # operators in one query


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One that was taken. `id` is `<tenant>/<name>`; `ahead_ms` is where the tenant's clock was."""

    id: str
    version: int
    tenant_id: str
    name: str
    taken_at: datetime
    ahead_ms: int
    objects: int
    parts: int
    generation: str


SNAPSHOT_CODEC = Codec(Snapshot)
SNAPSHOTS = declare("sandbox_snapshots", SNAPSHOT_CODEC, Index((("tenantId", 1), ("_id", 1))))
SNAPSHOT_PARTS = Collection(
    name="sandbox_snapshot_parts",
    properties={
        "_id": {"bsonType": "string"},
        "tenantId": {"bsonType": "string"},
        "generation": {"bsonType": "string"},
        "part": {"bsonType": ["int", "long"]},
        "collection": {"bsonType": "string"},
        "objects": {"bsonType": "array", "items": {"bsonType": "object"}},
    },
    required=("tenantId", "generation", "part", "collection", "objects"),
    indexes=(Index((("generation", 1), ("part", 1))), Index((("tenantId", 1),))),
)

Owned = Mapping[str, object]

OF_THE_WORLD = frozenset(
    {
        WORLD.name,
        "agreements",
        "registrars",
        "conformance_checks",  # production's
        "revocations",  # follow their certificates: see `sandbox.tenants.objects`
        "revocation_lists",
        "revocation_list_parts",
        "used_assertions",
        "leases",
    }
)
"""Collections that hold nothing of a tenant's own."""

BY_ANOTHER_FIELD = {
    "participants": "_id",
    "certificate_keys": "holderId",
    "permission_use": "operatorId",
}
FORGOTTEN = "idempotency"
"""Answers given under keys: none outlives a reset, or a repeated call would be answered by what is no more."""


def tenant_collections() -> tuple[Collection, ...]:
    """Those of the service that hold objects of tenants. Raises LookupError for a collection nobody thought of."""
    found = []
    for declared in ALL_COLLECTIONS:
        if declared.evidence or declared.name in OF_THE_WORLD or declared.name == FORGOTTEN:
            continue
        if declared.name not in BY_ANOTHER_FIELD and "participantId" not in declared.properties:
            raise LookupError(f"{declared.name}: say in sandbox.storage.snapshots whether it holds what is a tenant's")
        found.append(declared)
    return tuple(found)


class SnapshotStore(Versioned[Snapshot]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, SNAPSHOTS, SNAPSHOT_CODEC)

    async def of_tenant(self, tenant_id: str) -> list[Snapshot]:
        return await self.list_by({"tenantId": tenant_id}, 100)

    async def operator_ids(self, tenant_id: str, session: Session = None) -> list[str]:
        cursor = self._database.collection(_declared("operators")).find(
            {"participantId": tenant_id}, {"_id": 1}, session=session
        )
        return [each["_id"] for each in await cursor.to_list(None)]

    async def objects_of(self, declared: Collection, tenant_id: str, operators: Sequence[str]) -> list[Document]:
        """The tenant's documents of a collection as they are, in the order of their ids."""
        collection = self._database.collection(declared)
        found: list[Document] = []
        for whose in _whose(declared, tenant_id, operators):
            found += await collection.find(whose).to_list(None)
        return sorted(found, key=lambda each: str(each["_id"]))

    async def reduce(
        self, declared: Collection, tenant_id: str, there: Sequence[Document], wanted: Sequence[Document]
    ) -> list[Document]:
        """Remove of a collection what is `there` but not `wanted` as it is; answers what is wanted and missing then."""
        present = {each["_id"]: bson.encode(each) for each in there}
        alike = {each["_id"] for each in wanted if present.get(each["_id"]) == bson.encode(each)}
        kept = alike if len(alike) <= MOST_NAMED or len(alike) == len(present) else set()
        if len(kept) < len(present):
            owners = sorted({each[_field(declared)] for each in there})
            others = {"_id": {"$nin": sorted(kept)}} if kept else {}
            for whose in _whose(declared, tenant_id, owners):
                await self._database.collection(declared).delete_many(whose | others)
        return [each for each in wanted if each["_id"] not in kept]

    async def forget_answers(self, tenant_id: str) -> None:
        """See FORGOTTEN."""
        answers = self._database.collection(_declared(FORGOTTEN))
        for field in ("subject.participantId", "subject._id"):
            await answers.delete_many({field: tenant_id})

    async def put_objects(self, declared: Collection, documents: Sequence[Document]) -> None:
        for start in range(0, len(documents), PART):  # each within the driver's patience
            await self._database.collection(declared).insert_many(documents[start : start + PART], ordered=False)

    async def keep_part(
        self, tenant_id: str, generation: str, part: int, declared: Collection, objects: Sequence[Document]
    ) -> None:
        document = {
            "_id": f"{generation}/{part}",
            "tenantId": tenant_id,
            "generation": generation,
            "part": part,
            "collection": declared.name,
            "objects": list(objects),
        }
        await self._parts.insert_one(document | self._marks)

    async def parts(self, snapshot: Snapshot) -> AsyncIterator[tuple[Collection, list[Document]]]:
        """What was kept, in the order in which it was. Raises LookupError for a gap."""
        kept = 0
        cursor = self._parts.find({"generation": snapshot.generation}).sort([("generation", 1), ("part", 1)])
        async for found in cursor.batch_size(2):
            kept += 1
            yield _declared(found["collection"]), found["objects"]
        if kept != snapshot.parts:
            raise LookupError(f"The snapshot {snapshot.name!r} is not whole.")

    async def keep(self, snapshot: Snapshot) -> None:
        """Under its name, in place of a former one, whose parts go."""
        former = await self.find(snapshot.id)
        await self.collection.replace_one({"_id": snapshot.id}, self._document(snapshot), upsert=True)
        if former is not None:
            await self.remove_parts(former.generation)

    async def remove_parts(self, generation: str) -> None:
        await self._parts.delete_many({"generation": generation})

    async def remove_unnamed_parts(self, tenant_id: str) -> None:
        """Those that no snapshot of the tenant holds: whoever wrote them did not come to its end."""
        named = [each.generation for each in await self.of_tenant(tenant_id)]
        await self._parts.delete_many({"tenantId": tenant_id, "generation": {"$nin": named}})

    async def remove(self, snapshot: Snapshot) -> None:
        await self.collection.delete_one({"_id": snapshot.id})
        await self.remove_parts(snapshot.generation)

    async def remove_all(self, tenant_id: str) -> None:
        await self.collection.delete_many({"tenantId": tenant_id})
        await self._parts.delete_many({"tenantId": tenant_id})

    @property
    def _parts(self) -> Any:
        return self._database.collection(SNAPSHOT_PARTS)


_BY_NAME = {each.name: each for each in ALL_COLLECTIONS}


def _declared(name: str) -> Collection:
    return _BY_NAME[name]


def _field(declared: Collection) -> str:
    return BY_ANOTHER_FIELD.get(declared.name, "participantId")


def _whose(declared: Collection, tenant_id: str, operators: Sequence[str]) -> list[Document]:
    """Queries that together find what is the tenant's: a few, since a server may be slow with many ids in one."""
    field = _field(declared)
    if field not in {"holderId", "operatorId"}:
        return [{field: tenant_id}]
    return [{field: {"$in": list(operators[start : start + NAMED])}} for start in range(0, len(operators), NAMED)]
