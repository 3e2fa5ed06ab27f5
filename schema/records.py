"""Records (电子记录): what was done, by whom and for whom, in written form (art. 3) and as evidence (art. 12)."""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self, cast

import strawberry

from schema.context import Info
from schema.cost import ListSize
from schema.nodes import ensure_ids, find_node, serve
from schema.pagination import Connection, connection_of, page_request
from schema.permissions import OnlyFor, asks
from schema.scalars import Cursor
from schema.types import Marked, Node, marks
from service import log, records
from service.access import CallerKind
from service.errors import BadInput
from service.identifiers import Kind
from service.pagination import LATEST_FIRST
from service.policy import Action
from service.world import World

if TYPE_CHECKING:
    from schema.operators import Operator
    from schema.participants import Participant

ParticipantLazy = Annotated["Participant", strawberry.lazy("schema.participants")]
OperatorLazy = Annotated["Operator", strawberry.lazy("schema.operators")]

strawberry.enum(CallerKind, description="As whom the service knows the caller.")


@strawberry.type(description="Who acted: for an operator's acts the participant answers (art. 12).")
class Actor:
    kind: CallerKind
    id: strawberry.ID | None = strawberry.field(description="Of the operator or registrar. It outlives both.")
    participant_id: strawberry.ID | None = strawberry.field(description="Whose act it is.")
    certificate: str | None = strawberry.field(description="SHA-256 of the certificate the actor logged in with.")

    @strawberry.field(description="The operator, if it was one.", extensions=[OnlyFor(Action.READ_OPERATOR)])
    async def operator(self, info: Info) -> OperatorLazy | None:
        of_operator = self.id is not None and self.kind is CallerKind.OPERATOR
        return cast("Operator | None", await find_node(info.context, self.id)) if of_operator else None

    @classmethod
    def of(cls, actor: records.Actor) -> Self:
        return cls(
            kind=actor.kind,
            id=strawberry.ID(actor.id) if actor.id else None,
            participant_id=strawberry.ID(actor.participant_id) if actor.participant_id else None,
            certificate=actor.certificate,
        )


@strawberry.type(description="That a record is in the log: an inclusion proof (RFC 9162) against a signed checkpoint.")
class InclusionProof:
    index: int = strawberry.field(description="The record's place in the log, from 0.")
    size: int = strawberry.field(description="How many entries the checkpoint covers.")
    hashes: list[str] = strawberry.field(
        description="From the leaf up, in base64.", directives=[ListSize(assumed_size=32)]
    )
    checkpoint: str = strawberry.field(description="The signed note (C2SP tlog-checkpoint).")

    @classmethod
    def of(cls, proof: log.InclusionProof) -> Self:
        return cls(index=proof.index, size=proof.size, hashes=list(proof.hashes), checkpoint=proof.checkpoint)


@strawberry.type(description="An electronic record (电子记录), art. 3, 12. Written once, never edited, never deleted.")
class Record(Node, Marked):
    record: strawberry.Private[records.Record]
    kind: str = strawberry.field(description='What was done: "operator.offboarded".')
    at: datetime
    actor: Actor
    content: str = strawberry.field(description="The canonical bytes (RFC 8785), as recorded: what `hash` is of.")
    hash: str = strawberry.field(description="SHA-256 of `content`, lower-case hex.")
    receipt: str = strawberry.field(description="A JWS over `content`; its key is in /.well-known/jwks.json.")

    @classmethod
    def of(cls, world: World, record: records.Record) -> Self:
        return cls(
            **marks(world),
            record=record,
            id=strawberry.ID(record.id),
            kind=record.kind,
            at=record.at,
            actor=Actor.of(record.actor),
            content=record.content,
            hash=record.hash,
            receipt=record.receipt,
        )

    @strawberry.field(description="What it is about, if the caller may see it.")
    async def subject(self, info: Info) -> Node | None:
        return await find_node(info.context, self.record.subject)

    @strawberry.field(description="The participant it concerns.", extensions=[OnlyFor(Action.READ_PARTICIPANT)])
    async def participant(self, info: Info) -> ParticipantLazy | None:
        return cast("Participant | None", await find_node(info.context, self.record.participant_id))

    @strawberry.field(
        description="Its place in the log; null until the integrator has reached it.",
        extensions=[OnlyFor(Action.READ_RECORD)],
    )
    async def proof(self, info: Info) -> InclusionProof | None:
        found = await info.context.loaders.over(info.context.services.records.proofs_of).load(self.record.id)
        return InclusionProof.of(found) if found else None


@strawberry.input(description="Records for which all of this holds.")
class RecordFilter:
    subject_id: strawberry.ID | None = strawberry.field(default=None, description="What they are about.")
    actor_id: strawberry.ID | None = strawberry.field(default=None, description="Who acted.")
    participant_id: strawberry.ID | None = None
    kind: str | None = strawberry.field(
        default=None, description='A kind or its beginning up to a dot: "operator" finds "operator.offboarded".'
    )
    since: datetime | None = None
    until: datetime | None = strawberry.field(default=None, description="Exclusive.")

    def asked(self) -> records.RecordFilter:
        return records.RecordFilter(
            subject=self.subject_id,
            actor=self.actor_id,
            kind=self.kind,
            participant_id=self.participant_id,
            since=self.since,
            until=self.until,
        )


def asked_records(info: Info, given: RecordFilter | None, **about: str) -> records.RecordFilter:
    """What a filter asks for, of the records about one thing. Raises BadInput where it asks for those about another."""
    wanted = given or RecordFilter()
    ensure_ids(info.context.services.world, wanted)
    asked = wanted.asked()
    for name, fixed in about.items():
        if getattr(asked, name) not in {None, fixed}:
            raise BadInput("These are the records about one thing: leave its id out of the filter.", field="filter")
    return replace(asked, **about)  # type: ignore[arg-type]  # fields of text by name


async def records_page(
    info: Info,
    wanted: records.RecordFilter,
    *,
    first: int | None,
    after: Cursor | None,
    last: int | None,
    before: Cursor | None,
) -> Connection[Record]:
    """The records for which `wanted` holds and that the caller may see, the latest first."""
    request = page_request(info, LATEST_FIRST, first=first, after=after, last=last, before=before)
    return await connection_of(info, info.context.services.records, Record.of, wanted, request)


@strawberry.type
class RecordQuery:
    @strawberry.field(
        description="Records (电子记录), the latest first: a participant's own, to the depository all.",
        metadata=asks(Action.READ_RECORD),
    )
    async def records(
        self,
        info: Info,
        *,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
        filter: RecordFilter | None = None,  # noqa: A002 - the schema's name for it
    ) -> Connection[Record]:
        return await records_page(info, asked_records(info, filter), first=first, after=after, last=last, before=before)


serve(Kind.RECORD, lambda services: services.records.get_many, Record.of)
