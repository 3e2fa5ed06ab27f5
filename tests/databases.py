"""Databases for tests: in process for reads, a server for everything else, and a second world to cross to."""

import dataclasses
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pymongo
from mongomock_motor import AsyncMongoMockClient
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pymongo.monitoring import CommandListener

from service.storage.collections import ALL_COLLECTIONS, WORLD
from service.storage.database import Collection, Database, Names, open_database
from service.storage.init import init_database
from service.world import PRODUCTION, Neighbour, World

NEIGHBOUR = dataclasses.replace(
    PRODUCTION,
    environment=PRODUCTION.neighbour.environment,
    binding=False,
    notice="Nothing here binds.",
    id_prefix=PRODUCTION.neighbour.id_prefix,
    variables=PRODUCTION.neighbour.variables,
    database=PRODUCTION.neighbour.database,
    organization="NEIGHBOUR - NOT BINDING",
    policy_oid=PRODUCTION.neighbour.policy_oid,
    log_origin="neighbour.test/evidence",
    neighbour=Neighbour(
        environment=PRODUCTION.environment,
        id_prefix=PRODUCTION.id_prefix,
        variables=PRODUCTION.variables,
        database=PRODUCTION.database,
        policy_oid=PRODUCTION.policy_oid,
    ),
)
"""A world made up for tests that cross between worlds: they must run without the sandbox too."""


def make_database(world: World = PRODUCTION) -> Database:
    """An in-process stand-in for reads. It has no transactions, no validators, no change streams."""
    return Database(AsyncMongoMockClient(tz_aware=True), world)


def renamed(world: World) -> World:
    """`world` with a database name of its own, so that tests side by side on one server do not meet."""
    return dataclasses.replace(world, database=f"{world.name}_{uuid.uuid4().hex[:12]}")


_idle: defaultdict[tuple[str, str], list[World]] = defaultdict(list)
"""Worlds whose databases are initialised and empty, by the address of the server and the world's own name."""


@asynccontextmanager
async def open_world(
    uri: str, world: World = PRODUCTION, collections: Sequence[Collection] = ALL_COLLECTIONS
) -> AsyncIterator[World]:
    """`world` under a name of its own, its databases initialised and empty.

    What a test leaves in them is removed and they serve the next: to make them anew takes longer than most tests do.
    """
    idle = _idle[uri, world.name]
    if idle:
        own = idle.pop()
    else:
        own = renamed(world)
        await init_database(uri, own, collections)
    try:
        yield own
    finally:
        if _emptied(uri, own, collections):
            idle.append(own)
        else:
            drop_databases(uri, own)


def _emptied(uri: str, world: World, collections: Sequence[Collection]) -> bool:
    """False where that does not go, or collections came or went: such databases serve nobody again."""
    names = Names.of(world)
    declared = {(names.holding(each), each.name) for each in collections}
    with suppress(PyMongoError), raw_client(uri) as client, pymongo.timeout(10):
        found = {(name, each) for name in names for each in client[name].list_collection_names()}
        if found == declared | {(name, WORLD.name) for name in names}:
            for name, collection in declared:
                client[name][collection].delete_many({})
            return True
    return False


def drop_idle(uri: str) -> None:
    """Before a server goes, or is left: no name of it may be taken for one of the next on its port."""
    for key in [each for each in _idle if each[0] == uri]:
        drop_databases(uri, *_idle.pop(key))


@asynccontextmanager
async def open_wire_database(
    uri: str, world: World = PRODUCTION, *, listeners: Sequence[CommandListener] = ()
) -> AsyncIterator[Database]:
    """The databases of `open_world`, opened; `database.world` says under which name."""
    async with open_world(uri, world) as own, open_database(uri, own, listeners=listeners) as database:
        yield database


def drop_databases(uri: str, *worlds: World) -> None:
    """Drops them within 10 s, or leaves them: a killed client's transaction may hold them."""
    with raw_client(uri) as client, suppress(PyMongoError), pymongo.timeout(10):
        for world in worlds:
            client.drop_database(world.database)
            client.drop_database(world.evidence_database)


def raw_client(uri: str) -> MongoClient[dict[str, object]]:
    """The bare driver: whoever has it goes past every rule of the service."""
    return MongoClient(uri, serverSelectionTimeoutMS=5_000, tz_aware=True)


# The same server, except that it ends the transaction of a client that was killed after seconds, not after a minute.
IMPATIENT = """
import functools, secantus.cli as cli
cli.SecantusDBServer = functools.partial(cli.SecantusDBServer, transaction_lifetime_seconds=5)
cli.main()
"""


@dataclass
class Server:
    """A MongoDB-protocol server in a process of its own that a test may stop, kill and start again on its port."""

    directory: str
    impatient: bool = False
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def uri(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.port = self.port or free_port()
        program = ["-c", IMPATIENT] if self.impatient else ["-m", "secantus"]
        command = [sys.executable, *program, "--host", "127.0.0.1", "--port", str(self.port)]
        durable = [] if self.directory == ":memory:" else ["--sync-on-commit"]
        self.process = subprocess.Popen(
            [*command, "--storage-path", self.directory, "--log-level", "ERROR", *durable],
            cwd=None if self.directory == ":memory:" else Path(self.directory).parent,
            stdin=subprocess.DEVNULL,
        )
        self._await_port(deadline=time.monotonic() + 20)

    def _await_port(self, deadline: float) -> None:
        assert self.process is not None
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"the database server ended with {self.process.returncode}"
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        self.stop(signal.SIGKILL)
        raise AssertionError("the database server did not come up in 20 s")

    def pause(self) -> None:
        """It answers nothing from now on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)

    def resume(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            os.kill(self.process.pid, how)
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:  # busy with what a killed client left open
                self.process.kill()
                self.process.wait(timeout=20)
            self.process = None


@contextmanager
def open_server(directory: str = ":memory:", *, impatient: bool = False) -> Iterator[Server]:
    server = Server(directory, impatient)
    server.start()
    try:
        yield server
    finally:
        drop_idle(server.uri)
        server.stop(signal.SIGTERM)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
