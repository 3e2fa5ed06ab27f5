"""Metrics: counted by what the service declares, never by what a caller invents, and not on the public address."""

from datetime import timedelta

import httpx
from pymongo.monitoring import CommandFailedEvent, CommandSucceededEvent
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from service.http.metrics import REGISTRY, Meter, metrics_application
from service.http.requests import Requests
from service.storage.commands import CommandLatency
from service.world import PRODUCTION


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"world": "production"} | labels) or 0.0


async def get(path: str, method: str = "GET") -> httpx.Response:
    def hello(_: Request) -> PlainTextResponse:
        return PlainTextResponse("hello")

    app = Starlette(routes=[Route("/hello/{name}", hello)])
    transport = httpx.ASGITransport(Requests(app, Meter(PRODUCTION), app.routes))
    async with httpx.AsyncClient(transport=transport, base_url="http://prop") as client:
        return await client.request(method, path)


async def test_a_request_is_counted_under_its_declared_route():
    labels = {"route": "/hello/{name}", "method": "GET", "status": "200"}
    before = sample("prop_http_requests_total", **labels)
    await get("/hello/a?x=1")
    await get("/hello/b")
    assert sample("prop_http_requests_total", **labels) == before + 2


async def test_a_caller_cannot_make_series():
    await get("/invented-path-1", "INVENTED")
    exposed = (await exposition()).text
    assert "invented" not in exposed.lower()
    assert 'route="unknown"' in exposed


async def exposition() -> httpx.Response:
    transport = httpx.ASGITransport(metrics_application(PRODUCTION))
    async with httpx.AsyncClient(transport=transport, base_url="http://metrics") as client:
        return await client.get("/metrics")


async def test_the_exposition_names_world_build_outcomes_limits_and_commands():
    meter = Meter(PRODUCTION)
    meter.operation("query", "FORBIDDEN")
    meter.limit_hit("depth")
    listener = CommandLatency(meter.command)
    listener.succeeded(CommandSucceededEvent(timedelta(seconds=2), {"secret": 1}, "find", 1, ("h", 1), 1))
    listener.failed(CommandFailedEvent(timedelta(seconds=1), {"secret": 1}, "insert", 1, ("h", 1), 1))
    answer = await exposition()
    assert answer.headers["x-prop-environment"] == "PRODUCTION"
    for line in (
        'prop_graphql_operations_total{kind="query",outcome="FORBIDDEN",world="production"}',
        'prop_limits_hit_total{limit="depth",world="production"}',
        'prop_database_command_seconds_count{command="find",outcome="ok",world="production"}',
        'prop_database_command_seconds_count{command="insert",outcome="failed",world="production"}',
        "prop_build_info{",
    ):
        assert line in answer.text
    assert "secret" not in answer.text
