"""The outbox of SMS: what is to be sent is kept in the transaction that wants it sent, and sent afterwards.

The contract of a consumer, ours or a gateway's own that reads the collection `sms_outbox`:

1. Claim: of the messages PENDING with `nextAttemptAt` past, take one by setting `claimedUntil` to a little later, in
   one conditional update. Whoever claims alone delivers; a claim that runs out frees the message.
2. Deliver with `key`: a gateway that has seen the key does nothing and says yes. So a message that was delivered, and
   whose consumer died before saying so, has its effect once.
3. Say so: SENT, or another attempt after a pause that doubles; after `MOST_ATTEMPTS` FAILED, for a person to look at.

The telephone number is sealed for its place in the message; nobody but the consumer opens it.
"""

import asyncio
import logging
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from service.clock import Clock
from service.operators import Operator, SmsStatus, SmsTopic
from service.personal_data import PersonalData, Place, SealedText

if TYPE_CHECKING:
    from service.storage.outbox import OutboxStore

CLAIM = timedelta(seconds=30)
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)
MOST_ATTEMPTS = 12

_logger = logging.getLogger(__name__)


class MessageStatus(StrEnum):
    PENDING = "PENDING"
    SENT = "SENT"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One SMS. `key` is the same however often it is tried, and no other message has it."""

    id: str
    version: int
    key: str
    topic: SmsTopic
    operator_id: str
    participant_id: str
    telephone: SealedText
    text: str = field(repr=False)
    status: MessageStatus
    created_at: datetime
    next_attempt_at: datetime
    attempts: int = 0
    claimed_until: datetime | None = None
    sent_at: datetime | None = None


class Gateway(Protocol):
    """Where SMS leave the service. Called on a thread, one message of a process at a time."""

    def deliver(self, key: str, telephone: str, text: str) -> None:
        """Raises OSError where it could not; does nothing the second time for a key."""


def telephone_of(operator: Operator, topic: SmsTopic) -> SealedText | None:
    """The number to which the operator wants this topic, sealed for its place in the operator."""
    wanted = (each for each in operator.sms_subscriptions if each.topic is topic and each.status is SmsStatus.ACTIVE)
    return next((each.telephone for each in wanted), None)


def message_place(message_id: str) -> Place:
    return Place("sms_outbox", message_id, "telephone")


def addressed(
    personal_data: PersonalData,
    operator: Operator,
    topic: SmsTopic,
    *,
    message_id: str,
    key: str,
    text: str,
    at: datetime,
) -> Message | None:
    """The message to an operator, if it is subscribed to the topic."""
    telephone = telephone_of(operator, topic)
    if telephone is None:
        return None
    origin = Place("operators", operator.id, f"smsSubscriptions.{topic.value}")
    return Message(
        id=message_id,
        version=1,
        key=key,
        topic=topic,
        operator_id=operator.id,
        participant_id=operator.participant_id,
        telephone=personal_data.moved(telephone, origin, message_place(message_id)),
        text=text,
        status=MessageStatus.PENDING,
        created_at=at,
        next_attempt_at=at,
    )


def sent(message: Message, at: datetime) -> Message:
    return replace(message, status=MessageStatus.SENT, sent_at=at, attempts=message.attempts + 1, claimed_until=None)


def failed(message: Message, at: datetime) -> Message:
    """To be tried again after a pause, or not any more."""
    attempts = message.attempts + 1
    pause = min(FIRST_PAUSE * 2 ** (attempts - 1), LONGEST_PAUSE)
    status = MessageStatus.FAILED if attempts >= MOST_ATTEMPTS else MessageStatus.PENDING
    return replace(message, status=status, attempts=attempts, next_attempt_at=at + pause, claimed_until=None)


class Outbox:
    """The consumer: delivers what is due, any number of processes at once."""

    def __init__(
        self, clock: Clock, store: "OutboxStore", personal_data: PersonalData, gateway: Gateway | None
    ) -> None:
        self._clock = clock
        self._store = store
        self._personal_data = personal_data
        self._gateway = gateway

    async def deliver_due(self, participant_id: str | None = None) -> int:
        """Deliver all that is due; answers how many were sent. Without a gateway the messages wait for one.

        With a participant, by that participant's time.
        """
        if self._gateway is None:
            return 0
        count = 0
        while (message := await self._store.claim(self._clock.now(participant_id), CLAIM, participant_id)) is not None:
            count += await self._deliver(message, self._gateway)
        return count

    async def _deliver(self, message: Message, gateway: Gateway) -> bool:
        try:
            telephone = self._personal_data.open(message.telephone, message_place(message.id))
            await asyncio.to_thread(gateway.deliver, message.key, telephone, message.text)  # it may wait for a disk
        except OSError as error:
            _logger.warning(
                "an SMS could not be delivered", extra={"message_id": message.id, "reason": str(error.errno)}
            )
            await self._store.replace(None, failed(message, self._clock.now(message.participant_id)))
            return False
        await self._store.replace(None, sent(message, self._clock.now(message.participant_id)))
        return True
