"""Certificates (数字证书, art. 13, 14): whose they are, how they stand, and until when. Rules here are pure.

Where a certificate stands in its life (`state`) and whether its dates allow its use (`validity`) are two things: the
first is decided and recorded, the second follows from the clock. Usable is what both allow, and its holder's standing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from service.operators import Operator, OperatorStatus
from service.participants import Participant, may_use_platform
from service.pki.chain import ChainStatus
from service.pki.profiles import Profile
from service.registrars import Registrar, RegistrarStatus

CertificateProfile = Profile


class CertificateState(StrEnum):
    REQUESTED = "REQUESTED"
    ISSUED = "ISSUED"
    HELD = "HELD"
    REVOKED = "REVOKED"
    SUPERSEDED = "SUPERSEDED"


STANDING = frozenset({CertificateState.REQUESTED, CertificateState.ISSUED, CertificateState.HELD})
"""States from which something may still become usable."""

SEATED = frozenset({CertificateState.ISSUED, CertificateState.HELD})
"""States in which a certificate is its holder's one of its profile, unless a successor has taken its place."""


class CertificateValidity(StrEnum):
    """What the dates allow at this moment."""

    NOT_YET_VALID = "NOT_YET_VALID"
    VALID = "VALID"
    EXPIRING = "EXPIRING"  # the renewal window is open
    EXPIRED = "EXPIRED"


class CertificateSource(StrEnum):
    OWN = "OWN"  # issued by the authority of this world
    OUTSIDE = "OUTSIDE"  # issued elsewhere, registered here


class HoldReason(StrEnum):
    KEY_LOST = "KEY_LOST"  # 挂失
    ASKED = "ASKED"  # by the participant
    EXAMINED = "EXAMINED"  # by the depository


class RevocationReason(StrEnum):
    """RFC 5280's reasons (5.3.1), those that are given here."""

    KEY_COMPROMISE = "keyCompromise"
    AFFILIATION_CHANGED = "affiliationChanged"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessationOfOperation"
    PRIVILEGE_WITHDRAWN = "privilegeWithdrawn"


OPERATORS_REASONS = frozenset(RevocationReason) - {RevocationReason.PRIVILEGE_WITHDRAWN}
"""A participant gives up what is its own; to withdraw a privilege is the depository's."""

REGISTRARS_REASONS = frozenset(RevocationReason) - {RevocationReason.SUPERSEDED}


@dataclass(frozen=True, slots=True)
class SigningIntent:
    """What is about to be signed, recorded before it is: a crash in between is found by it."""

    serial_number: str
    not_before: datetime
    not_after: datetime
    tbs_sha256: str
    tbs: bytes = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One certificate of one holder: an operator of a participant, or a registrar. `fingerprint` is SHA-256, hex.

    One that is REQUESTED has neither serial number, fingerprint nor PEM; its dates are those it would have if it were
    issued when it was asked for. `spki_sha256` names its key. `chain_verified` says what verification found when the
    certificate came in. `superseded_by_id` is set as soon as there is a successor: until the first use of that one, or
    `overlap_ends_at`, both are usable. `loss_reported_at`: its key is lost, whatever else it is held for.
    `certified_by`: see `certificate_holders.hands_on`.
    """

    id: str
    version: int
    profile: CertificateProfile
    state: CertificateState
    source: CertificateSource = CertificateSource.OWN
    chain_verified: ChainStatus = ChainStatus.VERIFIED
    serial_number: str | None = None
    fingerprint: str | None = None
    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    key_algorithm: str = ""
    spki_sha256: str = ""
    pem: str | None = None
    chain_pem: str = ""
    participant_id: str | None = None
    operator_id: str | None = None
    registrar_id: str | None = None
    electronic_key_id: str | None = None
    registered_at: datetime
    requested_by: str | None = None
    request: bytes | None = field(default=None, repr=False)
    approved_by: str | None = None
    certified_by: tuple[str, ...] = ()
    intent: SigningIntent | None = None
    issued_at: datetime | None = None
    first_used_at: datetime | None = None
    supersedes_id: str | None = None
    superseded_by_id: str | None = None
    overlap_ends_at: datetime | None = None
    superseded_at: datetime | None = None
    held_at: datetime | None = None
    hold_reason: HoldReason | None = None
    loss_reported_at: datetime | None = None
    revoked_at: datetime | None = None
    revocation_reason: str | None = None
    invalidity_date: datetime | None = None

    @property
    def holder_id(self) -> str:
        return self.operator_id or self.registrar_id or ""

    @property
    def proven(self) -> bool:
        """Whether its issuer was verified. Otherwise anybody may have written it: it takes no key, serial or seat."""
        return self.chain_verified is ChainStatus.VERIFIED

    @property
    def seat(self) -> str | None:
        """What only one certificate has at a time: the place of its holder's one of this profile."""
        seated = self.state in SEATED and self.superseded_by_id is None
        return f"{self.holder_id}/{self.profile.value}" if seated and self.proven else None


