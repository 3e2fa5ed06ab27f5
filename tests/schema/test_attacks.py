"""Ways in that must be shut, tried over HTTP against the service as it runs: refused, coded, and on record."""

import base64
import json
import subprocess
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import OctKey

from service.access import RegistrarRole
from service.certificates import CertificateState
from service.http.tokens import ASSERTION_TYPE
from service.storage.certificates import CertificateStore
from service.world import PRODUCTION
from tests.databases import open_world
from tests.schema.hosting import Hosted, Person, open_hosted

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]


@dataclass
class Gate:
    """A running service, a member of staff who reads records, and one who attacks."""

    hosted: Hosted
    officer: Person
    number: int = 10

    async def newcomer(self) -> Person:
        self.number += 1
        return await self.hosted.add_registrar(f"R{self.number}", RegistrarRole.REVIEWER)

    def assertion(self, person: Person, **header: Any) -> str:
        at = int(time.time())
        claims = {"iss": person.id, "sub": person.id, "aud": f"{self.hosted.address}/oauth/token"}
        claims |= {"iat": at, "exp": at + 60, "jti": f"{person.id}-{time.monotonic_ns()}"}
        head = {"alg": "ES256", "typ": "JWT", "x5t#S256": person.thumbprint, **header}
        return jwt.encode(head, claims, person.jwk, ["ES256"])

    async def login(self, assertion: str) -> httpx.Response:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
        }
        return await self.hosted.client.post("/oauth/token", data=form)

    async def refused(self, assertion: str) -> dict[str, Any]:
        """The record of the refusal of a login, which HTTP was told of by its code."""
        before = await self.records("login.refused")
        answer = await self.login(assertion)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), answer.text
        assert answer.json()["environment"] == "PRODUCTION"
        fresh = [each for each in await self.records("login.refused") if each not in before]
        assert len(fresh) == 1
        content: dict[str, Any] = json.loads(fresh[0])["content"]
        return content

    async def records(self, kind: str) -> list[str]:
        query = "query ($kind: String) { records(first: 100, filter: {kind: $kind}) { nodes { content } } }"
        data = await self.hosted.data(query, self.officer, kind=kind)
        return [each["content"] for each in data["records"]["nodes"]]

    async def change(self, person: Person, **changes: Any) -> None:
        store = CertificateStore(self.hosted.services.database)
        found = await store.find(person.certificate.id)
        assert found is not None
        await store.replace(None, replace(found, **changes))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gate(wire_uri: str) -> AsyncIterator[Gate]:
    async with open_world(wire_uri) as world, open_hosted(wire_uri, world) as hosted:
        yield Gate(hosted, await hosted.add_registrar("R1", RegistrarRole.OFFICER))


def unsigned(text: str, **changes: Any) -> str:
    """The token with another header and no signature."""
    head, claims, _ = text.split(".")
    header = {**json.loads(base64.urlsafe_b64decode(head + "==")), **changes}
    return f"{base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip('=')}.{claims}."


async def test_an_assertion_that_is_replayed_is_refused_and_on_record(gate: Gate) -> None:
    assertion = gate.assertion(await gate.newcomer())
    assert (await gate.login(assertion)).status_code == 200
    assert (await gate.refused(assertion))["reason"] == "REPLAYED"


async def test_no_signature_and_the_public_key_as_a_secret_are_refused_and_on_record(gate: Gate) -> None:
    person = await gate.newcomer()
    await gate.refused(unsigned(gate.assertion(person), alg="none"))
    public = person.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = {"alg": "HS256", "typ": "JWT", "x5t#S256": person.thumbprint}
    claims = json.loads(base64.urlsafe_b64decode(gate.assertion(person).split(".")[1] + "=="))
    confused = jwt.encode(head, claims, OctKey.import_key(public.hex()), ["HS256"])
    assert (await gate.refused(confused))["reason"] == "ALGORITHM"


@pytest.mark.parametrize(
    "changes",
    [
        {"state": CertificateState.REVOKED},
        {"state": CertificateState.HELD},
        {"not_after": datetime(2020, 1, 2, tzinfo=UTC), "not_before": datetime(2020, 1, 1, tzinfo=UTC)},
    ],
    ids=["revoked", "held", "expired"],
)
async def test_a_certificate_that_has_ended_lets_nobody_in_and_ends_its_token(
    gate: Gate, changes: dict[str, Any]
) -> None:
    person = await gate.newcomer()
    token = await gate.hosted.log_in(person)
    await gate.change(person, **changes)
    assert (await gate.refused(gate.assertion(person)))["reason"] == "NOT_ADMITTED"
    gate.hosted.services.tokens.forget()
    answer = await gate.hosted.ask("{ records(first: 1) { nodes { id } } }", token)
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_foreign_certificate_is_refused_whoever_it_names(gate: Gate) -> None:
    person = await gate.newcomer()
    key, at = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name.from_rfc4514_string("CN=R1,O=PROP")
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, at, at + timedelta(days=9))
    foreign = builder.sign(key, hashes.SHA256()).fingerprint(hashes.SHA256()).hex()
    stranger = replace(person, key=key, certificate=replace(person.certificate, fingerprint=foreign))
    assert (await gate.refused(gate.assertion(stranger)))["reason"] == "CERTIFICATE_UNKNOWN"


def make_sm2_certificate(directory: Path) -> str:
    for command in (
        ("genpkey", "-algorithm", "SM2", "-out", "key.pem"),
        ("req", "-x509", "-new", "-key", "key.pem", "-sm3", "-subj", "/CN=R1", "-out", "sm2.pem"),
    ):
        subprocess.run(["openssl", *command], cwd=directory, check=True, capture_output=True)
    return (directory / "sm2.pem").read_text()


async def test_an_sm2_certificate_is_refused_even_if_it_is_registered(gate: Gate, tmp_path: Path) -> None:
    person = await gate.newcomer()
    pem = make_sm2_certificate(tmp_path)
    fingerprint = x509.load_pem_x509_certificate(pem.encode()).fingerprint(hashes.SHA256()).hex()
    await gate.change(person, pem=pem, fingerprint=fingerprint)
    named = replace(person, certificate=replace(person.certificate, fingerprint=fingerprint))
    content = await gate.refused(gate.assertion(named))
    assert content["certificate"] == fingerprint
    await gate.refused(gate.assertion(named, alg="ES256"))


async def test_a_token_of_the_other_world_is_told_so_and_on_record(gate: Gate) -> None:
    token = await gate.hosted.log_in(await gate.newcomer())
    head, claims, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    said["env"] = PRODUCTION.neighbour.environment.value
    crossed = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    before = len(await gate.records("environment.crossed"))
    answer = await gate.hosted.ask("{ records(first: 1) { nodes { id } } }", f"{head}.{crossed}.{signature}")
    assert answer["errors"][0]["extensions"]["code"] == "ENVIRONMENT_MISMATCH"
    assert len(await gate.records("environment.crossed")) == before + 1


@pytest.mark.parametrize("changes", [{"alg": "none"}, {"alg": "HS256"}, {"kid": "another"}])
async def test_a_token_that_was_not_signed_here_is_refused(gate: Gate, changes: dict[str, Any]) -> None:
    token = await gate.hosted.log_in(await gate.newcomer())
    forged = unsigned(token, **changes)
    for each in (forged, forged + token.split(".")[2]):
        answer = await gate.hosted.ask("{ viewer { kind } }", each)
        assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
