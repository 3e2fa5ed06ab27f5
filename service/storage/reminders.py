"""Reminders in MongoDB: one a certificate and tier, however many processes would remind."""

from collections.abc import Sequence
from datetime import datetime

from pymongo.errors import DuplicateKeyError

from service.certificates import SEATED, Certificate
from service.reminders import Reminder
from service.storage.certificates import CERTIFICATE_CODEC, CERTIFICATES
from service.storage.database import Database, Index, Session
from service.storage.documents import Codec, Versioned, declare

REMINDER_CODEC = Codec(Reminder)

REMINDERS = declare(
    "reminders",
    REMINDER_CODEC,
    Index((("certificateId", 1), ("tier", 1)), unique=True),
    Index((("participantId", 1), ("_id", 1))),
)


class AlreadyReminded(Exception):
    """Another process was faster."""


class ReminderStore(Versioned[Reminder]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, REMINDERS, REMINDER_CODEC)

    async def insert_once(self, session: Session, reminder: Reminder) -> None:
        """Raises AlreadyReminded where there is one of this certificate and tier: the transaction is then to end."""
        found = await self.find_by({"certificateId": reminder.certificate_id, "tier": reminder.tier}, session)
        if found is not None:
            raise AlreadyReminded
        try:
            await self.insert(session, reminder)
        except DuplicateKeyError:
            raise AlreadyReminded from None

    async def of_certificates(self, certificate_ids: Sequence[str]) -> dict[str, list[Reminder]]:
        """Those of each, the first first."""
        cursor = self.collection.find({"certificateId": {"$in": list(certificate_ids)}}).sort("_id", 1)
        found: dict[str, list[Reminder]] = {}
        async for each in cursor:
            reminder = self._codec.decode(each)
            found.setdefault(reminder.certificate_id, []).append(reminder)
        return found

    async def ending(
        self, since: datetime, until: datetime, after: tuple[datetime, str] | None, limit: int
    ) -> list[Certificate]:
        """Certificates in their holders' hands that end in this time, in the order of their ends, beyond `after`."""
        query: dict[str, object] = {
            "state": {"$in": [state.value for state in SEATED]},
            "notAfter": {"$gte": after[0] if after else since, "$lte": until},
        }
        if after is not None:
            query["$or"] = [{"notAfter": {"$gt": after[0]}}, {"notAfter": after[0], "_id": {"$gt": after[1]}}]
        collection = self._database.collection(CERTIFICATES)
        cursor = collection.find(query).sort([("notAfter", 1), ("_id", 1)]).limit(limit)
        return [CERTIFICATE_CODEC.decode(each) for each in await cursor.to_list(limit)]
