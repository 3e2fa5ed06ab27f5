"""Reminders (到期提醒, art. 14): no certificate comes to its end unseen. Rules here are pure.

The agreement asks for regular checks and names no days: when to remind is this service's policy, a setting.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from service.certificates import SEATED, Certificate, days_left
from service.clock import business_date

AFTER = -1
"""The tier of a certificate that has expired."""

ADMINISTRATOR_DAYS = 14
REGISTRAR_DAYS = 3

_MOMENT = timedelta(milliseconds=1)  # as fine as the database keeps time


class Audience(StrEnum):
    """Who is reminded; the nearer the end, the more of them."""

    OPERATOR = "OPERATOR"  # who holds it
    ADMINISTRATOR = "ADMINISTRATOR"  # the participant's
    REGISTRAR = "REGISTRAR"  # the depository


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """One reminder of one certificate. There is one for each certificate and tier (days left, or AFTER), for good."""

    id: str
    version: int
    certificate_id: str
    tier: int
    audience: tuple[Audience, ...]
    not_after: datetime
    participant_id: str | None = None
    operator_id: str | None = None
    registrar_id: str | None = None
    reminded_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None


def tier_of(certificate: Certificate, now: datetime, tiers: Sequence[int]) -> int | None:
    """The tier that a certificate has reached: of several, the most urgent. None where there is nothing to remind of.

    What is revoked or superseded needs no reminder: so they stop when a successor is in use.
    """
    if certificate.state not in SEATED:
        return None
    if now > certificate.not_after:
        return AFTER
    left = days_left(certificate, now)
    return min((tier for tier in tiers if left <= tier), default=None)


def reached_at(not_after: datetime, tier: int) -> datetime:
    """The first moment at which a certificate of this end has reached the tier: see `tier_of`."""
    return not_after - timedelta(days=tier + 1) + _MOMENT


def ends_reaching(tier: int, after: datetime, until: datetime) -> tuple[datetime, datetime]:
    """The first and the last end of certificates that reach the tier after one moment and until another."""
    return after + timedelta(days=tier + 1), until + timedelta(days=tier + 1) - _MOMENT


def audience_of(certificate: Certificate, tier: int) -> tuple[Audience, ...]:
    """A registrar's certificate concerns the depository only."""
    if certificate.registrar_id is not None:
        return (Audience.REGISTRAR,)
    found = [Audience.OPERATOR]
    if tier <= ADMINISTRATOR_DAYS:
        found.append(Audience.ADMINISTRATOR)
    if tier <= REGISTRAR_DAYS:
        found.append(Audience.REGISTRAR)
    return tuple(found)


def acknowledged(reminder: Reminder, by: str | None, at: datetime) -> Reminder:
    """Seen by somebody; the first who says so is kept. Later tiers remind all the same."""
    if reminder.acknowledged_at is not None:
        return reminder
    return replace(reminder, acknowledged_at=at, acknowledged_by=by)


def message_text(certificate: Certificate, tier: int, notice: str | None) -> str:
    """The SMS. It names no person, and the certificate by the end of its serial number."""
    serial, day = (certificate.serial_number or "")[-8:], business_date(certificate.not_after)
    if tier == AFTER:
        told = f"尾号 {serial} 的数字证书已于 {day} 到期，请重新申请。"
    else:
        told = f"尾号 {serial} 的数字证书将于 {day} 到期，请及时换发。"
    return f"【PROP】{told}" + (f"（{notice}）" if notice else "")
