"""The objects that a participant has, taken out under a name and put back byte for byte, other participants' untouched.

Records are not among them (art. 12). Certificates are again as they were, and the revocation list follows them.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from ulid import ULID

from sandbox.clock import milliseconds
from sandbox.storage.revocations import unfollowed
from sandbox.storage.snapshots import MOST_OBJECTS, PART, Snapshot, SnapshotStore, tenant_collections
from service.bootstrap import Services
from service.certificates import Certificate, CertificateSource
from service.errors import BadInput
from service.storage.certificates import CERTIFICATE_CODEC, CERTIFICATES
from service.storage.database import Collection, Document, Session
from service.storage.participants import PARTICIPANTS
from service.storage.revocations import RevocationStore

Tell = Callable[[int, str, int], Awaitable[None]]
"""Is given the percentage, the collection and the number of objects put back."""


async def _tell_nobody(percent: int, doing: str, objects: int) -> None:
    pass


class TenantObjects:
    def __init__(self, services: Services, store: SnapshotStore) -> None:
        self._services = services
        self._store = store
        self._revocations = RevocationStore(services.database)

    async def take(self, tenant_id: str, name: str) -> Snapshot:
        """Collection by collection: what is changed meanwhile may be in it half. Raises BadInput for too much."""
        await self._store.remove_unnamed_parts(tenant_id)  # of a taking that was killed
        generation = str(ULID())
        try:
            objects, parts = await self._write(tenant_id, generation)
        except BaseException:
            await self._store.remove_parts(generation)
            raise
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

    async def _write(self, tenant_id: str, generation: str) -> tuple[int, int]:
        """Answers how many objects there are, in how many parts."""
        operators = await self._store.operator_ids(tenant_id)
        objects = parts = 0
        for declared in tenant_collections():
            documents = await self._store.objects_of(declared, tenant_id, operators)
            objects += len(documents)
            if objects > MOST_OBJECTS:
                raise BadInput(f"A snapshot holds at most {MOST_OBJECTS} objects.")
            for start in range(0, len(documents), PART):
                await self._store.keep_part(tenant_id, generation, parts, declared, documents[start : start + PART])
                parts += 1
        return objects, parts

    async def put_back(self, snapshot: Snapshot, tell: Tell = _tell_nobody) -> int:
        """1 remove what was not there or has changed, 2 put back what is missing, 3 forget answers of before, 4 let the
        revocation list follow. Answers how many objects were put back.

        Broken off, it is done again from the start: the snapshot is whole whatever was put back of it, and each step
        goes by what is stored.
        """
        tenant_id, wanted = snapshot.tenant_id, await self._wanted(snapshot)
        operators = list({*await self._store.operator_ids(tenant_id), *(each["_id"] for each in wanted["operators"])})
        objects = 0
        for place, declared in enumerate(tenant_collections()):
            await tell(100 * place // len(wanted), declared.name, objects)
            there = await self._store.objects_of(declared, tenant_id, operators)
            missing = await self._store.reduce(declared, tenant_id, there, wanted[declared.name])  # 1
            await self._store.put_objects(declared, missing)  # 2
            objects += len(missing)
        await self._store.forget_answers(tenant_id)  # 3
        await self._follow([CERTIFICATE_CODEC.decode(each) for each in wanted[CERTIFICATES.name]])  # 4
        self._services.tokens.forget()
        return objects

    async def remove(self, tenant_id: str) -> None:
        """All that it has, and its snapshots too. Its records stay.

        Broken off, it is done again: the participant goes last, by whom whoever did not come in is found.
        """
        operators = await self._store.operator_ids(tenant_id)
        for declared in reversed(tenant_collections()):  # operators are the last by which others are found
            if declared is not PARTICIPANTS:
                await self._empty(declared, tenant_id, operators)
        await self._store.forget_answers(tenant_id)
        await self._store.remove_all(tenant_id)
        await self._empty(PARTICIPANTS, tenant_id, operators)

    async def _empty(self, declared: Collection, tenant_id: str, operators: Sequence[str]) -> None:
        there = await self._store.objects_of(declared, tenant_id, operators)
        await self._store.reduce(declared, tenant_id, there, [])

    async def _wanted(self, snapshot: Snapshot) -> dict[str, list[Document]]:
        """What was kept, by collection; nothing of a collection that has come into being since."""
        wanted: dict[str, list[Document]] = {each.name: [] for each in tenant_collections()}
        async for declared, documents in self._store.parts(snapshot):
            wanted[declared.name] += documents
        return wanted

    async def _follow(self, certificates: Sequence[Certificate]) -> None:
        issued = [each for each in certificates if each.source is CertificateSource.OWN and each.serial_number]
        for certificate in await unfollowed(self._services.database, issued):

            async def work(session: Session, which: Certificate = certificate) -> None:
                await self._revocations.follow(session, [which])

            await self._services.database.transaction(work)
