"""The life of certificates told over HTTP in the production world, with keys that the `openssl` command made.

At each step openssl, asking where the certificate says, and GraphQL must agree; and so within a second of the change.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from authlib.integrations.base_client import OAuthError
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from websockets.exceptions import ConnectionClosed

from service.ceremony import hold_ceremony
from service.operators import Operator
from service.storage.certificates import CertificateStore
from service.world import World
from tests.databases import open_world
from tests.schema.hosting import Hosted, Person, open_hosted
from tests.schema.machines import CEASED, COMPROMISED, GOOD, HELD, SUPERSEDED, Machine
from tests.schema.test_subscriptions import RECORDS
from tests.service.certifying import openssl_request
from tests.service.test_cli import on, prop

pytestmark = [pytest.mark.wire, pytest.mark.process]

FACTS = "id state revocationReason usable obstacles pem keyFingerprint supersededBy { id }"
TOLD = {
    ("ISSUED", None): GOOD,
    ("HELD", None): HELD,
    ("SUPERSEDED", None): SUPERSEDED,
    ("REVOKED", "CESSATION_OF_OPERATION"): CEASED,
    ("REVOKED", "KEY_COMPROMISE"): COMPROMISED,
}
"""What relying parties are told of a certificate that GraphQL shows so."""


def ceremony_of(world: World, directory: Path, address: str) -> Mapping[str, object]:
    """The ceremony, and what is set after it."""
    minutes = hold_ceremony(
        world,
        directory / "authority",
        root_passphrase=b"in a safe",
        issuing_passphrase=b"with the service",
        base_url=address,
        at=datetime.now(UTC) - timedelta(days=1),
    )
    return {
        "issuing_certificate_file": minutes.directory / "issuing.crt.pem",
        "issuing_key": (minutes.directory / "issuing.key.pem").read_text(),
        "issuing_key_passphrase": "with the service",
        "root_certificates_file": minutes.directory / "root.crt.pem",
        "root_revocation_list_file": minutes.directory / "root.crl",
        "root_fingerprints": (minutes.root_fingerprint,),
    }


@dataclass
class Desk:
    """The depository's staff and an administrator to be certified, each with keys of their own making."""

    hosted: Hosted
    machine: Machine
    directory: Path
    environ: dict[str, str]
    operator: Operator
    delays: list[float] = field(default_factory=list)

    async def staff(self, number: str, role: str) -> Person:
        """Added and certified by the command on the depository's machine, to which no private key comes."""
        openssl_request(self.directory, number)
        file = self.directory / f"{number}.crt"
        files = ("--request", str(self.directory / f"{number}.csr"), "--certificate", str(file))
        arguments = ("registrar", "add", number, "Zhao Liu", "--role", role, *files)
        done = await asyncio.to_thread(lambda: prop(*arguments, **self.environ))
        assert done.exit_code == 0, done.output
        return await self.person(number, fingerprint=done.stdout.split()[-1])

    async def person(self, key: str, *, fingerprint: str = "", certificate_id: str = "") -> Person:
        """Who has the certificate, with the key that openssl left in a file."""
        store = CertificateStore(self.hosted.services.database)
        found = await (store.find(certificate_id) if certificate_id else store.find_by_fingerprint(fingerprint))
        assert found is not None
        private = load_pem_private_key((self.directory / f"{key}.key").read_bytes(), None)
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        return Person(found.holder_id, private, found)

    async def act(self, mutation: str, by: Person, **given: Any) -> dict[str, Any]:
        """The certificate as it then is. Fails on a refusal."""
        payload = await self.answer(mutation, by, **given)
        assert payload["refusals"] == [], payload
        certificate: dict[str, Any] = payload["certificate"]
        return certificate

    async def answer(self, mutation: str, by: Person, **given: Any) -> dict[str, Any]:
        kind = mutation[0].upper() + mutation[1:]
        text = f"mutation ($input: {kind}Input!) {{ it: {mutation}(input: $input) {{ certificate {{ {FACTS} }} "
        payload: dict[str, Any] = (
            await self.hosted.data(text + "refusals { code } receipt { id } } }", by, input=given)
        )["it"]
        return payload

    async def show(self, certificate_id: str, by: Person) -> dict[str, Any]:
        text = f"query ($id: ID!) {{ certificate(id: $id) {{ {FACTS} }} }}"
        shown: dict[str, Any] = (await self.hosted.data(text, by, id=certificate_id))["certificate"]
        return shown

    async def agree(self, certificate_id: str, by: Person, state: str) -> None:
        """openssl comes to say what GraphQL shows; how long that took is kept."""
        begin = time.monotonic()
        shown = await self.show(certificate_id, by)
        assert (shown["state"], shown["usable"]) == (state, state == "ISSUED")
        wanted, told = TOLD[state, shown["revocationReason"]], None
        while told != wanted and time.monotonic() - begin < 20:
            asked = time.monotonic()
            told = await self.machine.look(shown["pem"])
        assert told == wanted
        self.delays.append(asked - begin)

    async def issue(self, counter: Person, officer: Person, key: str) -> str:
        """Requested at the counter, approved by an officer: the id."""
        request = openssl_request(self.directory, key)
        given = {"profile": "LOGIN", "request": request, "operatorId": self.operator.id}
        asked = await self.act("requestCertificate", counter, **given)
        assert (asked["state"], asked["pem"], asked["obstacles"]) == ("REQUESTED", None, ["NOT_ISSUED"])
        approved = await self.act("approveCertificate", officer, certificateId=asked["id"])
        assert approved["state"] == "ISSUED"
        return str(asked["id"])

    async def ensure_kept_out(self, person: Person) -> None:
        """Neither the token that was had lets in, nor a login."""
        answer = await self.hosted.ask("{ viewer { kind } }", self.hosted.tokens[person.id])
        assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        with pytest.raises(OAuthError, match="invalid_client"):
            await self.hosted.log_in(person)


