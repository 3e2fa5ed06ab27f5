"""Neither world reaches the other (art. 17): what is carried over is refused, and that it was tried is on record."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pymongo.errors
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from websockets.asyncio.client import connect

from sandbox.personas.credentials import Credential
from sandbox.settings import SandboxSettings, read_sandbox_settings
from sandbox.storage.collections import SANDBOX_COLLECTIONS
from sandbox.world import SANDBOX
from service.bootstrap import Services
from service.settings import Settings
from service.settings_reading import SettingsError, read_settings, variable
from service.storage.database import Collection, WorldMismatch, open_database
from service.world import PRODUCTION
from tests.databases import raw_client
from tests.sandbox.worlds import Question, Worlds, crossings, open_worlds, questions

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

MISMATCH = "ENVIRONMENT_MISMATCH"
VIEWER = "{ viewer { kind } }"
REGISTER = """mutation ($input: RegisterCertificateInput!) {
  registerCertificate(input: $input) { certificate { id } refusals { code } }
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worlds(wire_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Worlds]:
    async with open_worlds(wire_uri, tmp_path_factory.mktemp("crossings")) as worlds:
        yield worlds


def codes_of(answer: dict[str, Any]) -> list[str]:
    return [each["extensions"]["code"] for each in answer.get("errors", [])]


async def ask_production(worlds: Worlds, question: Question, who: str) -> dict[str, Any]:
    person = worlds.officer if who == "officer" else worlds.administrator
    return await worlds.production.ask(question.text, person, **question.variables)


async def ask_sandbox(worlds: Worlds, question: Question, who: str) -> dict[str, Any]:
    return await worlds.tenant.ask(question.text, who.upper(), **question.variables)


WAYS = [
    ("production", "administrator"),
    ("production", "officer"),
    ("sandbox", "administrator"),
    ("sandbox", "operator"),
]


def asked_ids(world: str) -> Iterator[Question]:
    """All that is asked with one answer. What is subscribed to is tried over its own transport, below."""
    asked = PRODUCTION if world == "production" else SANDBOX
    return (each for each in questions(asked) if each.operation != "subscription")


async def test_two_hundred_ways_with_an_id_are_tried() -> None:
    assert sum(len(list(asked_ids(world))) for world, _ in WAYS) > 200


@pytest.mark.parametrize(("world", "who"), WAYS)
async def test_an_id_of_the_other_world_is_refused_in_every_place_of_the_schema(
    worlds: Worlds, world: str, who: str
) -> None:
    services: Services = worlds.production.services if world == "production" else worlds.sandbox.services
    ask = ask_production if world == "production" else ask_sandbox
    before, tried = await crossings(services), 0
    for question in asked_ids(world):
        assert codes_of(await ask(worlds, question, who)) == [MISMATCH], question
        tried += 1
    assert await crossings(services) - before == tried


async def test_a_subscription_with_an_id_of_the_other_world_is_refused(worlds: Worlds) -> None:
    services, token = worlds.production.services, await worlds.production.token_of(worlds.administrator)
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    before, tried = await crossings(services), 0
    for question in questions(PRODUCTION):
        if question.operation == "subscription":
            body = {"query": question.text, "variables": question.variables}
            answer = await worlds.production.client.post("/graphql", json=body, headers=headers)
            assert MISMATCH in answer.text, question
            tried += 1
    assert await crossings(services) - before == tried > 0


async def test_an_id_of_production_at_the_control_endpoint_is_refused_and_recorded(worlds: Worlds) -> None:
    before = await crossings(worlds.sandbox.services)
    subject = worlds.administrator.id
    fired = f'mutation {{ fireEvent(type: "operator.frozen", subject: "{subject}") {{ id }} }}'
    assert codes_of(await worlds.tenant.control(fired)) == [MISMATCH]
    assert await crossings(worlds.sandbox.services) == before + 1


# tokens and logins


async def test_a_token_of_the_sandbox_opens_nothing_in_production(worlds: Worlds) -> None:
    services, token = worlds.production.services, await worlds.tenant.token()
    before = await crossings(services)
    assert codes_of(await worlds.production.ask(VIEWER, token)) == [MISMATCH]
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    streamed = await worlds.production.client.post("/graphql", json={"query": VIEWER}, headers=headers)
    assert MISMATCH in streamed.text
    address = worlds.production.address.replace("http", "ws", 1) + "/graphql"
    async with connect(address, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]  # a NewType
        await socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}))
        await socket.wait_closed()
        assert socket.close_code == 4403
    assert await crossings(services) - before == 3


async def test_a_token_of_production_opens_nothing_in_the_sandbox(worlds: Worlds) -> None:
    services, token = worlds.sandbox.services, await worlds.production.token_of(worlds.administrator)
    before = await crossings(services)
    headers = {"authorization": f"Bearer {token}"}
    answer = await worlds.client.post("/graphql", json={"query": VIEWER}, headers=headers)
    assert codes_of(answer.json()) == [MISMATCH]
    assert await crossings(services) - before == 1
    ruled = await worlds.client.post("/sandbox/graphql", json={"query": "{ tenant { id } }"}, headers=headers)
    assert codes_of(ruled.json()) == ["UNAUTHENTICATED"], "it is no tenant's secret"


