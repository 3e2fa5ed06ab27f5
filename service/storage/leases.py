"""Leases in MongoDB: of several processes that could do a job, one does it."""

from dataclasses import dataclass

from pymongo.errors import DuplicateKeyError

from service.storage.database import Collection, Database, Document

_COUNT = {"bsonType": ["int", "long"], "minimum": 0}

LEASES = Collection(
    name="leases",
    properties={
        "_id": {"bsonType": "string"},
        "holder": {"bsonType": ["string", "null"]},
        "epoch": _COUNT,
        "beat": _COUNT,
    },
    required=("holder", "epoch", "beat"),
)


@dataclass(frozen=True, slots=True)
class Lease:
    """A job's leader as last seen. `epoch` counts leaders, `beat` their signs of life."""

    job: str
    holder: str | None
    epoch: int
    beat: int


class LeaseStore:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._marks = {"environment": database.world.environment.value, "binding": database.world.binding}

    async def get(self, job: str) -> Lease:
        """As it is; made, without a leader, where there was none."""
        leases = self._database.collection(LEASES)
        stored = await leases.find_one({"_id": job})
        if stored is None:
            stored = {"_id": job, "holder": None, "epoch": 0, "beat": 0}
            try:
                await leases.insert_one(stored | self._marks)
            except DuplicateKeyError:
                stored = await leases.find_one({"_id": job})
        return _lease(stored)

    async def take(self, seen: Lease, holder: str) -> Lease | None:
        """Lead in place of the one last seen; None if anything has happened since."""
        change = {"$set": {"holder": holder}, "$inc": {"epoch": 1}}
        return await self._swap({"epoch": seen.epoch, "beat": seen.beat}, seen, change)

    async def beat(self, lease: Lease) -> Lease | None:
        """Show that this leader lives; None if it leads no more."""
        return await self._swap({"epoch": lease.epoch}, lease, {"$inc": {"beat": 1}})

    async def release(self, lease: Lease) -> None:
        await self._swap({"epoch": lease.epoch}, lease, {"$set": {"holder": None}})

    async def _swap(self, expected: Document, lease: Lease, change: Document) -> Lease | None:
        stored = await self._database.collection(LEASES).find_one_and_update(
            {"_id": lease.job, **expected}, change, return_document=True
        )
        return None if stored is None else _lease(stored)


def _lease(stored: Document) -> Lease:
    return Lease(stored["_id"], stored["holder"], stored["epoch"], stored["beat"])
