"""A small query while a revocation list of 100 000 entries is made again and again: its p99, beside that of before.

    python -m tests.bench.list_rebuild [ENTRIES]

`prop serve` with one worker, over a database server of its own, is asked at a steady rate by this process, which also
fetches the list twice a second. In one round nothing is revoked; in the next something is, ever again, so that a list
is begun as soon as the last is out; and so on in turn, so that a noisy machine is noisy for both. Fails if the median
of the rounds' p99 is more than twice as high while lists are made.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

import httpx
from cryptography import x509

from service.authority import LIST_PATH
from service.ceremony import Minutes, hold_ceremony
from service.pki.parsing import format_serial, read_certificate
from service.pki.revocation_lists import Revocation, encode_entry
from service.storage.database import Database, open_database
from service.storage.init import init_database
from service.storage.revocations import REVOCATION_LISTS, REVOCATIONS, RevocationStore
from service.world import PRODUCTION, World
from tests.databases import free_port, open_server, renamed
from tests.settings import GOOD
from tests.waiting import until

ENTRIES = 100_000
ROUNDS = 7
SECONDS = 2.0
EACH_SECOND = 150  # requests
LISTS_EACH_SECOND = 2
WANTED = 2.0
QUERY = {"query": "{ viewer { kind environment } platform { name version } }"}
PASSPHRASE = b"of a bench"


@dataclass
class Desk:
    """Where revocations come from: another process than the one that serves."""

    database: Database
    issuer: str
    at: datetime
    sequence: int = 0

    async def revoke(self, count: int) -> None:
        """So many more entries, as the certificates' own transactions would leave them."""
        marks = {"environment": self.database.world.environment.value, "binding": self.database.world.binding}
        entries = []
        for number in range(self.sequence + 1, self.sequence + count + 1):
            serial = (1 << 127) + number
            entry = encode_entry(Revocation(serial, self.at, x509.ReasonFlags.superseded))
            fields = {"issuer": self.issuer, "serialNumber": format_serial(serial), "entry": entry}
            dated = {"notAfter": self.at + timedelta(days=300), "sequence": number}
            entries.append({"_id": f"{self.issuer}/{number}", **fields, **dated, **marks})
        await self.database.collection(REVOCATIONS).insert_many(entries)
        self.sequence += count
        change = {"$set": {"sequence": self.sequence}}
        await self.database.collection(REVOCATION_LISTS).update_one({"_id": self.issuer}, change)


@dataclass
class Asked:
    """How long answers took, in ms."""

    latencies: list[float] = field(default_factory=list)

    @property
    def p50(self) -> float:
        return median(self.latencies)

    @property
    def p99(self) -> float:
        return quantiles(self.latencies, n=100)[98]


async def ask(client: httpx.AsyncClient, asked: Asked) -> None:
    began = time.perf_counter()
    answer = await client.post("/graphql", json=QUERY)
    asked.latencies.append((time.perf_counter() - began) * 1_000)
    assert "errors" not in answer.json(), answer.text


