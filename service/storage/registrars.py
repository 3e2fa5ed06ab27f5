"""Registrars in MongoDB: found by id and by number."""

from service.registrars import Registrar
from service.storage.database import Database, Index, Session
from service.storage.documents import Codec, Versioned, declare

REGISTRAR_CODEC = Codec(Registrar)

REGISTRARS = declare("registrars", REGISTRAR_CODEC, Index((("number", 1),), unique=True))


class RegistrarStore(Versioned[Registrar]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, REGISTRARS, REGISTRAR_CODEC)

    async def find_by_number(self, number: str, session: Session = None) -> Registrar | None:
        return await self.find_by({"number": number}, session)