async def test_who_may_log_in_to_one_world_may_not_to_the_other(worlds: Worlds) -> None:
    officer = worlds.officer
    certificate = x509.load_pem_x509_certificate((officer.certificate.pem or "").encode())
    theirs = Credential(officer.id, certificate, officer.key)
    crossed = await worlds.tenant.log_in(theirs.assertion(worlds.tenant.endpoint, datetime.now(UTC)))
    assert (crossed.status_code, crossed.json()["error"]) == (401, "invalid_client")
    services = worlds.production.services
    before = await crossings(services)
    endpoint = f"{worlds.production.address}/oauth/token"
    for audience in (endpoint, worlds.tenant.endpoint):
        assertion = worlds.tenant.people["ADMINISTRATOR"].assertion(audience, datetime.now(UTC))
        production = replace(worlds.tenant, client=worlds.production.client)
        refused = await production.log_in(assertion)
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client"), audience
    assert await crossings(services) > before


async def test_a_certificate_of_one_world_is_not_registered_in_the_other(worlds: Worlds) -> None:
    theirs = worlds.tenant.people["ADMINISTRATOR"].certificate.public_bytes(Encoding.PEM).decode()
    before = await crossings(worlds.production.services)
    given = {"profile": "LOGIN", "operatorId": worlds.administrator.id, "certificate": theirs}
    answer = await worlds.production.ask(REGISTER, worlds.administrator, input=given)
    assert answer["data"]["registerCertificate"]["certificate"] is None, answer
    assert await crossings(worlds.production.services) - before == 1
    before = await crossings(worlds.sandbox.services)
    own = worlds.tenant.people["ADMINISTRATOR"].client_id
    given = {"profile": "LOGIN", "operatorId": own, "certificate": worlds.officer.certificate.pem or ""}
    answer = await worlds.tenant.ask(REGISTER, input=given)
    assert answer["data"]["registerCertificate"]["certificate"] is None, answer
    assert await crossings(worlds.sandbox.services) - before == 1


# what would be carried over by hand


@pytest.mark.parametrize("collection", SANDBOX_COLLECTIONS, ids=lambda each: each.name)
async def test_no_document_of_one_world_can_be_put_into_the_other(
    worlds: Worlds, wire_uri: str, collection: Collection
) -> None:
    for services, stranger in (
        (worlds.sandbox.services, PRODUCTION),
        (worlds.production.services, SANDBOX),
    ):
        names = services.database.names
        name = names.evidence_database if collection.evidence else names.database
        with raw_client(wire_uri) as client:
            if collection.name not in client[name].list_collection_names():
                continue  # the sandbox's own: production has none such
            document = {"_id": "x", "environment": stranger.environment.value, "binding": stranger.binding}
            with pytest.raises(pymongo.errors.WriteError):
                client[name][collection.name].insert_one(document)


async def test_a_service_does_not_start_on_a_backup_of_the_other_world(worlds: Worlds, wire_uri: str) -> None:
    for services, stranger in ((worlds.sandbox.services, PRODUCTION), (worlds.production.services, SANDBOX)):
        with pytest.raises(WorldMismatch):
            async with open_database(wire_uri, stranger, services.database.names):
                pass


async def test_no_variable_of_one_world_is_set_where_the_other_starts() -> None:
    for name in Settings.model_fields:
        with pytest.raises(SettingsError, match=variable(PRODUCTION, name)):
            read_sandbox_settings({variable(PRODUCTION, name): "1"})
    for name in SandboxSettings.model_fields:
        with pytest.raises(SettingsError, match=variable(SANDBOX, name)):
            read_settings({variable(SANDBOX, name): "1"}, PRODUCTION)


# what only the sandbox has


@pytest.mark.parametrize("path", ["/graphql", "/oauth/token", "/healthz", "/readyz", "/schema.graphql", "/nowhere"])
async def test_a_test_scenario_is_refused_on_every_path_of_production(worlds: Worlds, path: str) -> None:
    before = await crossings(worlds.production.services)
    for method in ("GET", "POST"):
        answer = await worlds.production.client.request(method, path, headers={"X-PROP-Test-Scenario": "slow"})
        assert (answer.status_code, codes_of(answer.json())) == (400, [MISMATCH])
    assert await crossings(worlds.production.services) - before == 2


@pytest.mark.parametrize("path", ["/", "/sandbox/graphql", "/sandbox/join", "/sandbox/control.graphql", "/personas"])
async def test_production_has_no_path_of_the_sandbox(worlds: Worlds, path: str) -> None:
    headers = {"authorization": f"Bearer {worlds.tenant.secret}"}
    for answer in (
        await worlds.production.client.get(path, headers=headers),
        await worlds.production.client.post(path, json={"query": "mutation { reset { id } }"}, headers=headers),
    ):
        assert answer.status_code == 404


# tenant to tenant


async def test_what_one_tenant_rules_another_does_not(worlds: Worlds) -> None:
    ours, theirs = worlds.tenant, worlds.neighbour
    moved = (await theirs.ruled('mutation { advanceClock(by: "1d") { id } }'))["advanceClock"]["id"]
    assert (await ours.ruled("query ($id: ID!) { job(id: $id) { id } }", id=moved))["job"] is None
    clocks = [(await each.ruled("{ tenant { clock { aheadSeconds } } }"))["tenant"]["clock"] for each in (ours, theirs)]
    assert clocks[0]["aheadSeconds"] == 0 < clocks[1]["aheadSeconds"]
    assert codes_of(await ours.control('mutation { restoreSnapshot(name: "theirs") { id } }')) == ["BAD_USER_INPUT"]
