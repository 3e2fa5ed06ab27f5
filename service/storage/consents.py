"""Consents in MongoDB: one document for a version delivered to a participant, found by either."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pymongo.errors import BulkWriteError, DuplicateKeyError

from service.consents import Consent, ConsentStatus
from service.storage.database import Database, Index, Session
from service.storage.documents import Codec, Versioned, declare

CONSENT_CODEC = Codec(Consent)

CONSENTS = declare(
    "consents",
    CONSENT_CODEC,
    Index((("participantId", 1), ("agreementNumber", 1)), unique=True),  # a version is delivered once
    Index((("agreementNumber", 1), ("status", 1))),
)

_LONGEST = 100  # revisions of the agreement that one participant may live to see


class AlreadyDelivered(Exception):
    """Another process has delivered to one of them meanwhile."""


@dataclass(frozen=True, slots=True)
class DeliveryCount:
    """To how many participants a version was delivered, how many administrators opened it, and the answers."""

    delivered: int = 0
    opened: int = 0
    confirmed: int = 0
    deemed_by_use: int = 0
    rejected: int = 0


class ConsentStore(Versioned[Consent]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, CONSENTS, CONSENT_CODEC)

    async def find_of(self, participant_id: str, number: int, session: Session = None) -> Consent | None:
        return await self.find_by({"participantId": participant_id, "agreementNumber": number}, session)

    async def of_participant(self, participant_id: str, session: Session = None) -> list[Consent]:
        """All of a participant's, the newest version first."""
        cursor = self.collection.find({"participantId": participant_id}, session=session)
        found = await cursor.sort("agreementNumber", -1).limit(_LONGEST).to_list(_LONGEST)
        return [CONSENT_CODEC.decode(each) for each in found]

    async def delivered_to(self, number: int, participant_ids: Sequence[str], session: Session = None) -> set[str]:
        """Those of the participants to whom the version was delivered."""
        query = {"participantId": {"$in": list(participant_ids)}, "agreementNumber": number}
        cursor = self.collection.find(query, {"participantId": 1}, session=session)
        return {each["participantId"] for each in await cursor.to_list(len(participant_ids))}

    async def insert_many(self, session: Session, consents: Sequence[Consent]) -> None:
        """Raises AlreadyDelivered where there is one of them."""
        try:
            await self.collection.insert_many([self._document(each) for each in consents], session=session)
        except (BulkWriteError, DuplicateKeyError) as error:
            raise AlreadyDelivered from error

    async def note_opened(self, participant_id: str, number: int, at: datetime) -> None:
        """The first time counts. The version of the document stays: nobody decides by this."""
        await self.collection.update_one(
            {"participantId": participant_id, "agreementNumber": number, "openedAt": None}, {"$set": {"openedAt": at}}
        )

    async def count_deliveries(self, number: int) -> DeliveryCount:
        groups = await self.collection.aggregate(
            [
                {"$match": {"agreementNumber": number}},
                {
                    "$group": {
                        "_id": "$status",
                        "all": {"$sum": 1},
                        "opened": {"$sum": {"$cond": [{"$ne": ["$openedAt", None]}, 1, 0]}},
                    }
                },
            ]
        ).to_list(len(ConsentStatus))
        by_status = {ConsentStatus(each["_id"]): each["all"] for each in groups}
        return DeliveryCount(
            delivered=sum(by_status.values()),
            opened=sum(each["opened"] for each in groups),
            confirmed=by_status.get(ConsentStatus.CONFIRMED, 0),
            deemed_by_use=by_status.get(ConsentStatus.DEEMED_BY_USE, 0),
            rejected=by_status.get(ConsentStatus.REJECTED, 0),
        )
