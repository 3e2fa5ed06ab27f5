"""Agreements in MongoDB: one document a version, found by number."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from service.storage.database import Collection, Database, Document, Index, Session

AGREEMENTS = Collection(
    name="agreements",
    properties={
        "_id": {"bsonType": "string"},
        "number": {"bsonType": "int", "minimum": 1},
        "version": {"bsonType": "int", "minimum": 1},
        "effectiveFrom": {"bsonType": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
        "importedAt": {"bsonType": "date"},
        "publishedAt": {"bsonType": ["date", "null"]},
        "contentHash": {"bsonType": "string", "pattern": "^[0-9a-f]{64}$"},
        "sourceHash": {"bsonType": "string", "pattern": "^[0-9a-f]{64}$"},
        "isDigest": {"bsonType": "bool"},
        "text": {"bsonType": "string"},
        "english": {"bsonType": ["string", "null"]},
    },
    required=("number", "version", "effectiveFrom", "importedAt", "publishedAt", "contentHash", "sourceHash", "text"),
    indexes=(Index(keys=(("number", 1),), unique=True),),
)


@dataclass(frozen=True, slots=True)
class AgreementHead:
    """What decides which version is in force: small enough to read for every answer."""

    id: str
    number: int
    effective_from: date
    content_hash: str

    @classmethod
    def of(cls, document: "AgreementDocument") -> Self:
        return cls(document.id, document.number, document.effective_from, document.content_hash)


@dataclass(frozen=True, slots=True)
class AgreementDocument:
    id: str
    number: int
    version: int
    effective_from: date
    imported_at: datetime
    published_at: datetime | None
    content_hash: str
    source_hash: str
    is_digest: bool
    text: str
    english: str | None


class AgreementStore:
    def __init__(self, database: Database) -> None:
        self._world = database.world
        self._collection = database.collection(AGREEMENTS)

    async def save_draft(self, draft: AgreementDocument) -> AgreementDocument | None:
        """Insert or replace the draft of a number; None if that number is published. The first import's id stays."""
        fields = _fields(draft)
        first = {"_id": fields.pop("_id"), "environment": self._world.environment.value, "binding": self._world.binding}
        del fields["version"]
        try:
            stored = await self._collection.find_one_and_update(
                {"number": draft.number, "publishedAt": None},
                {"$set": fields, "$inc": {"version": 1}, "$setOnInsert": first},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        except DuplicateKeyError:  # the number exists and is published
            return None
        return _document(stored)

    async def publish(
        self, draft: AgreementDocument, at: datetime, session: Session = None
    ) -> AgreementDocument | None:
        """Publish exactly the draft that was read; None if it has changed or been published since."""
        stored = await self._collection.find_one_and_update(
            {"number": draft.number, "version": draft.version, "publishedAt": None},
            {"$set": {"publishedAt": at}},
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        return _document(stored) if stored else None

    async def find(self, number: int, session: Session = None) -> AgreementDocument | None:
        stored = await self._collection.find_one({"number": number}, session=session)
        return _document(stored) if stored else None

    async def find_by_id(self, agreement_id: str) -> AgreementDocument | None:
        stored = await self._collection.find_one({"_id": agreement_id})
        return _document(stored) if stored else None

    async def get_many(self, numbers: Sequence[int]) -> list[AgreementDocument]:
        """Those of these numbers that exist, in no particular order."""
        found = await self._collection.find({"number": {"$in": list(numbers)}}).to_list(len(numbers))
        return [_document(each) for each in found]

    async def published_heads(self, session: Session = None) -> list[AgreementHead]:
        """All published versions, ascending by number. There is one in years: a few dozen at the most."""
        found = (
            await self._collection.find(
                {"number": {"$gte": 1}, "publishedAt": {"$ne": None}},
                {"number": 1, "effectiveFrom": 1, "contentHash": 1},
                session=session,
            )
            .sort("number", 1)
            .to_list(None)
        )
        return [
            AgreementHead(each["_id"], each["number"], date.fromisoformat(each["effectiveFrom"]), each["contentHash"])
            for each in found
        ]

    async def numbers(self) -> list[int]:
        """The numbers of drafts and published versions, ascending."""
        found = await self._collection.find({"number": {"$gte": 1}}, {"number": 1}).sort("number", 1).to_list(None)
        return [each["number"] for each in found]


def _fields(agreement: AgreementDocument) -> Document:
    return {
        "_id": agreement.id,
        "number": agreement.number,
        "version": agreement.version,
        "effectiveFrom": agreement.effective_from.isoformat(),
        "importedAt": agreement.imported_at,
        "publishedAt": agreement.published_at,
        "contentHash": agreement.content_hash,
        "sourceHash": agreement.source_hash,
        "isDigest": agreement.is_digest,
        "text": agreement.text,
        "english": agreement.english,
    }


def _document(stored: Document) -> AgreementDocument:
    return AgreementDocument(
        id=stored["_id"],
        number=stored["number"],
        version=stored["version"],
        effective_from=date.fromisoformat(stored["effectiveFrom"]),
        imported_at=stored["importedAt"],
        published_at=stored["publishedAt"],
        content_hash=stored["contentHash"],
        source_hash=stored["sourceHash"],
        is_digest=stored["isDigest"],
        text=stored["text"],
        english=stored["english"],
    )
