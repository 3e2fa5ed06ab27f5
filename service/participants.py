"""Participants (PROP用户, Party A): institutions that the depository opened PROP for, and the rules of their standing.

People are operators, never participants. Rules here are pure: they take a state and answer the next one, or refuse.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

from service.access import SERVICES, SERVICES_AT_OPENING, ParticipantKind, QualificationType, Service
from service.personal_data import SealedText
from service.qualifications import Qualification, QualificationStatus
from service.refusals import RefusalCode, Refused, refuse
from service.sanctions import Ground, Sanction


class ParticipantStatus(StrEnum):
    PENDING = "PENDING"  # applied for, not opened
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"  # by the depository (art. 19)
    CLOSING = "CLOSING"  # asked to close (art. 18)
    CLOSED = "CLOSED"
    TERMINATED = "TERMINATED"  # by the depository (art. 19, 20)


class ParticipantCommand(StrEnum):
    OPEN = "OPEN"
    SUSPEND = "SUSPEND"
    RESUME = "RESUME"
    ASK_TO_CLOSE = "ASK_TO_CLOSE"
    STAY_OPEN = "STAY_OPEN"  # the application to close came to nothing
    STAY_SUSPENDED = "STAY_SUSPENDED"
    CLOSE = "CLOSE"
    TERMINATE = "TERMINATE"


PARTICIPANT_TRANSITIONS: Mapping[tuple[ParticipantStatus, ParticipantCommand], ParticipantStatus] = MappingProxyType(
    {
        (ParticipantStatus.PENDING, ParticipantCommand.OPEN): ParticipantStatus.ACTIVE,
        (ParticipantStatus.ACTIVE, ParticipantCommand.SUSPEND): ParticipantStatus.SUSPENDED,
        (ParticipantStatus.SUSPENDED, ParticipantCommand.RESUME): ParticipantStatus.ACTIVE,
        (ParticipantStatus.ACTIVE, ParticipantCommand.ASK_TO_CLOSE): ParticipantStatus.CLOSING,
        (ParticipantStatus.SUSPENDED, ParticipantCommand.ASK_TO_CLOSE): ParticipantStatus.CLOSING,
        (ParticipantStatus.CLOSING, ParticipantCommand.STAY_OPEN): ParticipantStatus.ACTIVE,
        (ParticipantStatus.CLOSING, ParticipantCommand.STAY_SUSPENDED): ParticipantStatus.SUSPENDED,
        (ParticipantStatus.CLOSING, ParticipantCommand.SUSPEND): ParticipantStatus.CLOSING,
        (ParticipantStatus.CLOSING, ParticipantCommand.RESUME): ParticipantStatus.CLOSING,
        (ParticipantStatus.CLOSING, ParticipantCommand.CLOSE): ParticipantStatus.CLOSED,
        (ParticipantStatus.ACTIVE, ParticipantCommand.TERMINATE): ParticipantStatus.TERMINATED,
        (ParticipantStatus.SUSPENDED, ParticipantCommand.TERMINATE): ParticipantStatus.TERMINATED,
        (ParticipantStatus.CLOSING, ParticipantCommand.TERMINATE): ParticipantStatus.TERMINATED,
    }
)
"""Asking to close shields from nothing (art. 19): one that is CLOSING is suspended by its sanction, or terminated."""

ENDED = frozenset({ParticipantStatus.CLOSED, ParticipantStatus.TERMINATED})
OPEN = frozenset({ParticipantStatus.ACTIVE, ParticipantStatus.SUSPENDED, ParticipantStatus.CLOSING})


class ContactKind(StrEnum):
    BUSINESS = "BUSINESS"
    TECHNICAL = "TECHNICAL"
    SECURITY = "SECURITY"
    EMERGENCY = "EMERGENCY"  # the channel of art. 26


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to reach, sealed: what shows is masked, what is stored is encrypted."""

    kind: ContactKind
    name: SealedText
    telephone: SealedText
    email: SealedText | None = None


@dataclass(frozen=True, slots=True)
class ServiceGrant:
    """A service that the depository provides to the participant (art. 2, 9)."""

    service: Service
    granted_at: datetime
    granted_by: str | None


class AcceptanceManner(StrEnum):
    BY_APPLICATION = "BY_APPLICATION"  # art. 7: applying is the participant's consent, opening the depository's
    CONFIRMED = "CONFIRMED"  # art. 25
    DEEMED_BY_USE = "DEEMED_BY_USE"  # art. 25


