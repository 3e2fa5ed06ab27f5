"""Tenants of a sandbox, as their own programs are: joined over HTTP with keys made here, logged in by certificate."""

import os
import re
import subprocess
import sys
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.jwk import ECKey

ROOT = Path(__file__).parents[3]


@dataclass
class Tenant:
    url: str
    key: ec.EllipticCurvePrivateKey
    operator: str
    clerk: str
    certificate: x509.Certificate

    async def token(self, client: httpx.AsyncClient) -> str:
        """Log in as an OAuth 2 client does (RFC 7523)."""
        now, endpoint = int(time.time()), f"{self.url}/oauth/token"
        claims = {"iss": self.operator, "sub": self.operator, "aud": endpoint, "jti": uuid.uuid4().hex}
        pem = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        thumbprint = urlsafe_b64encode(self.certificate.fingerprint(hashes.SHA256())).rstrip(b"=").decode()
        header = {"alg": "ES256", "typ": "JWT", "x5t#S256": thumbprint}
        assertion = jwt.encode(header, claims | {"iat": now, "exp": now + 60}, ECKey.import_key(pem))
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion,
        }
        answer = await client.post(endpoint, data=form)
        answer.raise_for_status()
        return str(answer.json()["access_token"])


async def join(url: str, client: httpx.AsyncClient) -> Tenant:
    keys = {role: ec.generate_private_key(ec.SECP256R1()) for role in ("ADMINISTRATOR", "OPERATOR")}
    operators = [{"role": role, "login": _request(key)} for role, key in keys.items()]
    answer = await client.post(f"{url}/sandbox/join", json={"operators": operators})
    answer.raise_for_status()
    administrator, clerk, _ = answer.json()["operators"]
    certificate = x509.load_pem_x509_certificate(administrator["certificates"][0]["pem"].encode())
    return Tenant(url, keys["ADMINISTRATOR"], administrator["id"], clerk["id"], certificate)


def _request(key: ec.EllipticCurvePrivateKey) -> str:
    request = x509.CertificateSigningRequestBuilder(subject_name=x509.Name([])).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode()


@contextmanager
def started_sandbox(directory: Path, **environ: str) -> Iterator[tuple[str, int]]:
    """A sandbox with its data in `directory`: where it answers, and its process id."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PROP_", "SANDBOX_"))}
    command = [sys.executable, "-m", "sandbox", "serve", "--port", "0"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=inherited | environ | {"SANDBOX_DATA_DIR": str(directory)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        found = next(match for line in process.stdout if (match := re.search(r"(http://\S+)/graphql", line)))
        yield found[1], process.pid
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()
