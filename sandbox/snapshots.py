"""Snapshots of a tenant: all that it has, kept under a name and put back; a reset puts back how it was when it joined.

Records are written once (art. 12): those of before stay, and what follows is of the tenant's next epoch. Its time
returns to that of the snapshot. Certificates are again as they were, and the revocation list follows them.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from ulid import ULID

from sandbox.clock import milliseconds
from sandbox.clock_moves import ClockMoves
from sandbox.job_runner import JobRunner, Progress
from sandbox.storage.snapshots import (
    MOST_OBJECTS,
    PART,
    Snapshot,
    SnapshotStore,
    tenant_collections,
)
from sandbox.storage.tenants import TenantStore
from sandbox.tenant_jobs import JobKind, TenantJob
from sandbox.tenants import Tenant, TenantState
from service.bootstrap import Services
from service.certificates import Certificate, CertificateSource
from service.errors import BadInput
from service.storage.certificates import CERTIFICATE_CODEC, CERTIFICATES
from service.storage.database import Document, Session
from service.storage.revocations import RevocationStore, revocation_of

JOINED = "joined"
MOST_SNAPSHOTS = 10
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def parse_name(name: str) -> str:
    """Raises BadInput, also for the name that is the sandbox's own."""
    if _NAME.fullmatch(name) is None or name == JOINED:
        raise BadInput(f"A snapshot's name has 1 to 40 small letters, digits and hyphens, and is not {JOINED!r}.")
    return name


class Snapshots:
    def __init__(self, services: Services, store: SnapshotStore, tenants: TenantStore, moves: ClockMoves) -> None:
        self._services = services
        self._store = store
        self._tenants = tenants
        self._moves = moves
        self._revocations = RevocationStore(services.database)

    async def of_tenant(self, tenant: Tenant) -> list[Snapshot]:
        return await self._store.of_tenant(tenant.id)

    async def begin_take(self, jobs: JobRunner, tenant: Tenant, name: str) -> TenantJob:
        """Raises BadInput for a name that is none, for too many, and while another job runs."""
        parse_name(name)
        kept = {each.name for each in await self._store.of_tenant(tenant.id)}
        if name not in kept and len(kept) >= MOST_SNAPSHOTS:
            raise BadInput(f"A tenant has at most {MOST_SNAPSHOTS} snapshots: take one under a name that there is.")
        return await jobs.begin(tenant.id, JobKind.SNAPSHOT, snapshot=name)

    async def begin_restore(self, jobs: JobRunner, tenant: Tenant, name: str) -> TenantJob:
        """Raises BadInput for a snapshot that there is not, and while another job runs."""
        if await self._store.find(f"{tenant.id}/{name}") is None:
            raise BadInput(f"There is no snapshot {name[:40]!r} of this tenant.")
        kind = JobKind.RESET if name == JOINED else JobKind.RESTORE
        return await jobs.begin(tenant.id, kind, snapshot=name)

    async def take_job(self, job: TenantJob, progress: Progress) -> int:
        await progress.tell(0, "taking", 0)
        return (await self.take(job.tenant_id, job.snapshot or "")).objects

    async def take(self, tenant_id: str, name: str) -> Snapshot:
        """Collection by collection: what is changed meanwhile may be in it half. Raises BadInput for too much."""
        operators = await self._store.operator_ids(tenant_id)
        generation, parts, objects = str(ULID()), 0, 0
        for declared in tenant_collections():
            documents = await self._store.objects_of(declared, tenant_id, operators)
            objects += len(documents)
            if objects > MOST_OBJECTS:
                raise BadInput(f"A snapshot holds at most {MOST_OBJECTS} objects.")
            for start in range(0, len(documents), PART):
                await self._store.keep_part(tenant_id, generation, parts, declared, documents[start : start + PART])
                parts += 1
        clock = self._services.clock
        snapshot = Snapshot(
            id=f"{tenant_id}/{name}",
            version=1,
            tenant_id=tenant_id,
            name=name,
            taken_at=clock.now(),
            ahead_ms=milliseconds(max(clock.now(tenant_id) - clock.now(), timedelta(0))),
            objects=objects,
            parts=parts,
            generation=generation,
        )
        await self._store.keep(snapshot)
        return snapshot

    async def restore_job(self, job: TenantJob, progress: Progress) -> int:
        """1 mark, 2 remove what was not there or has changed, 3 put back what is missing, 4 let the revocation list
        follow, 5 set the time back, 6 begin the next epoch.

        Broken off, it is done again from the start: the snapshot is whole whatever was put back of it.
        """
        snapshot = await self._store.find(f"{job.tenant_id}/{job.snapshot}")
        tenant = await self._tenants.find(job.tenant_id)
        if snapshot is None or tenant is None:
            raise LookupError("There is no such snapshot.")
        tenant = await self._tenants.replace(None, replace(tenant, state=TenantState.RESTORING))  # 1
        before = await self._certificates(tenant.id)
        wanted = await self._wanted(snapshot)
        operators = list({*await self._store.operator_ids(tenant.id), *(each["_id"] for each in wanted["operators"])})
        events = 0
        for place, declared in enumerate(tenant_collections()):
            await progress.tell(100 * place // len(wanted), declared.name, events)
            there = await self._store.objects_of(declared, tenant.id, operators)
            missing = await self._store.reduce(declared, tenant.id, there, wanted[declared.name])  # 2
            await self._store.put_objects(declared, missing)  # 3
            events += len(missing)
        await self._store.forget_answers(tenant.id)
        await self._follow(before, [CERTIFICATE_CODEC.decode(each) for each in wanted[CERTIFICATES.name]])  # 4
        epoch = tenant.epoch + 1
        await self._moves.put(tenant.id, epoch, timedelta(milliseconds=snapshot.ahead_ms))  # 5
        self._services.tokens.forget()
        await self._tenants.replace(None, replace(tenant, state=TenantState.ACTIVE, epoch=epoch))  # 6
        return events

    async def _wanted(self, snapshot: Snapshot) -> dict[str, list[Document]]:
        """What was kept, by collection; nothing of a collection that has come into being since."""
        wanted: dict[str, list[Document]] = {each.name: [] for each in tenant_collections()}
        async for declared, documents in self._store.parts(snapshot):
            wanted[declared.name] += documents
        return wanted

    async def forget(self, tenant_id: str) -> None:
        """All that a tenant has, for one that ends: its snapshots too. Its records stay."""
        operators = await self._store.operator_ids(tenant_id)
        for declared in reversed(tenant_collections()):  # operators are the last by which others are found
            there = await self._store.objects_of(declared, tenant_id, operators)
            await self._store.reduce(declared, tenant_id, there, [])
        await self._store.forget_answers(tenant_id)
        await self._store.remove_all(tenant_id)

    async def _certificates(self, tenant_id: str) -> dict[str, Certificate]:
        documents: list[Document] = await self._store.objects_of(CERTIFICATES, tenant_id, ())
        return {each["_id"]: CERTIFICATE_CODEC.decode(each) for each in documents}

    async def _follow(self, before: dict[str, Certificate], after: Sequence[Certificate]) -> None:
        for certificate in after:
            former = before.get(certificate.id, certificate)
            if certificate.source is not CertificateSource.OWN or certificate.serial_number is None:
                continue
            if former.serial_number and revocation_of(former) == revocation_of(certificate):
                continue

            async def work(session: Session, which: Certificate = certificate) -> None:
                await self._revocations.follow(session, which)

            await self._services.database.transaction(work)
