"""Requests a second of one small query, caches warm: this service beside stock strawberry on the same schema.

Each application runs in a process of its own under uvicorn (uvloop, httptools, no access log); one client process asks
all of them in turn, ROUNDS times over, so that whatever else the machine does falls on all alike. The median counts.
"""

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import cast

import orjson
import uvloop

QUERY = "query World { viewer { environment binding notice kind } platform { name version environment binding } }"
CONNECTIONS = 16
SECONDS = 1.0
ROUNDS = 5
WANTED = 8.0

APPLICATIONS = {
    "stock, limits, caches as documented": "stock",
    "stock, limits": "stock_uncached",
    "stock, nothing": "stock_bare",
    "this service": "ours",
}


@dataclass
class Served:
    port: int
    pid: int
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def processor_seconds(pid: int) -> float:
    """Seconds of processor that a process has had (Linux)."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:  # noqa: PTH123 - not a file of ours
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serve(factory: str) -> Iterator[Served]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--factory", f"tests.bench.served:{factory}", "--port", str(port)]
    command += ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "error"]
    process = subprocess.Popen(command)
    try:
        _await_port(port, process)
        yield Served(port, process.pid)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _await_port(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the application did not start")


class Asking(asyncio.Protocol):
    """One connection that asks again as soon as it is answered, and checks every answer."""

    def __init__(self, until: float) -> None:
        body = orjson.dumps({"query": QUERY})
        lines = ("POST /graphql HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {len(body)}")
        self.request = "\r\n".join([*lines, "", ""]).encode() + body
        self.until = until
        self.answers = 0
        self.pending = b""
        self.done: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.WriteTransport", transport)  # uvloop's is of no common class
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.pending += data
        headers, end, answer = self.pending.partition(b"\r\n\r\n")
        if not end or len(answer) < int(headers.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            return
        if not headers.startswith(b"HTTP/1.1 200") or b'"platform":{"name"' not in answer or b'"errors"' in answer:
            self.done.set_exception(RuntimeError(f"not a good answer: {answer!r}"))
            return
        self.pending = b""
        self.answers += 1
        if time.perf_counter() < self.until:
            self.transport.write(self.request)
        else:
            self.done.set_result(self.answers)
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or RuntimeError("the connection was closed"))


async def ask(port: int, until: float) -> int:
    """Answers that one connection got until a moment. Raises on any answer that is not a good one."""
    _, asking = await asyncio.get_running_loop().create_connection(lambda: Asking(until), "127.0.0.1", port)
    return await asyncio.wait_for(asking.done, SECONDS + 10)


async def measure(served: Served, seconds: float) -> None:
    began, used = time.perf_counter(), processor_seconds(served.pid)
    answers = sum(await asyncio.gather(*(ask(served.port, began + seconds) for _ in range(CONNECTIONS))))
    served.rates.append(answers / (time.perf_counter() - began))
    served.cpu.append((processor_seconds(served.pid) - used) / answers * 1_000)


def main() -> int:
    with ExitStack() as stack:
        running = {name: stack.enter_context(serve(factory)) for name, factory in APPLICATIONS.items()}
        for served in running.values():
            uvloop.run(measure(served, 0.5))  # warms every cache
            served.rates.clear()
            served.cpu.clear()
        for _ in range(ROUNDS):
            for served in running.values():
                uvloop.run(measure(served, SECONDS))
    rates = {name: statistics.median(served.rates) for name, served in running.items()}
    ours = rates["this service"]
    print(f"{CONNECTIONS} connections, {ROUNDS} x {SECONDS:g} s each, median:")
    for name, served in running.items():
        print(f"  {name:36} {rates[name]:7.0f} requests/s {statistics.median(served.cpu):6.2f} ms CPU each", end="")
        print("" if name == "this service" else f"   {ours / rates[name]:5.1f} x")
    ratio = ours / rates["stock, limits, caches as documented"]
    print(f"ratio to stock with the same limits: {ratio:.1f} (wanted: {WANTED:g})")
    return 0 if ratio >= WANTED else 1


if __name__ == "__main__":
    raise SystemExit(main())