class Obstacle(StrEnum):
    """Why a certificate is not usable."""

    NOT_ISSUED = "NOT_ISSUED"
    HELD = "HELD"
    REVOKED = "REVOKED"
    SUPERSEDED = "SUPERSEDED"
    NOT_YET_VALID = "NOT_YET_VALID"
    EXPIRED = "EXPIRED"
    CHAIN_UNVERIFIED = "CHAIN_UNVERIFIED"
    HOLDER_UNKNOWN = "HOLDER_UNKNOWN"
    OPERATOR_FROZEN = "OPERATOR_FROZEN"
    OPERATOR_OFFBOARDED = "OPERATOR_OFFBOARDED"
    PARTICIPANT_NOT_ACTIVE = "PARTICIPANT_NOT_ACTIVE"
    REGISTRAR_ENDED = "REGISTRAR_ENDED"


_STATES_IN_THE_WAY = {
    CertificateState.REQUESTED: Obstacle.NOT_ISSUED,
    CertificateState.HELD: Obstacle.HELD,
    CertificateState.REVOKED: Obstacle.REVOKED,
    CertificateState.SUPERSEDED: Obstacle.SUPERSEDED,
}
_DATES_IN_THE_WAY = {
    CertificateValidity.NOT_YET_VALID: Obstacle.NOT_YET_VALID,
    CertificateValidity.EXPIRED: Obstacle.EXPIRED,
}
_OPERATORS_IN_THE_WAY = {
    OperatorStatus.FROZEN: Obstacle.OPERATOR_FROZEN,
    OperatorStatus.OFFBOARDED: Obstacle.OPERATOR_OFFBOARDED,
}


class RenewalStanding(StrEnum):
    """Why the renewal window is as it is."""

    NOT_YET = "NOT_YET"
    OPEN = "OPEN"
    RENEWED = "RENEWED"
    ENDED = "ENDED"


RENEWAL_REASONS: Mapping[RenewalStanding, tuple[str, str]] = MappingProxyType(
    {
        RenewalStanding.NOT_YET: (
            "The window opens when two thirds of the life have passed.",
            "证书有效期过三分之二后方可换发。",
        ),
        RenewalStanding.OPEN: (
            "Two thirds of the life have passed: renew before the end.",
            "证书有效期已过三分之二，请在到期前换发。",
        ),
        RenewalStanding.RENEWED: ("A successor has been issued: begin to use it.", "已签发新证书，请启用。"),
        RenewalStanding.ENDED: (
            "The certificate has ended: a new one is requested, not renewed.",
            "证书已终止：请重新申请，不再换发。",
        ),
    }
)


@dataclass(frozen=True, slots=True)
class RenewalWindow:
    """When a certificate can be renewed, and why it can or cannot be at this moment."""

    start: datetime
    end: datetime
    standing: RenewalStanding

    @property
    def why(self) -> str:
        return RENEWAL_REASONS[self.standing][0]

    @property
    def why_zh(self) -> str:
        return RENEWAL_REASONS[self.standing][1]


def renewal_start(not_before: datetime, not_after: datetime) -> datetime:
    """Two thirds of the life, to the second."""
    return (not_before + (not_after - not_before) * 2 / 3).replace(microsecond=0)


def validity_at(certificate: Certificate, now: datetime) -> CertificateValidity:
    """Both ends are included (RFC 5280, 4.1.2.5)."""
    if now < certificate.not_before:
        return CertificateValidity.NOT_YET_VALID
    if now > certificate.not_after:
        return CertificateValidity.EXPIRED
    if now >= renewal_start(certificate.not_before, certificate.not_after):
        return CertificateValidity.EXPIRING
    return CertificateValidity.VALID


def days_left(certificate: Certificate, now: datetime) -> int:
    """Whole days until the end; 0 on the last one, negative afterwards."""
    return (certificate.not_after - now) // timedelta(days=1)


def renewal_window(certificate: Certificate, now: datetime) -> RenewalWindow:
    start = renewal_start(certificate.not_before, certificate.not_after)
    if certificate.state is not CertificateState.ISSUED or now > certificate.not_after:
        standing = RenewalStanding.ENDED
    elif certificate.superseded_by_id is not None:
        standing = RenewalStanding.RENEWED
    else:
        standing = RenewalStanding.OPEN if now >= start else RenewalStanding.NOT_YET
    return RenewalWindow(start, certificate.not_after, standing)


def obstacles(
    certificate: Certificate,
    now: datetime,
    *,
    operator: Operator | None = None,
    participant: Participant | None = None,
    registrar: Registrar | None = None,
) -> tuple[Obstacle, ...]:
    """Every reason why the certificate is not usable; none means that it is. The holder is as the caller found it."""
    found = [
        _STATES_IN_THE_WAY.get(certificate.state),
        _DATES_IN_THE_WAY.get(validity_at(certificate, now)),
        None if certificate.proven else Obstacle.CHAIN_UNVERIFIED,
    ]
    if registrar is not None:
        found.append(None if registrar.status is RegistrarStatus.ACTIVE else Obstacle.REGISTRAR_ENDED)
    elif operator is not None and participant is not None:
        found.append(_OPERATORS_IN_THE_WAY.get(operator.status))
        found.append(None if may_use_platform(participant) else Obstacle.PARTICIPANT_NOT_ACTIVE)
    else:
        found.append(Obstacle.HOLDER_UNKNOWN)
    return tuple(each for each in found if each is not None)
