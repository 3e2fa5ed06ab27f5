"""What ends together: permissions, SMS, sessions and certificates, in the one transaction of the act that ends them.

Nothing is erased: every record stays (art. 12, 18).
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from service.access import permissions_of
from service.acts import Act
from service.operators import OffboardReason, Operator, narrowed, offboarded
from service.participants import Participant, granted_services
from service.records import Entry
from service.storage.database import Session
from service.storage.operators import OperatorStore

_BATCH = 200
_MOST_NAMED = 100  # a record has a bounded size, and an end must not fail on it


class CertificateEnd(StrEnum):
    """Why certificates end, in the words of RFC 5280's reasons."""

    AFFILIATION_CHANGED = "affiliationChanged"  # the operator left
    CESSATION_OF_OPERATION = "cessationOfOperation"  # the participant closed
    PRIVILEGE_WITHDRAWN = "privilegeWithdrawn"  # the depository terminated


class CertificateEndings(Protocol):
    """How the certificates of operators end. Sessions end with `Operator.sessions_end_at`."""

    async def end_certificates(
        self, session: Session, operator_ids: Sequence[str], reason: CertificateEnd, at: datetime
    ) -> Mapping[str, Sequence[str]]:
        """End all that are not ended yet; answers their ids by operator. Repeated, it finds nothing left to do."""

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
    """Offboard every operator of a participant that closes or is terminated, each with its own record.

    Answers how many operators and certificates ended, for the participant's record: that has a bounded size, which a
    list of all of them would exceed.
    """
    ended = ended_certificates = 0
    async for batch in _batches(act, operators, participant_id):
        await operators.replace_many(act.session, [offboarded(each, reason, act.at) for each in batch])
        ids = [each.id for each in batch]
        of_operators = await certificates.end_certificates(act.session, ids, REASONS[reason], act.at)
        said = [Entry(each.id, offboarding(each, reason, of_operators.get(each.id, ()))) for each in batch]
        await act.record_many("operator.offboarded", participant_id, said)
        ended += len(batch)
        ended_certificates += sum(map(len, of_operators.values()))
    return {"operators": ended, "certificates": ended_certificates}


def offboarding(
    operator: Operator, reason: OffboardReason, certificates: Sequence[str], successor_id: str | None = None
) -> dict[str, object]:
    """What the record of an operator's end says: everything that ended with it (art. 11)."""
    return {
        "reason": reason.value,
        "permissions": [*operator.permissions],
        "sms": [each.topic.value for each in operator.sms_subscriptions],
        **ended_with_it(certificates),
        "successor": successor_id,
    }


def ended_with_it(certificates: Sequence[str]) -> dict[str, object]:
    """What a record says of the certificates that ended: their ids, and how many more where there are very many."""
    named: dict[str, object] = {"certificates": [*certificates[:_MOST_NAMED]]}
    more = len(certificates) - _MOST_NAMED
    return named | {"moreCertificates": more} if more > 0 else named


async def narrow_operators(act: Act, operators: OperatorStore, participant: Participant) -> dict[str, object]:
    """Take from operators what the participant is no longer granted, each with its own record; answers how many."""
    granted = permissions_of(granted_services(participant))
    count = 0
    async for batch in _batches(act, operators, participant.id):
        beyond = [each for each in batch if frozenset(each.permissions) - granted]
        changed = [narrowed(each, granted) for each in beyond]
        await operators.replace_many(act.session, changed)
        said = [
            Entry(after.id, {"before": [*before.permissions], "after": [*after.permissions]})
            for before, after in zip(beyond, changed, strict=True)
        ]
        await act.record_many("operator.permissions.changed", participant.id, said)
        count += len(changed)
    return {"operators": count}


async def _batches(act: Act, operators: OperatorStore, participant_id: str) -> AsyncIterator[Sequence[Operator]]:
    """Everybody who has not left, in the order of ids."""
    after = ""
    while batch := await operators.standing(act.session, participant_id, after, _BATCH):
        yield batch
        after = batch[-1].id
