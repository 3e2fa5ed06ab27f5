"""Proposals: an act that asks for two persons, waiting for the second.

The first call proposes; the same act, repeated by another person with the proposal's id, effects it. What is confirmed
must be what was proposed, to the letter.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from service.access import Caller, may_see
from service.policy import Action, ensure_second_person
from service.refusals import RefusalCode, refuse

PROPOSAL_LIFE = timedelta(days=7)
"""A policy of this service; the agreement names no time."""


class ProposalStatus(StrEnum):
    WAITING = "WAITING"
    CONFIRMED = "CONFIRMED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Who proposed what about whom. `digest` stands for the proposed input, `certified_by` is the proposer's."""

    id: str
    version: int
    action: Action
    status: ProposalStatus
    subject_id: str
    participant_id: str
    digest: str
    proposed_by: str
    certified_by: tuple[str, ...] = ()
    proposed_at: datetime
    expires_at: datetime
    confirmed_by: str | None = None
    confirmed_at: datetime | None = None


def confirmed(
    proposal: Proposal | None, caller: Caller, *, action: Action, subject_id: str, digest: str, at: datetime
) -> Proposal:
    """The proposal, confirmed. Raises Refused where it is not there, lapsed, of something else, or one's own."""
    if proposal is not None and not may_see(caller, proposal.participant_id):
        proposal = None  # another participant's is answered as none
    if proposal is None or proposal.status is not ProposalStatus.WAITING or proposal.action is not action:
        raise refuse(RefusalCode.PROPOSAL_NOT_FOUND, "proposalId")
    if proposal.subject_id != subject_id or proposal.digest != digest:
        raise refuse(RefusalCode.PROPOSAL_MISMATCH, "proposalId")
    if proposal.expires_at <= at:
        raise refuse(RefusalCode.PROPOSAL_EXPIRED, "proposalId", at=proposal.expires_at.isoformat())
    ensure_second_person(caller, action, proposal.proposed_by, proposal.certified_by)
    return replace(proposal, status=ProposalStatus.CONFIRMED, confirmed_by=caller.id, confirmed_at=at)
