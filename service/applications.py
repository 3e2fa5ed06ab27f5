"""Applications (申请): how an institution opens, renames, changes, closes. The effected ones are its history."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from service.access import Caller, ParticipantKind
from service.clock import business_date
from service.participants import ContactKind, Information
from service.personal_data import SealedText
from service.refusals import Findings, RefusalCode, refuse


class ApplicationType(StrEnum):
    OPEN = "OPEN"  # 开通
    RENAME = "RENAME"  # 更名
    INFO_CHANGE = "INFO_CHANGE"  # 信息变更
    CLOSE = "CLOSE"  # 关闭


class ApplicationStatus(StrEnum):
    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    UNDER_REVIEW = "UNDER_REVIEW"
    RETURNED = "RETURNED"
    REJECTED = "REJECTED"
    APPROVED = "APPROVED"
    EFFECTED = "EFFECTED"
    WITHDRAWN = "WITHDRAWN"
    LAPSED = "LAPSED"  # its participant was terminated


class ApplicationCommand(StrEnum):
    SUBMIT = "SUBMIT"
    TAKE_UP = "TAKE_UP"
    RETURN = "RETURN"
    REJECT = "REJECT"
    APPROVE = "APPROVE"
    EFFECT = "EFFECT"
    WITHDRAW = "WITHDRAW"
    LAPSE = "LAPSE"


APPLICATION_TRANSITIONS: Mapping[tuple[ApplicationStatus, ApplicationCommand], ApplicationStatus] = MappingProxyType(
    {
        (ApplicationStatus.DRAFT, ApplicationCommand.SUBMIT): ApplicationStatus.SUBMITTED,
        (ApplicationStatus.RETURNED, ApplicationCommand.SUBMIT): ApplicationStatus.SUBMITTED,
        (ApplicationStatus.SUBMITTED, ApplicationCommand.TAKE_UP): ApplicationStatus.UNDER_REVIEW,
        (ApplicationStatus.UNDER_REVIEW, ApplicationCommand.RETURN): ApplicationStatus.RETURNED,
        (ApplicationStatus.UNDER_REVIEW, ApplicationCommand.REJECT): ApplicationStatus.REJECTED,
        (ApplicationStatus.UNDER_REVIEW, ApplicationCommand.APPROVE): ApplicationStatus.APPROVED,
        (ApplicationStatus.APPROVED, ApplicationCommand.EFFECT): ApplicationStatus.EFFECTED,
        (ApplicationStatus.DRAFT, ApplicationCommand.WITHDRAW): ApplicationStatus.WITHDRAWN,
        (ApplicationStatus.SUBMITTED, ApplicationCommand.WITHDRAW): ApplicationStatus.WITHDRAWN,
        (ApplicationStatus.UNDER_REVIEW, ApplicationCommand.WITHDRAW): ApplicationStatus.WITHDRAWN,
        (ApplicationStatus.RETURNED, ApplicationCommand.WITHDRAW): ApplicationStatus.WITHDRAWN,
        (ApplicationStatus.DRAFT, ApplicationCommand.LAPSE): ApplicationStatus.LAPSED,
        (ApplicationStatus.SUBMITTED, ApplicationCommand.LAPSE): ApplicationStatus.LAPSED,
        (ApplicationStatus.UNDER_REVIEW, ApplicationCommand.LAPSE): ApplicationStatus.LAPSED,
        (ApplicationStatus.RETURNED, ApplicationCommand.LAPSE): ApplicationStatus.LAPSED,
        (ApplicationStatus.APPROVED, ApplicationCommand.LAPSE): ApplicationStatus.LAPSED,
    }
)

SETTLED = frozenset(
    {
        ApplicationStatus.REJECTED,
        ApplicationStatus.EFFECTED,
        ApplicationStatus.WITHDRAWN,
        ApplicationStatus.LAPSED,
    }
)
"""Nothing more is to come of such an application."""


class MaterialKind(StrEnum):
    APPLICATION_FORM = "APPLICATION_FORM"  # 申请书
    BUSINESS_LICENCE = "BUSINESS_LICENCE"  # 营业执照
    AUTHORIZATION = "AUTHORIZATION"  # 授权委托书
    NAME_CHANGE_PROOF = "NAME_CHANGE_PROOF"  # 更名证明
    OTHER = "OTHER"


REQUIRED_MATERIALS: Mapping[ApplicationType, tuple[MaterialKind, ...]] = MappingProxyType(
    {
        ApplicationType.OPEN: (
            MaterialKind.APPLICATION_FORM,
            MaterialKind.BUSINESS_LICENCE,
            MaterialKind.AUTHORIZATION,
        ),
        ApplicationType.RENAME: (
            MaterialKind.APPLICATION_FORM,
            MaterialKind.BUSINESS_LICENCE,
            MaterialKind.NAME_CHANGE_PROOF,
        ),
        ApplicationType.INFO_CHANGE: (MaterialKind.APPLICATION_FORM,),
        ApplicationType.CLOSE: (MaterialKind.APPLICATION_FORM,),
    }
)
"""A policy of this service: the agreement asks for "related materials" and lists none."""


LONGEST_WAIT = timedelta(days=90)
"""From handing in to the day of effect: a policy of this service. What is approved is decided on what is so then, and
while it waits the participant can apply for nothing else."""


@dataclass(frozen=True, slots=True)
class Material:
    """A paper that came with an application, known by its SHA-256. The bytes are kept by the depository's archive."""

    kind: MaterialKind
    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class FirstAdministrator:
    """Whom the institution names as its first administrator; registered with the opening."""

    operator_id: str
    operator_number: str
    name: str
    telephone: SealedText | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """One word of the depository on an application."""

    decision: ApplicationCommand
    at: datetime
    by: str | None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An application and what became of it. `before` and `after` are the registered information it would change.

    `certified_by` is the submitter's: whoever may hold its key.
    """

    id: str
    version: int
    type: ApplicationType
    status: ApplicationStatus
    participant_id: str
    applicant_uscc: str
    before: Information | None = None
    after: Information | None = None
    administrator: FirstAdministrator | None = None
    materials: tuple[Material, ...] = ()
    truth_declared: bool = False
    reason: str | None = None
    effective_from: date | None = None
    created_at: datetime
    created_by: str | None = None
    submitted_at: datetime | None = None
    submitted_by: str | None = None
    certified_by: tuple[str, ...] = ()
    reviews: tuple[Review, ...] = ()
    effected_at: datetime | None = None


def next_status(status: ApplicationStatus, command: ApplicationCommand) -> ApplicationStatus:
    """The status that the command leads to. Raises Refused(APPLICATION_STATE) for a way the table does not have."""
    following = APPLICATION_TRANSITIONS.get((status, command))
    if following is None:
        raise refuse(RefusalCode.APPLICATION_STATE, status=status.value, command=command.value)
    return following


def submitted(application: Application, *, by: Caller, at: datetime, today: date) -> Application:
    """The application, handed in: complete, or refused with everything that is missing (art. 6)."""
    status = next_status(application.status, ApplicationCommand.SUBMIT)
    ensure_complete(application, today)
    return replace(
        application,
        status=status,
        submitted_at=at,
        submitted_by=by.id,
        certified_by=tuple(sorted(by.certified_by)),
    )


def reviewed(application: Application, review: Review) -> Application:
    """The application after one word of the depository. One that waits is taken up first.

    Does NOT ask who reviews: `service.policy.ensure_second_person` does.
    """
    status = application.status
    if status is ApplicationStatus.SUBMITTED and review.decision is not ApplicationCommand.TAKE_UP:
        status = next_status(status, ApplicationCommand.TAKE_UP)
    status = next_status(status, review.decision)
    if review.decision in {ApplicationCommand.RETURN, ApplicationCommand.REJECT} and not review.reason:
        raise refuse(RefusalCode.REASON_MISSING, "reason")
    return replace(application, status=status, reviews=(*application.reviews, review))


def withdrawn(application: Application) -> Application:
    return replace(application, status=next_status(application.status, ApplicationCommand.WITHDRAW))


def lapsed(application: Application) -> Application:
    """The application, settled by the end of its participant: whatever it asked for, there is nobody for it."""
    return replace(application, status=next_status(application.status, ApplicationCommand.LAPSE))


def effected(application: Application, at: datetime) -> Application:
    return replace(application, status=next_status(application.status, ApplicationCommand.EFFECT), effected_at=at)


def is_due(application: Application, today: date) -> bool:
    """Whether an approved application takes effect today or should have."""
    return application.effective_from is None or application.effective_from <= today


_SHA256 = re.compile(r"[0-9a-f]{64}")


def ensure_complete(application: Application, today: date) -> None:
    """Raises Refused with everything that articles 6 and 16 miss in an application."""
    findings = Findings()
    if not application.truth_declared:
        findings.add(RefusalCode.TRUTH_NOT_DECLARED, "truthDeclared")
    if application.before is not None and application.applicant_uscc != application.before.uscc:
        findings.add(RefusalCode.APPLICANT_NOT_USER, "applicantUscc")
    _check_materials(application, findings)
    if application.after is not None:
        _check_information(application.after, application.applicant_uscc, application.before, findings)
    if application.effective_from is not None and application.effective_from < today:
        findings.add(RefusalCode.EFFECTIVE_DATE_PAST, "effectiveFrom", date=application.effective_from.isoformat())
    latest = today + LONGEST_WAIT
    if application.effective_from is not None and application.effective_from > latest:
        findings.add(RefusalCode.EFFECTIVE_DATE_TOO_FAR, "effectiveFrom", latest=latest.isoformat())
    findings.raise_any()


def ensure_digests(materials: Iterable[Material]) -> None:
    """Raises Refused for every paper that is not named by its SHA-256, or is named twice. A draft's too."""
    findings = Findings()
    hashes = [material.sha256 for material in materials]
    for place, digest in enumerate(hashes):
        if _SHA256.fullmatch(digest) is None or digest in hashes[:place]:
            findings.add(RefusalCode.MATERIAL_INVALID, "materials", str(place))
    findings.raise_any()