@asynccontextmanager
async def open_desk(uri: str, world: World, directory: Path) -> AsyncIterator[Desk]:
    """The production world with an authority made by a ceremony, served over HTTP; a participant opened in it."""
    settings: dict[str, object] = {}

    def authority(address: str) -> Mapping[str, object]:
        settings.update(ceremony_of(world, directory, address))
        return settings

    async with open_hosted(uri, world, authority=authority) as hosted:
        await hosted.publish_agreement()
        _, administrator = await hosted.open_participant()
        machine = Machine(hosted.client, hosted.clock, directory)
        await machine.meet()
        names = {"root_fingerprints": str(settings["root_fingerprints"][0])}  # type: ignore[index]  # a tuple
        environ = {f"PROP_{name.upper()}": str(value) for name, value in (settings | names).items()}
        environ |= {"PROP_PUBLIC_URL": hosted.address}
        yield Desk(hosted, machine, directory, on(uri, world) | environ, administrator)


@pytest.fixture
async def desk(wire_uri: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_world(wire_uri) as world, open_desk(wire_uri, world, tmp_path) as desk:
        yield desk


async def test_openssl_and_graphql_agree_within_a_second_from_request_to_revocation(desk: Desk) -> None:
    hosted = desk.hosted
    counter, officer = await desk.staff("R1", "REVIEWER"), await desk.staff("R2", "OFFICER")

    # A key made by openssl is certified, and lets its holder in.
    first = await desk.issue(counter, officer, "first")
    await desk.agree(first, officer, "ISSUED")
    old = await desk.person("first", certificate_id=first)
    assert (await hosted.data("{ viewer { kind } }", old))["viewer"]["kind"] == "OPERATOR"

    # Two thirds of its life later its holder renews it with a new key. Both serve until the new one is used.
    hosted.clock.ahead = timedelta(days=300)
    hosted.tokens.clear()
    renewing = {"certificateId": first, "request": openssl_request(desk.directory, "second")}
    second = (await desk.act("renewCertificate", old, **renewing))["id"]
    await desk.agree(first, officer, "ISSUED")
    await desk.agree(second, officer, "ISSUED")
    old_token = hosted.tokens[old.id]
    new = await desk.person("second", certificate_id=second)
    await hosted.log_in(new)
    await desk.agree(first, officer, "SUPERSEDED")
    await desk.agree(second, officer, "ISSUED")
    answer = await hosted.ask("{ viewer { kind } }", old_token)
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    with pytest.raises(OAuthError, match="invalid_client"):
        await hosted.log_in(old)
    assert (await hosted.data("{ viewer { kind } }", new))["viewer"]["kind"] == "OPERATOR"

    # Held, it keeps its holder out; released, it lets in again; reported lost by its holder, it is held at once, with
    # nobody's approval; revoked, it never lets in again.
    await desk.act("holdCertificate", officer, certificateId=second)
    await desk.agree(second, officer, "HELD")
    await desk.ensure_kept_out(new)
    await desk.act("releaseCertificate", officer, certificateId=second)
    await desk.agree(second, officer, "ISSUED")
    await hosted.log_in(new)
    await desk.act("reportKeyLost", new, certificateId=second)
    await desk.agree(second, officer, "HELD")
    await desk.ensure_kept_out(new)
    await desk.act("revokeCertificate", officer, certificateId=second, reason="CESSATION_OF_OPERATION")
    await desk.agree(second, officer, "REVOKED")
    await desk.ensure_kept_out(new)
    print(f"openssl agreed after a median of {median(desk.delays):.2f} s, at most {max(desk.delays):.2f} s")
    assert median(desk.delays) < 1


async def test_a_compromised_key_ends_sessions_and_its_certificates_and_lists_what_is_in_doubt(desk: Desk) -> None:
    hosted = desk.hosted
    counter, officer = await desk.staff("R1", "REVIEWER"), await desk.staff("R2", "OFFICER")
    first = await desk.issue(counter, officer, "only")
    hosted.clock.ahead = timedelta(days=300)
    hosted.tokens.clear()
    holder = await desk.person("only", certificate_id=first)
    same = {"request": (desk.directory / "only.csr").read_text(), "sameKey": True}
    second = (await desk.act("renewCertificate", holder, certificateId=first, **same))["id"]

    # Some of what it did was before the key was lost, some after.
    before = await register(desk, holder, "100001")
    hosted.clock.ahead += timedelta(minutes=4)
    lost_at = hosted.clock.now().replace(microsecond=0)
    hosted.clock.ahead += timedelta(minutes=4)
    after = [await register(desk, holder, number) for number in ("100002", "100003")]
    hosted.clock.ahead += timedelta(minutes=1)

    # The key is said to be compromised since: within two seconds the token and the subscription are dead.
    async with hosted.subscribed(holder, RECORDS) as subscribed:
        given = {"certificateId": first, "reason": "KEY_COMPROMISE", "invalidityDate": lost_at.isoformat()}
        revoked = await desk.act("revokeCertificate", officer, **given)
        ended = time.monotonic()
        message = await subscribed.message(2)
        while message["type"] == "next":
            message = await subscribed.message(2)
        assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "UNAUTHENTICATED")
        with pytest.raises(ConnectionClosed):
            await subscribed.socket.recv()
        assert time.monotonic() - ended < 2
        assert subscribed.socket.close_code == 4401
    await desk.ensure_kept_out(holder)

    # What has the same key has fallen with it, and no other certificate of it is made.
    assert (revoked["state"], revoked["revocationReason"]) == ("REVOKED", "KEY_COMPROMISE")
    fallen = await desk.show(second, officer)
    assert fallen["keyFingerprint"] == revoked["keyFingerprint"]
    for each in (first, second):
        await desk.agree(each, officer, "REVOKED")
        assert (await desk.machine.invalid_since()).replace(tzinfo=UTC) == lost_at
    again = {"profile": "LOGIN", "request": same["request"], "operatorId": desk.operator.id}
    refused = await desk.answer("requestCertificate", counter, **again)
    assert [each["code"] for each in refused["refusals"]] == ["CERTIFICATE_KEY_BLOCKED"]

    # All that was done with it since then is listed, and nothing from before.
    text = "query ($id: ID!) { certificate(id: $id) { actedSince(first: 50) { nodes { id kind } totalCount } } }"
    listed = (await hosted.data(text, officer, id=first))["certificate"]["actedSince"]
    told = {each["id"] for each in listed["nodes"]}
    assert set(after) <= told
    assert before not in told
    assert listed["totalCount"] == len(told)


async def register(desk: Desk, by: Person, number: str) -> str:
    """An operator is registered: the id of the record."""
    text = """mutation ($input: RegisterOperatorInput!) {
        it: registerOperator(input: $input) { receipt { id } refusals { code } } }"""
    given = {"operatorNumber": number, "name": "王五", "role": "OPERATOR", "permissions": ["RECORD_READ"]}
    payload = (await desk.hosted.data(text, by, input=given))["it"]
    assert payload["refusals"] == [], payload
    return str(payload["receipt"]["id"])
