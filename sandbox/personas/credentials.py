"""What a persona logs in with: a key and a certificate, in files that any OAuth client can be tried with.

Throw-away: what they open binds nobody, so the keys are not encrypted; the files are their owner's alone all the same.
"""

import json
import os
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from joserfc import jwt
from joserfc.jwk import ECKey
from joserfc.util import urlsafe_b64encode

ASSERTION_SECONDS = 60


def personas_directory(data_dir: Path) -> Path:
    return data_dir / "personas"


@dataclass(frozen=True, slots=True)
class Credential:
    """A LOGIN certificate with its key (P-256). `client_id` is the id of the operator or registrar."""

    client_id: str
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """SHA-256, lower-case hex."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def assertion(self, audience: str, at: datetime) -> str:
        """A client assertion (RFC 7523, 3) for one login."""
        thumbprint = urlsafe_b64encode(self.certificate.fingerprint(hashes.SHA256())).decode()
        moment = int(at.timestamp())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": audience,
            "iat": moment,
            "exp": moment + ASSERTION_SECONDS,
            "jti": secrets.token_urlsafe(16),
        }
        key = ECKey.import_key(_pem(self.key))
        return jwt.encode({"alg": "ES256", "typ": "JWT", "x5t#S256": thumbprint}, claims, key, ["ES256"])


class Credentials:
    """The credentials of personas: NAME.key (PKCS#8), NAME.pem (the certificate) and NAME.json (the client id)."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def find(self, name: str) -> Credential | None:
        """None where there is none, or only the half of one."""
        try:
            about = json.loads(self._file(name, "json").read_text())
            certificate = x509.load_pem_x509_certificate(self._file(name, "pem").read_bytes())
            credential = Credential(about["client_id"], certificate, self._key(name))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return credential if certificate.public_key() == credential.key.public_key() else None

    def ensure_key(self, name: str) -> ec.EllipticCurvePrivateKey:
        """The persona's key, made where there is none."""
        return self._key(name) if self._file(name, "key").exists() else self.replace_key(name)

    def replace_key(self, name: str) -> ec.EllipticCurvePrivateKey:
        """A new key; the certificate of the former is handed out no more."""
        self._file(name, "json").unlink(missing_ok=True)
        self._write(name, "key", _pem(ec.generate_private_key(ec.SECP256R1())))
        return self._key(name)

    def keep(self, name: str, client_id: str, certificate: x509.Certificate) -> None:
        """NAME.json is written last: without it there is no credential."""
        self._file(name, "json").unlink(missing_ok=True)
        self._write(name, "pem", certificate.public_bytes(Encoding.PEM))
        self._write(name, "json", json.dumps({"client_id": client_id}).encode())

    def _file(self, name: str, kind: str) -> Path:
        return self._directory / f"{name}.{kind}"

    def _key(self, name: str) -> ec.EllipticCurvePrivateKey:
        key = load_pem_private_key(self._file(name, "key").read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError(f"the key of {name} is not on a curve")
        return key

    def _write(self, name: str, kind: str, data: bytes) -> None:
        """Whole or not at all, for its owner's eyes only."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._directory / f".{name}.{kind}.{secrets.token_hex(4)}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
        draft.replace(self._file(name, kind))


def request_of(key: ec.EllipticCurvePrivateKey) -> str:
    """A PKCS#10 request in PEM. Its names are not read, so it has none."""
    builder = x509.CertificateSigningRequestBuilder(subject_name=x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
