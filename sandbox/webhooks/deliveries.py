"""Deliveries: one event on its way to one endpoint, with every attempt that was made. Rules here are pure.

An event is tried until an answer of 200 to 299 comes: again after 5 s, 1 min, 10 min, 1 h and 6 h (each within a fifth,
drawn at random, so that rivals part), or later if the receiver asks for it. Then it is left to be delivered by hand.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
)
JITTER = 0.2
LONGEST_WISH = timedelta(hours=1)  # of a receiver that says Retry-After
KEPT_ATTEMPTS = 20
LONGEST_HEAD = 4_096
GONE = 410


class DeliveryState(StrEnum):
    PENDING = "PENDING"
    HELD = "HELD"  # its endpoint is paused or off: it waits
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"  # given up; it can be delivered again by hand


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt: what went out and what came back. `status` is None where no answer came; then `problem` says why.

    The request's signature is shown as it was sent: it tells nothing of the secret.
    """

    at: datetime
    by_hand: bool
    milliseconds: int
    status: int | None
    problem: str | None
    request_head: str
    response_head: str
    response_body: str

    @property
    def succeeded(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """`body` are the exact bytes that are sent, each time the same. `place` orders the deliveries of an endpoint.

    `tries` counts the attempts since it was begun, or begun again by hand. Times are real.
    """

    id: str
    version: int
    tenant_id: str
    endpoint_id: str
    event_id: str
    event_type: str
    fired: bool
    body: bytes
    place: int
    state: DeliveryState
    created_at: datetime
    next_attempt_at: datetime
    by_hand: bool = False
    tries: int = 0
    attempts: tuple[Attempt, ...] = ()


def attempted(delivery: Delivery, attempt: Attempt, *, chance: float, wish: timedelta | None = None) -> Delivery:
    """After an attempt: done, to be tried again, or given up. `chance` from 0 to 1 spreads the next attempt."""
    tries = delivery.tries + 1
    told = replace(delivery, tries=tries, by_hand=False, attempts=(*delivery.attempts, attempt)[-KEPT_ATTEMPTS:])
    if attempt.succeeded:
        return replace(told, state=DeliveryState.DELIVERED)
    if tries > len(PAUSES):
        return replace(told, state=DeliveryState.FAILED)
    pause = max(_spread(PAUSES[tries - 1], chance), min(wish or timedelta(0), LONGEST_WISH))
    return replace(told, next_attempt_at=attempt.at + pause)


def put_off(delivery: Delivery, now: datetime, *, chance: float) -> Delivery:
    """To be tried a little later, where it did not come to an attempt: none is counted."""
    return replace(delivery, next_attempt_at=now + _spread(PAUSES[0], chance))


def _spread(pause: timedelta, chance: float) -> timedelta:
    return pause * (1 + JITTER * (2 * chance - 1))


def redelivered(delivery: Delivery, now: datetime) -> Delivery:
    """To be sent again at once: the same id, the same bytes, under a new timestamp."""
    return replace(delivery, state=DeliveryState.PENDING, next_attempt_at=now, by_hand=True, tries=0)


def parse_wish(retry_after: str | None) -> timedelta | None:
    """What `Retry-After` asks for, in seconds; a date in it is not read."""
    if retry_after is None or not retry_after.isascii() or not retry_after.isdigit() or len(retry_after) > 9:
        return None
    return timedelta(seconds=int(retry_after))
