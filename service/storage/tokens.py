"""The assertions that were used, until they are too old to be used again."""

import hashlib
from datetime import datetime

from pymongo.errors import DuplicateKeyError

from service.storage.database import Collection, Database, Index, Session

USED_ASSERTIONS = Collection(
    name="used_assertions",
    properties={"_id": {"bsonType": "string", "pattern": "^[0-9a-f]{64}$"}, "expiresAt": {"bsonType": "date"}},
    required=("expiresAt",),
    indexes=(Index((("expiresAt", 1),), expire_after_seconds=3600),),  # an hour's room for the database's own clock
)


class AssertionStore:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._marks = {"environment": database.world.environment.value, "binding": database.world.binding}

    async def spend(self, certificate: str, jti: str, expires_at: datetime, session: Session) -> bool:
        """Remember an assertion; False if it was used before. Of the `jti` a hash is kept."""
        digest = hashlib.sha256(f"{certificate}\n{jti}".encode()).hexdigest()
        document = {"_id": digest, "expiresAt": expires_at, **self._marks}
        try:
            await self._database.collection(USED_ASSERTIONS).insert_one(document, session=session)
        except DuplicateKeyError:
            return False
        return True
