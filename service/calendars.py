"""The calendar of what expires when, as a feed (iCalendar, RFC 5545) that any calendar program can follow.

A participant gives out one address; who has it can read the feed, so the address holds a secret and can be withdrawn.
The secret is derived from the id of the feed with a key of the world: it is kept nowhere, and shown again on demand.
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from service.certificates import Certificate, renewal_start
from service.clock import business_date
from service.operators import Operator, OperatorStatus
from service.participants import Participant, may_use_platform
from service.personal_data import PersonalData
from service.world import World

_OCTETS = 75  # of a line, RFC 5545, 3.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """A feed of one participant's certificates, until it is withdrawn, or who gave it out leaves."""

    id: str
    version: int
    participant_id: str
    given_out_by: str | None
    created_at: datetime
    withdrawn_at: datetime | None = None


def token_of(calendar: Calendar, personal_data: PersonalData) -> str:
    """What the feed's address ends with: its id, and what only this world can say of it."""
    secret = personal_data.keyed_digest(b"calendar feed\0" + calendar.id.encode())
    return f"{calendar.id}.{secret[:40]}"


def is_token(token: str, calendar: Calendar, personal_data: PersonalData) -> bool:
    expected = token_of(calendar, personal_data)
    return calendar.withdrawn_at is None and hmac.compare_digest(token.encode(errors="replace"), expected.encode())


def is_answered(participant: Participant, giver: Operator) -> bool:
    """Whether who gave the address out is let in. Who leaves has it still, and must not read by it (art. 11)."""
    return may_use_platform(participant) and giver.status is OperatorStatus.ACTIVE


def withdrawn(calendar: Calendar, at: datetime) -> Calendar:
    return calendar if calendar.withdrawn_at else replace(calendar, withdrawn_at=at)


def calendar_text(world: World, name: str, certificates: Iterable[Certificate], now: datetime) -> str:
    """The feed: of each certificate the day from which it can be renewed, and the day on which it ends (Shanghai)."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:-//{world.organization}//certificates//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"X-WR-CALNAME:{_escaped(f'{world.organization} {name}')}",
        f"X-PROP-ENVIRONMENT:{world.environment.value}",
        f"X-PROP-BINDING:{str(world.binding).upper()}",
    ]
    for each in certificates:
        title = f"{each.profile.value} {(each.serial_number or '')[-8:]}"
        opens = business_date(renewal_start(each.not_before, each.not_after))
        lines += _event(world, each, "renewal", opens, f"证书可换发 certificate can be renewed: {title}", now)
        ends = business_date(each.not_after)
        lines += _event(world, each, "end", ends, f"证书到期 certificate expires: {title}", now)
    lines.append("END:VCALENDAR")
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _event(  # noqa: PLR0917 - what the event is about, then what it says
    world: World, certificate: Certificate, what: str, day: date, summary: str, now: datetime
) -> list[str]:
    return [
        "BEGIN:VEVENT",
        f"UID:{certificate.id}-{what}@{world.organization.replace(' ', '-')}",
        f"DTSTAMP:{now:%Y%m%dT%H%M%SZ}",
        f"DTSTART;VALUE=DATE:{day:%Y%m%d}",
        f"DTEND;VALUE=DATE:{day + timedelta(days=1):%Y%m%d}",
        f"SUMMARY:{_escaped(summary)}",
        f"DESCRIPTION:{_escaped(world.notice or certificate.subject)}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def _escaped(text: str) -> str:
    """RFC 5545, 3.3.11."""
    for found, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\r", ""), ("\n", "\\n")):
        text = text.replace(found, written)
    return text


def _folded(line: str) -> str:
    """Lines of at most 75 octets, broken between characters; what goes on begins with a space."""
    parts, part, size = [], "", 0
    for character in line:
        octets = len(character.encode())
        if size + octets > _OCTETS:
            parts.append(part)
            part, size = " ", 1
        part += character
        size += octets
    return "\r\n".join([*parts, part])
