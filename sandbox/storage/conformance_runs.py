"""Runs of the conformance suite in MongoDB: a tenant has at most one under way, which a unique index sees to."""

from pymongo.errors import DuplicateKeyError

from sandbox.conformance.runs import Run, RunState
from service.errors import BadInput
from service.storage.database import Database, Document, Index
from service.storage.documents import Codec, Versioned, declare

_CODEC = Codec(Run)

CONFORMANCE_RUNS = declare(
    "sandbox_conformance_runs",
    _CODEC,
    Index((("running", 1),), unique=True, partial={"running": {"$gt": ""}}),
    Index((("tenantId", 1), ("_id", 1))),
    derived={"running": {"bsonType": "string"}},
)


def _derived(run: Run) -> Document:
    return {"running": run.tenant_id} if run.state is RunState.RUNNING else {}


class ConformanceRunStore(Versioned[Run]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, CONFORMANCE_RUNS, _CODEC, _derived)

    async def begin(self, run: Run) -> Run:
        """Raises BadInput while another of the tenant's runs is under way."""
        try:
            return await self.insert(None, run)
        except DuplicateKeyError:
            raise BadInput("Another run of this tenant is under way: finish or abandon it.") from None

    async def find_own(self, tenant_id: str, run_id: str) -> Run | None:
        """None for another tenant's, as for none."""
        run = await self.find(run_id)
        return run if run is not None and run.tenant_id == tenant_id else None

    async def find_running(self, tenant_id: str) -> Run | None:
        return await self.find_by({"running": tenant_id})

    async def latest_of(self, tenant_id: str, limit: int) -> list[Run]:
        """The newest first."""
        cursor = self.collection.find({"tenantId": tenant_id}).sort("_id", -1).limit(limit)
        return [self._codec.decode(each) for each in await cursor.to_list(limit)]

    async def keep_newest(self, tenant_id: str, most: int) -> None:
        """Remove the tenant's older ones; the records of their reports stay."""
        newest = self.collection.find({"tenantId": tenant_id}, {"_id": 1}).sort("_id", -1).skip(most - 1).limit(1)
        for last in await newest.to_list(1):
            await self.collection.delete_many({"tenantId": tenant_id, "_id": {"$lt": last["_id"]}})

    async def forget(self, tenant_id: str) -> None:
        await self.collection.delete_many({"tenantId": tenant_id})
