"""Records in MongoDB: inserted once, in the transaction of what they record, together with their place in the queue."""

from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate

from ulid import ULID

from service.access import CallerKind
from service.identifiers import Kind
from service.pagination import Page, PageRequest, page_of
from service.records import Actor, Record, RecordFilter
from service.storage.database import Collection, Database, Document, Index, Session
from service.storage.log import NOBODY, QUEUE
from service.storage.pages import page_filter, page_sort

_TEXT_OR_NULL = {"bsonType": ["string", "null"]}

BY_CHOICE = (
    Index((("subject", 1), ("_id", 1))),
    Index((("certificate", 1), ("_id", 1))),
    Index((("actorId", 1), ("_id", 1))),
    Index((("participantId", 1), ("kinds", 1), ("_id", 1))),
    Index((("participantId", 1), ("_id", 1))),
    Index((("kinds", 1), ("_id", 1))),
)
"""The most selective first: a query takes the first of which it fixes all fields but the id, and is ordered by id."""

RECORDS = Collection(
    name="records",
    properties={
        "_id": {"bsonType": "string"},
        "kind": {"bsonType": "string"},
        "kinds": {"bsonType": "array", "items": {"bsonType": "string"}},
        "at": {"bsonType": "date"},
        "actorKind": {"bsonType": "string"},
        "actorId": _TEXT_OR_NULL,
        "actorParticipantId": _TEXT_OR_NULL,
        "certificate": _TEXT_OR_NULL,
        "participantId": _TEXT_OR_NULL,
        "subject": _TEXT_OR_NULL,
        "content": {"bsonType": "string"},
        "hash": {"bsonType": "string", "pattern": "^[0-9a-f]{64}$"},
        "receipt": {"bsonType": "string"},
    },
    required=("kind", "kinds", "at", "actorKind", "participantId", "subject", "content", "hash", "receipt"),
    indexes=BY_CHOICE,
    evidence=True,
)
"""`kinds` holds every prefix of the kind that ends at a dot ("operator", "operator.offboarded"): a prefix is found by
equality, and the order of the index stays the order of time. The id begins with the time, so a range of time is a range
of ids."""


class RecordStore:
    def __init__(self, database: Database) -> None:
        self.database = database
        self._world = database.world
        self._marks = {"environment": self._world.environment.value, "binding": self._world.binding}

    async def insert(self, record: Record, session: Session) -> None:
        """Insert the record and queue its hash for the log: in the same transaction, so that none is ever missed."""
        await self.insert_many([record], session)

    async def insert_many(self, records: Sequence[Record], session: Session) -> None:
        """As `insert`, of several that one transaction brings about; at least one."""
        stored = [_fields(record) | self._marks for record in records]
        await self.database.collection(RECORDS).insert_many(stored, session=session)
        queued = [
            {"_id": each.id, "hash": each.hash, "participantId": each.participant_id or NOBODY, **self._marks}
            for each in records
        ]
        await self.database.collection(QUEUE).insert_many(queued, session=session)

    async def get_many(self, ids: Sequence[str]) -> list[Record]:
        """Those of these ids that exist, in no particular order."""
        found = self.database.collection(RECORDS).find({"_id": {"$in": list(ids)}})
        return [_record(each) for each in await found.to_list(len(ids))]

    async def page(self, wanted: RecordFilter, request: PageRequest) -> Page[Record]:
        """The order must be one of ids, since that is what the indexes end in."""
        query, limit = self._query(wanted), request.limit + 1
        found = self.database.collection(RECORDS).find(page_filter(request, query), hint=_hint(query))
        rows = await found.sort(page_sort(request)).limit(limit).to_list(limit)
        return page_of(request, [((row["_id"],), _record(row)) for row in rows])

    async def count(self, wanted: RecordFilter, at_most: int | None = None) -> int:
        query = self._query(wanted)
        bound = {} if at_most is None else {"limit": at_most}
        count: int = await self.database.collection(RECORDS).count_documents(query, hint=_hint(query), **bound)
        return count

    def _query(self, wanted: RecordFilter) -> Document:
        fields = {
            "participantId": wanted.participant_id,
            "kinds": wanted.kind,
            "subject": wanted.subject,
            "actorId": wanted.actor,
            "certificate": wanted.certificate,
        }
        query: Document = {name: value for name, value in fields.items() if value is not None}
        bounds = {"$gte": self._first_id(wanted.since), "$lt": self._first_id(wanted.until)}
        times = {operator: bound for operator, bound in bounds.items() if bound is not None}
        return query | ({"_id": times} if times else {})

    def _first_id(self, at: datetime | None) -> str | None:
        """The least id that a record of this moment or later can have."""
        if at is None:
            return None
        milliseconds = min(max(int(at.timestamp() * 1000), 0), 2**48 - 1)
        least = ULID.from_bytes(milliseconds.to_bytes(6, "big") + bytes(10))
        return f"{self._world.id_prefix}-{Kind.RECORD.value}-{least}"


def _hint(query: Document) -> list[tuple[str, int]]:
    """The index to walk, named so that no planner has to guess between several."""
    for index in BY_CHOICE:
        if all(field in query for field, _ in index.keys[:-1]):
            return list(index.keys)
    return [("_id", 1)]


def _fields(record: Record) -> Document:
    return {
        "_id": record.id,
        "kind": record.kind,
        "kinds": list(accumulate(record.kind.split("."), "{}.{}".format)),
        "at": record.at,
        "actorKind": record.actor.kind.value,
        "actorId": record.actor.id,
        "actorParticipantId": record.actor.participant_id,
        "certificate": record.actor.certificate,
        "participantId": record.participant_id,
        "subject": record.subject,
        "content": record.content,
        "hash": record.hash,
        "receipt": record.receipt,
    }


def _record(stored: Document) -> Record:
    return Record(
        id=stored["_id"],
        kind=stored["kind"],
        at=stored["at"],
        actor=Actor(
            CallerKind(stored["actorKind"]), stored["actorId"], stored["actorParticipantId"], stored["certificate"]
        ),
        participant_id=stored["participantId"],
        subject=stored["subject"],
        content=stored["content"],
        hash=stored["hash"],
        receipt=stored["receipt"],
    )
