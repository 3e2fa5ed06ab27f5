"""Idempotency keys in MongoDB: claimed in the transaction of their act, kept with its answer for a day."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError

from service.storage.database import Collection, Database, Document, Index, Session

LIFE = timedelta(hours=24)

IDEMPOTENCY = Collection(
    "idempotency",
    properties={
        "_id": {"bsonType": "string", "pattern": "^[0-9a-f]{64}$"},
        "digest": {"bsonType": "string", "pattern": "^[0-9a-f]{64}$"},
        "at": {"bsonType": "date"},
        "subject": {"bsonType": ["object", "null"]},
        "record": {"bsonType": ["string", "null"]},
        "proposal": {"bsonType": ["object", "null"]},
    },
    required=("digest", "at", "subject", "record", "proposal"),
    indexes=(Index((("at", 1),), expire_after_seconds=int(LIFE.total_seconds())),),
)


class KeyTaken(Exception):
    """Another call with the same key was faster: its answer is there, or will be."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What was answered under a key: documents, as they were then."""

    digest: str
    subject: Document
    record: str | None
    proposal: Document | None


class IdempotencyStore:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._marks = {"environment": database.world.environment.value, "binding": database.world.binding}

    @property
    def _collection(self) -> Any:
        return self._database.collection(IDEMPOTENCY)

    async def find(self, key: str, at: datetime) -> Answered | None:
        """The answer under this key, if it was given within the last day."""
        found = await self._collection.find_one({"_id": key, "at": {"$gt": at - LIFE}})
        if found is None or found["subject"] is None:
            return None
        return Answered(found["digest"], found["subject"], found["record"], found["proposal"])

    async def claim(self, session: Session, key: str, digest: str, at: datetime) -> None:
        """Raises KeyTaken where a live entry is there already; one that has lived its day gives way."""
        blank = {"digest": digest, "at": at, "subject": None, "record": None, "proposal": None, **self._marks}
        try:
            await self._collection.replace_one(
                {"_id": key, "at": {"$lte": at - LIFE}}, blank, upsert=True, session=session
            )
        except DuplicateKeyError:
            raise KeyTaken from None

    async def answer(self, session: Session, key: str, answered: Answered) -> None:
        fields = {"subject": answered.subject, "record": answered.record, "proposal": answered.proposal}
        await self._collection.update_one({"_id": key}, {"$set": fields}, session=session)
