"""Does a full sandbox stay well? TENANTS join one, and each asks as fast as production's rate limit lets it.

    python -m tests.sandbox.bench.tenants_under_load [MINUTES [TENANTS]]

A started sandbox on its embedded database, with its default settings. Every tenant has an address of its own, one
connection and one request under way: mostly reads, once in a while an act. The first half of the time fills the
caches: of 20 minutes 10 are judged. Wanted: no answer but a good one, and in the end no more memory, of the service and
of the database each, than when all was warm (GROWTH times at most).
"""

import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, quantiles
from urllib.parse import urlsplit

import httpx
import orjson
import uvloop

from tests.sandbox.bench.tenants import Tenant, join, started_sandbox

PER_MINUTE, BURST = 600, 100  # production's defaults
ACT_EVERY = 200  # requests of one tenant
TOKEN_SECONDS = 480.0
LOOK_SECONDS = 5.0
WARM = 1 / 2  # of the time
GROWTH = 1.1
MIB = 2**20
READ = "{ viewer { kind permissions } operators(first: 10) { totalCount nodes { id operatorNumber name status } } }"
ACTS = [
    "mutation ($input: FreezeOperatorInput!) { act: freezeOperator(input: $input) { receipt { id } } }",
    "mutation ($input: UnfreezeOperatorInput!) { act: unfreezeOperator(input: $input) { receipt { id } } }",
]


@dataclass
class Load:
    milliseconds: list[float] = field(default_factory=list)
    acts: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    service: list[int] = field(default_factory=list)  # bytes resident, every LOOK_SECONDS
    database: list[int] = field(default_factory=list)


def bodies(tenant: Tenant) -> Iterator[tuple[bool, bytes]]:
    """What the tenant asks, one after another, and whether it is an act."""
    read, turn = orjson.dumps({"query": READ}), 0
    while True:
        for _ in range(ACT_EVERY - 1):
            yield False, read
        yield True, orjson.dumps({"query": ACTS[turn % 2], "variables": {"input": {"operatorId": tenant.clerk}}})
        turn += 1


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str, body: bytes) -> tuple[int, bytes]:
    """One request on a connection that stays open: its status and its answer."""
    head = f"POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    answered = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(answered.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return int(answered[9:12]), await reader.readexactly(length)


async def be(tenant: Tenant, load: Load, own: str, until: float) -> None:
    """One tenant, at the address `own`: never faster than its bucket of requests fills, and never two at once."""
    server = urlsplit(tenant.url)
    fresh, token, next_at, writer = 0.0, "", time.monotonic(), None
    for is_act, body in bodies(tenant):
        now = time.monotonic()
        if now >= until:
            break
        if now >= fresh:  # on a connection of its own afterwards: one that waits meanwhile is ended
            if writer is not None:
                writer.close()
            async with client_at(own) as client:
                token, fresh = await tenant.token(client), now + TOKEN_SECONDS
            reader, writer = await asyncio.open_connection(server.hostname, server.port, local_addr=(own, 0))
        next_at = max(next_at, now - (BURST - 1) * 60 / PER_MINUTE) + 60 / PER_MINUTE
        await asyncio.sleep(next_at - now)
        began = time.monotonic()
        status, answer = await ask(reader, writer, token, body)
        load.milliseconds.append((time.monotonic() - began) * 1000)
        said = orjson.loads(answer)
        if status != 200 or "errors" in said or (is_act and not (said["data"]["act"] or {}).get("receipt")):
            load.bad[f"{status} {answer[:200]!r}"] += 1
        load.acts += is_act
    if writer is not None:
        writer.close()


def client_at(own: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=60, transport=httpx.AsyncHTTPTransport(local_address=own))


def memory_of(pid: int) -> int:
    """Bytes resident of one process (Linux)."""
    own = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(own.split()[1]) * 1024


def children_of(pid: int) -> list[int]:
    """Every process that this one started, and that those started (Linux)."""
    own = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return own + [each for child in own for each in children_of(child)]


async def look(pid: int, load: Load) -> None:
    """What the service holds, and what its embedded database does: all that it started."""
    while True:
        load.service.append(memory_of(pid))
        load.database.append(sum(map(memory_of, children_of(pid))))
        if len(load.service) % 6 == 0:
            print(f"  after {len(load.service) * LOOK_SECONDS:4.0f} s, {len(load.milliseconds):6} answers:", end=" ")
            print(f"service {load.service[-1] / MIB:.0f} MiB, database {load.database[-1] / MIB:.0f} MiB", flush=True)
        await asyncio.sleep(LOOK_SECONDS)


async def run(url: str, pid: int, minutes: float, count: int) -> Load:
    load, tenants = Load(), {}
    for number in range(count):
        own = f"127.0.{1 + number // 250}.{1 + number % 250}"
        async with client_at(own) as client:
            tenants[own] = await join(url, client)
    print(f"{count} tenants have joined", flush=True)
    looking = asyncio.create_task(look(pid, load))
    until = time.monotonic() + minutes * 60
    await asyncio.gather(*(be(tenant, load, own, until) for own, tenant in tenants.items()))
    looking.cancel()
    return load


def growth_of(memory: list[int]) -> tuple[float, float]:
    """MiB when all was warm, and in the end: a minute's mean each."""
    warm = memory[int(len(memory) * WARM) :][:12]
    return mean(warm) / MIB, mean(memory[-12:]) / MIB


def main(minutes: float = 20, count: int = 100) -> int:
    with (
        tempfile.TemporaryDirectory() as directory,
        started_sandbox(Path(directory) / "data") as (url, pid),
    ):
        load = uvloop.run(run(url, pid, minutes, count))
    cuts = quantiles(load.milliseconds, n=100)
    grown = [growth_of(memory) for memory in (load.service, load.database)]
    answers = len(load.milliseconds)
    print(f"{answers} answers in {minutes:g} min, {answers / minutes / 60:.0f}/s, {load.acts} of them to acts")
    print(f"milliseconds: median {cuts[49]:.1f}, p95 {cuts[94]:.1f}, p99 {cuts[98]:.1f}")
    for what, (warm, end) in zip(("service", "database"), grown, strict=True):
        print(
            f"memory of the {what}: warm {warm:.0f} MiB, in the end {end:.0f} MiB: {end / warm:.2f} (wanted: {GROWTH})"
        )
    print(f"answers that are not good: {load.bad.total()}")
    for what, times in load.bad.most_common(5):
        print(f"  {times} x {what}")
    return 1 if load.bad or any(end > warm * GROWTH for warm, end in grown) else 0


if __name__ == "__main__":
    given = sys.argv[1:]
    raise SystemExit(main(*(float(each) for each in given[:1]), *(int(each) for each in given[1:2])))