def _check_materials(application: Application, findings: Findings) -> None:
    findings.attempt(ensure_digests, application.materials)
    kinds = {material.kind for material in application.materials}
    for required in REQUIRED_MATERIALS[application.type]:
        if required not in kinds:
            findings.add(RefusalCode.MATERIAL_MISSING, "materials", missing=required.value)


def _check_information(after: Information, applicant: str, before: Information | None, findings: Findings) -> None:
    if before is None and after.uscc != applicant:
        findings.add(RefusalCode.APPLICANT_NOT_USER, "information", "uscc")
    if before is not None and after.uscc != before.uscc:
        findings.add(RefusalCode.USCC_FIXED, "information", "uscc")
    if before is not None and not changed_fields(before, after):
        findings.add(RefusalCode.NOTHING_CHANGED, "information")
    if after.kind is ParticipantKind.SETTLEMENT_PARTICIPANT and not after.clearing_numbers:
        findings.add(RefusalCode.CLEARING_NUMBER_MISSING, "information", "clearingNumbers")
    if after.kind is ParticipantKind.SECURITIES_ISSUER and not after.securities_codes:
        findings.add(RefusalCode.SECURITIES_CODE_MISSING, "information", "securitiesCodes")
    if all(contact.kind is not ContactKind.BUSINESS for contact in after.contacts):
        findings.add(RefusalCode.CONTACT_MISSING, "information", "contacts")


