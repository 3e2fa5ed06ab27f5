"""The outbox in MongoDB: claimed one by one, each key once."""

from datetime import datetime, timedelta

from service.outbox import Message, MessageStatus
from service.storage.database import Database, Index, Session
from service.storage.documents import Codec, Versioned, declare

MESSAGE_CODEC = Codec(Message)

OUTBOX = declare(
    "sms_outbox",
    MESSAGE_CODEC,
    Index((("key", 1),), unique=True),
    Index((("status", 1), ("nextAttemptAt", 1))),
    Index((("participantId", 1), ("status", 1), ("nextAttemptAt", 1))),
    Index((("operatorId", 1), ("_id", 1))),
)


class OutboxStore(Versioned[Message]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, OUTBOX, MESSAGE_CODEC)

    async def claim(self, now: datetime, life: timedelta, participant_id: str | None = None) -> Message | None:
        """The message that has waited longest, for this consumer alone until the claim runs out.

        Of one participant, or of all.
        """
        stored = await self.collection.find_one_and_update(
            {
                **({} if participant_id is None else {"participantId": participant_id}),
                "status": MessageStatus.PENDING.value,
                "nextAttemptAt": {"$lte": now},
                "$or": [{"claimedUntil": None}, {"claimedUntil": {"$lte": now}}],
            },
            {"$set": {"claimedUntil": now + life}, "$inc": {"version": 1}},
            sort=[("nextAttemptAt", 1)],
            return_document=True,
        )
        return None if stored is None else self._codec.decode(stored)

    async def of_operator(self, operator_id: str, session: Session = None) -> list[Message]:
        return await self.list_by({"operatorId": operator_id}, 1000, session)
