"""Reminders in MongoDB: one a certificate and tier, however many processes would remind."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from pymongo.errors import BulkWriteError, DuplicateKeyError

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
    """Another process was faster with one of them."""


class ReminderStore(Versioned[Reminder]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, REMINDERS, REMINDER_CODEC)

    async def insert_once(self, session: Session, reminders: Sequence[Reminder]) -> None:
        """Raises AlreadyReminded where there is one of a certificate and tier: the transaction is then to end."""
        try:
            await self.insert_many(session, reminders)
        except (BulkWriteError, DuplicateKeyError) as error:
            raise AlreadyReminded from error

    async def tiers_of(self, certificate_ids: Sequence[str], session: Session = None) -> set[tuple[str, int]]:
        """The certificates with the tiers that they were reminded at."""
        query, fields = {"certificateId": {"$in": list(certificate_ids)}}, {"certificateId": 1, "tier": 1}
        cursor = self.collection.find(query, fields, session=session)
        return {(each["certificateId"], int(each["tier"])) for each in await cursor.to_list(None)}

    async def of_certificates(self, certificate_ids: Sequence[str]) -> dict[str, list[Reminder]]:
        """Those of each, the first first."""
        cursor = self.collection.find({"certificateId": {"$in": list(certificate_ids)}}).sort("_id", 1)
        found: dict[str, list[Reminder]] = {}
        async for each in cursor:
            reminder = self._codec.decode(each)
            found.setdefault(reminder.certificate_id, []).append(reminder)
        return found

    async def ends_within(
        self, participant_id: str, bounds: Iterable[tuple[datetime, datetime]]
    ) -> dict[str, datetime]:
        """The ids, with their ends, of a participant's certificates that end within any of the bounds, both included.

        Their state is not asked: it may change until they end.
        """
        certificates, found = self._database.collection(CERTIFICATES), {}
        for first, last in bounds:
            query = {"participantId": participant_id, "notAfter": {"$gte": first, "$lte": last}}
            cursor = certificates.find(query, {"notAfter": 1}).sort([("notAfter", 1), ("_id", 1)])
            found.update({str(each["_id"]): each["notAfter"] for each in await cursor.to_list(None)})
        return found

    async def ending(
        self,
        since: datetime,
        until: datetime,
        after: tuple[datetime, str] | None,
        limit: int,
        participant_id: str | None = None,
    ) -> list[Certificate]:
        """Certificates in their holders' hands that end in this time, in the order of their ends, beyond `after`.

        Of one participant, or of all.
        """
        query: dict[str, object] = {
            "state": {"$in": [state.value for state in SEATED]},
            "notAfter": {"$gte": after[0] if after else since, "$lte": until},
        }
        if participant_id is not None:
            query["participantId"] = participant_id
        if after is not None:
            query["$or"] = [{"notAfter": {"$gt": after[0]}}, {"notAfter": after[0], "_id": {"$gt": after[1]}}]
        collection = self._database.collection(CERTIFICATES)
        cursor = collection.find(query).sort([("notAfter", 1), ("_id", 1)]).limit(limit)
        return [CERTIFICATE_CODEC.decode(each) for each in await cursor.to_list(limit)]
