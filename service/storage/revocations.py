"""What the revocation list holds, entry by entry, and the lists that were made of it.

An entry is written in the transaction that ends (or releases) its certificate, under the next number of a sequence that
all such transactions of an issuer share: so they commit in the order of that number, and whoever has read up to one has
missed none before it. A released certificate keeps its place, without an entry.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from cryptography.x509 import ReasonFlags
from pymongo import ReplaceOne
from pymongo.errors import DuplicateKeyError

from service.certificates import Certificate, CertificateState
from service.pki.parsing import parse_serial
from service.pki.revocation_lists import Revocation, encode_entry
from service.storage.database import Collection, Database, Document, Index, Session

PART_BYTES = 1024 * 1024  # of a list, in one document: what is encoded at a time holds up other threads
_BATCH = 1_000
_COUNT = {"bsonType": ["int", "long"], "minimum": 0}
_DATE_OR_NULL = {"bsonType": ["date", "null"]}

REVOCATIONS = Collection(
    name="revocations",
    properties={
        "_id": {"bsonType": "string"},
        "issuer": {"bsonType": "string"},
        "serialNumber": {"bsonType": "string"},
        "entry": {"bsonType": ["binData", "null"]},
        "notAfter": {"bsonType": "date"},
        "sequence": _COUNT,
    },
    required=("issuer", "serialNumber", "entry", "notAfter", "sequence"),
    indexes=(Index((("issuer", 1), ("sequence", 1))),),
)
REVOCATION_LISTS = Collection(
    name="revocation_lists",
    properties={
        "_id": {"bsonType": "string"},  # the issuer
        "sequence": _COUNT,
        "number": _COUNT,
        "builtSequence": _COUNT,
        "parts": _COUNT,
        "thisUpdate": _DATE_OR_NULL,
        "nextUpdate": _DATE_OR_NULL,
    },
    required=("sequence", "number", "builtSequence", "parts", "thisUpdate", "nextUpdate"),
)
REVOCATION_LIST_PARTS = Collection(
    name="revocation_list_parts",
    properties={
        "_id": {"bsonType": "string"},
        "issuer": {"bsonType": "string"},
        "number": _COUNT,
        "part": _COUNT,
        "data": {"bsonType": "binData"},
    },
    required=("issuer", "number", "part", "data"),
    indexes=(Index((("issuer", 1), ("number", 1), ("part", 1)), unique=True),),
)

_REASONS = {each.value: each for each in ReasonFlags}


def revocation_of(certificate: Certificate) -> Revocation | None:
    """What a list says of the certificate; None for one that it does not name.

    A superseded one is named too: relying parties shall refuse it as this service does.
    """
    serial = parse_serial(certificate.serial_number or "")
    match certificate.state:
        case CertificateState.REVOKED:
            at, name = certificate.revoked_at, certificate.revocation_reason or "unspecified"
        case CertificateState.HELD:
            at, name = certificate.held_at, "certificateHold"
        case CertificateState.SUPERSEDED:
            at, name = certificate.superseded_at, "superseded"
        case _:
            return None
    return Revocation(serial, at or certificate.registered_at, _REASONS[name], certificate.invalidity_date)


def entry_of(certificate: Certificate) -> bytes | None:
    """The entry that the certificate's state asks for; None for one that no list names."""
    revocation = revocation_of(certificate)
    return encode_entry(revocation) if revocation else None


def place_of(certificate: Certificate) -> str:
    """The id under which its entry is kept."""
    return f"{certificate.issuer}/{certificate.serial_number or ''}"


@dataclass(frozen=True, slots=True)
class ListState:
    """How far the sequence and the newest list of an issuer are. `number` 0: none was made yet."""

    sequence: int
    number: int
    built_sequence: int
    parts: int
    this_update: datetime | None
    next_update: datetime | None


class Listed(NamedTuple):
    """One place of the sequence: an entry, or, without one, a certificate that was released."""

    serial_number: str
    entry: bytes | None
    not_after: datetime
    sequence: int


