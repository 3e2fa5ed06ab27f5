"""Electronic keys in MongoDB: found by serial, participant and operator."""

from service.electronic_keys import ElectronicKey
from service.storage.database import Database, Index, Session
from service.storage.documents import Codec, Versioned, declare

ELECTRONIC_KEY_CODEC = Codec(ElectronicKey)

ELECTRONIC_KEYS = declare(
    "electronic_keys",
    ELECTRONIC_KEY_CODEC,
    Index((("serial", 1),), unique=True),
    Index((("participantId", 1), ("_id", 1))),
    Index((("operatorId", 1), ("_id", 1))),
)


class ElectronicKeyStore(Versioned[ElectronicKey]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, ELECTRONIC_KEYS, ELECTRONIC_KEY_CODEC)

    async def find_by_serial(self, serial: str, session: Session = None) -> ElectronicKey | None:
        return await self.find_by({"serial": serial}, session)
