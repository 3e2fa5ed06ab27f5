"""Tenants: whoever joins the sandbox gets a participant of its own, and a secret that rules its own corner of it.

A tenant's id is that of its participant, so that the service's clock, access and records know it by the same name.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from service.errors import BadInput, Unauthenticated

IDLE_LIFE = timedelta(days=30)
NOTICE_DAYS = (7, 1)  # before the end, in days, the longest first
_SECRET = re.compile(r"sbx_secret_[A-Za-z0-9_-]{43}")


class TenantState(StrEnum):
    ACTIVE = "ACTIVE"
    RESTORING = "RESTORING"  # its objects are being put back, or were in part: a restore or a reset mends that
    ENDING = "ENDING"  # its secret opens nothing any more; its objects are going
    EXPIRED = "EXPIRED"  # its objects are gone; its records stay


@dataclass(frozen=True, slots=True)
class IdleNotice:
    """A tenant was told that it will end for want of use."""

    at: datetime
    days_left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """One that joined. `epoch` counts its resets and restores: within one, its time only goes forward.

    `address` is a keyed digest of where the joining came from, for the quota, and is dropped with the tenant.
    """

    id: str
    version: int
    code: str
    legal_name: str
    state: TenantState
    secret_digest: str = field(repr=False)
    address: str | None = field(repr=False)
    joined_at: datetime
    last_used_at: datetime
    epoch: int = 1
    notices: tuple[IdleNotice, ...] = ()
    expired_at: datetime | None = None

    @property
    def expires_at(self) -> datetime:
        """When it ends if nobody uses it until then."""
        return self.last_used_at + IDLE_LIFE

    @property
    def has_ended(self) -> bool:
        return self.state in {TenantState.ENDING, TenantState.EXPIRED}


def new_secret() -> str:
    """256 random bits. Shown once; what is kept is its digest."""
    return f"sbx_secret_{secrets.token_urlsafe(32)}"


def digest_of(secret: str) -> str:
    """A plain hash is enough for a secret that nobody chose. Raises Unauthenticated for what cannot be one."""
    if _SECRET.fullmatch(secret) is None:
        raise Unauthenticated("The bearer here is a tenant's secret (sbx_secret_...), which joining gives once.")
    return hashlib.sha256(secret.encode()).hexdigest()


def ensure_usable(tenant: Tenant | None) -> Tenant:
    """Raises Unauthenticated for none and for one that has ended."""
    if tenant is None or tenant.has_ended:
        raise Unauthenticated("There is no tenant with this secret, or it has ended for want of use: join again.")
    return tenant


def due_notice(tenant: Tenant, now: datetime) -> IdleNotice | None:
    """The notice to give now, each once in a stretch of idleness."""
    left = tenant.expires_at - now
    given = {each.days_left for each in tenant.notices if each.at > tenant.last_used_at}
    for days in reversed(NOTICE_DAYS):  # the nearest alone: a late job does not give two at once
        if timedelta(0) < left <= timedelta(days=days):
            return None if days in given else IdleNotice(now, days)
    return None


def noticed(tenant: Tenant, notice: IdleNotice) -> Tenant:
    return replace(tenant, notices=(*tenant.notices[-9:], notice))


def ending(tenant: Tenant, now: datetime) -> Tenant:
    """From here on there is no way back. Raises BadInput before its time."""
    if now < tenant.expires_at:
        raise BadInput("This tenant has not been idle long enough to end.")
    return replace(tenant, state=TenantState.ENDING)


def expired(tenant: Tenant, now: datetime) -> Tenant:
    """Ended: nothing that could lead back to a person or machine stays."""
    return replace(tenant, state=TenantState.EXPIRED, address=None, expired_at=now)
