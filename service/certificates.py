"""Registered certificates (数字证书, art. 13, 14): whose they are and how they stand."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class CertificateProfile(StrEnum):
    LOGIN = "LOGIN"
    SEAL = "SEAL"


class CertificateState(StrEnum):
    REQUESTED = "REQUESTED"
    ISSUED = "ISSUED"
    HELD = "HELD"
    REVOKED = "REVOKED"
    SUPERSEDED = "SUPERSEDED"


STANDING = frozenset({CertificateState.REQUESTED, CertificateState.ISSUED, CertificateState.HELD})
"""States from which something may still become usable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One certificate of one holder: an operator of a participant, or a registrar. `fingerprint` is SHA-256, hex."""

    id: str
    version: int
    profile: CertificateProfile
    state: CertificateState
    serial_number: str
    fingerprint: str
    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    pem: str
    participant_id: str | None = None
    operator_id: str | None = None
    registrar_id: str | None = None
    registered_at: datetime
    revoked_at: datetime | None = None
    revocation_reason: str | None = None
