"""Which acts wait for a second person: for those who might be that person, and those who wait."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.access import Caller, may_see, own_participant
from service.acts import Acts
from service.pagination import Page, PageRequest
from service.policy import Action
from service.proposals import Proposal, ProposalStatus
from service.storage.database import Document
from service.storage.proposals import ProposalStore


@dataclass(frozen=True, slots=True)
class ProposalFilter:
    """What all hold together; None asks nothing."""

    status: ProposalStatus | None = None
    subject_id: str | None = None
    participant_id: str | None = None

    def query(self, only: str | None) -> Document:
        """`only`: the one participant whose proposals the caller may see, or None for all."""
        asked = {"status": self.status, "subjectId": self.subject_id, "participantId": self.participant_id}
        query: Document = {name: value for name, value in asked.items() if value is not None}
        if only is None:
            return query
        return query | {"participantId": only if self.participant_id in {None, only} else {"$in": []}}


class ProposalService:
    def __init__(self, acts: Acts, proposals: ProposalStore) -> None:
        self._acts = acts
        self._proposals = proposals

    async def get_many(self, caller: Caller, ids: Sequence[str]) -> list[Proposal | None]:
        """In the order of `ids`; None for what is not there, or not for this caller to see."""
        await self._acts.permit(caller, Action.READ_PROPOSAL)
        found = await self._proposals.get_many(ids)
        return [each if each and may_see(caller, each.participant_id) else None for each in found]

    async def page(self, caller: Caller, wanted: ProposalFilter, request: PageRequest) -> Page[Proposal]:
        """In the order in which they were made, or the latest first (`BY_ID`, `LATEST_FIRST`)."""
        await self._acts.permit(caller, Action.READ_PROPOSAL)
        return await self._proposals.page(request, wanted.query(own_participant(caller)))

    async def count(self, caller: Caller, wanted: ProposalFilter) -> int:
        await self._acts.permit(caller, Action.READ_PROPOSAL)
        return await self._proposals.count(wanted.query(own_participant(caller)))
