"""Consents over GraphQL: what became of the revisions of the agreement that were delivered (art. 25)."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Self, cast

import strawberry

from schema.agreements import Agreement
from schema.context import Context, Info
from schema.cost import reads
from schema.mutations import EXPECTED_VERSION, mutation
from schema.nodes import find_node, serve
from schema.permissions import OnlyFor
from schema.records import Record
from schema.types import Marked, Node, marks
from service import consents
from service.acts import Done
from service.agreements import Agreement as AgreementRecord
from service.consents import ConsentStatus
from service.identifiers import Kind
from service.policy import Action
from service.world import World

if TYPE_CHECKING:
    from schema.participants import Participant

strawberry.enum(
    ConsentStatus,
    description="DELIVERED until answered: by word, or by the first use after delivery and first day (art. 25). "
    "REJECTED blocks all use: the participant reads, and applies to close.",
)


@strawberry.type(description="A revision of the agreement (修订), delivered to a participant, and the answer.")
class Consent(Node, Marked):
    record: strawberry.Private[consents.Consent]
    version: int = strawberry.field(description="For `expectedVersion`: it grows with the answer.")
    agreement_number: int
    content_hash: str = strawberry.field(description="SHA-256 of the canonical text that was delivered.")
    effective_from: date = strawberry.field(description="The first day, in Shanghai, on which the version is in force.")
    status: ConsentStatus
    delivered_at: datetime
    opened_at: datetime | None = strawberry.field(description="When an administrator first asked for that version.")
    answered_at: datetime | None
    answered_by: strawberry.ID | None = strawberry.field(description="The operator whose word or act it was.")
    reason: str | None = strawberry.field(description="Given with a rejection.")

    @classmethod
    def of(cls, world: World, record: consents.Consent) -> Self:
        return cls(
            **marks(world),
            record=record,
            id=strawberry.ID(record.id),
            version=record.version,
            agreement_number=record.agreement_number,
            content_hash=record.content_hash,
            effective_from=record.effective_from,
            status=record.status,
            delivered_at=record.delivered_at,
            opened_at=record.opened_at,
            answered_at=record.answered_at,
            answered_by=strawberry.ID(record.answered_by) if record.answered_by else None,
            reason=record.reason,
        )

    @strawberry.field(description="The version. For an administrator, to ask for it is to open it.", metadata=reads())
    async def agreement(self, info: Info) -> Agreement | None:
        services = info.context.services
        await services.consents.note_opened(info.context.caller, self.agreement_number)
        found = await info.context.loaders.over(services.agreements.get_many).load(self.agreement_number)
        return Agreement.of(services.world, found) if found else None

    @strawberry.field(description="To whom it was delivered.", extensions=[OnlyFor(Action.READ_PARTICIPANT)])
    async def participant(self, info: Info) -> Annotated["Participant", strawberry.lazy("schema.participants")] | None:
        return cast("Participant | None", await find_node(info.context, self.record.participant_id))

    @strawberry.field(description="The record of the delivery.", extensions=[OnlyFor(Action.READ_RECORD)])
    async def delivery(self, info: Info) -> Record | None:
        return cast("Record | None", await find_node(info.context, self.record.delivery_record))

    @strawberry.field(
        description="The record of the answer; for DEEMED_BY_USE that of the act that was the use.",
        extensions=[OnlyFor(Action.READ_RECORD)],
    )
    async def answer(self, info: Info) -> Record | None:
        return cast("Record | None", await find_node(info.context, self.record.answer_record))


@strawberry.input
class PublishAgreementInput:
    number: int = strawberry.field(description="Of a draft: the one after the newest published version.")
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)


@strawberry.input
class AcceptAgreementInput:
    number: int = strawberry.field(description="The newest published version, which was delivered.")
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)


@strawberry.input
class RejectAgreementInput:
    number: int = strawberry.field(description="The newest published version, which was delivered.")
    reason: str | None = None
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)


@strawberry.type
class ConsentMutation:
    @mutation(Agreement, Action.PUBLISH_AGREEMENT)
    async def publish_agreement(
        self, context: Context, given: PublishAgreementInput, key: str | None
    ) -> Done[AgreementRecord]:
        """Publish a draft (发布修订, art. 25): it never changes again, and is delivered to all participants."""
        services = context.services
        done = await services.publications.publish(
            context.caller, given.number, expected_version=given.expected_version, key=key
        )
        published = await services.agreements.get(context.caller, done.subject.number)
        return Done(published, done.record, done.proposal)

    @mutation(Consent, Action.ACCEPT_AGREEMENT)
    async def accept_agreement(
        self, context: Context, given: AcceptAgreementInput, key: str | None
    ) -> Done[consents.Consent]:
        """Accept a delivered revision (确认同意, art. 25). It binds from its first day on."""
        return await context.services.consents.confirm(
            context.caller, given.number, expected_version=given.expected_version, key=key
        )

    @mutation(Consent, Action.REJECT_AGREEMENT)
    async def reject_agreement(
        self, context: Context, given: RejectAgreementInput, key: str | None
    ) -> Done[consents.Consent]:
        """Disagree with a delivered revision (不同意, art. 25): use stops at once, and what is left is to close."""
        return await context.services.consents.reject(
            context.caller, given.number, given.reason, expected_version=given.expected_version, key=key
        )


serve(Kind.CONSENT, lambda services: services.consents.get_many, Consent.of)
