"""Registrars in MongoDB: found by id and by number."""

from service.access import RegistrarRole
from service.registrars import Registrar, RegistrarStatus
from service.storage.database import Database, Index, Session
from service.storage.documents import Codec, Versioned, declare

REGISTRAR_CODEC = Codec(Registrar)

REGISTRARS = declare(
    "registrars",
    REGISTRAR_CODEC,
    Index((("number", 1),), unique=True),
    Index((("role", 1), ("status", 1))),
    derived={"touched": {"bsonType": ["int", "long"]}},
)


class RegistrarStore(Versioned[Registrar]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, REGISTRARS, REGISTRAR_CODEC)

    async def find_by_number(self, number: str, session: Session = None) -> Registrar | None:
        return await self.find_by({"number": number}, session)

    async def touch(self, session: Session, registrar_id: str) -> None:
        """Makes a transaction that gives the registrar something meet one that ends it: one of them is tried again."""
        await self.collection.update_one({"_id": registrar_id}, {"$inc": {"touched": 1}}, session=session)

    async def touch_other_officers(self, session: Session, registrar_id: str) -> int:
        """How many other active officers there are. Two who end each other at once meet: one of them is tried again."""
        active = {"role": RegistrarRole.OFFICER.value, "status": RegistrarStatus.ACTIVE.value}
        others = {**active, "_id": {"$ne": registrar_id}}
        result = await self.collection.update_many(others, {"$inc": {"touched": 1}}, session=session)
        return int(result.matched_count)
