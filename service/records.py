"""Records (电子记录): what was done, by whom and for whom, written once and never changed (art. 3, 12).

A record is written in the transaction of the act it records; the integrator puts it into the log afterwards.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from service.access import Caller, CallerKind, may_see, own_participant
from service.attempts import Attempts
from service.clock import Clock
from service.errors import Forbidden
from service.evidence import canonical, records
from service.identifiers import Kind, new_id, parse_id
from service.keys import SigningKeys
from service.pagination import Page, PageRequest, page_of
from service.policy import Action, ensure_may, may
from service.world import World

if TYPE_CHECKING:
    from service.log import InclusionProof, LogService
    from service.storage.database import Session
    from service.storage.records import RecordStore


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acted, as the record keeps it: it stays readable after the operator is offboarded (art. 12)."""

    kind: CallerKind
    id: str | None
    participant_id: str | None
    certificate: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One electronic record. `content` is its canonical text, `hash` the SHA-256 of that, `receipt` a JWS over it.

    `participant_id` is the institution it concerns, `subject` the id of what it is about.
    """

    id: str
    kind: str
    at: datetime
    actor: Actor
    participant_id: str | None
    subject: str | None
    content: str
    hash: str
    receipt: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What a record says of one subject, where several of a kind are written together."""

    subject: str
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """`kind` is a kind or its beginning up to a dot: "operator" finds "operator.offboarded". `until` is exclusive."""

    subject: str | None = None
    actor: str | None = None
    certificate: str | None = None  # the fingerprint of the one that the actor had logged in with
    kind: str | None = None
    participant_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Recorded(Protocol):
    """Told of each record in the transaction that writes it."""

    async def __call__(self, session: "Session", record: Record, /) -> None: ...


async def tell_nobody(session: "Session", record: Record, /) -> None: ...


