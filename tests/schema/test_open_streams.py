"""What stays open has an end to its number: WebSockets, the operations on them, event streams."""

import asyncio
import json

import httpx
import pytest

from tests.schema.making import make_app, open_client
from tests.schema.test_websockets import Socket, open_socket, subscribe
from tests.waiting import until

EVENTS = {"accept": "text/event-stream", "authorization": "Bearer good"}
NEVER = {"query": "subscription { never }"}


async def test_a_caller_holds_only_so_many_event_streams_open_and_may_have_another_when_one_ends() -> None:
    app = make_app(limit_open_per_caller=2)
    streams = app.state.face.open_streams
    async with open_client(app) as client:

        async def listen() -> httpx.Response:
            return await client.post("/graphql", json=NEVER, headers=EVENTS)

        open_ones = [asyncio.create_task(listen()) for _ in range(2)]
        await until(lambda: len(streams) == 2)
        refused = await listen()
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "5"
        said = refused.json()
        assert said["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
        assert said["errors"][0]["extensions"]["limit"] == {"name": "open_per_caller", "limit": 2}
        assert said["extensions"]["prop"]["environment"] == "SANDBOX"
        app.state.face.drained.set()
        assert [(await each).status_code for each in open_ones] == [200, 200]
        assert len(streams) == 0


async def test_operations_on_websockets_count_with_the_event_streams_of_the_caller() -> None:
    app = make_app(limit_open_per_caller=1)
    async with open_socket(app, payload={"authorization": "Bearer good"}) as socket:
        await socket.send(subscribe("subscription { never }"))
        await socket.send(subscribe('{ echo(text: "x") }', "2"))
        refused = await socket.receive()
        assert (refused["id"], refused["type"]) == ("2", "error")
        assert refused["payload"][0]["extensions"]["limit"]["name"] == "open_per_caller"
        await socket.send({"id": "1", "type": "complete"})
        await until(lambda: len(app.state.face.open_streams) == 1)  # the socket itself
        await socket.send(subscribe('{ echo(text: "x") }', "3"))
        assert (await socket.receive())["payload"]["data"] == {"echo": "x"}


async def test_an_idle_websocket_is_one_of_its_address_too() -> None:
    app = make_app(limit_open_per_address=1)
    async with app.router.lifespan_context(app):
        first = Socket(app, {}, ["graphql-transport-ws"])
        assert (await first.message())["type"] == "websocket.accept"
        second = Socket(app, {}, ["graphql-transport-ws"], {"websocket.http.response": {}})
        start, body = await second.message(), await second.message()
        assert (start["type"], start["status"]) == ("websocket.http.response.start", 429)
        assert (b"retry-after", b"5") in start["headers"]
        assert json.loads(body["body"])["errors"][0]["extensions"]["limit"]["name"] == "open_per_address"
        third = Socket(app, {}, ["graphql-transport-ws"])  # a server that cannot answer a handshake closes it
        assert await third.closed() == 1008
        await first.leave()
        fourth = Socket(app, {}, ["graphql-transport-ws"])
        assert (await fourth.message())["type"] == "websocket.accept"
        await fourth.leave()


@pytest.mark.parametrize("setting", ["limit_open_per_caller", "limit_open_per_address"])
async def test_a_single_question_holds_nothing_open(setting: str) -> None:
    app = make_app(**{setting: 1})
    async with open_client(app) as client:
        asking = [client.post("/graphql", json={"query": "{ slow(seconds: 0.05) }"}) for _ in range(5)]
        assert {each.status_code for each in await asyncio.gather(*asking)} == {200}
