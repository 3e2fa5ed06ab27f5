"""Fixtures that any test may ask for. Sockets are shut, except to this machine for tests that are marked for it."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from service.storage.database import Database
from service.world import PRODUCTION, World
from tests.databases import drop_databases, drop_idle, open_server, open_wire_database, renamed

# A machine that does other things too makes any example slow once in a while: time is for the tests that measure it.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

NEEDS_SOCKETS = ("process", "browser", "wire")  # what takes longest first


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long begin first: none is left at the end, when there is nothing to run beside it."""
    ranks: dict[Path, int] = {}
    for item in items:
        rank = next((each for each, name in enumerate(NEEDS_SOCKETS) if item.get_closest_marker(name)), None)
        if rank is not None:
            item.add_marker(pytest.mark.allow_hosts(["127.0.0.1", "::1", "localhost"]))
            ranks[item.path] = min(rank, ranks.get(item.path, rank))
    items.sort(key=lambda item: ranks.get(item.path, len(NEEDS_SOCKETS)))


@pytest.fixture(scope="session")
def wire_uri() -> Iterator[str]:
    """A server that speaks MongoDB's protocol: TEST_MONGO_URI, or a process of its own for this run."""
    given = os.environ.get("TEST_MONGO_URI")
    if given:
        yield given
        drop_idle(given)
        return
    pytest.importorskip("secantus", reason="no TEST_MONGO_URI, and the extra [embedded] is not installed")
    with open_server() as server:
        yield server.uri


@pytest.fixture
def doomed_uri(wire_uri: str) -> Iterator[str]:
    """For tests that kill their clients: a server whose abandoned transactions end soon, and are in no other's way."""
    if os.environ.get("TEST_MONGO_URI"):
        yield wire_uri
        return
    with open_server(impatient=True) as server:
        yield server.uri


@pytest.fixture
def wire_world(wire_uri: str) -> Iterator[World]:
    """Production under a database name of its own; whatever a test puts there is dropped."""
    world = renamed(PRODUCTION)
    yield world
    drop_databases(wire_uri, world)


@pytest.fixture
async def wire_database(wire_uri: str) -> AsyncIterator[Database]:
    """All collections of the service, initialised, on a real server, under a database name of their own."""
    async with open_wire_database(wire_uri) as database:
        yield database
