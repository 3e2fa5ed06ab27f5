"""Electronic keys (电子钥匙, UKey; art. 13) over GraphQL: which one was given to whom, and where it is."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self, cast

import strawberry

from schema.context import Context, Info
from schema.mutations import EXPECTED_VERSION, mutation
from schema.nodes import find_node, serve
from schema.pagination import Connection, connection_of, page_request
from schema.permissions import OnlyFor, asks
from schema.scalars import Cursor
from schema.types import Marked, Node, marks
from service import electronic_keys
from service.acts import Done
from service.electronic_key_service import ElectronicKeyInput
from service.electronic_keys import ElectronicKeyCommand, ElectronicKeyStatus
from service.identifiers import Kind, parse_id
from service.pagination import BY_ID
from service.policy import Action
from service.world import World

if TYPE_CHECKING:
    from schema.operators import Operator
    from schema.participants import Participant

strawberry.enum(ElectronicKeyStatus, description="Where the key is, as custody knows it. RETURNED is final.")
strawberry.enum(ElectronicKeyCommand, description="What befell it. LOSE holds every certificate on it at once.")


@strawberry.type(description="An electronic key (电子钥匙) in custody (art. 13).")
class ElectronicKey(Node, Marked):
    record: strawberry.Private[electronic_keys.ElectronicKey]
    version: int
    serial: str
    model: str
    status: ElectronicKeyStatus
    issued_at: datetime
    changed_at: datetime

    @classmethod
    def of(cls, world: World, record: electronic_keys.ElectronicKey) -> Self:
        return cls(
            **marks(world),
            record=record,
            id=strawberry.ID(record.id),
            version=record.version,
            serial=record.serial,
            model=record.model,
            status=record.status,
            issued_at=record.issued_at,
            changed_at=record.changed_at,
        )

    @strawberry.field(description="To whom it was given out.", extensions=[OnlyFor(Action.READ_PARTICIPANT)])
    async def participant(self, info: Info) -> Annotated["Participant", strawberry.lazy("schema.participants")] | None:
        return cast("Participant | None", await find_node(info.context, self.record.participant_id))

    @strawberry.field(description="Who has it in use.", extensions=[OnlyFor(Action.READ_OPERATOR)])
    async def operator(self, info: Info) -> Annotated["Operator", strawberry.lazy("schema.operators")] | None:
        return cast("Operator | None", await find_node(info.context, self.record.operator_id))


@strawberry.input
class RegisterElectronicKeyInput:
    serial: str = strawberry.field(description="4 to 32 letters and digits, as on the key.")
    model: str
    participant_id: strawberry.ID


@strawberry.input
class ChangeElectronicKeyInput:
    electronic_key_id: strawberry.ID
    command: ElectronicKeyCommand
    operator_id: strawberry.ID | None = strawberry.field(default=None, description="Who has it now: with USE.")
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)


@strawberry.type
class ElectronicKeyQuery:
    @strawberry.field(
        description="Electronic keys (电子钥匙): a participant's own, to the depository all.",
        metadata=asks(Action.READ_ELECTRONIC_KEY),
    )
    async def electronic_keys(
        self,
        info: Info,
        *,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
        participant_id: strawberry.ID | None = None,
    ) -> Connection[ElectronicKey]:
        services = info.context.services
        if participant_id is not None:
            parse_id(services.world, participant_id, Kind.PARTICIPANT)
        request = page_request(info, BY_ID, first=first, after=after, last=last, before=before)
        return await connection_of(info, services.electronic_keys, ElectronicKey.of, participant_id, request)


@strawberry.type
class ElectronicKeyMutation:
    @mutation(ElectronicKey, Action.REGISTER_ELECTRONIC_KEY)
    async def register_electronic_key(
        self, context: Context, given: RegisterElectronicKeyInput, key: str | None
    ) -> Done[electronic_keys.ElectronicKey]:
        """Give an electronic key out to a participant (发放电子钥匙)."""
        asked = ElectronicKeyInput(given.serial, given.model, given.participant_id)
        return await context.services.electronic_keys.register(context.caller, asked, key=key)

    @mutation(ElectronicKey, Action.CHANGE_ELECTRONIC_KEY)
    async def change_electronic_key(
        self, context: Context, given: ChangeElectronicKeyInput, key: str | None
    ) -> Done[electronic_keys.ElectronicKey]:
        """Record what befell a key: put to use, locked, unlocked, lost, damaged, returned (art. 13)."""
        return await context.services.electronic_keys.change(
            context.caller,
            given.electronic_key_id,
            given.command,
            operator_id=given.operator_id,
            expected_version=given.expected_version,
            key=key,
        )


serve(Kind.ELECTRONIC_KEY, lambda services: services.electronic_keys.get_many, ElectronicKey.of)
