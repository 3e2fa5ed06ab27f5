"""Client assertions (RFC 7523): what an operator's software signs with its LOGIN certificate's key to log in (art. 13).

Pure: nothing here knows who exists. The header names the certificate by `x5t#S256`; `iss` and `sub` are the operator's
id.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.util import urlsafe_b64decode

from service.evidence import canonical
from service.evidence.errors import Malformed

MAX_LENGTH = 4_096
MAX_AGE = timedelta(seconds=60)
SKEW = timedelta(seconds=5)  # how far ahead a caller's clock may be
LATEST = 253_402_300_799  # 9999-12-31: beyond it a NumericDate is no time

ALGORITHMS: Mapping[str, str] = MappingProxyType(
    {"ES256": "ES256", "ES384": "ES384", "EdDSA": "Ed25519", "Ed25519": "Ed25519", "PS256": "PS256"}
)
"""What a header may say, and the algorithm of the library that it means. RFC 9864 renamed EdDSA; software says both."""

NOT_PROVEN = "The assertion is not signed by the key of a known certificate, with that key's algorithm."
"""One text, so that nobody learns here which certificates are known."""

_HEADER = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256"})
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class Reason(StrEnum):
    """Why a login is refused: for the record, and for the caller where it tells of nothing but what the caller sent."""

    MALFORMED = "MALFORMED"
    ALGORITHM = "ALGORITHM"
    CERTIFICATE_NOT_NAMED = "CERTIFICATE_NOT_NAMED"
    CERTIFICATE_UNKNOWN = "CERTIFICATE_UNKNOWN"
    KEY_UNSUPPORTED = "KEY_UNSUPPORTED"
    SIGNATURE = "SIGNATURE"
    SUBJECT = "SUBJECT"
    AUDIENCE = "AUDIENCE"
    TIME = "TIME"
    REPLAYED = "REPLAYED"
    NOT_ADMITTED = "NOT_ADMITTED"  # proven, and the certificate, its holder or the participant has ended


class AssertionRefused(Exception):
    """The assertion proves nothing. The text repeats nothing of it.

    `claimed`: id and participant of whoever holds the certificate it names, who need not be the one who sent it.
    """

    claimed: tuple[str | None, str | None] = (None, None)

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Assertion:
    """What an assertion claims. `certificate` is the SHA-256 of the named certificate, lower-case hex."""

    algorithm: str
    certificate: str
    issuer: str
    subject: str
    audience: str
    jti: str
    issued_at: datetime
    expires_at: datetime
    signed: jws.CompactSignature


def parse_assertion(text: str) -> Assertion:
    """Take an assertion apart. Raises AssertionRefused for whatever is none; verifies nothing."""
    if len(text) > MAX_LENGTH or not _COMPACT.fullmatch(text):
        raise AssertionRefused(
            Reason.MALFORMED, f"The assertion is not a compact JWS of at most {MAX_LENGTH} characters."
        )
    try:
        header, claims = (canonical.decode_loosely(urlsafe_b64decode(each.encode())) for each in text.split(".")[:2])
        if header.get("alg") not in ALGORITHMS:  # before the library sees it: it warns of the worst ones by raising
            raise AssertionRefused(Reason.ALGORITHM, f"The algorithm must be one of {', '.join(ALGORITHMS)}.")
        if not header.keys() <= _HEADER or not all(isinstance(each, str) for each in header.values()):
            raise AssertionRefused(Reason.MALFORMED, f"The header holds more than {', '.join(sorted(_HEADER))}.")
        signed = jws.extract_compact(text.encode())
    except (Malformed, JoseError, ValueError, TypeError) as error:
        raise AssertionRefused(Reason.MALFORMED, "The assertion is not a JWS over an object of JSON.") from error
    return Assertion(
        algorithm=header["alg"],
        certificate=_thumbprint(header.get("x5t#S256")),
        issuer=_text(claims, "iss"),
        subject=_text(claims, "sub"),
        audience=_audience(claims.get("aud")),
        jti=_text(claims, "jti"),
        issued_at=_moment(claims, "iat"),
        expires_at=_moment(claims, "exp"),
        signed=signed,
    )


def verify_signature(assertion: Assertion, public_key: bytes) -> None:
    """Raises AssertionRefused unless the holder of this key (SubjectPublicKeyInfo, DER) signed the assertion.

    The algorithm follows from the key; the header must name that one and no other.
    """
    key, algorithm = _key(public_key)
    if ALGORITHMS[assertion.algorithm] != algorithm:
        raise AssertionRefused(Reason.ALGORITHM, NOT_PROVEN)
    try:
        holds = jws.validate_compact(assertion.signed, key, registry=_Registry(algorithms=[algorithm]))
    except (JoseError, ValueError, TypeError) as error:
        raise AssertionRefused(Reason.SIGNATURE, NOT_PROVEN) from error
    if not holds:
        raise AssertionRefused(Reason.SIGNATURE, NOT_PROVEN)


def ensure_addressed(assertion: Assertion, audiences: Collection[str]) -> None:
    if assertion.audience not in audiences:
        raise AssertionRefused(Reason.AUDIENCE, f"The audience must be {' or '.join(audiences)}.")


def ensure_timely(assertion: Assertion, now: datetime) -> None:
    """RFC 7523 section 3, narrowed: of whatever lifetime the assertion claims, the first 60 seconds count."""
    if assertion.issued_at > now + SKEW:
        raise AssertionRefused(Reason.TIME, "The assertion is issued in the future: set the clock right.")
    if now >= min(assertion.expires_at, usable_until(assertion)):
        raise AssertionRefused(Reason.TIME, "The assertion has expired: it counts for 60 seconds from iat.")


def usable_until(assertion: Assertion) -> datetime:
    """The moment from which the assertion is refused for its age: until then its `jti` must be remembered."""
    return assertion.issued_at + MAX_AGE


class _Registry(jws.JWSRegistry):
    """The library warns at each use of the name EdDSA; the algorithm is Ed25519 by either name."""

    def get_alg(self, name: str) -> Any:
        return super().get_alg(ALGORITHMS.get(name, name))


def _key(public_key: bytes) -> tuple[Key, str]:
    try:
        key = load_der_public_key(public_key)
    except (UnsupportedAlgorithm, ValueError, TypeError) as error:  # SM2, for one, is read and not understood
        raise AssertionRefused(Reason.KEY_UNSUPPORTED, "Keys of this kind cannot be verified here.") from error
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    match key:
        case EllipticCurvePublicKey(curve=SECP256R1()):
            return ECKey.import_key(pem), "ES256"
        case EllipticCurvePublicKey(curve=SECP384R1()):
            return ECKey.import_key(pem), "ES384"
        case Ed25519PublicKey():
            return OKPKey.import_key(pem), "Ed25519"
        case RSAPublicKey(key_size=size) if size >= 2048:
            return RSAKey.import_key(pem), "PS256"
    raise AssertionRefused(Reason.KEY_UNSUPPORTED, "Keys of this kind cannot be verified here.")


def _thumbprint(value: object) -> str:
    if not isinstance(value, str):
        raise AssertionRefused(Reason.CERTIFICATE_NOT_NAMED, "The header must name the certificate by x5t#S256.")
    try:
        digest = urlsafe_b64decode(value.encode("ascii"))
    except ValueError:
        digest = b""
    if len(digest) != 32:
        raise AssertionRefused(Reason.MALFORMED, "x5t#S256 is not a SHA-256 in base64url.")
    return digest.hex()


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= 128:
        raise AssertionRefused(Reason.MALFORMED, f"{name} must be a text of 1 to 128 characters.")
    return value


def _audience(value: object) -> str:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, str):  # two audiences could spend one assertion twice
        raise AssertionRefused(Reason.AUDIENCE, "aud must name one audience.")
    return value


def _moment(claims: Mapping[str, Any], name: str) -> datetime:
    value = claims.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LATEST:
        raise AssertionRefused(Reason.MALFORMED, f"{name} must be a time in whole seconds (NumericDate).")
    return datetime.fromtimestamp(value, UTC)
