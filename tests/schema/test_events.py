"""Subscriptions, and whatever else one likes, as server-sent events."""

import asyncio
import json
from collections.abc import AsyncGenerator

import httpx
import pytest
import strawberry

from schema.build import make_schema
from schema.platform import PlatformQuery
from schema.requests import EVENTS
from tests.schema.making import HELLO, MARK, make_app, open_client


async def events_of(client: httpx.AsyncClient, query: str, method: str = "POST") -> list[tuple[str, object]]:
    ask = {"params" if method == "GET" else "json": {"query": query}}
    response = await client.request(method, "/graphql", headers={"accept": EVENTS}, **ask)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith(EVENTS)
    assert response.headers["x-prop-environment"] == "SANDBOX"
    found = []
    for event in response.text.removesuffix("\n\n").split("\n\n"):
        name, data = event.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data[6:]) if data[6:] else None))
    return found


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_subscription_streams_events_each_marked(client: httpx.AsyncClient, method: str) -> None:
    events = await events_of(client, "subscription { count(to: 3) }", method)
    assert [name for name, _ in events] == ["next", "next", "next", "complete"]
    assert [data["data"]["count"] for _, data in events[:3]] == [0, 1, 2]
    assert all(data["extensions"]["prop"] == MARK for _, data in events[:3])


async def test_a_query_can_be_streamed_too(client: httpx.AsyncClient) -> None:
    events = await events_of(client, HELLO["query"])
    assert [name for name, _ in events] == ["next", "complete"]
    assert events[0][1]["data"] == {"echo": "hello"}


async def test_an_invalid_document_is_an_event_with_errors(client: httpx.AsyncClient) -> None:
    events = await events_of(client, "subscription { nowhere }")
    assert [name for name, _ in events] == ["next", "complete"]
    assert events[0][1]["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


async def test_a_source_that_fails_ends_the_stream_with_a_masked_error(client: httpx.AsyncClient) -> None:
    events = await events_of(client, "subscription { failing }")
    assert [name for name, _ in events] == ["next", "next", "complete"]
    assert events[1][1]["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert "vault" not in json.dumps(events)


@strawberry.type
class Tick:
    number: int

    @strawberry.field
    async def waits(self) -> bool:
        if self.number == 0:
            await asyncio.Event().wait()
        return False


@strawberry.type
class TickSubscription:
    @strawberry.subscription
    async def ticks(self) -> AsyncGenerator[Tick, None]:
        for number in range(2):
            yield Tick(number=number)


async def test_an_event_that_takes_too_long_is_ended_and_the_next_is_told() -> None:
    schema = make_schema((PlatformQuery,), (), (TickSubscription,))
    async with open_client(make_app(schema=schema, execution_ms=100)) as client:
        events = await events_of(client, "subscription { ticks { waits } }")
    assert [name for name, _ in events] == ["next", "next", "complete"]
    late = events[0][1]["errors"][0]["extensions"]
    assert (late["code"], late["limit"]) == ("SERVICE_UNAVAILABLE", {"name": "execution_seconds", "limit": 0.1})
    assert events[1][1]["data"] == {"ticks": {"waits": False}}


async def test_a_subscription_needs_a_stream(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "subscription { count(to: 1) }"})
    assert response.status_code == 406


async def test_a_draining_service_completes_its_streams() -> None:
    app = make_app()
    async with open_client(app) as client:
        asking = asyncio.create_task(events_of(client, "subscription { never }"))
        await asyncio.sleep(0.05)
        assert not asking.done()
        app.state.face.drained.set()
        assert await asyncio.wait_for(asking, 2) == [("complete", None)]
        assert (await client.post("/graphql", json=HELLO)).status_code == 503
