"""Proposals: acts that wait for a second person."""

from datetime import datetime
from typing import Self

import strawberry

from schema.context import Info
from schema.nodes import ensure_ids, find_node, serve
from schema.pagination import Connection, connection_of, page_request
from schema.permissions import asks
from schema.scalars import Cursor
from schema.types import Marked, Node, marks
from service.identifiers import Kind
from service.pagination import LATEST_FIRST
from service.policy import Action
from service.proposal_service import ProposalFilter as Wanted
from service.proposals import Proposal as ProposalRecord
from service.proposals import ProposalStatus
from service.world import World

strawberry.enum(Action, description="Every act the service knows. A mutation's is its name in capitals.")
strawberry.enum(ProposalStatus, description="WAITING for another person, until it expires; then CONFIRMED or nothing.")


@strawberry.type(
    description="An act that asks for two persons (复核): another person confirms it by repeating it with `proposalId`."
)
class Proposal(Node, Marked):
    record: strawberry.Private[ProposalRecord]
    version: int
    action: Action
    status: ProposalStatus
    proposed_by: strawberry.ID = strawberry.field(description="The operator or registrar who cannot be the second.")
    proposed_at: datetime
    expires_at: datetime
    confirmed_by: strawberry.ID | None
    confirmed_at: datetime | None

    @classmethod
    def of(cls, world: World, record: ProposalRecord) -> Self:
        return cls(
            **marks(world),
            record=record,
            id=strawberry.ID(record.id),
            version=record.version,
            action=record.action,
            status=record.status,
            proposed_by=strawberry.ID(record.proposed_by),
            proposed_at=record.proposed_at,
            expires_at=record.expires_at,
            confirmed_by=strawberry.ID(record.confirmed_by) if record.confirmed_by else None,
            confirmed_at=record.confirmed_at,
        )

    @strawberry.field(description="What the act would change, if the caller may see it.")
    async def subject(self, info: Info) -> Node | None:
        return await find_node(info.context, self.record.subject_id)


@strawberry.input(description="Proposals for which all of this holds.")
class ProposalFilter:
    status: ProposalStatus | None = None
    subject_id: strawberry.ID | None = strawberry.field(default=None, description="What they would change.")
    participant_id: strawberry.ID | None = None


@strawberry.type
class ProposalQuery:
    @strawberry.field(
        description="Acts that wait, or waited, for a second person (待复核), the latest first.",
        metadata=asks(Action.READ_PROPOSAL),
    )
    async def proposals(
        self,
        info: Info,
        *,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
        filter: ProposalFilter | None = None,  # noqa: A002 - the schema's name for it
    ) -> Connection[Proposal]:
        services = info.context.services
        given = filter or ProposalFilter()
        ensure_ids(services.world, given)
        wanted = Wanted(given.status, given.subject_id, given.participant_id)
        request = page_request(info, LATEST_FIRST, first=first, after=after, last=last, before=before)
        return await connection_of(info, services.proposals, Proposal.of, wanted, request)


serve(Kind.PROPOSAL, lambda services: services.proposals.get_many, Proposal.of)