async def ask_for(client: httpx.AsyncClient, seconds: float) -> Asked:
    """At a steady rate, whether answers come or not: who waits behind a slow one is slow too."""
    asked, began = Asked(), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(int(seconds * EACH_SECOND)):
            await asyncio.sleep(began + number / EACH_SECOND - time.perf_counter())
            group.create_task(ask(client, asked))
            if number % (EACH_SECOND // LISTS_EACH_SECOND) == 0:
                group.create_task(fetch(client))
    return asked


async def fetch(client: httpx.AsyncClient) -> bytes:
    return (await client.get(LIST_PATH)).content


async def newest(client: httpx.AsyncClient) -> tuple[int, int]:
    """The number of the list that is served, and how many it names; nothing before the first."""
    try:
        served = x509.load_der_x509_crl(await fetch(client))
    except (ValueError, httpx.TransportError):
        return 0, 0
    return served.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number, len(served)


async def keep_revoking(desk: Desk) -> None:
    while True:
        await desk.revoke(1)
        await asyncio.sleep(0.1)


async def measure(desk: Desk, client: httpx.AsyncClient) -> tuple[list[Asked], list[Asked], int]:
    """Each round of both kinds, in turn, and how many lists were made in those of the second."""

    async def all_named() -> bool:
        return (await newest(client))[1] >= desk.sequence

    before, during, made = [], [], 0
    await until(all_named, 120)
    await ask_for(client, SECONDS)  # warms what is cached
    for _ in range(ROUNDS):
        before.append(await ask_for(client, SECONDS))
        first, _ = await newest(client)
        revoking = asyncio.create_task(keep_revoking(desk))
        during.append(await ask_for(client, SECONDS))
        revoking.cancel()
        await asyncio.wait({revoking})
        await until(all_named)
        made += (await newest(client))[0] - first
    return before, during, made


@contextmanager
def serve(uri: str, world: World, minutes: Minutes) -> Iterator[str]:
    """`prop serve` in a process of its own; its address."""
    port, made = free_port(), minutes.directory
    settings = GOOD | {
        "PROP_MONGO_URI": uri,
        "PROP_DATABASE": world.database,
        "PROP_EVIDENCE_DATABASE": world.evidence_database,
        "PROP_PORT": str(port),
        "PROP_WORKERS": "1",
        "PROP_LOG_LEVEL": "error",
        "PROP_RATE_PER_MINUTE": "1000000",
        "PROP_RATE_BURST": "1000000",
        "PROP_ISSUING_CERTIFICATE_FILE": str(made / "issuing.crt.pem"),
        "PROP_ISSUING_KEY_FILE": str(made / "issuing.key.pem"),
        "PROP_ISSUING_KEY_PASSPHRASE": PASSPHRASE.decode(),
        "PROP_ROOT_CERTIFICATES_FILE": str(made / "root.crt.pem"),
        "PROP_ROOT_FINGERPRINTS": minutes.root_fingerprint,
    }
    process = subprocess.Popen([sys.executable, "-m", "service", "serve"], env=os.environ | settings)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


async def run(uri: str, directory: Path, entries: int) -> int:
    world, at = renamed(PRODUCTION), datetime.now(UTC).replace(microsecond=0)
    given = {"root_passphrase": PASSPHRASE, "issuing_passphrase": PASSPHRASE, "base_url": "http://127.0.0.1"}
    minutes = hold_ceremony(world, directory / "authority", at=at - timedelta(days=1), **given)
    issuing = x509.load_pem_x509_certificate((minutes.directory / "issuing.crt.pem").read_bytes())
    await init_database(uri, world)
    async with open_database(uri, world) as database:
        desk = Desk(database, read_certificate(issuing).subject, at)
        await RevocationStore(database).found(desk.issuer)
        for _ in range(entries // 1_000):
            await desk.revoke(1_000)
        with serve(uri, world, minutes) as address:
            async with httpx.AsyncClient(base_url=address, timeout=60) as client:
                before, during, made = await measure(desk, client)
    ratio = median(each.p99 for each in during) / median(each.p99 for each in before)
    print(f"{entries} entries, {EACH_SECOND} requests/s, {ROUNDS} rounds of {SECONDS:g} s each, medians:")
    for what, asked in (("nothing is revoked", before), (f"{made} lists are made", during)):
        print(f"  {what:20} p50 {median(each.p50 for each in asked):6.2f} ms", end="")
        print(f"   p99 {median(each.p99 for each in asked):6.2f} ms")
    print(f"ratio of the p99: {ratio:.2f} (wanted: at most {WANTED:g})")
    return 0 if made and ratio <= WANTED else 1


def main() -> int:
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES
    with open_server() as server, TemporaryDirectory() as directory:
        return asyncio.run(run(server.uri, Path(directory), entries))


if __name__ == "__main__":
    raise SystemExit(main())
