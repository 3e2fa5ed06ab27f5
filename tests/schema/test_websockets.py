"""graphql-transport-ws: every message marked, every malformed one refused, one operation's end not the socket's."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp

from tests.schema.making import MARK, SECRET, make_app


class Socket:
    """The client's end of one WebSocket, straight on the ASGI application."""

    def __init__(
        self,
        app: ASGIApp,
        headers: dict[str, str],
        protocols: list[str],
        extensions: Mapping[str, object] | None = None,
    ) -> None:
        self._to_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        scope = {
            "type": "websocket",
            "path": "/graphql",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "subprotocols": protocols,
            "client": ("192.0.2.1", 1),
            "extensions": dict(extensions or {}),
        }
        self._to_server.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(app(scope, self._to_server.get, self._from_server.put))

    async def message(self) -> dict[str, Any]:
        return await asyncio.wait_for(self._from_server.get(), 2)

    async def send(self, *messages: object) -> None:
        for message in messages:
            await self._to_server.put({"type": "websocket.receive", "text": json.dumps(message)})

    async def send_raw(self, **frame: object) -> None:
        await self._to_server.put({"type": "websocket.receive", **frame})

    async def receive(self) -> dict[str, Any]:
        message = await self.message()
        assert message["type"] == "websocket.send", message
        said: dict[str, Any] = json.loads(message["text"])
        return said

    async def closed(self) -> int:
        message = await self.message()
        assert message["type"] == "websocket.close", message
        return int(message["code"])

    async def leave(self) -> None:
        await self._to_server.put({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(self.task, 2)


@asynccontextmanager
async def open_socket(
    app: Starlette | None = None,
    *,
    payload: object = None,
    greet: bool = True,
    protocol: str = "graphql-transport-ws",
    **values: Any,
) -> AsyncIterator[Socket]:
    headers = values.pop("headers", {})
    app = app or make_app(**values)
    async with app.router.lifespan_context(app):
        socket = Socket(app, headers, [protocol])
        accepted = await socket.message()
        assert accepted["type"] == "websocket.accept"
        marks = dict(accepted["headers"])
        assert marks[b"x-prop-environment"] == b"SANDBOX"
        assert marks[b"x-prop-binding"] == b"false"
        if greet:
            await socket.send({"type": "connection_init", **({"payload": payload} if payload else {})})
            acknowledged = await socket.receive()
            assert acknowledged == {"type": "connection_ack", "payload": {"extensions": {"prop": MARK}}}
        yield socket
        await socket.leave()


def subscribe(query: str, id_: str = "1", **payload: object) -> dict[str, object]:
    return {"id": id_, "type": "subscribe", "payload": {"query": query, **payload}}


async def test_a_subscription_sends_its_events_and_completes() -> None:
    async with open_socket() as socket:
        await socket.send(subscribe("subscription($n: Int!) { count(to: $n) }", variables={"n": 2}))
        for number in range(2):
            message = await socket.receive()
            assert (message["id"], message["type"]) == ("1", "next")
            assert message["payload"]["data"] == {"count": number}
            assert message["payload"]["extensions"]["prop"] == MARK
        assert await socket.receive() == {"id": "1", "type": "complete"}


async def test_queries_and_mutations_run_too() -> None:
    async with open_socket() as socket:
        for query, data in (('{ echo(text: "x") }', {"echo": "x"}), ('mutation { change(to: "y") }', {"change": "y"})):
            await socket.send(subscribe(query))
            assert (await socket.receive())["payload"]["data"] == data
            assert (await socket.receive())["type"] == "complete"


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ nowhere }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query($t: String!) { echo(text: $t) }"}, "BAD_USER_INPUT"),
        ({"query": "{ a1: __typename" + " a2: __typename" * 20 + " }"}, "QUERY_TOO_EXPENSIVE"),
        ({"query": 7}, "BAD_REQUEST"),
        ({"query": "{ __typename }", "variables": []}, "BAD_REQUEST"),
        ({}, "BAD_REQUEST"),
        ({"documentId": "x"}, "PERSISTED_QUERY_NOT_FOUND"),
    ],
)
async def test_what_cannot_run_is_an_error_and_the_socket_lives_on(payload: dict[str, object], code: str) -> None:
    async with open_socket() as socket:
        await socket.send({"id": "1", "type": "subscribe", "payload": payload})
        message = await socket.receive()
        assert (message["id"], message["type"]) == ("1", "error")
        assert message["payload"][0]["extensions"]["code"] == code
        assert message["payload"][0]["extensions"]["prop"] == MARK
        await socket.send(subscribe("{ __typename }"))
        assert (await socket.receive())["type"] == "next"