LEGACY_NOTICE_NUMBER = 0  # the notice before agreement 1, which ended it (art. 29): nobody accepts it any more


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Which agreement binds, how it came to, and since when.

    `formed_at` is the opening (art. 7). `effective_from` is a revision's first day, in Shanghai: what is accepted
    before binds from then on; None where the version was in force already.
    """

    agreement_number: int
    content_hash: str
    manner: AcceptanceManner
    accepted_at: datetime
    accepted_by: str | None
    formed_at: datetime | None = None
    effective_from: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Information:
    """What is registered of an institution. It changes through a reviewed application only (art. 16)."""

    kind: ParticipantKind
    legal_name: str
    legal_name_en: str | None = None
    uscc: str
    lei: str | None = None
    clearing_numbers: tuple[str, ...] = ()
    trading_units: tuple[str, ...] = ()
    securities_codes: tuple[str, ...] = ()
    contacts: tuple[Contact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant(Information):
    """An institution and its standing. `services` are those granted now; what was granted before is in the records.

    `acceptance` is the latest that was given, `former_acceptances` those before it, the oldest first.
    """

    id: str
    version: int
    participant_code: str
    status: ParticipantStatus
    qualifications: tuple[Qualification, ...] = ()
    services: tuple[ServiceGrant, ...] = ()
    acceptance: Acceptance | None = None
    former_acceptances: tuple[Acceptance, ...] = ()
    sanction: Sanction | None = None
    applied_at: datetime
    opened_at: datetime | None = None
    ended_at: datetime | None = None


def information_of(participant: Participant) -> Information:
    return Information(**{each.name: getattr(participant, each.name) for each in fields(Information)})


def with_information(participant: Participant, information: Information) -> Participant:
    return replace(participant, **{each.name: getattr(information, each.name) for each in fields(Information)})


def next_status(status: ParticipantStatus, command: ParticipantCommand) -> ParticipantStatus:
    """The status that the command leads to. Raises Refused(PARTICIPANT_STATE) for a way the table does not have."""
    following = PARTICIPANT_TRANSITIONS.get((status, command))
    if following is None:
        raise refuse(RefusalCode.PARTICIPANT_STATE, status=status.value, command=command.value)
    return following


def is_suspended(participant: Participant) -> bool:
    """Whether a suspension stands, one that asked to close included."""
    return participant.sanction is not None and participant.status not in ENDED


def may_use_platform(participant: Participant) -> bool:
    """Whether its operators are let in. Who asked to close uses it until the closing takes effect, unless suspended."""
    in_use = {ParticipantStatus.ACTIVE, ParticipantStatus.CLOSING}
    return participant.status in in_use and not is_suspended(participant)


def standing_of(participant: Participant) -> ParticipantStatus:
    """Its status as far as use goes: SUSPENDED where a suspension stands."""
    return ParticipantStatus.SUSPENDED if is_suspended(participant) else participant.status


def granted_services(participant: Participant) -> frozenset[Service]:
    return frozenset(grant.service for grant in participant.services)


def opened(participant: Participant, *, officer: str | None, at: datetime) -> Participant:
    """The participant, opened: the agreement is formed (art. 7). Raises Refused(ACCEPTANCE_MISSING) without one."""
    status = next_status(participant.status, ParticipantCommand.OPEN)
    acceptance = participant.acceptance
    if acceptance is None:
        raise refuse(RefusalCode.ACCEPTANCE_MISSING, "acceptance")
    grants = tuple(ServiceGrant(service, at, officer) for service in SERVICES_AT_OPENING)
    return replace(
        participant, status=status, services=grants, acceptance=replace(acceptance, formed_at=at), opened_at=at
    )


def accepted(participant: Participant, acceptance: Acceptance) -> Participant:
    """The participant, with a revision accepted; what it accepted before stays readable (art. 25)."""
    former = (participant.acceptance,) if participant.acceptance else ()
    return replace(participant, acceptance=acceptance, former_acceptances=(*participant.former_acceptances, *former))


def acceptances_of(participant: Participant) -> tuple[Acceptance, ...]:
    """All that were given, the oldest first."""
    return (*participant.former_acceptances, *((participant.acceptance,) if participant.acceptance else ()))


def acceptance_on(participant: Participant, day: date) -> Acceptance | None:
    """The one that binds on a day in Shanghai: the latest given of a version in force by then."""
    in_force = [
        each for each in acceptances_of(participant) if each.effective_from is None or each.effective_from <= day
    ]
    return in_force[-1] if in_force else None


def suspended(participant: Participant, sanction: Sanction) -> Participant:
    """Art. 19. A lost qualification only lets the depository terminate (art. 20)."""
    if sanction.ground is Ground.QUALIFICATION_ENDED:
        raise refuse(RefusalCode.GROUND_NOT_FOR_SUSPENSION, "ground")
    if is_suspended(participant):
        raise _refuse_standing(participant, ParticipantCommand.SUSPEND)
    return replace(participant, status=next_status(participant.status, ParticipantCommand.SUSPEND), sanction=sanction)


def resumed(participant: Participant) -> Participant:
    """Implied by art. 19's suspension; the agreement gives no procedure."""
    if not is_suspended(participant):
        raise _refuse_standing(participant, ParticipantCommand.RESUME)
    return replace(participant, status=next_status(participant.status, ParticipantCommand.RESUME), sanction=None)


