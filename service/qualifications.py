"""Business qualifications (业务资格) on which services rest: what became known of them, and from where (art. 20)."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from service.access import QualificationType


class QualificationStatus(StrEnum):
    VALID = "VALID"
    SUSPENDED = "SUSPENDED"
    TERMINATED = "TERMINATED"  # a settlement participant's, ended
    EXITED = "EXITED"  # an issuer's, left registration


@dataclass(frozen=True, slots=True)
class Qualification:
    """A business qualification on which the service rests (art. 20). `until` is its last day."""

    type: QualificationType
    status: QualificationStatus
    since: date
    until: date | None
    reference: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class QualificationInput:
    """What became known of a business qualification (art. 20), and from where."""

    type: QualificationType
    status: QualificationStatus
    since: date
    until: date | None
    reference: str
