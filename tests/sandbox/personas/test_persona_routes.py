"""The personas over HTTP: who is listed, who gets a token for the asking, and under which names the sandbox answers."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sandbox.personas.people import PERSONAS, REGISTRARS
from sandbox.personas.routes import is_own_host
from sandbox.settings import SandboxSettings
from tests.sandbox.opening import prepared_settings
from tests.sandbox.personas.test_personas import VIEWER, ask, log_in, running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def seeded(wire_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SandboxSettings]:
    """A sandbox whose personas no test changes."""
    async with prepared_settings(wire_uri, tmp_path_factory.mktemp("routes")) as settings:
        yield settings


@pytest.mark.wire
@pytest.mark.asyncio(loop_scope="module")
async def test_the_page_lists_all_personas_and_logs_in_as_one_for_real(seeded: SandboxSettings):
    async with running(seeded) as (_, client):
        listed = await client.get("/sandbox/personas")
        assert [each["name"] for each in listed.json()["personas"]] == list(PERSONAS)
        granted = await client.post("/sandbox/personas/broker-auditor/token")
        viewer = await ask(client, VIEWER, granted.json()["access_token"])
        assert viewer["viewer"]["operator"]["operatorNumber"] == PERSONAS["broker-auditor"].number
        assert granted.headers["cache-control"] == "no-store"
        for answer in (listed, granted):
            assert answer.headers["x-prop-environment"] == "SANDBOX"
            assert answer.json()["binding"] is False
            assert "access-control-allow-origin" not in answer.headers
        for name in ("nobody", "..%2Fdata", "broker-admin.key"):
            assert (await client.post(f"/sandbox/personas/{name}/token")).status_code == 404
        assert (await client.get("/sandbox/personas/broker-admin/token")).status_code == 405
        rebound = await client.post("/sandbox/personas/broker-admin/token", headers={"host": "evil.example:8000"})
        assert rebound.status_code == 421
        assert "access_token" not in rebound.json()


@pytest.mark.wire
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 200),
        ({"host": "0.0.0.0"}, 403),
        ({"host": "0.0.0.0", "registrar_personas": "open"}, 200),
    ],
)
async def test_nobody_is_offered_or_given_the_depositorys_personas_where_others_reach_the_sandbox_unless_set_so(
    seeded: SandboxSettings, changes: dict[str, str], status: int
):
    async with running(seeded.model_copy(update=changes)) as (_, client):
        for persona in PERSONAS.values():
            if persona.institution is None:
                answer = await client.post(f"/sandbox/personas/{persona.name}/token")
                assert (answer.status_code, "access_token" in answer.json()) == (status, status == 200)
                if status == 403:
                    assert "SANDBOX_REGISTRAR_PERSONAS=open" in answer.json()["error_description"]
                    assert answer.headers["cache-control"] == "no-store"
        asked = await client.post("/sandbox/graphql", json={"query": "{ personas { name } }"})
        for listed in ((await client.get("/sandbox/personas")).json(), asked.json()["data"]):
            offered = {each["name"] for each in listed["personas"]}
            assert PERSONAS.keys() - offered == (set() if status == 200 else {each.name for each in REGISTRARS})
        assert (await client.post("/sandbox/personas/broker-admin/token")).status_code == 200
        assert await log_in(seeded, client, "registrar-officer"), "whoever has its key logs in as ever"


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8000", "[::1]:8000", "localhost", "sandbox:8000", "192.0.2.7", "prop.example.org"]
)
def test_the_sandbox_answers_to_its_own_addresses(host: str):
    assert is_own_host(host, "https://prop.example.org")


@pytest.mark.parametrize("host", ["", "evil.example", "127.0.0.1.evil.example:8000", "x@evil.example", "[oops"])
def test_a_name_that_can_be_rebound_is_not_the_sandboxes_own(host: str):
    assert not is_own_host(host, "http://127.0.0.1:8000")