class RevocationStore:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._marks = {"environment": database.world.environment.value, "binding": database.world.binding}

    @property
    def _entries(self) -> Any:
        return self._database.collection(REVOCATIONS)

    @property
    def _lists(self) -> Any:
        return self._database.collection(REVOCATION_LISTS)

    @property
    def _parts(self) -> Any:
        return self._database.collection(REVOCATION_LIST_PARTS)

    async def found(self, issuer: str) -> None:
        """Begin the sequence of an issuer, unless it exists."""
        try:
            await self._lists.insert_one({"_id": issuer, **_BLANK, **self._marks})
        except DuplicateKeyError:
            return

    async def follow(self, session: Session, certificates: Sequence[Certificate]) -> None:
        """Let the entries of certificates be what their states ask for, in few trips to the database."""
        places = [place_of(each) for each in certificates]
        cursor = self._entries.find({"_id": {"$in": places}}, {"entry": 1}, session=session)
        stored = {each["_id"]: each["entry"] for each in await cursor.to_list(None)}
        changed = [each for each in certificates if stored.get(place_of(each)) != entry_of(each)]
        for issuer in sorted({each.issuer for each in changed}):
            await self._write(session, issuer, [each for each in changed if each.issuer == issuer])

    async def _write(self, session: Session, issuer: str, changed: Sequence[Certificate]) -> None:
        first = await self._advance(session, issuer, len(changed)) - len(changed) + 1
        following = [
            {
                "_id": place_of(each),
                "issuer": issuer,
                "serialNumber": each.serial_number or "",
                "entry": entry_of(each),
                "notAfter": each.not_after,
                "sequence": first + place,
                **self._marks,
            }
            for place, each in enumerate(changed)
        ]
        writes = [ReplaceOne({"_id": each["_id"]}, each, upsert=True) for each in following]
        await self._entries.bulk_write(writes, session=session)

    async def _advance(self, session: Session, issuer: str, by: int) -> int:
        """The sequence of an issuer, so many numbers further."""
        blank = {field: value for field, value in _BLANK.items() if field != "sequence"}
        state = await self._lists.find_one_and_update(
            {"_id": issuer},
            {"$inc": {"sequence": by}, "$setOnInsert": {**blank, **self._marks}},
            upsert=True,
            return_document=True,
            session=session,
        )
        return int(state["sequence"])

    async def find_state(self, issuer: str) -> ListState | None:
        stored = await self._lists.find_one({"_id": issuer})
        return _state(stored) if stored else None

    async def since(self, issuer: str, sequence: int) -> AsyncIterator[list[Listed]]:
        """The places after `sequence`, in batches, in order."""
        query = {"issuer": issuer, "sequence": {"$gt": sequence}}
        fields = {"_id": 0, "serialNumber": 1, "entry": 1, "notAfter": 1, "sequence": 1}
        cursor = self._entries.find(query, fields).sort([("issuer", 1), ("sequence", 1)]).batch_size(_BATCH)
        while batch := await cursor.to_list(_BATCH):
            yield [Listed(each["serialNumber"], each["entry"], each["notAfter"], each["sequence"]) for each in batch]

    async def publish(  # noqa: PLR0917 - the list, then when and from what it was made
        self, issuer: str, seen: ListState, data: bytes, sequence: int, this_update: datetime, next_update: datetime
    ) -> bool:
        """Keep the list that follows on `seen`; False if somebody else's does already."""
        number = seen.number + 1
        parts = [data[start : start + PART_BYTES] for start in range(0, len(data), PART_BYTES)]

        async def work(session: Session) -> bool:
            change = {
                "number": number,
                "builtSequence": sequence,
                "parts": len(parts),
                "thisUpdate": this_update,
                "nextUpdate": next_update,
            }
            swapped = await self._lists.update_one(
                {"_id": issuer, "number": seen.number}, {"$set": change}, session=session
            )
            if swapped.matched_count == 0:
                return False
            for place, part in enumerate(parts):
                fields = {"issuer": issuer, "number": number, "part": place, "data": part}
                await self._parts.insert_one(
                    {"_id": f"{issuer}/{number}/{place}", **fields, **self._marks}, session=session
                )
            await self._parts.delete_many({"issuer": issuer, "number": {"$lt": seen.number}}, session=session)
            return True

        return await self._database.transaction(work)

    async def find_list(self, issuer: str, state: ListState) -> bytes | None:
        """The newest list (DER); None if it has just been followed by another twice."""
        query = {"issuer": issuer, "number": state.number}
        found = await self._parts.find(query).sort([("issuer", 1), ("number", 1), ("part", 1)]).to_list(state.parts)
        return b"".join(each["data"] for each in found) if len(found) == state.parts else None


_BLANK: Document = {
    "sequence": 0,
    "number": 0,
    "builtSequence": 0,
    "parts": 0,
    "thisUpdate": None,
    "nextUpdate": None,
}


def _state(stored: Document) -> ListState:
    return ListState(
        stored["sequence"],
        stored["number"],
        stored["builtSequence"],
        stored["parts"],
        stored["thisUpdate"],
        stored["nextUpdate"],
    )
