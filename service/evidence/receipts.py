"""Receipts: a JWS (RFC 7515, compact, ES256) over the exact canonical bytes of a record, which it carries along."""

import re
import warnings

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from service.evidence import canonical
from service.evidence.errors import Malformed, NotVerified

TYPE = "prop-record+jws"
ALGORITHM = "ES256"
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_MAX_LENGTH = canonical.MAX_BYTES * 4 // 3 + 1_024


def sign(record: bytes, key: ECKey, kind: str = TYPE) -> str:
    """The receipt for these bytes. `key` is a private P-256 key whose `kid` the world's JWKS names.

    `kind` keeps what is signed by one key apart: nothing of one kind verifies as another.
    """
    return jws.serialize_compact({"alg": ALGORITHM, "kid": key.kid, "typ": kind}, record, key, [ALGORITHM])


def verify(receipt: str, keys: KeySet, kind: str = TYPE) -> bytes:
    """The bytes that were signed. Raises Malformed or NotVerified.

    Not checked: what the bytes say, and when the key was in use.
    """
    if len(receipt) > _MAX_LENGTH or not _COMPACT.fullmatch(receipt):
        raise Malformed("A receipt is a compact JWS.")
    try:
        signed = jws.extract_compact(receipt.encode())
        header = signed.headers()
        if header != {"alg": ALGORITHM, "kid": header.get("kid"), "typ": kind}:
            raise Malformed(f"The receipt's header is not that of {kind}.")
        key = next((each for each in keys.keys if each.kid == header["kid"]), None)
        if key is None:
            raise NotVerified("The receipt names a key that the key set does not hold.")
        holds = jws.validate_compact(signed, key, [ALGORITHM])
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise Malformed("The receipt is not a JWS that can be read.") from error
    if not holds:
        raise NotVerified("The receipt's signature does not hold.")
    return signed.payload


def parse_keys(text: bytes) -> KeySet:
    """A JWKS (RFC 7517) of P-256 public keys. Raises Malformed; a private key in it is refused."""
    value = canonical.decode_loosely(text)
    entries = value.get("keys")
    if not isinstance(entries, list) or not entries:
        raise Malformed("A JWKS has a list of keys.")
    try:
        with warnings.catch_warnings(action="ignore"):  # of key types that are refused right below
            keys = [ECKey.import_key(each) for each in entries if isinstance(each, dict) and each.get("kty") == "EC"]
    except (JoseError, ValueError, TypeError, KeyError, OverflowError) as error:
        raise Malformed("A key of the JWKS cannot be read.") from error
    if not keys or len(keys) != len(entries) or any(key.is_private or key.curve_name != "P-256" for key in keys):
        raise Malformed("The JWKS holds something else than P-256 public keys.")
    return KeySet(list(keys))
