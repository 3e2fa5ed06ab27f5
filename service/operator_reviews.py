"""Least privilege (art. 11): what operators hold against what they used, and what leavers may have left. Pure rules."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from service.access import Permission
from service.operators import Operator, OperatorStatus, SmsStatus

IDLE = timedelta(days=90)
"""After how long an operator is long idle: a policy of this service; the agreement names no time."""

MOST_FINDINGS = 100
"""Of a report on leavers: what is found beyond is found again, once these are seen to."""


@dataclass(frozen=True, slots=True)
class PermissionUse:
    """How often a granted permission was used in the time looked at, and when last."""

    permission: Permission
    times: int
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class LeastPrivilegeReview:
    """What an operator holds against what it used (art. 11): `unused` is what to take away."""

    days: int
    since: datetime
    granted: tuple[Permission, ...]
    used: tuple[PermissionUse, ...]
    unused: tuple[Permission, ...]


class LeaverConcern(StrEnum):
    """What is left behind by people who may have gone."""

    SMS_WITHOUT_PERMISSIONS = "SMS_WITHOUT_PERMISSIONS"
    LONG_IDLE = "LONG_IDLE"
    FROZEN_WITH_CERTIFICATE = "FROZEN_WITH_CERTIFICATE"


@dataclass(frozen=True, slots=True)
class LeaverFinding:
    """One operator to look at, and why."""

    operator: Operator
    concerns: tuple[LeaverConcern, ...]


def least_privilege(
    operator: Operator, uses: Iterable[PermissionUse], days: int, since: datetime
) -> LeastPrivilegeReview:
    """Granted against used. `uses` is of this operator and this time, in any order."""
    used = tuple(sorted((use for use in uses if use.times), key=lambda use: use.permission))
    touched = {use.permission for use in used}
    unused = tuple(permission for permission in operator.permissions if permission not in touched)
    return LeastPrivilegeReview(days, since, operator.permissions, used, unused)


def leaver_concerns(operator: Operator, *, idle_since: datetime, has_certificate: bool) -> tuple[LeaverConcern, ...]:
    """Why somebody should look whether this operator has left. `idle_since`: not seen after it is long idle."""
    if operator.status is OperatorStatus.OFFBOARDED:
        return ()
    concerns = []
    live_sms = any(each.status is SmsStatus.ACTIVE for each in operator.sms_subscriptions)
    if live_sms and not operator.permissions:
        concerns.append(LeaverConcern.SMS_WITHOUT_PERMISSIONS)
    if (operator.last_seen_at or operator.registered_at) <= idle_since:
        concerns.append(LeaverConcern.LONG_IDLE)
    if operator.status is OperatorStatus.FROZEN and has_certificate:
        concerns.append(LeaverConcern.FROZEN_WITH_CERTIFICATE)
    return tuple(concerns)
