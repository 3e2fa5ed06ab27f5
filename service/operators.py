"""Operators (操作员, art. 11, 12): people through whom a participant acts. They are offboarded, never erased.

Rules here are pure. An operator's acts are the participant's (art. 12), so its record survives it; its number is never
given to another.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from service.access import APPROVING, ROLE_CEILINGS, OperatorRole, Permission
from service.personal_data import SealedText
from service.refusals import RefusalCode, refuse


class OperatorStatus(StrEnum):
    ACTIVE = "ACTIVE"
    FROZEN = "FROZEN"
    OFFBOARDED = "OFFBOARDED"


class OperatorCommand(StrEnum):
    FREEZE = "FREEZE"
    UNFREEZE = "UNFREEZE"
    OFFBOARD = "OFFBOARD"


OPERATOR_TRANSITIONS: Mapping[tuple[OperatorStatus, OperatorCommand], OperatorStatus] = MappingProxyType(
    {
        (OperatorStatus.ACTIVE, OperatorCommand.FREEZE): OperatorStatus.FROZEN,
        (OperatorStatus.FROZEN, OperatorCommand.UNFREEZE): OperatorStatus.ACTIVE,
        (OperatorStatus.ACTIVE, OperatorCommand.OFFBOARD): OperatorStatus.OFFBOARDED,
        (OperatorStatus.FROZEN, OperatorCommand.OFFBOARD): OperatorStatus.OFFBOARDED,
    }
)


class Freezer(StrEnum):
    PARTICIPANT = "PARTICIPANT"
    DEPOSITORY = "DEPOSITORY"


class OffboardReason(StrEnum):
    LEFT = "LEFT"  # 离职
    MOVED = "MOVED"  # 离岗
    PARTICIPANT_CLOSED = "PARTICIPANT_CLOSED"
    PARTICIPANT_TERMINATED = "PARTICIPANT_TERMINATED"


class SmsTopic(StrEnum):
    """What the platform's SMS notices (短信通知服务) tell of."""

    NOTICE = "NOTICE"
    CERTIFICATE_EXPIRY = "CERTIFICATE_EXPIRY"
    SETTLEMENT_RESULT = "SETTLEMENT_RESULT"
    HOLDER_CHANGE = "HOLDER_CHANGE"  # a holder above five per cent moves


class SmsStatus(StrEnum):
    ACTIVE = "ACTIVE"
    CANCELLED = "CANCELLED"


class SmsCancelReason(StrEnum):
    UNSUBSCRIBED = "UNSUBSCRIBED"
    OFFBOARDED = "OFFBOARDED"  # art. 11


@dataclass(frozen=True, slots=True)
class SmsSubscription:
    """An operator's subscription to one topic; the latest of each topic is kept."""

    topic: SmsTopic
    telephone: SealedText
    status: SmsStatus
    subscribed_at: datetime
    cancelled_at: datetime | None = None
    cancel_reason: SmsCancelReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """A person who acts for a participant. Tokens issued before `sessions_end_at` are void, whatever they say.

    `registered_by` has no second person in this one (art. 11); None where the depository let it in.
    """

    id: str
    version: int
    participant_id: str
    operator_number: str
    name: str
    role: OperatorRole
    status: OperatorStatus
    permissions: tuple[Permission, ...] = ()
    telephone: SealedText | None = None
    sms_subscriptions: tuple[SmsSubscription, ...] = ()
    registered_at: datetime
    registered_by: str | None = None
    last_seen_at: datetime | None = None
    sessions_end_at: datetime | None = None
    frozen_at: datetime | None = None
    frozen_by: Freezer | None = None
    offboarded_at: datetime | None = None
    offboard_reason: OffboardReason | None = None


def next_status(status: OperatorStatus, command: OperatorCommand) -> OperatorStatus:
    """The status that the command leads to. Raises Refused(OPERATOR_STATE) for a way the table does not have."""
    following = OPERATOR_TRANSITIONS.get((status, command))
    if following is None:
        raise refuse(RefusalCode.OPERATOR_STATE, status=status.value, command=command.value)
    return following


