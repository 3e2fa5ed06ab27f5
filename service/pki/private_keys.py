"""Private keys where none belongs: found in any form they are pasted in, refused, never quoted (art. 13)."""

import base64
import binascii
import re

from service.pki.errors import CertificateError
from service.refusals import RefusalCode

_LENGTH = rb"(?:[\x00-\x7f]|\x81.|\x82..)"
_VERSION = rb"\x02\x01[\x00\x01]"
# Last octets tell RSA, EC, DSA and SM2 keys from signatures; EdDSA, ML-DSA and PSS have one OID for both.
_KEY_ALGORITHM = (
    rb"(?:\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01|\x2a\x86\x48\xce\x3d\x02\x01|\x2a\x86\x48\xce\x38\x04\x01"
    rb"|\x2a\x81\x1c\xcf\x55\x01\x82\x2d)"
)
_KEY_OR_SIGNATURE = rb"(?:\x2b\x65[\x6e-\x71]|\x60\x86\x48\x01\x65\x03\x04\x03.|\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a)"

_TEXT = re.compile(rb"private-?key|openssh-key-v1|putty-user-key-file|age-secret-key-", re.IGNORECASE)
_JWK_TYPE, _JWK_PRIVATE = re.compile(rb'"kty":'), re.compile(rb'"[dk]":')
_DER = re.compile(
    b"|".join(
        (
            # PKCS#8 (RFC 5958): version, AlgorithmIdentifier of a key. Where the OID does not tell, what follows does:
            # an OCTET STRING; a revocation list or an old certificate goes on with its issuer, a SEQUENCE.
            rb"\x30" + _LENGTH + _VERSION + rb"\x30" + _LENGTH + rb"\x06." + _KEY_ALGORITHM,
            rb"\x30"
            + _LENGTH
            + _VERSION
            + rb"\x30"
            + _LENGTH
            + rb"\x06."
            + _KEY_OR_SIGNATURE
            + rb".{0,80}?\x04[\x20-\x82]",
            # SEC 1 (RFC 5915): version 1, then the scalar.
            rb"\x30" + _LENGTH + rb"\x02\x01\x01\x04[\x10-\x42]",
            # PKCS#1 (RFC 8017, A.1.2) and DSA: version 0 or 1, then a long integer.
            rb"\x30" + _LENGTH + _VERSION + rb"\x02(?:[\x20-\x7f]|\x81.|\x82..)",
            # EncryptedPrivateKeyInfo: PBES1 or PBES2 (PKCS#5), or a scheme of PKCS#12.
            rb"\x30" + _LENGTH + rb"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05[\x01-\x0d]",
            rb"\x30" + _LENGTH + rb"\x06\x0a\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01",
            # PKCS#12 (RFC 7292): version 3, then ContentInfo.
            rb"\x30" + rb"(?:\x80|\x83...|" + _LENGTH + rb")\x02\x01\x03\x30",
        )
    ),
    re.DOTALL,
)
_BASE64_RUN = re.compile(rb"[A-Za-z0-9+/_\-\r\n=]{40,}")


def ensure_no_private_key(data: bytes) -> None:
    """Refuse input that holds a private key: PEM, DER (PKCS#8, PKCS#1, SEC 1, encrypted, PKCS#12), OpenSSH, PuTTY, JWK.

    DER is looked for in the bytes themselves and in every run of base64 among them, whatever its label says.
    Not found: keys written in hexadecimal, or hidden on purpose.
    """
    if _holds_private_key(data):
        raise CertificateError(RefusalCode.CERTIFICATE_PRIVATE_KEY_PASTED)


def _holds_private_key(data: bytes) -> bool:
    letters = re.sub(rb"[\x00\s]", b"", data)  # UTF-16, and text broken over lines
    if _TEXT.search(letters) or _DER.search(data):
        return True
    if _JWK_TYPE.search(letters) and _JWK_PRIVATE.search(letters):
        return True
    return any(_DER.search(decoded) for decoded in map(_decode, _BASE64_RUN.findall(data)))


def _decode(run: bytes) -> bytes:
    compact = re.sub(rb"[\r\n=]", b"", run).translate(bytes.maketrans(b"-_", b"+/"))
    try:
        return base64.b64decode(compact + b"=" * (-len(compact) % 4))
    except binascii.Error:
        return b""