def _refuse_standing(participant: Participant, command: ParticipantCommand) -> Refused:
    status = standing_of(participant).value
    return refuse(RefusalCode.PARTICIPANT_STATE, status=status, command=command.value)


def terminated(participant: Participant, sanction: Sanction, at: datetime) -> Participant:
    """Art. 19, 20: the depository's decision, never an event's."""
    status = next_status(participant.status, ParticipantCommand.TERMINATE)
    return replace(participant, status=status, sanction=sanction, services=(), ended_at=at)


def asked_to_close(participant: Participant) -> Participant:
    return replace(participant, status=next_status(participant.status, ParticipantCommand.ASK_TO_CLOSE))


def not_closed(participant: Participant) -> Participant:
    """The application to close was withdrawn or rejected: back to where it stood. A suspension outlives it."""
    command = ParticipantCommand.STAY_SUSPENDED if participant.sanction else ParticipantCommand.STAY_OPEN
    return replace(participant, status=next_status(participant.status, command))


def closed(participant: Participant, at: datetime) -> Participant:
    """Art. 18: services end; every record stays."""
    status = next_status(participant.status, ParticipantCommand.CLOSE)
    return replace(participant, status=status, services=(), ended_at=at)


def with_service(
    participant: Participant, service: Service, *, officer: str | None, at: datetime, today: date
) -> Participant:
    """The participant, granted a service whose qualification it holds (art. 9, 20)."""
    ensure_active(participant)
    if service in granted_services(participant):
        raise refuse(RefusalCode.SERVICE_ALREADY_GRANTED, "service", service=service.value)
    needed = SERVICES[service].qualification
    if needed is not None and not holds_qualification(participant, needed, today):
        raise refuse(RefusalCode.QUALIFICATION_MISSING, "service", service=service.value, qualification=needed.value)
    return replace(participant, services=(*participant.services, ServiceGrant(service, at, officer)))


def without_service(participant: Participant, service: Service) -> Participant:
    if service in SERVICES_AT_OPENING:
        raise refuse(RefusalCode.SERVICE_INDISPENSABLE, "service", service=service.value)
    if service not in granted_services(participant):
        raise refuse(RefusalCode.SERVICE_NOT_GRANTED, "service", service=service.value)
    return replace(participant, services=tuple(each for each in participant.services if each.service is not service))


def holds_qualification(participant: Participant, needed: QualificationType, day: date) -> bool:
    return any(
        each.type is needed
        and each.status is QualificationStatus.VALID
        and each.since <= day
        and (each.until is None or day <= each.until)
        for each in participant.qualifications
    )


def with_qualification(participant: Participant, qualification: Qualification) -> Participant:
    """The participant with the latest word on that type. Whatever it says, the standing does not move (art. 20)."""
    if qualification.until is not None and qualification.until < qualification.since:
        raise refuse(RefusalCode.QUALIFICATION_DATES, "until")
    if participant.status in ENDED:
        raise refuse(RefusalCode.PARTICIPANT_STATE, status=participant.status.value, command="RECORD_QUALIFICATION")
    others = tuple(each for each in participant.qualifications if each.type is not qualification.type)
    return replace(participant, qualifications=(*others, qualification))


def ensure_active(participant: Participant) -> None:
    """Raises Refused(PARTICIPANT_NOT_ACTIVE)."""
    if participant.status is not ParticipantStatus.ACTIVE:
        raise refuse(RefusalCode.PARTICIPANT_NOT_ACTIVE, status=standing_of(participant).value)
