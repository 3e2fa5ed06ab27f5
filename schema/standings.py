"""What a participant's standing is made of: qualifications, services, acceptances, sanctions (art. 7, 9, 19, 20)."""

from datetime import date, datetime
from typing import Self

import strawberry

from service import participants, qualifications, sanctions
from service.access import QualificationType, Service
from service.participants import AcceptanceManner, ParticipantStatus
from service.qualifications import QualificationStatus
from service.sanctions import Ground, RuleKind

for _enum, _description in (
    (
        ParticipantStatus,
        "PENDING until opened (开通); SUSPENDED by the depository (art. 19); CLOSING asked to (art. 18).",
    ),
    (QualificationStatus, "A settlement participant's is TERMINATED, an issuer's EXITED (art. 20)."),
    (AcceptanceManner, "How an agreement was accepted: by applying (art. 7), by word or by use (art. 25)."),
    (Ground, "Why the depository may suspend or terminate (art. 19); QUALIFICATION_ENDED only terminates (art. 20)."),
    (RuleKind, "The norms of art. 28: law, department rule, business rule, guide, guideline, other."),
    (Service, "What the depository grants to a participant (art. 2, 9)."),
):
    strawberry.enum(_enum, description=_description)


def _id(text: str | None) -> strawberry.ID | None:
    return strawberry.ID(text) if text else None


@strawberry.type(description="A business qualification (业务资格) on which services rest (art. 20).")
class Qualification:
    type: QualificationType
    status: QualificationStatus
    since: date
    until: date | None = strawberry.field(description="Its last day.")
    reference: str = strawberry.field(description="From where it is known.")
    recorded_at: datetime

    @classmethod
    def of(cls, record: qualifications.Qualification) -> Self:
        return cls(
            type=record.type,
            status=record.status,
            since=record.since,
            until=record.until,
            reference=record.reference,
            recorded_at=record.recorded_at,
        )


@strawberry.type(description="A service that the depository provides to the participant (art. 2, 9).")
class ServiceGrant:
    service: Service
    granted_at: datetime
    granted_by: strawberry.ID | None

    @classmethod
    def of(cls, record: participants.ServiceGrant) -> Self:
        return cls(service=record.service, granted_at=record.granted_at, granted_by=_id(record.granted_by))


@strawberry.type(description="Which agreement binds, how it came to, and since when (art. 7, 25).")
class Acceptance:
    agreement_number: int
    content_hash: str = strawberry.field(description="SHA-256 of the canonical text that was accepted.")
    manner: AcceptanceManner
    accepted_at: datetime
    accepted_by: strawberry.ID | None
    formed_at: datetime | None = strawberry.field(description="When the depository opened: the agreement is formed.")
    effective_from: date | None = strawberry.field(description="The first day of a revision: it binds from then on.")

    @classmethod
    def of(cls, record: participants.Acceptance) -> Self:
        return cls(
            agreement_number=record.agreement_number,
            content_hash=record.content_hash,
            manner=record.manner,
            accepted_at=record.accepted_at,
            accepted_by=_id(record.accepted_by),
            formed_at=record.formed_at,
            effective_from=record.effective_from,
        )


@strawberry.type(description="The rule that a decision rests on (art. 28).")
class RuleReference:
    kind: RuleKind
    title: str
    provision: str


@strawberry.type(description="A standing decision of the depository, with its ground and rule (art. 19, 20).")
class Sanction:
    ground: Ground
    rule: RuleReference
    note: str
    decided_by: strawberry.ID
    decided_at: datetime

    @classmethod
    def of(cls, record: sanctions.Sanction) -> Self:
        rule = RuleReference(kind=record.rule.kind, title=record.rule.title, provision=record.rule.provision)
        return cls(
            ground=record.ground,
            rule=rule,
            note=record.note,
            decided_by=strawberry.ID(record.decided_by),
            decided_at=record.decided_at,
        )
