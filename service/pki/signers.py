"""Where an authority's private key is: a PKCS#8 file with a passphrase, or a PKCS#11 token. Both sign as one type.

`cryptography` signs certificates, revocation lists and OCSP answers with anything that implements its private key
interface, so a key that never leaves its token (`pkcs11_signers`) is one more implementation of it.
"""

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from service.errors import ServiceError

Signer = ec.EllipticCurvePrivateKey
"""The seam: `public_key()` and `sign(data, ECDSA(hash))` are all that is asked of it."""

SIGNER_CURVES = frozenset({"secp256r1", "secp384r1"})


class SigningKeyUnusable(ServiceError):
    """An authority's key cannot be read or does not fit. For the operator of this service: no caller can mend it."""


def read_signer(pkcs8: bytes, passphrase: bytes) -> Signer:
    """The key in an encrypted PKCS#8 file (PEM). Only EC keys on P-256 and P-384 sign for an authority: verifiers of
    chains refuse Ed25519 there. Raises SigningKeyUnusable, which quotes neither argument.
    """
    if not passphrase:
        raise SigningKeyUnusable("The signing key's passphrase is empty: the key must be encrypted at rest.")
    try:
        key = serialization.load_pem_private_key(pkcs8, passphrase)
    except (ValueError, TypeError):
        raise SigningKeyUnusable(
            "The signing key cannot be read: no encrypted PKCS#8, or another passphrase."
        ) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name not in SIGNER_CURVES:
        raise SigningKeyUnusable("The signing key is not an EC key on P-256 or P-384.")
    return key


def write_signer(key: Signer, passphrase: bytes) -> bytes:
    """The key as an encrypted PKCS#8 file (PEM)."""
    lock = serialization.BestAvailableEncryption(passphrase)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
