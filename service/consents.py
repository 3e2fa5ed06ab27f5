"""Consents: what became of a revision of the agreement that was delivered to a participant (art. 25).

A revision is delivered through PROP. From then on the participant confirms it, rejects it, or goes on using PROP, which
is consent too. What counts as use is said in `service.continued_use`. Rules here are pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

from service.clock import business_date
from service.participants import Acceptance, AcceptanceManner
from service.refusals import RefusalCode, refuse


class ConsentStatus(StrEnum):
    DELIVERED = "DELIVERED"  # not answered
    CONFIRMED = "CONFIRMED"
    DEEMED_BY_USE = "DEEMED_BY_USE"
    REJECTED = "REJECTED"  # use is blocked; the participant is to close


class ConsentCommand(StrEnum):
    CONFIRM = "CONFIRM"
    DEEM = "DEEM"
    REJECT = "REJECT"


CONSENT_TRANSITIONS: Mapping[tuple[ConsentStatus, ConsentCommand], ConsentStatus] = MappingProxyType(
    {
        (ConsentStatus.DELIVERED, ConsentCommand.CONFIRM): ConsentStatus.CONFIRMED,
        (ConsentStatus.DELIVERED, ConsentCommand.DEEM): ConsentStatus.DEEMED_BY_USE,
        (ConsentStatus.DELIVERED, ConsentCommand.REJECT): ConsentStatus.REJECTED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One version of the agreement, delivered to one participant, and the answer.

    `opened_at` is when an administrator first read that version. `delivery_record` and `answer_record` are the ids of
    the records of both; for DEEMED_BY_USE the latter is the record of the act that was the use. `effective_from` is the
    version's first day, in Shanghai.
    """

    id: str
    version: int
    participant_id: str
    agreement_number: int
    content_hash: str
    effective_from: date
    status: ConsentStatus = ConsentStatus.DELIVERED
    delivered_at: datetime
    delivery_record: str
    opened_at: datetime | None = None
    answered_at: datetime | None = None
    answered_by: str | None = None
    answer_record: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """By whom, when, and the record of it."""

    by: str | None
    at: datetime
    record: str


def next_status(status: ConsentStatus, command: ConsentCommand) -> ConsentStatus:
    """The status that the command leads to. Raises Refused(CONSENT_STATE) for a way the table does not have."""
    following = CONSENT_TRANSITIONS.get((status, command))
    if following is None:
        raise refuse(RefusalCode.CONSENT_STATE, "number", status=status.value, command=command.value)
    return following


def ensure_delivered(consent: Consent | None, number: int) -> Consent:
    """Nothing is accepted or rejected that was not delivered. Raises Refused(AGREEMENT_NOT_DELIVERED)."""
    if consent is None:
        raise refuse(RefusalCode.AGREEMENT_NOT_DELIVERED, "number", number=number)
    return consent


def confirmed(consent: Consent, answer: Answer) -> Consent:
    return _answered(consent, ConsentCommand.CONFIRM, answer)


def rejected(consent: Consent, answer: Answer, reason: str | None) -> Consent:
    return replace(_answered(consent, ConsentCommand.REJECT, answer), reason=reason)


def deemed(consent: Consent | None, number: int, answer: Answer) -> Consent:
    """Consent by the use that `answer` names.

    Raises Refused: AGREEMENT_NOT_DELIVERED for a use that was not after a delivery, AGREEMENT_NOT_IN_FORCE for one
    before the version's first day.
    """
    delivered = ensure_delivered(consent, number)
    if answer.at <= delivered.delivered_at:
        raise refuse(RefusalCode.AGREEMENT_NOT_DELIVERED, "number", number=number)
    if business_date(answer.at) < delivered.effective_from:
        raise refuse(
            RefusalCode.AGREEMENT_NOT_IN_FORCE, "number", number=number, effective=delivered.effective_from.isoformat()
        )
    return _answered(delivered, ConsentCommand.DEEM, answer)


def _answered(consent: Consent, command: ConsentCommand, answer: Answer) -> Consent:
    return replace(
        consent,
        status=next_status(consent.status, command),
        answered_at=answer.at,
        answered_by=answer.by,
        answer_record=answer.record,
    )


def acceptance_of(consent: Consent) -> Acceptance:
    """What the participant accepted by this answer. Raises ValueError for a consent that accepts nothing."""
    if consent.answered_at is None or consent.status is ConsentStatus.REJECTED:
        raise ValueError(f"a consent that is {consent.status} accepts nothing")
    return Acceptance(
        consent.agreement_number,
        consent.content_hash,
        AcceptanceManner(consent.status.value),
        consent.answered_at,
        consent.answered_by,
        effective_from=consent.effective_from,
    )


def newest(consents: Sequence[Consent]) -> Consent | None:
    return max(consents, key=lambda each: each.agreement_number, default=None)


def find_due(consents: Sequence[Consent]) -> Consent | None:
    """Of one participant's consents the one that waits for an answer: the newest, if it has none."""
    last = newest(consents)
    return last if last is not None and last.status is ConsentStatus.DELIVERED else None


def find_rejection(consents: Sequence[Consent]) -> Consent | None:
    """The rejection that stands: the newest answer, if it is one. Only confirming a later revision ends it."""
    last = newest([each for each in consents if each.status is not ConsentStatus.DELIVERED])
    return last if last is not None and last.status is ConsentStatus.REJECTED else None


def find_deemable(consents: Sequence[Consent], at: datetime) -> Consent | None:
    """The version that a use at this moment consents to: delivered before, in force, and newer than every answer."""
    answered = newest([each for each in consents if each.status is not ConsentStatus.DELIVERED])
    beyond = answered.agreement_number if answered else 0
    today = business_date(at)
    return newest(
        [
            each
            for each in consents
            if each.agreement_number > beyond and each.delivered_at < at and each.effective_from <= today
        ]
    )
