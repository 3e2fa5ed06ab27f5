"""What ends together: permissions, SMS, sessions and certificates, in the one transaction of the act that ends them.

Nothing is erased: every record stays (art. 12, 18).
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from service.acts import Act
from service.operators import OffboardReason, offboarded
from service.storage.database import Session
from service.storage.operators import OperatorStore

_BATCH = 200


class CertificateEnd(StrEnum):
    """Why certificates end, in the words of RFC 5280's reasons."""

    AFFILIATION_CHANGED = "affiliationChanged"  # the operator left
    CESSATION_OF_OPERATION = "cessationOfOperation"  # the participant closed
    PRIVILEGE_WITHDRAWN = "privilegeWithdrawn"  # the depository terminated


class CertificateEndings(Protocol):
    """How the certificates of operators end. Sessions end with `Operator.sessions_end_at`."""

    async def end_certificates(
        self, session: Session, operator_ids: Sequence[str], reason: CertificateEnd, at: datetime
    ) -> Sequence[str]:
        """End all that are not ended yet; answers their ids. Repeated, it finds nothing left to do."""

    async def holders_of_certificates(self, operator_ids: Sequence[str]) -> set[str]:
        """Those of the operators who hold a certificate that has not ended."""


REASONS = {
    OffboardReason.LEFT: CertificateEnd.AFFILIATION_CHANGED,
    OffboardReason.MOVED: CertificateEnd.AFFILIATION_CHANGED,
    OffboardReason.PARTICIPANT_CLOSED: CertificateEnd.CESSATION_OF_OPERATION,
    OffboardReason.PARTICIPANT_TERMINATED: CertificateEnd.PRIVILEGE_WITHDRAWN,
}


async def end_all_access(
    act: Act, operators: OperatorStore, certificates: CertificateEndings, participant_id: str, reason: OffboardReason
) -> dict[str, object]:
    """Offboard every operator of a participant that closes or is terminated; answers what ended, for the record."""
    ended: list[str] = []
    ended_certificates: list[str] = []
    while batch := await operators.standing(act.session, participant_id, ended[-1] if ended else "", _BATCH):
        for operator in batch:
            await operators.replace(act.session, offboarded(operator, reason, act.at))
        ids = [operator.id for operator in batch]
        ended_certificates += await certificates.end_certificates(act.session, ids, REASONS[reason], act.at)
        ended += ids
    return {"operators": list(ended), "certificates": list(ended_certificates)}
