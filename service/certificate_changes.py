"""How a certificate changes (art. 13, 14): between which states, for what reason, and what a renewal asks. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from service.certificates import (
    Certificate,
    CertificateSource,
    CertificateState,
    HoldReason,
    RenewalStanding,
    RevocationReason,
    renewal_window,
)
from service.refusals import RefusalCode, refuse


class CertificateCommand(StrEnum):
    ISSUE = "ISSUE"
    HOLD = "HOLD"
    RELEASE = "RELEASE"
    REVOKE = "REVOKE"
    SUPERSEDE = "SUPERSEDE"


CERTIFICATE_TRANSITIONS: Mapping[tuple[CertificateState, CertificateCommand], CertificateState] = MappingProxyType(
    {
        (CertificateState.REQUESTED, CertificateCommand.ISSUE): CertificateState.ISSUED,
        (CertificateState.REQUESTED, CertificateCommand.REVOKE): CertificateState.REVOKED,  # withdrawn, refused, ended
        (CertificateState.ISSUED, CertificateCommand.HOLD): CertificateState.HELD,
        (CertificateState.ISSUED, CertificateCommand.REVOKE): CertificateState.REVOKED,
        (CertificateState.ISSUED, CertificateCommand.SUPERSEDE): CertificateState.SUPERSEDED,
        (CertificateState.HELD, CertificateCommand.RELEASE): CertificateState.ISSUED,
        (CertificateState.HELD, CertificateCommand.REVOKE): CertificateState.REVOKED,
        (CertificateState.HELD, CertificateCommand.SUPERSEDE): CertificateState.SUPERSEDED,
    }
)


def next_state(state: CertificateState, command: CertificateCommand) -> CertificateState:
    """The state that the command leads to. Raises Refused(CERTIFICATE_STATE) for a way the table does not have."""
    following = CERTIFICATE_TRANSITIONS.get((state, command))
    if following is None:
        raise refuse(RefusalCode.CERTIFICATE_STATE, state=state.value, command=command.value)
    return following


def held(certificate: Certificate, reason: HoldReason, at: datetime) -> Certificate:
    """Held since then. The depository's hold takes the place of another's, which began when it began.

    Raises Refused(CERTIFICATE_STATE).
    """
    others = certificate.state is CertificateState.HELD and certificate.hold_reason is not HoldReason.EXAMINED
    if others and reason is HoldReason.EXAMINED:
        return replace(certificate, hold_reason=reason)
    state = next_state(certificate.state, CertificateCommand.HOLD)
    return replace(certificate, state=state, held_at=at, hold_reason=reason)


def reported_lost(certificate: Certificate, at: datetime) -> Certificate:
    """Its key is lost: what is issued is held, for good, and what is asked for comes to nothing.

    The depository's hold stays its own; what is held or has ended knows of the loss. Reported again, nothing changes.
    """
    if certificate.loss_reported_at is not None:
        return certificate
    lost = replace(certificate, loss_reported_at=at)
    match certificate.state:
        case CertificateState.ISSUED:
            return held(lost, HoldReason.KEY_LOST, at)
        case CertificateState.REQUESTED:
            return revoked(lost, RevocationReason.CESSATION_OF_OPERATION, at)
        case CertificateState.HELD if certificate.hold_reason is HoldReason.ASKED:
            return replace(lost, hold_reason=HoldReason.KEY_LOST)
        case _:
            return lost


def released(certificate: Certificate) -> Certificate:
    """Usable again. Raises Refused(CERTIFICATE_KEY_LOST): whoever has the key may be anybody."""
    state = next_state(certificate.state, CertificateCommand.RELEASE)
    if certificate.loss_reported_at is not None:
        raise refuse(RefusalCode.CERTIFICATE_KEY_LOST)
    return replace(certificate, state=state, held_at=None, hold_reason=None)


def revoked(
    certificate: Certificate, reason: RevocationReason, at: datetime, invalid_since: datetime | None = None
) -> Certificate:
    """Final. `invalid_since`: when the key was lost, if that is known (RFC 5280, 5.3.2)."""
    state = next_state(certificate.state, CertificateCommand.REVOKE)
    return replace(
        certificate, state=state, revoked_at=at, revocation_reason=reason.value, invalidity_date=invalid_since
    )


def superseded(certificate: Certificate, at: datetime) -> Certificate:
    """Final: the successor is in use, or the overlap is over."""
    return replace(certificate, state=next_state(certificate.state, CertificateCommand.SUPERSEDE), superseded_at=at)


def succeeded(certificate: Certificate, successor_id: str, overlap_ends_at: datetime) -> Certificate:
    """Still usable, but no longer its holder's one of the profile."""
    ends = min(overlap_ends_at, certificate.not_after)
    return replace(certificate, superseded_by_id=successor_id, overlap_ends_at=ends)


def reinstated(certificate: Certificate) -> Certificate:
    """Its holder's one again: the successor ended before it was used."""
    return replace(certificate, superseded_by_id=None, overlap_ends_at=None)


def ensure_renewable(certificate: Certificate, now: datetime) -> None:
    """Raises Refused with the one reason."""
    if certificate.source is not CertificateSource.OWN:
        raise refuse(RefusalCode.CERTIFICATE_OF_OUTSIDE, "certificateId")
    window = renewal_window(certificate, now)
    match window.standing:
        case RenewalStanding.RENEWED:
            raise refuse(RefusalCode.CERTIFICATE_RENEWED, "certificateId")
        case RenewalStanding.NOT_YET:
            start = window.start.isoformat()
            raise refuse(RefusalCode.CERTIFICATE_RENEWAL_TOO_EARLY, "certificateId", start=start)
        case RenewalStanding.ENDED if now > certificate.not_after:
            ended = certificate.not_after.isoformat()
            raise refuse(RefusalCode.CERTIFICATE_EXPIRED, "certificateId", not_after=ended)
        case RenewalStanding.ENDED:
            raise refuse(RefusalCode.CERTIFICATE_STATE, state=certificate.state.value, command="RENEW")


def ensure_extended(old: Certificate, not_after: datetime) -> None:
    """Raises Refused(CERTIFICATE_NOT_EXTENDED) unless the new end is later than the old one (art. 14)."""
    if not_after <= old.not_after:
        values = {"new": not_after.isoformat(), "old": old.not_after.isoformat()}
        raise refuse(RefusalCode.CERTIFICATE_NOT_EXTENDED, **values)


def ensure_reason(
    reason: RevocationReason | None, allowed: frozenset[RevocationReason], invalid_since: datetime | None, now: datetime
) -> RevocationReason:
    """The reason, if there is one and the role may give it. Raises Refused."""
    if reason is None:
        raise refuse(RefusalCode.REVOCATION_REASON_MISSING, "reason")
    if reason not in allowed:
        raise refuse(RefusalCode.REVOCATION_REASON_NOT_YOURS, "reason", reason=reason.value)
    if invalid_since is not None and (reason is not RevocationReason.KEY_COMPROMISE or invalid_since > now):
        raise refuse(RefusalCode.INVALIDITY_DATE_WRONG, "invalidityDate")
    return reason
