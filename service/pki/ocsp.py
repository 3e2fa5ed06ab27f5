"""OCSP (RFC 6960): bytes of a request in, a question or an error answer out; a status in, the signed answer out.

Looking the status up stands between the two, and is the caller's.
"""

import base64
import binascii
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from service.pki.parsing import format_serial
from service.pki.signers import Signer, SigningKeyUnusable

MAX_REQUEST_BYTES = 2_048
_NONCE_OCTETS = range(1, 129)  # RFC 9654, 2.1
_DIGESTS: tuple[type[hashes.HashAlgorithm], ...] = (hashes.SHA1, hashes.SHA256, hashes.SHA384, hashes.SHA512)

IssuerId = tuple[str, bytes, bytes]


def _unsuccessful(status: ocsp.OCSPResponseStatus) -> bytes:
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)


MALFORMED_REQUEST = _unsuccessful(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
UNAUTHORIZED = _unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED)
TRY_LATER = _unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
INTERNAL_ERROR = _unsuccessful(ocsp.OCSPResponseStatus.INTERNAL_ERROR)


class OcspRefused(Exception):
    """The request is answered without a status: `answer` is the DER to send (RFC 6960, 2.3)."""

    def __init__(self, answer: bytes) -> None:
        super().__init__("OCSP request refused")
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Question:
    """What a request asks: the status of one serial number of one issuer, known by hashes of its name and key."""

    serial: int
    digest: hashes.HashAlgorithm = field(compare=False)
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    nonce: bytes | None

    @property
    def issuer_id(self) -> IssuerId:
        return self.digest.name, self.issuer_name_hash, self.issuer_key_hash


@dataclass(frozen=True, slots=True)
class Good:
    """Issued, and neither revoked nor on hold. Not said: that it has not expired."""


@dataclass(frozen=True, slots=True)
class Revoked:
    """Revoked, or on hold (`certificate_hold`)."""

    at: datetime
    reason: x509.ReasonFlags = x509.ReasonFlags.unspecified


@dataclass(frozen=True, slots=True)
class Unknown:
    """Never issued by this authority."""


Status = Good | Revoked | Unknown


def parse_ocsp_request(data: bytes) -> Question:
    """The question in a DER request. Total: raises OcspRefused with malformedRequest, whatever the bytes.

    A request about several certificates is refused too (RFC 5019, 2.1.1, allows that). A nonce of a length outside
    1..128 octets is malformed (RFC 9654). Signatures on requests are not checked, for nothing depends on who asks.
    """
    if len(data) > MAX_REQUEST_BYTES:
        raise OcspRefused(MALFORMED_REQUEST)
    try:
        request = ocsp.load_der_ocsp_request(data)
        format_serial(request.serial_number)  # negative ones can be asked for, but not answered
        return Question(
            serial=request.serial_number,
            digest=request.hash_algorithm,
            issuer_name_hash=request.issuer_name_hash,
            issuer_key_hash=request.issuer_key_hash,
            nonce=_nonce(request.extensions),
        )
    except Exception:  # whatever a stranger's bytes set off, as in errors.refusing
        raise OcspRefused(MALFORMED_REQUEST) from None


def decode_ocsp_path(path: str) -> bytes:
    """The request in the last part of a GET's path: base64, percent-encoded (RFC 6960, A.1). Raises OcspRefused."""
    text = re.sub(r"\s", "+", urllib.parse.unquote(path[: 2 * MAX_REQUEST_BYTES]))
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise OcspRefused(MALFORMED_REQUEST) from None


class Responder:
    """Answers for one issuer, with the issuer's own key or with that of a delegated responder.

    An answer to a question without a nonce may be kept, and sent to all who ask the same until its `next_update`.
    """

    def __init__(self, issuer: x509.Certificate, key: Signer, delegate: x509.Certificate | None = None) -> None:
        """`delegate` is the responder's certificate if `key` is not the issuer's. Raises SigningKeyUnusable."""
        signing = delegate or issuer
        if signing.public_key() != key.public_key():
            raise SigningKeyUnusable("The OCSP key does not belong to its certificate.")
        if delegate is not None:
            _ensure_delegated(delegate, issuer)
        self._signing = signing
        self._certificates = [delegate] if delegate else []
        self._key = key
        self._issuer_ids = {_issuer_id(issuer, digest()): issuer for digest in _DIGESTS}

    @property
    def issuer_ids(self) -> Mapping[IssuerId, x509.Certificate]:
        """The names a question may call the issuer by, one for each digest."""
        return MappingProxyType(self._issuer_ids)

    def ensure_ours(self, question: Question) -> None:
        """Raises OcspRefused with `unauthorized` for another issuer's certificates (RFC 6960, 2.3; RFC 5019, 2.2.3)."""
        if question.issuer_id not in self._issuer_ids:
            raise OcspRefused(UNAUTHORIZED)

    def answer(self, question: Question, status: Status, *, at: datetime, next_update: datetime) -> bytes:
        """The signed answer (DER), the nonce given back. Raises OcspRefused for another issuer's certificates."""
        self.ensure_ours(question)
        revoked = status if isinstance(status, Revoked) else None
        builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
            question.issuer_name_hash,
            question.issuer_key_hash,
            question.serial,
            question.digest,
            _CERT_STATUS[type(status)],
            at.replace(microsecond=0),
            next_update.replace(microsecond=0),
            revoked.at.replace(microsecond=0) if revoked else None,
            _shown_reason(revoked),
        )
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, self._signing)
        if self._certificates:
            builder = builder.certificates(self._certificates)
        if question.nonce is not None:
            builder = builder.add_extension(x509.OCSPNonce(question.nonce), critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.DER)


_CERT_STATUS: dict[type[Status], ocsp.OCSPCertStatus] = {
    Good: ocsp.OCSPCertStatus.GOOD,
    Revoked: ocsp.OCSPCertStatus.REVOKED,
    Unknown: ocsp.OCSPCertStatus.UNKNOWN,
}


def _shown_reason(revoked: Revoked | None) -> x509.ReasonFlags | None:
    if revoked is None or revoked.reason is x509.ReasonFlags.unspecified:
        return None
    return revoked.reason


def _nonce(extensions: x509.Extensions) -> bytes | None:
    try:
        nonce = extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
    except x509.ExtensionNotFound:
        return None
    if len(nonce) not in _NONCE_OCTETS:
        raise ValueError("nonce of a length that RFC 9654 does not allow")
    return nonce


def _issuer_id(issuer: x509.Certificate, digest: hashes.HashAlgorithm) -> IssuerId:
    """What a client computes from the issuer's certificate: hashes of its subject and of its key (RFC 6960, 4.1.1)."""
    key_hash = ocsp.OCSPRequestBuilder().add_certificate(issuer, issuer, digest).build().issuer_key_hash
    name = hashes.Hash(digest)
    name.update(issuer.subject.public_bytes())
    return digest.name, name.finalize(), key_hash


def _ensure_delegated(delegate: x509.Certificate, issuer: x509.Certificate) -> None:
    try:
        delegate.verify_directly_issued_by(issuer)
        usages = delegate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
        usages = None
    if usages is None or ExtendedKeyUsageOID.OCSP_SIGNING not in usages:
        raise SigningKeyUnusable("The issuer has not delegated OCSP answers to this certificate.")
