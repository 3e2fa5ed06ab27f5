"""The processes that serve: they start or say why not, bound what they read, and end without breaking off an answer."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from service.server import listen
from tests.settings import GOOD, make_settings

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
START = """
import os, sys
import service.server
from service.server import CannotListen, run
from service.settings_reading import read_settings
from service.world import PRODUCTION
service.server.HEAD_SECONDS = float(os.environ.get("HEAD_SECONDS", service.server.HEAD_SECONDS))
sys.exit(run(read_settings(os.environ, PRODUCTION), PRODUCTION, "tests.service.served:" + sys.argv[1]))
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Served:
    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process, self.port, self.log = process, port, log
        self.url = f"http://127.0.0.1:{port}"

    def lines(self) -> list[dict[str, object]]:
        return [orjson.loads(line) for line in self.log.read_text().splitlines()]

    def end(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)


@contextmanager
def served(directory: Path, application: str = "application", *, wait: bool = True, **changes: str) -> Iterator[Served]:
    port, log = free_port(), directory / "log"
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PROP_", "SANDBOX_"))}
    settings = {"PROP_PORT": str(port), "PROP_WORKERS": "1", "PROP_DRAIN_SECONDS": "5"} | changes
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", START, application], cwd=ROOT, env=environ | GOOD | settings, stderr=output
        )
    try:
        if wait:
            wait_for(f"http://127.0.0.1:{port}/healthz")
        yield Served(process, port, log)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(20)


def wait_for(url: str, seconds: float = 20) -> httpx.Response:
    end = time.monotonic() + seconds
    while True:
        try:
            return httpx.get(url)
        except httpx.TransportError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


