"""Which world is this, who am I, and what may I do: for each permission that is missing, why."""

from typing import Self, cast

import strawberry

from schema.consents import Consent
from schema.context import Info
from schema.cost import ListSize, reads
from schema.nodes import find_node, serve
from schema.operators import Operator
from schema.participants import Participant
from schema.permissions import OnlyFor
from schema.types import Marked, Node, marks
from service import missing_permissions, registrars
from service.access import Caller, CallerKind, Permission, RegistrarRole, Service
from service.identifiers import Kind
from service.missing_permissions import MissingReason
from service.policy import Action, may
from service.registrars import RegistrarStatus
from service.world import World

for _enum, _description in (
    (RegistrarRole, "What one of the depository's staff is for: REVIEWER files and examines, OFFICER decides."),
    (RegistrarStatus, "ENDED ones have left the staff and are let in no longer."),
    (MissingReason, "Not for the role; of a service that is not granted; or not given by the administrator."),
):
    strawberry.enum(_enum, description=_description)


@strawberry.type(description="One of the depository's (Party B, 乙方) staff.")
class Registrar(Node, Marked):
    number: str
    name: str
    role: RegistrarRole
    status: RegistrarStatus

    @classmethod
    def of(cls, world: World, record: registrars.Registrar) -> Self:
        return cls(
            **marks(world),
            id=strawberry.ID(record.id),
            number=record.number,
            name=record.name,
            role=record.role,
            status=record.status,
        )


@strawberry.type(description="A permission that the caller does not hold, and why.")
class MissingPermission:
    permission: Permission
    reason: MissingReason
    service: Service = strawberry.field(description="The service that brings it.")
    why: str
    why_zh: str

    @classmethod
    def of(cls, missing: missing_permissions.MissingPermission) -> Self:
        return cls(
            permission=missing.permission,
            reason=missing.reason,
            service=missing.service,
            why=missing.why,
            why_zh=missing.why_zh,
        )


@strawberry.type(description="Which world this is, as whom the service knows the caller, and what the caller may do.")
class Viewer(Marked):
    caller: strawberry.Private[Caller]
    kind: CallerKind = strawberry.field(description="ANONYMOUS without a token.")
    role: str | None = strawberry.field(description="An OperatorRole or a RegistrarRole.")
    permissions: list[Permission] = strawberry.field(
        description="What an operator holds. A registrar has none and is judged by role.",
        directives=[ListSize(assumed_size=len(Permission))],
    )

    @classmethod
    def of(cls, caller: Caller, world: World) -> Self:
        return cls(
            **marks(world),
            caller=caller,
            kind=caller.kind,
            role=caller.role.value if caller.role else None,
            permissions=sorted(caller.permissions),
        )

    @strawberry.field(
        description="A revision of the agreement that waits for the answer of the caller's participant (art. 25).",
        extensions=[OnlyFor(Action.READ_CONSENT)],
        metadata=reads(),
    )
    async def agreement_due(self, info: Info) -> Consent | None:
        services = info.context.services
        found = await services.consents.find_due(self.caller)
        return Consent.of(services.world, found) if found else None

    @strawberry.field(
        description="Every act that the policy allows this caller, on what it may see.",
        directives=[ListSize(assumed_size=len(Action))],
    )
    def actions(self) -> list[Action]:
        return [action for action in Action if may(self.caller, action)]

    @strawberry.field(description="The operator who calls, if it is one.", metadata=reads())
    async def operator(self, info: Info) -> Operator | None:
        services = info.context.services
        found = await services.operators.find_self(self.caller)
        return Operator.of(services.world, found) if found else None

    @strawberry.field(
        description="The participant for which the operator acts.", extensions=[OnlyFor(Action.READ_PARTICIPANT)]
    )
    async def participant(self, info: Info) -> Participant | None:
        return cast("Participant | None", await find_node(info.context, self.caller.participant_id))

    @strawberry.field(description="The registrar who calls, if it is one.", metadata=reads())
    async def registrar(self, info: Info) -> Registrar | None:
        services = info.context.services
        found = await services.registrars.find_self(self.caller)
        return Registrar.of(services.world, found) if found else None

    @strawberry.field(
        description="For each permission that an operator does not hold, why not (art. 9, 11).",
        directives=[ListSize(assumed_size=len(Permission))],
        metadata=reads(),
    )
    async def missing_permissions(self, info: Info) -> list[MissingPermission]:
        granted = await info.context.services.participants.services_of(self.caller)
        return [MissingPermission.of(each) for each in missing_permissions.missing_permissions(self.caller, granted)]


@strawberry.type
class ViewerQuery:
    @strawberry.field(description="Which world am I in, who am I, what may I do. Open to all.")
    def viewer(self, info: Info) -> Viewer:
        return Viewer.of(info.context.caller, info.context.services.world)


serve(Kind.REGISTRAR, lambda services: services.registrars.get_many, Registrar.of)
