"""Public keys: what they are, and whether this service certifies them."""

import hashlib
import math
from collections.abc import Container
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from cryptography.x509 import ObjectIdentifier

from service.pki.errors import CertificateError
from service.refusals import RefusalCode

SM2_CURVE = ObjectIdentifier("1.2.156.10197.1.301")  # GM/T 0006

AllowedKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey

_ALLOWED_CURVES = frozenset({"secp256r1", "secp384r1"})
_RSA_BITS = range(2048, 4097)
_RSA_EXPONENT = 65537


@asn1.sequence
class SubjectPublicKeyInfo:
    algorithm: asn1.TLV
    key: asn1.BitString


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """A public key: `algorithm` is EC, RSA, Ed25519, SM2 or the dotted OID of what cannot be used here.

    `spki_sha256` is over the canonical SubjectPublicKeyInfo: a key has one hash, however its point is compressed.
    """

    algorithm: str
    size: int | None
    curve: str | None
    spki_sha256: str
    public: PublicKeyTypes | None = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """For people: `EC secp256r1`, `RSA 2048`, `SM2`."""
        return f"{self.algorithm} {self.curve or self.size}" if self.algorithm in {"EC", "RSA"} else self.algorithm


def read_key(spki: bytes) -> KeyFacts:
    """The facts of a DER SubjectPublicKeyInfo. Unsupported algorithms are named; malformed ones raise ValueError."""
    name = _algorithm_name(spki)
    try:
        public = load_der_public_key(spki)
    except UnsupportedAlgorithm:
        return KeyFacts(name, 256 if name == "SM2" else None, None, hashlib.sha256(spki).hexdigest(), None)
    return facts_of(public)


def facts_of(public: PublicKeyTypes) -> KeyFacts:
    """The facts of a key that is already loaded."""
    canonical = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = hashlib.sha256(canonical).hexdigest()
    if isinstance(public, ec.EllipticCurvePublicKey):
        return KeyFacts("EC", public.key_size, public.curve.name, digest, public)
    if isinstance(public, rsa.RSAPublicKey):
        return KeyFacts("RSA", public.key_size, None, digest, public)
    if isinstance(public, ed25519.Ed25519PublicKey):
        return KeyFacts("Ed25519", 256, None, digest, public)
    return KeyFacts(_algorithm_name(canonical), None, None, digest, public)


def ensure_key_allowed(key: KeyFacts, *, blocked: Container[str] = (), known_weak: Container[str] = ()) -> AllowedKey:
    """Refuse a key that this service does not certify; otherwise answer it, its type known.

    `blocked` holds SPKI SHA-256 hashes of compromised keys and keys of the other world; `known_weak` those of published
    weak keys (the Debian keys of CVE-2008-0166, for example). Not checked: whether another holder has the key.
    """
    if key.spki_sha256 in blocked:
        raise CertificateError(RefusalCode.CERTIFICATE_KEY_BLOCKED)
    if key.spki_sha256 in known_weak:
        raise CertificateError(RefusalCode.CERTIFICATE_KEY_WEAK, weakness="published weak key")
    match key.public:
        case ec.EllipticCurvePublicKey() as public if key.curve in _ALLOWED_CURVES:
            return public
        case ed25519.Ed25519PublicKey() as public:
            return public
        case rsa.RSAPublicKey() as public if key.size in _RSA_BITS:
            _ensure_rsa_strong(public.public_numbers())
            return public
        case _:
            raise CertificateError(RefusalCode.CERTIFICATE_KEY_NOT_ALLOWED, found=key.name)


def _ensure_rsa_strong(numbers: rsa.RSAPublicNumbers) -> None:
    weakness = None
    if numbers.e != _RSA_EXPONENT:
        weakness = f"exponent other than {_RSA_EXPONENT}"
    elif math.gcd(numbers.n, _SMALL_PRIMES_PRODUCT) != 1:
        weakness = "small factor"
    elif _has_roca_fingerprint(numbers.n):
        weakness = "ROCA, CVE-2017-15361"
    elif _has_close_primes(numbers.n):
        weakness = "close primes, CVE-2022-26320"
    if weakness:
        raise CertificateError(RefusalCode.CERTIFICATE_KEY_WEAK, weakness=weakness)


def _has_roca_fingerprint(modulus: int) -> bool:
    """True if the modulus is a power of 65537 modulo every small prime, as moduli of the flawed library are."""
    return all(modulus % prime in residues for prime, residues in _ROCA_RESIDUES.items())


def _has_close_primes(modulus: int, rounds: int = 100) -> bool:
    """Fermat's factorisation, as many rounds as the CA/Browser Forum's Baseline Requirements (6.1.1.3) ask for."""
    a = math.isqrt(modulus - 1) + 1
    for _ in range(rounds):
        rest = a * a - modulus
        if math.isqrt(rest) ** 2 == rest:
            return True
        a += 1
    return False


def _algorithm_name(spki: bytes) -> str:
    """SM2, whether its OID stands as algorithm or as curve; otherwise the dotted OID of the algorithm."""
    identifier = bytes(asn1.decode_der(SubjectPublicKeyInfo, spki).algorithm.data)
    if asn1.encode_der(SM2_CURVE) in identifier:
        return "SM2"
    return asn1.decode_der(ObjectIdentifier, identifier[: 2 + identifier[1]]).dotted_string


def _primes_below(limit: int) -> list[int]:
    return [n for n in range(2, limit) if all(n % divisor for divisor in range(2, math.isqrt(n) + 1))]


def _powers(base: int, prime: int) -> frozenset[int]:
    return frozenset(pow(base, exponent, prime) for exponent in range(prime - 1))


_SMALL_PRIMES_PRODUCT = math.prod(_primes_below(2_000))
_ROCA_RESIDUES = {prime: _powers(65537, prime) for prime in _primes_below(168) if prime > 2}