def frozen(operator: Operator, at: datetime, by: Freezer) -> Operator:
    """The operator, frozen: nothing is taken away, sessions end at once.

    The depository's freeze takes the place of the participant's, which began when it began.
    """
    if operator.frozen_by is Freezer.PARTICIPANT and by is Freezer.DEPOSITORY:
        return replace(operator, frozen_by=by)
    status = next_status(operator.status, OperatorCommand.FREEZE)
    return replace(operator, status=status, frozen_at=at, frozen_by=by, sessions_end_at=at)


def unfrozen(operator: Operator, by: Freezer) -> Operator:
    """Active again. Sessions of before stay ended. Raises Refused(DEPOSITORY_DECIDES) where the depository froze."""
    status = next_status(operator.status, OperatorCommand.UNFREEZE)
    if operator.frozen_by is Freezer.DEPOSITORY and by is not Freezer.DEPOSITORY:
        raise refuse(RefusalCode.DEPOSITORY_DECIDES)
    return replace(operator, status=status, frozen_at=None, frozen_by=None)


def offboarded(operator: Operator, reason: OffboardReason, at: datetime) -> Operator:
    """Permissions, SMS and sessions end together (art. 11); who is gone already is answered unchanged."""
    if operator.status is OperatorStatus.OFFBOARDED:
        return operator
    return replace(
        operator,
        status=next_status(operator.status, OperatorCommand.OFFBOARD),
        permissions=(),
        sms_subscriptions=tuple(
            _cancelled(each, SmsCancelReason.OFFBOARDED, at) for each in operator.sms_subscriptions
        ),
        sessions_end_at=at,
        frozen_at=None,
        frozen_by=None,
        offboarded_at=at,
        offboard_reason=reason,
    )


def _cancelled(subscription: SmsSubscription, reason: SmsCancelReason, at: datetime) -> SmsSubscription:
    if subscription.status is SmsStatus.CANCELLED:
        return subscription
    return replace(subscription, status=SmsStatus.CANCELLED, cancelled_at=at, cancel_reason=reason)


def parse_permissions(names: Iterable[str], *path: str) -> tuple[Permission, ...]:
    """Permissions by name, sorted, each once. Raises Refused for a wildcard or a name the catalogue does not have."""
    parsed: set[Permission] = set()
    for place, name in enumerate(names):
        if "*" in name:
            raise refuse(RefusalCode.PERMISSION_WILDCARD, *path, str(place))
        try:
            parsed.add(Permission(name))
        except ValueError:
            raise refuse(RefusalCode.PERMISSION_UNKNOWN, *path, str(place), found=name[:40]) from None
    return tuple(sorted(parsed))


def ensure_within(
    permissions: Iterable[Permission], role: OperatorRole, granted: frozenset[Permission], *path: str
) -> None:
    """Raises Refused for permissions beyond the participant's services (art. 9) or beyond the role (art. 11)."""
    wanted = frozenset(permissions)
    if beyond := wanted - granted:
        raise refuse(RefusalCode.PERMISSION_BEYOND_GRANTS, *path, permissions=_listed(beyond))
    if beyond := wanted - ROLE_CEILINGS[role]:
        raise refuse(RefusalCode.PERMISSION_BEYOND_ROLE, *path, permissions=_listed(beyond), role=role.value)


def _listed(permissions: Iterable[Permission]) -> str:
    return ", ".join(sorted(permissions))


def ensure_none_approves(permissions: Iterable[Permission], *path: str) -> None:
    """Raises Refused: permission to approve comes later, confirmed by a second person."""
    if approving := APPROVING & frozenset(permissions):
        raise refuse(RefusalCode.APPROVAL_NOT_AT_REGISTRATION, *path, permissions=_listed(approving))


def needs_second_person(operator: Operator, permissions: Iterable[Permission]) -> bool:
    """Whether a change of permissions newly lets the operator approve what others enter."""
    return bool((frozenset(permissions) - frozenset(operator.permissions)) & APPROVING)


