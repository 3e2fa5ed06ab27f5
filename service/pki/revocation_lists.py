"""Revocation lists (RFC 5280, 5), put together from entries that are encoded once and kept.

A list of 100 000 entries is then one concatenation, one digest and one signature, however often it is rebuilt.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from service.pki.errors import CertificateError, refusing
from service.pki.parsing import RevocationListFacts
from service.pki.signers import Signer
from service.refusals import RefusalCode

_SEQUENCE, _BIT_STRING, _CONTEXT_0 = 0x30, 0x03, 0xA0
_UTC_TIME_ENDS = 2050  # RFC 5280, 5.1.2.4


@dataclass(frozen=True, slots=True)
class Revocation:
    """One certificate that is not to be trusted any more, or, on hold, not for now. `invalid_since` is when its key was
    lost, if that is known to be earlier than `revoked_at`.
    """

    serial: int
    revoked_at: datetime
    reason: x509.ReasonFlags = x509.ReasonFlags.unspecified
    invalid_since: datetime | None = None


@asn1.sequence
class _Extension:
    oid: x509.ObjectIdentifier
    critical: Annotated[bool, asn1.Default(False)]  # noqa: FBT003 - the DEFAULT of RFC 5280
    value: bytes


@asn1.sequence
class _Entry:
    serial: int
    revoked_at: asn1.UTCTime | asn1.GeneralizedTime
    extensions: list[_Extension] | None


@asn1.sequence
class _Head:
    """The beginning of TBSCertList, up to the entries; its own header is cut off."""

    version: int
    algorithm: asn1.TLV
    issuer: asn1.TLV
    this_update: asn1.UTCTime | asn1.GeneralizedTime
    next_update: asn1.UTCTime | asn1.GeneralizedTime


@asn1.sequence
class _AlgorithmIdentifier:
    algorithm: x509.ObjectIdentifier


_ALGORITHMS: dict[type[ec.EllipticCurve], tuple[hashes.HashAlgorithm, str]] = {
    ec.SECP256R1: (hashes.SHA256(), "1.2.840.10045.4.3.2"),
    ec.SECP384R1: (hashes.SHA384(), "1.2.840.10045.4.3.3"),
}


def encode_entry(revocation: Revocation) -> bytes:
    """The DER of one entry, to be kept beside the certificate and given to `build_revocation_list`."""
    extensions: list[x509.ExtensionType] = []
    if revocation.reason is not x509.ReasonFlags.unspecified:  # to be left out, RFC 5280, 5.3.1
        extensions.append(x509.CRLReason(revocation.reason))
    if revocation.invalid_since is not None:
        extensions.append(x509.InvalidityDate(revocation.invalid_since.replace(microsecond=0, tzinfo=None)))
    encoded = [_extension(each) for each in extensions] or None
    return asn1.encode_der(
        _Entry(serial=revocation.serial, revoked_at=_time(revocation.revoked_at), extensions=encoded)
    )


def build_revocation_list(
    issuer: x509.Certificate,
    key: Signer,
    entries: Iterable[bytes],
    *,
    number: int,
    at: datetime,
    next_update: datetime,
) -> bytes:
    """The full list of `issuer` (DER), signed. `number` must be larger than that of every list before it.

    An element of `entries` may be several entries after one another: where it is large it is digested without the
    interpreter's lock, and other threads go on. Not checked: that the number grows, and that a serial occurs once; the
    caller's records hold both.
    """
    digest, oid = _ALGORITHMS[type(key.curve)]
    algorithm = asn1.encode_der(_AlgorithmIdentifier(algorithm=x509.ObjectIdentifier(oid)))
    head = _Head(
        version=1,
        algorithm=asn1.decode_der(asn1.TLV, algorithm),
        issuer=asn1.decode_der(asn1.TLV, issuer.subject.public_bytes()),
        this_update=_time(at),
        next_update=_time(next_update),
    )
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    extensions = b"".join(asn1.encode_der(_extension(each)) for each in (authority, x509.CRLNumber(number)))
    listed = [each for each in entries if each]
    tbs = _wrapped(
        _SEQUENCE,
        [
            _content(asn1.encode_der(head)),
            *(_wrapped(_SEQUENCE, listed) if listed else ()),  # absent rather than empty, RFC 5280, 5.1.2.6
            *_wrapped(_CONTEXT_0, _wrapped(_SEQUENCE, [extensions])),
        ],
    )
    signature = key.sign(_digest(digest, tbs), ec.ECDSA(Prehashed(digest)))
    return b"".join(_wrapped(_SEQUENCE, [*tbs, algorithm, *_wrapped(_BIT_STRING, [b"\0", signature])]))


def _digest(algorithm: hashes.HashAlgorithm, parts: Sequence[bytes]) -> bytes:
    digest = hashlib.new(algorithm.name)  # the standard library's lets other threads run meanwhile
    for part in parts:
        digest.update(part)
    return digest.digest()


def verify_revocation_list(facts: RevocationListFacts, issuer: x509.Certificate, at: datetime) -> None:
    """Refuse a list that `issuer` did not sign, or that is overdue at `at`. Not checked: the issuer."""
    revocations = facts.revocation_list
    public = issuer.public_key()
    if revocations.issuer != issuer.subject:
        raise CertificateError(RefusalCode.CERTIFICATE_ISSUER_UNKNOWN, issuer=facts.issuer)
    if not isinstance(public, ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey):
        raise CertificateError(RefusalCode.CERTIFICATE_ALGORITHM_UNSUPPORTED, algorithm=type(public).__name__)
    with refusing(RefusalCode.CERTIFICATE_LIST_MALFORMED):
        try:
            signed = revocations.is_signature_valid(public)
        except UnsupportedAlgorithm:
            name = revocations.signature_algorithm_oid.dotted_string
            raise CertificateError(RefusalCode.CERTIFICATE_ALGORITHM_UNSUPPORTED, algorithm=name) from None
    if not signed:
        raise CertificateError(RefusalCode.CERTIFICATE_ISSUER_UNKNOWN, issuer=facts.issuer)
    if facts.next_update is not None and at > facts.next_update:
        raise CertificateError(RefusalCode.CERTIFICATE_LIST_STALE, next_update=facts.next_update.isoformat())


def _time(at: datetime) -> asn1.UTCTime | asn1.GeneralizedTime:
    whole = at.replace(microsecond=0)
    return asn1.UTCTime(whole) if whole.year < _UTC_TIME_ENDS else asn1.GeneralizedTime(whole)


def _extension(extension: x509.ExtensionType) -> _Extension:
    return _Extension(oid=extension.oid, critical=False, value=extension.public_bytes())


def _wrapped(tag: int, parts: Sequence[bytes]) -> list[bytes]:
    """DER of one element (X.690, 8.1) whose content is encoded already: in parts, so that a list is copied once."""
    length = sum(map(len, parts))
    if length < 0x80:
        return [bytes((tag, length)), *parts]
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return [bytes((tag, 0x80 | len(octets))) + octets, *parts]


def _content(der: bytes) -> bytes:
    return bytes(asn1.decode_der(asn1.TLV, der).data)