async def test_a_source_that_fails_is_masked() -> None:
    async with open_socket() as socket:
        await socket.send(subscribe("subscription { failing }"))
        assert (await socket.receive())["payload"]["data"] == {"failing": 1}
        failed = await socket.receive()
        assert failed["payload"]["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
        assert SECRET not in json.dumps(failed)


@pytest.mark.parametrize(
    "message",
    [
        1,
        None,
        [],
        "text",
        {},
        {"type": 1},
        {"type": "nonsense"},
        {"type": "subscribe"},
        {"type": "subscribe", "id": 1, "payload": {}},
        {"type": "subscribe", "id": "", "payload": {}},
        {"type": "subscribe", "id": "x" * 200, "payload": {}},
        {"type": "subscribe", "id": "1", "payload": "text"},
        {"type": "complete"},
        {"type": "complete", "id": []},
        {"type": "connection_init", "payload": "text"},
    ],
)
async def test_a_malformed_message_closes_the_socket(message: object) -> None:
    async with open_socket(greet=False) as socket:
        await socket.send(message)
        assert await socket.closed() == 4400


async def test_a_frame_that_is_no_json_text_closes_the_socket() -> None:
    for frame in ({"text": "{"}, {"bytes": b"{}"}, {"text": "[" * 100_000}):
        async with open_socket(greet=False) as socket:
            await socket.send_raw(**frame)
            assert await socket.closed() == 4400


async def test_a_frame_beyond_the_limit_closes_the_socket() -> None:
    async with open_socket(limit_body_bytes=2_000) as socket:
        await socket.send_raw(text=" " * 2_001)
        assert await socket.closed() == 1009


async def test_nothing_runs_before_the_connection_is_acknowledged() -> None:
    async with open_socket(greet=False) as socket:
        await socket.send(subscribe("{ __typename }"))
        assert await socket.closed() == 4401


async def test_an_id_that_is_in_use_closes_the_socket() -> None:
    async with open_socket() as socket:
        await socket.send(subscribe("subscription { never }"), subscribe("subscription { never }"))
        assert await socket.closed() == 4409


@pytest.mark.parametrize("letter", ["a", "界"])
async def test_a_reason_to_close_is_cut_to_what_a_frame_holds(letter: str) -> None:
    id_ = letter * 128
    for messages in ([{"type": letter * 1_000}], [subscribe("subscription { never }", id_)] * 2):
        async with open_socket() as socket:
            await socket.send(*messages)
            closed = await socket.message()
            assert closed["type"] == "websocket.close"
            assert closed["code"] in {4400, 4409}
            assert letter in closed["reason"]
            assert 120 < len(closed["reason"].encode()) <= 123


async def test_a_completed_operation_frees_its_id() -> None:
    async with open_socket() as socket:
        await socket.send(subscribe("subscription { never }"), {"id": "1", "type": "complete"})
        await socket.send(subscribe("{ __typename }"))
        assert (await socket.receive())["type"] == "next"


async def test_only_so_many_operations_run_on_one_socket() -> None:
    async with open_socket(limit_subscriptions=2) as socket:
        for number in range(3):
            await socket.send(subscribe("subscription { never }", str(number)))
        message = await socket.receive()
        assert (message["id"], message["type"]) == ("2", "error")
        extensions = message["payload"][0]["extensions"]
        assert extensions["limit"] == {"name": "subscriptions", "limit": 2, "actual": 3}


async def test_a_token_comes_with_the_connection_or_the_handshake() -> None:
    who = "subscription { caller }"
    async with open_socket(payload={"authorization": "Bearer good"}) as socket:
        await socket.send(subscribe(who))
        assert (await socket.receive())["payload"]["data"] == {"caller": "OPERATOR"}
    async with open_socket(headers={"authorization": "Bearer good"}) as socket:
        await socket.send(subscribe(who))
        assert (await socket.receive())["payload"]["data"] == {"caller": "OPERATOR"}


@pytest.mark.parametrize("token", ["Bearer bad", "nonsense", 7, None])
async def test_a_bad_token_closes_the_socket(token: object) -> None:
    async with open_socket(greet=False) as socket:
        await socket.send({"type": "connection_init", "payload": {"Authorization": token}})
        assert await socket.closed() == 4403


async def test_a_database_that_does_not_answer_who_calls_closes_the_socket() -> None:
    async with open_socket(greet=False) as socket:
        await socket.send({"type": "connection_init", "payload": {"Authorization": "Bearer outage"}})
        assert await socket.closed() == 4403


async def test_each_operation_takes_from_the_callers_bucket() -> None:
    async with open_socket(rate_per_minute=1, rate_burst=2) as socket:  # the greeting took one
        for number, kind in enumerate(("next", "error")):
            await socket.send(subscribe("{ __typename }", str(number)))
            message = await socket.receive()
            assert message["type"] == kind
            if kind == "next":
                assert (await socket.receive())["type"] == "complete"
        assert message["payload"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_the_old_protocol_is_not_spoken() -> None:
    async with open_socket(greet=False, protocol="graphql-ws") as socket:
        assert await socket.closed() == 4406


async def test_a_page_of_another_origin_may_not_open_a_socket() -> None:
    app = make_app()
    async with app.router.lifespan_context(app):
        socket = Socket(app, {"host": "here.example", "origin": "https://there.example"}, ["graphql-transport-ws"])
        assert await socket.closed() == 1008
        await socket.leave()


async def test_a_client_that_leaves_ends_what_runs_for_it() -> None:
    async with open_socket() as socket:
        await socket.send(subscribe("subscription { never }"))
        await asyncio.sleep(0.01)
    assert socket.task.done()
    assert not [each for each in asyncio.all_tasks() if "Subscriptions._run" in repr(each)]