def changed_fields(before: Information, after: Information) -> tuple[str, ...]:
    """The names of the fields that differ. Contacts are compared by what is in them, not by how it is sealed."""
    return tuple(
        each.name
        for each in fields(Information)
        if _comparable(getattr(before, each.name)) != _comparable(getattr(after, each.name))
    )


def _comparable(value: object) -> object:
    if isinstance(value, SealedText):
        return value.blind_index
    if isinstance(value, tuple):
        return tuple(_comparable(each) for each in value)
    if hasattr(value, "telephone"):
        return tuple(_comparable(getattr(value, name)) for name in ("kind", "name", "telephone", "email"))
    return value


def type_of_change(before: Information, after: Information) -> ApplicationType:
    """A change of the legal name is a rename and asks for its proof."""
    return ApplicationType.RENAME if before.legal_name != after.legal_name else ApplicationType.INFO_CHANGE


def information_on(day: date, current: Information, applications: Iterable[Application]) -> Information | None:
    """What was registered on a day, from what is registered now and the effected applications, in any order.

    None before the opening.
    """
    effected_ones = [
        each for each in applications if each.status is ApplicationStatus.EFFECTED and each.effected_at is not None
    ]
    then: Information | None = current
    for application in sorted(effected_ones, key=lambda each: (each.effected_at, each.id), reverse=True):
        if application.effected_at is not None and business_date(application.effected_at) <= day:
            break
        if application.type is not ApplicationType.CLOSE:
            then = application.before
    return then