class RecordService:
    def __init__(  # noqa: PLR0917 - what it stands on, then whom it tells
        self,
        world: World,
        clock: Clock,
        keys: SigningKeys,
        store: "RecordStore",
        log: "LogService",
        recorded: Recorded = tell_nobody,
    ) -> None:
        self._world = world
        self._clock = clock
        self._keys = keys
        self._store = store
        self._log = log
        self._recorded = recorded
        self.attempts = Attempts(self, store.database)

    async def write(  # noqa: PLR0917 - who, within what, then the record in the order in which it reads
        self,
        caller: Caller,
        session: "Session",
        kind: str,
        subject: str | None,
        participant_id: str | None,
        content: Mapping[str, Any],
    ) -> Record:
        """Record an act inside its transaction. `content` holds no personal data, no secret and no float.

        Raises Malformed for a content that has no canonical form. That the caller was allowed to act is not checked.
        """
        record = self._compose(caller, kind, subject, participant_id, content)
        await self._store.insert(record, session)
        await self._recorded(session, record)
        return record

    async def write_many(
        self, caller: Caller, session: "Session", kind: str, participant_id: str | None, entries: Sequence[Entry]
    ) -> None:
        """As `write`, a record for each entry, in few trips to the database."""
        if entries:
            composed = [self._compose(caller, kind, each.subject, participant_id, each.content) for each in entries]
            await self._store.insert_many(composed, session)

    def _compose(
        self, caller: Caller, kind: str, subject: str | None, participant_id: str | None, content: Mapping[str, Any]
    ) -> Record:
        at = self._clock.now(caller.participant_id)
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)  # what the database keeps of a time
        actor = Actor(caller.kind, caller.id, caller.participant_id, caller.certificate)
        record_id = new_id(self._world, Kind.RECORD, at)
        data = records.compose(
            records.Marks.of(self._world),
            {
                "id": record_id,
                "kind": kind,
                "at": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z",
                "actor": {
                    "kind": actor.kind.value,
                    "id": actor.id,
                    "participant": actor.participant_id,
                    "certificate": actor.certificate,
                },
                "participant": participant_id,
                "subject": subject,
                "content": dict(content),
            },
        )
        return Record(
            id=record_id,
            kind=kind,
            at=at,
            actor=actor,
            participant_id=participant_id,
            subject=subject,
            content=data.decode(),
            hash=canonical.digest(data),
            receipt=self._keys.sign_record(data),
        )

    async def get_many(self, caller: Caller, ids: Sequence[str]) -> list[Record | None]:
        """The records with these ids, in their order; None where there is none that the caller may see."""
        readable = may(caller, Action.READ_RECORD)
        if not readable and caller.kind is not CallerKind.ANONYMOUS:
            await self.attempts.beyond(caller, Action.READ_RECORD)
        found = {each.id: each for each in await self._store.get_many(ids)} if readable else {}
        return [each if each and may_see_record(caller, each) else None for each in map(found.get, ids)]

    async def find(self, caller: Caller, record_id: str) -> Record | None:
        parse_id(self._world, record_id, Kind.RECORD)
        return (await self.get_many(caller, [record_id]))[0]

    async def page(self, caller: Caller, wanted: RecordFilter, request: PageRequest) -> Page[Record]:
        """The records that the caller may see, a page of them, in the order of time (`BY_ID`, `LATEST_FIRST`).

        Raises Unauthenticated, Forbidden.
        """
        confined = await self._confined(caller, wanted)
        return await self._store.page(confined, request) if confined else page_of(request, [])

    async def count(self, caller: Caller, wanted: RecordFilter, *, at_most: int | None = None) -> int:
        """As `page`; beyond `at_most` nothing is counted."""
        confined = await self._confined(caller, wanted)
        return await self._store.count(confined, at_most) if confined else 0

    async def _confined(self, caller: Caller, wanted: RecordFilter) -> RecordFilter | None:
        try:
            return _confine(caller, wanted)
        except Forbidden:
            await self.attempts.beyond(caller, Action.READ_RECORD)
            raise

    async def proofs_of(self, caller: Caller, ids: Sequence[str]) -> list["InclusionProof | None"]:
        """The inclusion proofs of these records against the newest checkpoint, in their order.

        None for a record that the caller may not see, or that the integrator has not reached yet.
        """
        visible = [each.id for each in await self.get_many(caller, ids) if each]
        proofs = await self._log.proofs_of(visible)
        return [proofs.get(each) for each in ids]


def matches(wanted: RecordFilter, record: Record) -> bool:
    """Whether the filter finds the record: what a query says in the database, said of a record at hand."""
    return (
        wanted.subject in {None, record.subject}
        and wanted.actor in {None, record.actor.id}
        and wanted.certificate in {None, record.actor.certificate}
        and wanted.participant_id in {None, record.participant_id}
        and (wanted.kind is None or f"{record.kind}.".startswith(f"{wanted.kind}."))
        and (wanted.since is None or _milliseconds(record.at) >= _milliseconds(wanted.since))
        and (wanted.until is None or _milliseconds(record.at) < _milliseconds(wanted.until))
    )


def _milliseconds(at: datetime) -> int:
    """Times are compared as ids are, which begin with whole milliseconds."""
    return int(at.timestamp() * 1000)


def may_see_record(caller: Caller, record: Record) -> bool:
    """What concerns no participant, the depository alone sees. Does NOT ask whether the caller may read records."""
    if record.participant_id is None:
        return own_participant(caller) is None
    return may_see(caller, record.participant_id)


def _confine(caller: Caller, wanted: RecordFilter) -> RecordFilter | None:
    """The filter narrowed to what the caller may see; None where that is nothing. Raises Unauthenticated, Forbidden."""
    ensure_may(caller, Action.READ_RECORD)
    own = own_participant(caller)
    if own is None:
        return wanted
    return replace(wanted, participant_id=own) if wanted.participant_id in {None, own} else None
