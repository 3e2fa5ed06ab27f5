"""What stands around the application learns what each request turned out to be, over HTTP, events and WebSocket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from service.http.findings import OBSERVE, Findings, findings_of
from service.http.marks import ASGIApp, Receive, Scope, Send
from tests.schema.making import OPERATOR, make_app
from tests.schema.test_websockets import Socket, subscribe


class Looking:
    """Middleware that keeps what is found of every request, and of every operation on a WebSocket when it ends."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.found: list[Findings] = []
        self.begun = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            scope.setdefault("state", {})[OBSERVE] = self.observe
            await self.app(scope, receive, send)
            return
        await self.app(scope, receive, send)
        self.found.append(findings_of(scope))

    def observe(self, findings: Findings) -> Any:
        self.begun += 1
        return lambda: self.found.append(findings)


@asynccontextmanager
async def looked_at(**settings: Any) -> AsyncIterator[tuple[httpx.AsyncClient, Looking]]:
    app = make_app(**settings)
    looking = Looking(app)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(looking, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://prop") as client:
            yield client, looking


async def found_of(
    query: str | None, *, token: str | None = "good", accept: str = "application/json", **body: Any
) -> Findings:
    headers = {"accept": accept} | ({"authorization": f"Bearer {token}"} if token else {})
    async with looked_at() as (client, looking):
        await client.post("/graphql", json={"query": query, **body}, headers=headers)
        (found,) = looking.found
        return found


def codes(found: Findings) -> list[str]:
    return [each["extensions"]["code"] for each in found.errors]


async def test_an_operation_tells_who_asked_what_at_what_cost_and_what_came_of_it():
    found = await found_of("query Greeting($t: String!) { echo(text: $t) }", variables={"t": "hello"})
    assert (found.caller, found.operation_name, found.operation_kind) == (OPERATOR, "Greeting", "query")
    assert found.document is not None
    assert found.document.startswith("query Greeting")
    assert (found.variables, found.data, found.errors) == ({"t": "hello"}, {"echo": "hello"}, ())
    assert found.cost is not None
    assert found.cost > 0


@pytest.mark.parametrize(
    ("query", "token", "code"),
    [
        ("{ echo(", "good", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "good", "GRAPHQL_VALIDATION_FAILED"),
        ("{ echo(text: 1) }", "good", "GRAPHQL_VALIDATION_FAILED"),
        ("{ viewer { kind } }", "bad", "UNAUTHENTICATED"),
        (None, "good", "BAD_REQUEST"),
        ("subscription { count(to: 1) }", "good", "NOT_ACCEPTABLE"),
    ],
)
async def test_a_request_that_never_ran_tells_why(query: str | None, token: str, code: str):
    found = await found_of(query, token=token)
    assert codes(found) == [code]
    assert found.document == query


async def test_events_are_counted_and_the_first_errors_kept():
    found = await found_of("subscription { count(to: 3) }", accept="text/event-stream")
    assert (found.operation_kind, found.answers, found.errors) == ("subscription", 3, ())
    failing = await found_of("subscription { failing }", accept="text/event-stream")
    assert codes(failing) == ["INTERNAL_SERVER_ERROR"]


async def test_each_operation_on_a_websocket_is_one_of_its_own():
    app = make_app()
    looking = Looking(app)
    async with app.router.lifespan_context(app):
        socket = Socket(looking, {}, ["graphql-transport-ws"])  # type: ignore[arg-type]  # any ASGI application will do
        await socket.message()
        await socket.send({"type": "connection_init", "payload": {"authorization": "Bearer good"}})
        await socket.receive()
        for id_, query in (("1", "subscription Count { count(to: 2) }"), ("2", "{ nothing }")):
            await socket.send(subscribe(query, id_))
            while (await socket.receive())["type"] == "next":
                pass
        await socket.leave()
    first, second = looking.found
    assert (first.caller, first.operation_name, first.answers) == (OPERATOR, "Count", 2)
    assert codes(second) == ["GRAPHQL_VALIDATION_FAILED"]
    assert looking.begun == 2


async def test_a_websocket_that_is_turned_away_tells_why():
    app = make_app()
    looking = Looking(app)
    async with app.router.lifespan_context(app):
        socket = Socket(looking, {}, ["graphql-transport-ws"])  # type: ignore[arg-type]  # as above
        await socket.message()
        await socket.send({"type": "connection_init", "payload": {"authorization": "Bearer bad"}})
        assert await socket.closed() == 4403
        await socket.leave()
    assert [codes(each) for each in looking.found] == [["UNAUTHENTICATED"]]


async def test_one_request_learns_nothing_of_another():
    async with looked_at() as (client, looking):
        for name in ("One", "Two"):
            await client.post("/graphql", json={"query": f"query {name} {{ viewer {{ kind }} }}"})
    assert [each.operation_name for each in looking.found] == ["One", "Two"]
