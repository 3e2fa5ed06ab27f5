"""For each permission that an operator does not hold, why: what to ask for, and of whom (art. 9, 11)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from service.access import ROLE_CEILINGS, SERVICES, Caller, CallerKind, OperatorRole, Permission, Service


class MissingReason(StrEnum):
    """What stands in the way; where several things do, the first of these."""

    ROLE = "ROLE"  # never for this role
    SERVICE = "SERVICE"  # the depository has not granted the participant the service that brings it
    NOT_GIVEN = "NOT_GIVEN"  # the participant's administrator has not given it


@dataclass(frozen=True, slots=True)
class MissingPermission:
    permission: Permission
    reason: MissingReason
    service: Service
    role: OperatorRole

    @property
    def why(self) -> str:
        match self.reason:
            case MissingReason.ROLE:
                return f"Not for an operator in the role {self.role.value}."
            case MissingReason.SERVICE:
                return f"It comes with the service {self.service.value}, which is not granted to the participant."
            case MissingReason.NOT_GIVEN:
                return "The participant's administrator has not given it to this operator."

    @property
    def why_zh(self) -> str:
        match self.reason:
            case MissingReason.ROLE:
                return f"不适用于角色为 {self.role.value} 的操作员。"
            case MissingReason.SERVICE:
                return f"该权限随服务 {self.service.value} 授予，用户尚未获授权该服务。"
            case MissingReason.NOT_GIVEN:
                return "用户管理员尚未将该权限授予该操作员。"


def service_of(permission: Permission) -> Service:
    """The service that brings a permission: each permission comes with one."""
    return next(service for service, terms in SERVICES.items() if permission in terms.permissions)


def missing_permissions(caller: Caller, granted: Iterable[Service]) -> tuple[MissingPermission, ...]:
    """In the order of the catalogue; none for a caller who is no operator: registrars are judged by role.

    `granted`: the services of the operator's participant.
    """
    if caller.kind is not CallerKind.OPERATOR or not isinstance(caller.role, OperatorRole):
        return ()
    services = frozenset(granted)
    found = []
    for permission in Permission:
        service = service_of(permission)
        if permission in caller.permissions:
            continue
        if permission not in ROLE_CEILINGS[caller.role]:
            reason = MissingReason.ROLE
        elif service not in services:
            reason = MissingReason.SERVICE
        else:
            reason = MissingReason.NOT_GIVEN
        found.append(MissingPermission(permission, reason, service, caller.role))
    return tuple(found)
