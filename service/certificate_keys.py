"""Keys of certificates: each has one holder and one use, for good, and may be blocked (art. 13)."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from service.pki.profiles import Profile
from service.refusals import RefusalCode, refuse


class BlockReason(StrEnum):
    COMPROMISED = "COMPROMISED"
    OF_THE_OTHER_WORLD = "OF_THE_OTHER_WORLD"  # art. 17


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateKey:
    """A public key as this world knows it. `id` is the SHA-256 of its SubjectPublicKeyInfo, lower-case hex.

    A key that was blocked before anybody had it here has neither holder nor profile.
    """

    id: str
    version: int
    holder_id: str | None = None
    profile: Profile | None = None
    seen_at: datetime
    blocked_at: datetime | None = None
    block_reason: BlockReason | None = None
    invalid_since: datetime | None = None


def ensure_certifiable(key: CertificateKey, holder_id: str, profile: Profile) -> None:
    """Raises Refused unless a known key may have (another) certificate of this holder and profile."""
    if key.blocked_at is not None:
        raise refuse(RefusalCode.CERTIFICATE_KEY_BLOCKED)
    if key.holder_id != holder_id:
        raise refuse(RefusalCode.CERTIFICATE_KEY_OF_ANOTHER)
    if key.profile is not profile:
        raise refuse(RefusalCode.CERTIFICATE_KEY_OF_OTHER_PROFILE, known=key.profile.value if key.profile else "")


def blocked(
    key: CertificateKey, reason: BlockReason, at: datetime, invalid_since: datetime | None = None
) -> CertificateKey:
    """For good. Blocked again, it keeps the first reason and the earliest date from which it was not to be trusted."""
    since = min(each for each in (key.invalid_since, invalid_since, key.blocked_at, at) if each is not None)
    return replace(
        key,
        blocked_at=key.blocked_at or at,
        block_reason=key.block_reason or reason,
        invalid_since=since,
    )
