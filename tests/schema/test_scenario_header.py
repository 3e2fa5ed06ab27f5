"""Production refuses whoever names a test scenario, on every path and in every transport, and records it."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from service.access import RegistrarRole
from service.attempts import EACH
from service.http.scenario_header import RefuseTestScenarios, scenario_in_greeting
from service.world import PRODUCTION
from tests.databases import open_world
from tests.schema.hosting import Hosted, open_hosted
from tests.schema.making import make_app
from tests.schema.test_websockets import Socket

NAME = "X-PROP-Test-Scenario"
REQUESTS = (
    ("POST", "/graphql"),
    ("GET", "/graphql"),
    ("POST", "/oauth/token"),
    ("GET", "/healthz"),
    ("GET", "/.well-known/jwks.json"),
    ("POST", "/pki/ocsp"),
    ("DELETE", "/nowhere"),
    ("GET", "/sandbox/scenarios"),
)


@pytest.fixture
async def hosted(wire_uri: str) -> AsyncIterator[Hosted]:
    async with open_world(wire_uri) as world, open_hosted(wire_uri, world) as opened:
        yield opened


async def crossings(hosted: Hosted) -> list[dict[str, Any]]:
    auditor = await hosted.add_registrar("R900", RegistrarRole.AUDITOR)
    query = '{ records(first: 100, filter: {kind: "environment.crossed"}) { nodes { content } } }'
    nodes = (await hosted.data(query, auditor))["records"]["nodes"]
    return [json.loads(each["content"])["content"] for each in nodes]


@pytest.mark.wire
async def test_the_header_is_refused_on_every_path_and_recorded_and_so_is_a_websocket_that_names_one(hosted: Hosted):
    for method, path in REQUESTS:
        answer = await hosted.client.request(method, path, headers={NAME: "slow"})
        assert answer.status_code == 400, path
        said = answer.json()["errors"][0]["extensions"]
        assert (said["code"], said["here"], said["there"]) == ("ENVIRONMENT_MISMATCH", "PRODUCTION", "SANDBOX")
        assert said["article"] == 17
        assert answer.json()["extensions"]["prop"]["binding"] is True
        assert answer.headers["x-prop-environment"] == "PRODUCTION"
        assert "x-request-id" in answer.headers
    address = hosted.address.replace("http", "ws", 1) + "/graphql"
    protocols: Any = ["graphql-transport-ws"]
    with pytest.raises(InvalidStatus) as shut:
        await connect(address, subprotocols=protocols, additional_headers={NAME: "slow"})
    assert shut.value.response.status_code == 400
    assert b"ENVIRONMENT_MISMATCH" in (shut.value.response.body or b"")
    async with connect(address, subprotocols=protocols) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": {NAME: "slow"}}))
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4403, "ENVIRONMENT_MISMATCH")
    recorded = await crossings(hosted)
    assert len(recorded) == len(REQUESTS) + 2
    assert len({each["source"] for each in recorded}) == 1
    assert {(each["thing"], each["there"]) for each in recorded} == {("test scenario", "SANDBOX")}


@pytest.mark.wire
async def test_a_flood_from_one_address_is_refused_one_by_one_and_recorded_for_its_first(hosted: Hosted):
    for _ in range(EACH + 15):
        assert (await hosted.client.get("/healthz", headers={NAME: "x"})).status_code == 400
    assert EACH <= len(await crossings(hosted)) <= EACH + 5  # a minute may end on the way


async def test_it_is_refused_also_where_it_cannot_be_recorded_and_behind_a_ping():
    async def fail(thing: str, _: str) -> None:
        raise ConnectionError(thing)

    app = make_app(PRODUCTION)
    shut = RefuseTestScenarios(app, PRODUCTION, fail)
    async with app.router.lifespan_context(app):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(shut), base_url="http://prop") as client:
            assert (await client.get("/healthz", headers={NAME: "slow"})).status_code == 400
            assert (await client.post("/graphql", json={"query": "{ __typename }"})).status_code == 200
        socket = Socket(shut, {}, ["graphql-transport-ws"])
        assert (await socket.message())["type"] == "websocket.accept"
        await socket.send({"type": "connection_init", "payload": {NAME.upper(): "slow"}})
        assert await socket.closed() == 4403
        await socket.task
        late = Socket(shut, {}, ["graphql-transport-ws"])
        assert (await late.message())["type"] == "websocket.accept"
        await late.send({"type": "ping"})
        assert await late.receive() == {"type": "pong"}
        await late.send({"type": "connection_init", "payload": {NAME: "slow"}})
        assert await late.closed() == 4403
        await late.task
        other = Socket(shut, {}, ["graphql-transport-ws"])
        assert (await other.message())["type"] == "websocket.accept"
        await other.send({"type": "connection_init"})
        assert (await other.receive())["type"] == "connection_ack"
        await other.leave()


@given(st.text() | st.recursive(st.none() | st.text(), lambda inner: st.dictionaries(st.text(), inner)).map(json.dumps))
def test_no_first_message_makes_the_look_at_it_fail(text: str):
    scenario_in_greeting({"type": "websocket.receive", "text": text})
    assert scenario_in_greeting({"type": "websocket.receive", "text": f'{text} "{NAME}"'}) is None
    assert scenario_in_greeting({"type": "websocket.receive", "bytes": text.encode()}) is None