async def test_on_sigterm_what_runs_finishes_what_comes_is_refused_and_listeners_are_told(tmp_path: Path):
    with served(tmp_path) as service:
        async with httpx.AsyncClient(base_url=service.url) as client, httpx.AsyncClient(base_url=service.url) as late:
            assert (await late.get("/readyz")).status_code == 200
            slow = asyncio.create_task(client.get("/slow?seconds=1.5"))
            async with connect(f"ws://127.0.0.1:{service.port}/socket") as websocket:
                await websocket.send("ping")
                assert await websocket.recv() == "ping"
                async with client.stream("GET", "/stream") as stream:
                    events = stream.aiter_text()
                    assert "next" in await anext(events)
                    service.end()
                    began = time.monotonic()
                    with pytest.raises(ConnectionClosed) as closed:
                        await websocket.recv()
                    assert closed.value.rcvd is not None
                    assert closed.value.rcvd.code == 1012
                    assert await anext(events) == "event: complete\ndata: \n\n"
                    assert [rest async for rest in events] == []
                    assert time.monotonic() - began < 1
            refused = await late.get("/hello")
            assert refused.status_code == 503
            assert refused.headers["connection"] == "close"
            assert refused.headers["x-prop-environment"] == "PRODUCTION"
            assert refused.json()["errors"][0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"
            assert refused.json()["extensions"]["prop"]["environment"] == "PRODUCTION"
            with pytest.raises(InvalidStatus) as handshake:
                await connect(f"ws://127.0.0.1:{service.port}/socket")
            assert handshake.value.response.status_code == 503
            assert handshake.value.response.headers["x-prop-environment"] == "PRODUCTION"
            assert (await late.get("/readyz")).status_code == 503
            assert (await late.get("/healthz")).status_code == 200
            answer = await slow
            assert answer.json() == {"slow": True}
            assert answer.headers["connection"] == "close"
        assert await asyncio.to_thread(service.process.wait, 5) == 0
        events = [line["event"] for line in service.lines() if line["logger"] == "prop.drain"]
        assert events == ["draining", "drained"]


async def test_the_drain_ends_after_the_time_set(tmp_path: Path):
    with served(tmp_path, PROP_DRAIN_SECONDS="1") as service:
        async with httpx.AsyncClient(base_url=service.url) as client:
            slow = asyncio.create_task(client.get("/slow?seconds=30", timeout=40))
            await asyncio.sleep(0.3)
            service.end()
            began = time.monotonic()
            await asyncio.to_thread(service.process.wait, 10)
            assert time.monotonic() - began < 10  # of the 30 s that the request would take
            # What is cut off is answered 500 or not at all; it is never left to hang.
            await asyncio.wait({slow}, timeout=1)
            assert slow.done()
            slow.exception()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_workers_share_the_port_and_end_together(tmp_path: Path, number: int):
    metrics = free_port()
    with served(tmp_path, PROP_WORKERS="2", PROP_METRICS_PORT=str(metrics)) as service:
        processes = {httpx.get(f"{service.url}/hello").json()["process"] for _ in range(200)}
        assert len(processes) == 2
        exposed = wait_for(f"http://127.0.0.1:{metrics}/metrics").text
        counted = 'prop_http_requests_total{method="GET",route="/hello",status="200",world="production"} 200.0'
        assert counted in exposed
        assert httpx.get(f"{service.url}/metrics").status_code == 404
        service.end(number)
        assert service.process.wait(10) == 0
        for process in processes:
            with pytest.raises(ProcessLookupError):
                os.kill(process, 0)


def test_the_access_log_has_the_path_but_never_query_header_or_body(tmp_path: Path):
    with served(tmp_path) as service:
        answer = httpx.get(
            f"{service.url}/hello?token=in-the-query",
            headers={"Authorization": "Bearer in-the-header", "X-Request-Id": "request-0001"},
        )
        assert answer.headers["x-request-id"] == "request-0001"
        httpx.get(f"{service.url}//hello/in-the-path", headers={"X-Request-Id": "request-0002"})
        bad = httpx.get(f"{service.url}/hello", headers={"X-Request-Id": '"bad"'}).headers["x-request-id"]
        service.end()
        service.process.wait(10)
        (line,) = [line for line in service.lines() if line.get("request") == "request-0001"]
        assert (line["method"], line["path"], line["status"], line["world"]) == ("GET", "/hello", 200, "production")
        (unknown,) = [line for line in service.lines() if line.get("request") == "request-0002"]
        assert (unknown["path"], unknown["status"]) == ("/hello/...", 404)
        assert len(bad) == 32
        assert "in-the-" not in service.log.read_text()


@pytest.mark.parametrize(
    ("status", "head"),
    [
        (431, b"GET /hello HTTP/1.1\r\nHost: h\r\nX-Long: " + b"a" * 20_000 + b"\r\n\r\n"),
        (414, b"GET /hello?" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n"),
        (431, b"GET /hello HTTP/1.1\r\nHost: h\r\nX-Endless: " + b"a" * 60_000),
        (
            431,
            b"GET /socket HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        ),
    ],
    ids=["header", "query", "endless", "websocket"],
)
def test_a_head_that_is_too_long_is_refused_and_marked(tmp_path: Path, status: int, head: bytes):
    with served(tmp_path) as service:
        answer = exchange(service.port, head)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert b'"environment":"PRODUCTION"' in answer
        assert b"x-prop-environment: PRODUCTION\r\n" in answer
        assert httpx.get(f"{service.url}/hello").status_code == 200
        assert httpx.post(f"{service.url}/hello", content=b"a" * 100_000).status_code == 405


async def test_an_answer_does_not_wait_for_the_clients_acknowledgement():
    """On asyncio's own loop, which leaves the option to the listener; uvloop sets it itself."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        options.append(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    options: list[int] = []
    with listen(make_settings(port=0)) as listener:
        async with await asyncio.start_server(answer, sock=listener):
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            await reader.read()
            writer.close()
    assert options == [1]


def test_what_is_not_http_is_refused_and_marked(tmp_path: Path):
    with served(tmp_path) as service:
        answer = exchange(service.port, b"\x16\x03\x01 not http\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"x-prop-binding: true\r\n" in answer


def exchange(port: int, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(sent)
        received = b""
        try:
            while chunk := connection.recv(65_536):
                received += chunk
        except ConnectionResetError:
            pass  # the rest of what was sent is not read
        return received


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_application_that_cannot_start_ends_the_service_with_one_sentence(tmp_path: Path, workers: str):
    with served(tmp_path, "failing", wait=False, PROP_WORKERS=workers) as service:
        assert service.process.wait(20) == 1
        text = service.log.read_text()
        assert "The database does not answer." in text
        assert "Traceback" not in text
