"""Sanctions: what the depository decides against a participant, on which ground and rule (art. 19, 20, 28)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from service.refusals import RefusalCode, refuse


class Ground(StrEnum):
    """Why the depository may suspend or terminate: article 19 names three grounds, article 20 the fourth."""

    LAW = "LAW"
    BUSINESS_RULE = "BUSINESS_RULE"
    AGREEMENT = "AGREEMENT"
    QUALIFICATION_ENDED = "QUALIFICATION_ENDED"


class RuleKind(StrEnum):
    """The norms that article 28 lists."""

    LAW = "LAW"
    DEPARTMENT_RULE = "DEPARTMENT_RULE"
    BUSINESS_RULE = "BUSINESS_RULE"
    GUIDE = "GUIDE"
    GUIDELINE = "GUIDELINE"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class RuleReference:
    """The rule a decision rests on."""

    kind: RuleKind
    title: str
    provision: str


@dataclass(frozen=True, slots=True)
class Sanction:
    """A standing decision of the depository, with its ground and the rule it rests on (art. 19, 20, 28)."""

    ground: Ground
    rule: RuleReference
    note: str
    decided_by: str
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """Why the depository suspends or terminates: a ground, and the rule it rests on (art. 19, 20, 28)."""

    ground: Ground | None
    rule: RuleReference | None
    note: str = ""

    def as_given(self) -> dict[str, object]:
        rule = [self.rule.kind.value, self.rule.title, self.rule.provision] if self.rule else None
        return {"ground": self.ground.value if self.ground else None, "rule": rule, "note": self.note}

    def sanction(self, decided_by: str, at: datetime) -> Sanction:
        """Raises Refused(GROUND_MISSING) where either is missing or says nothing."""
        if self.ground is None:
            raise refuse(RefusalCode.GROUND_MISSING, "ground")
        if self.rule is None or not self.rule.title.strip() or not self.rule.provision.strip():
            raise refuse(RefusalCode.GROUND_MISSING, "rule")
        return Sanction(self.ground, self.rule, self.note, decided_by, at)
