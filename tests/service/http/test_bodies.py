"""Bodies: not longer than allowed, and not for ever under way, wherever one is read."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from service.authority import OCSP_PATH
from service.errors import Unavailable
from service.http import bodies
from service.http.bodies import BodyRefused, read_body
from service.http.certificates import certificate_routes
from service.http.marks import Message
from service.http.rate_limits import TokenBuckets
from service.http.tokens import FORM, token_routes
from service.tokens import TokenService
from service.world import PRODUCTION


async def echo(request: Request) -> PlainTextResponse:
    try:
        return PlainTextResponse(await read_body(request.receive, 10))
    except BodyRefused as refused:
        return PlainTextResponse(refused.message, refused.status)


def no_tokens() -> TokenService:
    raise Unavailable("There are none here.")


@pytest.fixture
async def client(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.05)
    attempts = TokenBuckets(per_minute=100, burst=100)
    routes = [
        Route("/echo", echo, methods=["POST"]),
        *token_routes(PRODUCTION, no_tokens, attempts),
        *certificate_routes(lambda: None),
    ]
    transport = httpx.ASGITransport(Starlette(routes=routes))
    async with httpx.AsyncClient(transport=transport, base_url="http://prop") as client:
        yield client


async def dripping() -> AsyncIterator[bytes]:
    while True:
        yield b"x"
        await asyncio.sleep(0.02)


async def silent() -> AsyncIterator[bytes]:
    yield b"x"
    await asyncio.sleep(60)


async def test_a_body_is_read_whole_or_refused(client: httpx.AsyncClient):
    assert (await client.post("/echo", content=b"a" * 10)).text == "a" * 10
    assert (await client.post("/echo")).text == ""
    assert (await client.post("/echo", content=b"a" * 11)).status_code == 413


@pytest.mark.parametrize(
    ("path", "kind"), [("/echo", "text/plain"), ("/oauth/token", FORM), (OCSP_PATH, "application/ocsp-request")]
)
async def test_a_body_that_does_not_come_to_its_end_is_not_waited_for(client: httpx.AsyncClient, path: str, kind: str):
    async with asyncio.timeout(30):
        answers = [await client.post(path, content=body, headers={"Content-Type": kind}) for body in (silent(),)]
    (answer,) = answers
    assert answer.status_code == 408
    if path != "/echo":
        assert answer.headers["connection"] == "close"
        assert answer.headers["cache-control"] == "no-store"


async def test_each_byte_of_a_body_buys_no_time(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch):
    async with asyncio.timeout(30):
        answer = await client.post("/oauth/token", content=dripping(), headers={"Content-Type": FORM})
    assert answer.status_code == 408
    assert answer.json()["error"] == "invalid_request"


async def test_a_body_that_breaks_off_is_not_taken_for_a_whole_one():
    sent: list[Message] = [
        {"type": "http.request", "body": b"half", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return sent.pop(0)

    with pytest.raises(BodyRefused) as refused:
        await read_body(receive, 10)
    assert refused.value.status == 400
