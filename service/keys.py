"""The keys a world signs with: ES256 for tokens and receipts, Ed25519 for checkpoints of the log.

Whoever signs asks `SigningKeys` and sees no key: a hardware module would stand behind the same few methods.

Rotation: the next key is announced in the JWKS before it signs (`next`), the old one stays there until the last token
it signed has died (`RetiredKey`), and stays in the set for receipts for good, since receipts are kept for good.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from joserfc import jwt
from joserfc.jwk import ECKey, KeyParameters, KeySet

from service.evidence import canonical, checkpoint, receipts
from service.evidence.checkpoint import Checkpoint, LogVerifier
from service.evidence.errors import Malformed

TOKEN_TYPE = "at+jwt"  # noqa: S105 - the media type of RFC 9068 section 2.1, no password
REPORT_TYPE = "prop-conformance+jws"
TOKEN_LIFETIME = timedelta(minutes=10)


class KeyUnusable(Exception):
    """A key of the world cannot be read or is of the wrong kind. Holds no part of the key."""


@dataclass(frozen=True, slots=True)
class RetiredKey:
    """A public key that signs no more, and the moment from which no process signed with it."""

    key: ECKey
    retired_at: datetime


@dataclass(frozen=True)
class SigningKeys:
    """The keys of one world. Their public halves are made once: every request verifies a token by them."""

    current: ECKey = field(repr=False)
    log: Ed25519PrivateKey = field(repr=False)
    announced: ECKey | None = field(default=None, repr=False)
    retired: tuple[RetiredKey, ...] = ()

    def sign_record(self, data: bytes) -> str:
        return receipts.sign(data, self.current)

    def sign_report(self, data: bytes) -> str:
        """A report of conformance: see `service.conformance_reports`."""
        return receipts.sign(data, self.current, REPORT_TYPE)

    def sign_token(self, claims: Mapping[str, Any]) -> str:
        header = {"alg": receipts.ALGORITHM, "kid": self.current.kid, "typ": TOKEN_TYPE}
        return jwt.encode(header, dict(claims), self.current, [receipts.ALGORITHM])

    def sign_checkpoint(self, head: Checkpoint) -> str:
        return checkpoint.sign(head, self.log)

    def log_verifier(self, origin: str) -> LogVerifier:
        return LogVerifier(origin, self.log.public_key())

    def token_keys(self, now: datetime) -> KeySet:
        """The public keys by which a token may be verified at this moment: what `/.well-known/jwks.json` shows."""
        dead = {each.key.kid for each in self.retired if now >= each.retired_at + TOKEN_LIFETIME}
        return KeySet([key for key in self._public if key.kid not in dead])

    def receipt_keys(self) -> KeySet:
        """Every public key that may ever have signed a receipt."""
        return KeySet(list(self._public))

    @cached_property
    def _public(self) -> tuple[ECKey, ...]:
        signing = (self.current,) if self.announced is None else (self.current, self.announced)
        every = (*signing, *(each.key for each in self.retired))
        return tuple(_named(ECKey.import_key(key.as_pem(private=False))) for key in every)


def load_keys(
    signing: str, log: str, *, announced: str | None = None, retired: str | None = None, passphrase: str | None = None
) -> SigningKeys:
    """The keys from PKCS#8 texts (PEM), encrypted with `passphrase` if there is one.

    `retired` is a JWKS of public keys, each with a member `retired_at` (RFC 3339). Raises KeyUnusable.
    """
    log_key = _read_private(log, passphrase, "log key")
    if not isinstance(log_key, Ed25519PrivateKey):
        raise KeyUnusable("The log key is not an Ed25519 key.")
    return SigningKeys(
        _read_signing(signing, passphrase),
        log_key,
        _read_signing(announced, passphrase) if announced is not None else None,
        _read_retired(retired) if retired is not None else (),
    )


def keep_keys(directory: Path) -> SigningKeys:
    """The keys of a world that makes its own: those in `directory`, generated there (mode 0600) at the first start."""
    directory.mkdir(parents=True, exist_ok=True)
    signing = _keep(directory / "signing.pem", generate_private_key(SECP256R1()))
    return load_keys(signing, _keep(directory / "log.pem", Ed25519PrivateKey.generate()))


def _keep(path: Path, fresh: EllipticCurvePrivateKey | Ed25519PrivateKey) -> str:
    if not path.exists():
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        pem = fresh.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(pem)
        try:
            os.link(draft, path)  # of several processes at their first start, one wins and all read its key
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text("ascii")


def _read_private(pem: str, passphrase: str | None, name: str) -> object:
    try:
        return load_pem_private_key(pem.encode(), passphrase.encode() if passphrase else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyUnusable(f"The {name} is not a PKCS#8 key in PEM that the passphrase opens.") from None


def _read_signing(pem: str, passphrase: str | None) -> ECKey:
    key = _read_private(pem, passphrase, "signing key")
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise KeyUnusable("The signing key is not a P-256 key.")
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return _named(ECKey.import_key(plain))


def _read_retired(text: str) -> tuple[RetiredKey, ...]:
    try:
        entries = canonical.decode_loosely(text.encode())["keys"]
        moments = [datetime.fromisoformat(each.pop("retired_at")) for each in entries]
        keys = receipts.parse_keys(json.dumps({"keys": entries}).encode()) if entries else KeySet([])
    except (Malformed, KeyError, ValueError, TypeError, AttributeError):
        raise KeyUnusable("The retired keys are not a JWKS of P-256 public keys, each with retired_at.") from None
    if any(moment.tzinfo is None for moment in moments):
        raise KeyUnusable("A retired_at lacks its offset from UTC.")
    return tuple(
        RetiredKey(_named(key), moment)
        for key, moment in zip(keys.keys, moments, strict=True)
        if isinstance(key, ECKey)
    )


def _named(key: ECKey) -> ECKey:
    """The key with its RFC 7638 thumbprint as its id, and what it is for."""
    parameters: KeyParameters = {"kid": key.thumbprint(), "use": "sig", "alg": receipts.ALGORITHM}
    return ECKey.import_key(key.as_dict(private=key.is_private), parameters)