def with_permissions(operator: Operator, permissions: tuple[Permission, ...], *, changed_by: str | None) -> Operator:
    """The operator with exactly these permissions. Raises Refused for one who is gone, or who would widen its own."""
    if operator.status is OperatorStatus.OFFBOARDED:
        raise refuse(RefusalCode.OPERATOR_STATE, status=operator.status.value, command="CHANGE_PERMISSIONS")
    if changed_by == operator.id and frozenset(permissions) - frozenset(operator.permissions):
        raise refuse(RefusalCode.OWN_PERMISSIONS, "permissions")
    return replace(operator, permissions=permissions)


def narrowed(operator: Operator, granted: frozenset[Permission]) -> Operator:
    """The operator without what the participant is no longer granted."""
    return replace(operator, permissions=tuple(each for each in operator.permissions if each in granted))


def ensure_no_administrator(role: OperatorRole, *path: str) -> None:
    """Raises Refused: who administers is appointed later, confirmed by a second person."""
    if role is OperatorRole.ADMINISTRATOR:
        raise refuse(RefusalCode.ADMINISTRATOR_NOT_AT_REGISTRATION, *path)


def appointed(operator: Operator, permissions: tuple[Permission, ...], *, appointed_by: str | None) -> Operator:
    """The operator, made administrator with exactly these permissions."""
    if operator.status is not OperatorStatus.ACTIVE or operator.role is OperatorRole.ADMINISTRATOR:
        standing = f"{operator.status.value} {operator.role.value}"
        raise refuse(RefusalCode.OPERATOR_STATE, status=standing, command="APPOINT_ADMINISTRATOR")
    if appointed_by == operator.id:
        raise refuse(RefusalCode.OWN_PERMISSIONS, "operatorId")
    return replace(operator, role=OperatorRole.ADMINISTRATOR, permissions=permissions)


def succeeded_by(leaver: Operator, successor: Operator) -> Operator:
    """The successor, made administrator with the leaver's permissions.

    Without those to approve that it does not hold yet: giving them takes two persons, here too.
    """
    fit = (
        successor.id != leaver.id
        and successor.participant_id == leaver.participant_id
        and successor.status is OperatorStatus.ACTIVE
    )
    if not fit:
        raise refuse(RefusalCode.SUCCESSOR_UNFIT, "successorId")
    new_approvals = APPROVING - frozenset(successor.permissions)
    inherited = tuple(each for each in leaver.permissions if each not in new_approvals)
    return replace(successor, role=OperatorRole.ADMINISTRATOR, permissions=inherited)


def is_active_administrator(operator: Operator) -> bool:
    return operator.role is OperatorRole.ADMINISTRATOR and operator.status is OperatorStatus.ACTIVE


def subscribed(operator: Operator, topic: SmsTopic, telephone: SealedText, at: datetime) -> Operator:
    if operator.status is not OperatorStatus.ACTIVE:
        raise refuse(RefusalCode.OPERATOR_STATE, status=operator.status.value, command="SUBSCRIBE_SMS")
    if any(each.topic is topic and each.status is SmsStatus.ACTIVE for each in operator.sms_subscriptions):
        raise refuse(RefusalCode.SMS_ALREADY_SUBSCRIBED, "topic", topic=topic.value)
    others = tuple(each for each in operator.sms_subscriptions if each.topic is not topic)
    return replace(operator, sms_subscriptions=(*others, SmsSubscription(topic, telephone, SmsStatus.ACTIVE, at)))


def unsubscribed(operator: Operator, topic: SmsTopic, at: datetime) -> Operator:
    if all(each.topic is not topic or each.status is SmsStatus.CANCELLED for each in operator.sms_subscriptions):
        raise refuse(RefusalCode.SMS_NOT_SUBSCRIBED, "topic", topic=topic.value)
    return replace(
        operator,
        sms_subscriptions=tuple(
            _cancelled(each, SmsCancelReason.UNSUBSCRIBED, at) if each.topic is topic else each
            for each in operator.sms_subscriptions
        ),
    )
