"""Registrars: the depository's staff (Party B). Added from its own machine, judged by role."""

from dataclasses import dataclass
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
