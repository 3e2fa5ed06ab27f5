"""Electronic keys (电子钥匙, UKey; art. 13): which one was given to whom, and where it is. Rules here are pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from service.refusals import RefusalCode, refuse

_SERIAL = re.compile(r"[0-9A-Z]{4,32}")


class ElectronicKeyStatus(StrEnum):
    ISSUED = "ISSUED"  # given to the participant
    IN_USE = "IN_USE"
    LOCKED = "LOCKED"  # too many wrong passwords
    LOST = "LOST"
    DAMAGED = "DAMAGED"
    RETURNED = "RETURNED"


class ElectronicKeyCommand(StrEnum):
    USE = "USE"
    LOCK = "LOCK"
    UNLOCK = "UNLOCK"
    LOSE = "LOSE"
    DAMAGE = "DAMAGE"
    RETURN = "RETURN"


_HELD = (ElectronicKeyStatus.ISSUED, ElectronicKeyStatus.IN_USE, ElectronicKeyStatus.LOCKED)

ELECTRONIC_KEY_TRANSITIONS: Mapping[tuple[ElectronicKeyStatus, ElectronicKeyCommand], ElectronicKeyStatus] = (
    MappingProxyType(
        {
            (ElectronicKeyStatus.ISSUED, ElectronicKeyCommand.USE): ElectronicKeyStatus.IN_USE,
            (ElectronicKeyStatus.IN_USE, ElectronicKeyCommand.LOCK): ElectronicKeyStatus.LOCKED,
            (ElectronicKeyStatus.LOCKED, ElectronicKeyCommand.UNLOCK): ElectronicKeyStatus.IN_USE,
            **{(status, ElectronicKeyCommand.LOSE): ElectronicKeyStatus.LOST for status in _HELD},
            **{(status, ElectronicKeyCommand.DAMAGE): ElectronicKeyStatus.DAMAGED for status in _HELD},
            **{(status, ElectronicKeyCommand.RETURN): ElectronicKeyStatus.RETURNED for status in _HELD},
            (ElectronicKeyStatus.LOST, ElectronicKeyCommand.RETURN): ElectronicKeyStatus.RETURNED,  # found again
            (ElectronicKeyStatus.DAMAGED, ElectronicKeyCommand.RETURN): ElectronicKeyStatus.RETURNED,
        }
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ElectronicKey:
    """One key as custody knows it. `operator_id` is who holds it, once somebody does."""

    id: str
    version: int
    serial: str
    model: str
    participant_id: str
    operator_id: str | None = None
    status: ElectronicKeyStatus
    issued_at: datetime
    changed_at: datetime


def parse_serial(text: str, *path: str) -> str:
    """In capitals. Raises Refused(ELECTRONIC_KEY_SERIAL_INVALID)."""
    serial = text.strip().upper()
    if _SERIAL.fullmatch(serial) is None:
        raise refuse(RefusalCode.ELECTRONIC_KEY_SERIAL_INVALID, *path)
    return serial


def moved_on(key: ElectronicKey, command: ElectronicKeyCommand, at: datetime) -> ElectronicKey:
    """Raises Refused(ELECTRONIC_KEY_STATE) for a way the table does not have."""
    following = ELECTRONIC_KEY_TRANSITIONS.get((key.status, command))
    if following is None:
        raise refuse(RefusalCode.ELECTRONIC_KEY_STATE, status=key.status.value, command=command.value)
    return replace(key, status=following, changed_at=at)


def ensure_in_hand(key: ElectronicKey | None, operator_id: str) -> None:
    """Raises Refused unless this operator has the key in use: nobody else's carries its certificate."""
    if key is None or key.operator_id != operator_id:
        raise refuse(RefusalCode.ELECTRONIC_KEY_NOT_FOUND, "electronicKeyId")
    if key.status is not ElectronicKeyStatus.IN_USE:
        raise refuse(
            RefusalCode.ELECTRONIC_KEY_STATE, "electronicKeyId", status=key.status.value, command="CERTIFICATE"
        )
