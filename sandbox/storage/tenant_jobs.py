"""Jobs of tenants in MongoDB: at most one runs for a tenant, which a unique index sees to."""

from datetime import datetime, timedelta

from pymongo.errors import DuplicateKeyError

from sandbox.tenants.jobs import JobState, TenantJob
from service.storage.database import Database, Document, Index
from service.storage.documents import Codec, Versioned, declare

KEPT = timedelta(days=30)
_CODEC = Codec(TenantJob)

TENANT_JOBS = declare(
    "sandbox_jobs",
    _CODEC,
    Index((("running", 1),), unique=True, partial={"running": {"$gt": ""}}),
    Index((("tenantId", 1), ("_id", 1))),
    Index((("state", 1), ("beatAt", 1))),
    Index((("startedAt", 1),), expire_after_seconds=int(KEPT.total_seconds())),
    derived={"running": {"bsonType": "string"}},
)


class Busy(Exception):
    """Another job of the tenant runs."""


def _derived(job: TenantJob) -> Document:
    return {} if job.ended else {"running": job.tenant_id}


class TenantJobStore(Versioned[TenantJob]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, TENANT_JOBS, _CODEC, _derived)

    async def begin(self, job: TenantJob) -> TenantJob:
        """Raises Busy while another of the tenant's jobs runs."""
        try:
            return await self.insert(None, job)
        except DuplicateKeyError:
            raise Busy from None

    async def latest_of(self, tenant_id: str, limit: int) -> list[TenantJob]:
        """The newest first."""
        cursor = self.collection.find({"tenantId": tenant_id}).sort("_id", -1).limit(limit)
        return [self._codec.decode(each) for each in await cursor.to_list(limit)]

    async def silent_since(self, before: datetime, limit: int) -> list[TenantJob]:
        """Those that run, as far as is written, but have given no sign of life since then."""
        return await self.list_by({"state": JobState.RUNNING.value, "beatAt": {"$lt": before}}, limit)
