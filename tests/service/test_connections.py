"""Connections: one that says nothing, or half of something, ends; those beyond the bound are told so."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.service.test_server import Served, served

pytestmark = pytest.mark.process

HEAD_SECONDS = 0.5
HELLO = b"GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
MOST = 10


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served"), HEAD_SECONDS=str(HEAD_SECONDS)) as service:
        yield service


def open_connection(service: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", service.port), timeout=30)


def rest_of(connection: socket.socket) -> bytes:
    """What comes until the server closes, which is waited for."""
    received = b""
    with suppress(ConnectionResetError):
        while chunk := connection.recv(65_536):
            received += chunk
    return received


def answer_on(connection: socket.socket) -> bytes:
    """One answer of a connection that stays."""
    received = b""
    while not received.endswith(b"}"):
        chunk = connection.recv(65_536)
        assert chunk, received
        received += chunk
    return received


@pytest.mark.parametrize("said", [b"", b"G", b"GET /hello HTTP/1.1\r\nHost: h\r\nX-Half: ", b"\r\n"])
def test_a_first_head_that_does_not_come_ends_the_connection(service: Served, said: bytes):
    with open_connection(service) as connection:
        connection.sendall(said)
        answer = rest_of(connection)
    if not said:
        assert answer == b""
        return
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in head
    assert b"x-prop-environment: PRODUCTION" in head
    assert orjson.loads(body)["errors"][0]["extensions"]["code"] == "REQUEST_TIMEOUT"


def test_a_head_that_drips_is_not_given_more_time_for_each_byte(service: Served):
    with open_connection(service) as connection:
        connection.settimeout(0.05)
        connection.sendall(b"GET /hello HTTP/1.1\r\n")
        begun, answer = time.monotonic(), b""
        while not answer and time.monotonic() - begun < 30:
            try:
                connection.sendall(b"x")
                answer = connection.recv(65_536)
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_between_requests_a_connection_may_rest_but_not_within_a_head(service: Served):
    with open_connection(service) as connection:
        for _ in range(2):
            connection.sendall(HELLO)
            assert answer_on(connection).startswith(b"HTTP/1.1 200 ")
            time.sleep(HEAD_SECONDS * 2)
        connection.sendall(HELLO[:-2])
        assert rest_of(connection).startswith(b"HTTP/1.1 408 ")


def test_what_drips_of_a_body_after_its_answer_keeps_no_connection(service: Served):
    with open_connection(service) as connection:
        connection.sendall(b"POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n")
        connection.settimeout(0.05)
        begun, answer, ended = time.monotonic(), b"", False
        while not ended and time.monotonic() - begun < 30:
            try:
                connection.sendall(b"x")
                chunk = connection.recv(65_536)
            except TimeoutError:
                continue
            except ConnectionError:
                chunk = b""
            answer, ended = answer + chunk, not chunk
    assert ended
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert answer.count(b"HTTP/1.1") == 1


def test_the_deadline_of_a_head_is_none_of_an_answer_or_a_body(service: Served):
    seconds = HEAD_SECONDS * 3
    with open_connection(service) as connection:
        connection.sendall(HELLO.replace(b"/hello", b"/slow?seconds=%.1f" % seconds) + HELLO[:-2])
        assert answer_on(connection).startswith(b"HTTP/1.1 200 ")
        connection.sendall(HELLO[-2:])
        assert answer_on(connection).startswith(b"HTTP/1.1 200 ")


async def test_a_websocket_is_held_to_no_deadline_of_http(service: Served):
    async with connect(f"ws://127.0.0.1:{service.port}/socket") as websocket:
        await asyncio.sleep(HEAD_SECONDS * 2)
        await websocket.send("ping")
        assert await websocket.recv() == "ping"


def test_connections_beyond_the_bound_are_told_so_and_probes_are_answered(tmp_path: Path):
    with served(tmp_path, HEAD_SECONDS="300", PROP_CONNECTIONS=str(MOST)) as service, ExitStack() as stack:
        held = [stack.enter_context(open_connection(service)) for _ in range(MOST)]
        for each in held:
            each.sendall(HELLO)
            assert answer_on(each).startswith(b"HTTP/1.1 200 ")
        with httpx.Client(base_url=service.url) as client:
            refused = client.get("/hello")
            assert refused.status_code == 503
            assert refused.json()["errors"][0]["extensions"] == {"code": "SERVICE_UNAVAILABLE", "retryAfter": 1}
            assert refused.headers["retry-after"] == "1"
            assert refused.headers["connection"] == "close"
            assert refused.headers["x-prop-environment"] == "PRODUCTION"
            assert client.get("/healthz").status_code == client.get("/readyz?verbose").status_code == 200
        held[0].sendall(HELLO)
        assert answer_on(held[0]).startswith(b"HTTP/1.1 200 ")
        with pytest.raises(InvalidStatus, match="503"):
            asyncio.run(_shake_hands(service))
        crowd = [stack.enter_context(open_connection(service)) for _ in range(MOST + 1)]
        assert rest_of(crowd[-1]) == b""
        for each in [*held, *crowd]:
            each.close()
        end = time.monotonic() + 30
        while httpx.get(f"{service.url}/hello").status_code != 200:
            assert time.monotonic() < end
            time.sleep(0.05)


async def _shake_hands(service: Served) -> None:
    async with connect(f"ws://127.0.0.1:{service.port}/socket"):
        """It is refused before."""
