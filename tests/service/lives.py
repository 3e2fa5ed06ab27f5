"""What the state machines begin with: one participant, one operator, one application."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import StrEnum

from service import applications
from service.access import (
    OperatorRole,
    ParticipantKind,
    Permission,
    QualificationType,
)
from service.applications import (
    Application,
    ApplicationStatus,
    ApplicationType,
    Material,
)
from service.operators import (
    Operator,
    OperatorStatus,
)
from service.participants import (
    Acceptance,
    AcceptanceManner,
    Participant,
    ParticipantStatus,
)
from service.personal_data import SealedText
from service.qualifications import Qualification, QualificationStatus
from service.sanctions import Ground, RuleKind, RuleReference, Sanction

AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
ACCEPTED = Acceptance(1, "0" * 64, AcceptanceManner.BY_APPLICATION, AT, None)
SANCTION = Sanction(Ground.LAW, RuleReference(RuleKind.LAW, "Law", "1"), "", "live-reg-1", AT)
PENDING = Participant(
    id="live-par-1",
    version=1,
    participant_code="BRK001",
    status=ParticipantStatus.PENDING,
    kind=ParticipantKind.SETTLEMENT_PARTICIPANT,
    legal_name="Test",
    uscc="91350100M000100Y43",
    acceptance=ACCEPTED,
    applied_at=AT,
)
CLERK = Operator(
    id="live-op-1",
    version=1,
    participant_id=PENDING.id,
    operator_number="000001",
    name="Clerk",
    role=OperatorRole.OPERATOR,
    status=OperatorStatus.ACTIVE,
    permissions=(Permission.NOTICE_READ, Permission.SMS_SUBSCRIBE),
    registered_at=AT,
)
COMPLETE = tuple(Material(kind, kind.value, f"{place:064x}") for place, kind in enumerate(applications.MaterialKind))
DRAFT = Application(
    id="live-app-1",
    version=1,
    type=ApplicationType.CLOSE,
    status=ApplicationStatus.DRAFT,
    participant_id=PENDING.id,
    applicant_uscc=PENDING.uscc,
    materials=COMPLETE,
    truth_declared=True,
    created_at=AT,
)
TELEPHONE = SealedText("138****1234", b"", "")
LOST = Qualification(QualificationType.SETTLEMENT, QualificationStatus.TERMINATED, date(2026, 1, 1), None, "x", AT)


def edges(table: Mapping[tuple[StrEnum, StrEnum], StrEnum]) -> set[tuple[StrEnum, StrEnum]]:
    return {(before, after) for (before, _), after in table.items()}
