"""Registrars: the depository's staff (Party B). Added from its own machine, judged by role."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from service.access import RegistrarRole


class RegistrarStatus(StrEnum):
    ACTIVE = "ACTIVE"
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registrar:
    """One of the staff. `number` is how certificates name it."""

    id: str
    version: int
    number: str
    name: str
    role: RegistrarRole
    status: RegistrarStatus
    added_at: datetime
    sessions_end_at: datetime | None = None
    ended_at: datetime | None = None


def ended(registrar: Registrar, at: datetime) -> Registrar:
    """Who has left the staff, sessions and all; who is gone already is answered unchanged."""
    if registrar.status is RegistrarStatus.ENDED:
        return registrar
    return replace(registrar, status=RegistrarStatus.ENDED, sessions_end_at=at, ended_at=at)


def is_active_officer(registrar: Registrar) -> bool:
    return registrar.role is RegistrarRole.OFFICER and registrar.status is RegistrarStatus.ACTIVE
