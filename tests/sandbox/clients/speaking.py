"""How the clients speak to PROP: log in by certificate, ask over GraphQL, wait where they are asked to wait.

It speaks HTTP and imports nothing of the service.
"""

import asyncio
import base64
import secrets
import time
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
PATIENCE = 60  # attempts


class Refused(Exception):
    """The service said no; `codes` of its errors and refusals."""

    def __init__(self, codes: list[str]) -> None:
        super().__init__(", ".join(codes))
        self.codes = codes


class LoginRefused(Exception):
    """No token for this certificate."""


def ensure_only(refused: Refused, code: str) -> None:
    """Raises it again if it is another no than the one that was expected."""
    if refused.codes != [code]:
        raise refused


class Login:
    """One operator with the key of its LOGIN certificate, and the token that it has."""

    def __init__(self, operator: str, key: ec.EllipticCurvePrivateKey, certificate: str) -> None:
        self.operator = operator
        self.key = key
        self.use(certificate)

    def use(self, certificate: str) -> None:
        self.certificate = x509.load_pem_x509_certificate(certificate.encode())
        self.token: str | None = None

    def assertion(self, audience: str) -> str:
        thumbprint = base64.urlsafe_b64encode(self.certificate.fingerprint(hashes.SHA256())).rstrip(b"=").decode()
        now = int(time.time())
        header = {"alg": "ES256", "typ": "JWT", "x5t#S256": thumbprint}
        named = {"iss": self.operator, "sub": self.operator, "aud": audience, "jti": secrets.token_urlsafe(16)}
        return jwt.encode(header, named | {"iat": now, "exp": now + 60}, _jwk(self.key), ["ES256"])


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def request_for(key: ec.EllipticCurvePrivateKey) -> str:
    builder = x509.CertificateSigningRequestBuilder(subject_name=x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def _jwk(key: ec.EllipticCurvePrivateKey) -> ECKey:
    return ECKey.import_key(_pem(key))


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class Speaker:
    """One client of a tenant: `secret` opens the sandbox's control endpoint, logins the service."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.secret = ""
        self.endpoint = ""

    async def keys(self) -> KeySet:
        return KeySet.import_key_set((await self.http.get("/log/jwks.json")).json())

    async def log_in(self, who: Login) -> None:
        """With an assertion of its own for each attempt."""
        for _ in range(PATIENCE):
            answer = await self.log_in_with(who, who.assertion(self.endpoint))
            if answer.status_code not in {429, 503}:
                return
            await self.pause(answer)

    async def log_in_with(self, who: Login, assertion: str) -> httpx.Response:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION,
            "client_assertion": assertion,
        }
        answer = await self.http.post(httpx.URL(self.endpoint).path, data=form)
        if answer.status_code == 401:
            raise LoginRefused(answer.text)
        if answer.status_code == 200:
            who.token = answer.json()["access_token"]
        return answer

    async def query(self, who: Login, query: str, **variables: object) -> dict[str, Any]:
        """The data. Waits out what passes, and logs in where the token is void."""
        fresh = who.token is None
        if who.token is None:
            await self.log_in(who)
        for _ in range(PATIENCE):
            answer = await self.http.post(
                "/graphql",
                json={"query": query, "variables": variables},
                headers={"authorization": f"Bearer {who.token}"},
            )
            said = answer.json()
            if answer.status_code in {429, 503}:
                await self.pause(answer)
            elif answer.status_code == 401 and not fresh:
                await self.log_in(who)
                fresh = True
            elif said.get("errors"):
                raise Refused([each["extensions"]["code"] for each in said["errors"]])
            else:
                return dict(said["data"])
        raise TimeoutError("The service did not come back.")

    async def pause(self, answer: httpx.Response) -> None:
        await asyncio.sleep(float(answer.headers.get("retry-after", 1)))

    async def act(
        self, who: Login, mutation: str, given: dict[str, Any], selected: str = "", key: str | None = None
    ) -> dict[str, Any]:
        """Do it once, however often it has to be said."""
        named = mutation[0].upper() + mutation[1:]
        query = f"""mutation ($input: {named}Input!, $key: String) {{
            done: {mutation}(input: $input, idempotencyKey: $key) {{ {selected} refusals {{ code }} }} }}"""
        key = key or secrets.token_urlsafe(16)
        done = (await self.query(who, query, input=given, key=key))["done"]
        if done["refusals"]:
            raise Refused([each["code"] for each in done["refusals"]])
        return dict(done)

    async def control(self, query: str, **variables: object) -> dict[str, Any]:
        answer = await self.http.post(
            "/sandbox/graphql",
            json={"query": query, "variables": variables},
            headers={"authorization": f"Bearer {self.secret}"},
        )
        said = answer.json()
        if said.get("errors"):
            raise RuntimeError(said["errors"][0]["message"])
        return dict(said["data"])
