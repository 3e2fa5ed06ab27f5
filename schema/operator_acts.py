"""The mutations of operators (操作员, art. 11, 12)."""

import strawberry

from schema.context import Context
from schema.mutations import EXPECTED_VERSION, PROPOSAL_ID, mutation, own_or
from schema.operators import Operator
from service.access import OperatorRole, Permission
from service.acts import Done
from service.operator_service import OperatorInput
from service.operators import OffboardReason, SmsTopic
from service.operators import Operator as OperatorRecord
from service.policy import Action


@strawberry.input
class RegisterOperatorInput:
    participant_id: strawberry.ID | None = strawberry.field(default=None, description="Left out: the caller's own.")
    operator_number: str = strawberry.field(description="Six digits, never used before in this participant.")
    name: str
    role: OperatorRole
    permissions: list[Permission] = strawberry.field(
        default_factory=list, description="Within the participant's services and the role; none that approves."
    )
    telephone: str | None = None


@strawberry.input
class ChangePermissionsInput:
    operator_id: strawberry.ID
    permissions: list[Permission] = strawberry.field(description="Exactly these, from now on.")
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)
    proposal_id: strawberry.ID | None = strawberry.field(default=None, description=PROPOSAL_ID)


@strawberry.input
class AppointAdministratorInput:
    operator_id: strawberry.ID
    permissions: list[Permission] = strawberry.field(description="Exactly these, from now on.")
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)
    proposal_id: strawberry.ID | None = strawberry.field(default=None, description=PROPOSAL_ID)


@strawberry.input
class FreezeOperatorInput:
    operator_id: strawberry.ID
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)


@strawberry.input
class UnfreezeOperatorInput:
    operator_id: strawberry.ID
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)


@strawberry.input
class OffboardOperatorInput:
    operator_id: strawberry.ID
    reason: OffboardReason = strawberry.field(description="LEFT or MOVED.")
    successor_id: strawberry.ID | None = strawberry.field(
        default=None, description="Who takes over from the last active administrator."
    )
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)
    proposal_id: strawberry.ID | None = strawberry.field(
        default=None, description=f"With a successor who is no administrator yet. {PROPOSAL_ID}"
    )


@strawberry.input
class SubscribeSmsInput:
    operator_id: strawberry.ID
    topic: SmsTopic
    telephone: str | None = strawberry.field(default=None, description="Left out: the one registered.")
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)


@strawberry.input
class UnsubscribeSmsInput:
    operator_id: strawberry.ID
    topic: SmsTopic
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED_VERSION)


@strawberry.type
class OperatorMutation:
    @mutation(Operator, Action.REGISTER_OPERATOR)
    async def register_operator(
        self, context: Context, given: RegisterOperatorInput, key: str | None
    ) -> Done[OperatorRecord]:
        """Register an operator (登记操作员) of the participant (art. 11)."""
        asked = OperatorInput(given.operator_number, given.name, given.role, tuple(given.permissions), given.telephone)
        participant_id = own_or(context, given.participant_id)
        return await context.services.operators.register(context.caller, participant_id, asked, key=key)

    @mutation(Operator, Action.CHANGE_PERMISSIONS)
    async def change_permissions(
        self, context: Context, given: ChangePermissionsInput, key: str | None
    ) -> Done[OperatorRecord]:
        """Give an operator exactly these permissions (调整权限, art. 11).

        Newly letting somebody approve takes two persons: the first call proposes, another person's confirms.
        """
        return await context.services.permissions.change(
            context.caller,
            given.operator_id,
            given.permissions,
            expected_version=given.expected_version,
            proposal_id=given.proposal_id,
            key=key,
        )

    @mutation(Operator, Action.APPOINT_ADMINISTRATOR)
    async def appoint_administrator(
        self, context: Context, given: AppointAdministratorInput, key: str | None
    ) -> Done[OperatorRecord]:
        """Make an operator an administrator with exactly these permissions (任命管理员, art. 11).

        It takes two persons: the first call proposes, another administrator's or an officer's confirms.
        """
        return await context.services.permissions.appoint(
            context.caller,
            given.operator_id,
            given.permissions,
            expected_version=given.expected_version,
            proposal_id=given.proposal_id,
            key=key,
        )

    @mutation(Operator, Action.FREEZE_OPERATOR)
    async def freeze_operator(
        self, context: Context, given: FreezeOperatorInput, key: str | None
    ) -> Done[OperatorRecord]:
        """Keep an operator out for a while (冻结): sessions end at once, permissions wait."""
        return await context.services.operators.freeze(
            context.caller, given.operator_id, expected_version=given.expected_version, key=key
        )

    @mutation(Operator, Action.UNFREEZE_OPERATOR)
    async def unfreeze_operator(
        self, context: Context, given: UnfreezeOperatorInput, key: str | None
    ) -> Done[OperatorRecord]:
        """Let a frozen operator in again (解冻)."""
        return await context.services.operators.unfreeze(
            context.caller, given.operator_id, expected_version=given.expected_version, key=key
        )

    @mutation(Operator, Action.OFFBOARD_OPERATOR)
    async def offboard_operator(
        self, context: Context, given: OffboardOperatorInput, key: str | None
    ) -> Done[OperatorRecord]:
        """End permissions, SMS, sessions and certificates together (注销操作员, art. 11). Repeated, it does nothing."""
        return await context.services.operators.offboard(
            context.caller,
            given.operator_id,
            given.reason,
            successor_id=given.successor_id,
            expected_version=given.expected_version,
            proposal_id=given.proposal_id,
            key=key,
        )

    @mutation(Operator, Action.SUBSCRIBE_SMS)
    async def subscribe_sms(self, context: Context, given: SubscribeSmsInput, key: str | None) -> Done[OperatorRecord]:
        """Subscribe to SMS notices (订阅短信通知): one's own only."""
        return await context.services.sms.subscribe(
            context.caller,
            given.operator_id,
            given.topic,
            given.telephone,
            expected_version=given.expected_version,
            key=key,
        )

    @mutation(Operator, Action.UNSUBSCRIBE_SMS)
    async def unsubscribe_sms(
        self, context: Context, given: UnsubscribeSmsInput, key: str | None
    ) -> Done[OperatorRecord]:
        """End SMS notices (退订短信通知): one's own, or as an administrator anybody's of the participant (art. 11)."""
        return await context.services.sms.unsubscribe(
            context.caller, given.operator_id, given.topic, expected_version=given.expected_version, key=key
        )
