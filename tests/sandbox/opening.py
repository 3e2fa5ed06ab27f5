"""A sandbox on a database of its own, and tenants in it, for tests that need no process."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.bootstrap import Ground, Sandbox
from sandbox.clock import TenantClock
from sandbox.personas.credentials import request_of
from sandbox.serving import prepare
from sandbox.settings import SandboxSettings, read_sandbox_settings
from sandbox.storage.collections import SANDBOX_COLLECTIONS
from sandbox.tenants.joining import Joined, parse_join
from sandbox.world import SANDBOX
from service.bootstrap import open_services
from service.storage.collections import WORLD
from service.world import World
from tests.databases import open_world, raw_client


@dataclass(frozen=True)
class Prepared:
    """What the first start of a sandbox leaves: files, and documents by database and collection."""

    directory: tempfile.TemporaryDirectory[str]
    documents: dict[tuple[str, str], list[dict[str, object]]]

    def copy_to(self, uri: str, directory: Path, names: World) -> None:
        shutil.copytree(self.directory.name, directory, dirs_exist_ok=True)
        with raw_client(uri) as client:
            for (place, collection), documents in self.documents.items():
                client[getattr(names, place)][collection].insert_many(documents)


_prepared: list[Prepared] = []  # at most one: all sandboxes of a test run begin alike


@asynccontextmanager
async def prepared_settings(uri: str, directory: Path, **more: str) -> AsyncIterator[SandboxSettings]:
    """Settings of a sandbox that has been prepared as its start does it, under database names of its own.

    The first of a test run starts from nothing; the others from a copy of what that one left, as a second start does.
    """
    if not _prepared:
        _prepared.append(await _prepare_first(uri))
    async with open_world(uri, SANDBOX, SANDBOX_COLLECTIONS) as names:
        _prepared[0].copy_to(uri, directory, names)
        settings = read_sandbox_settings(_environ(uri, directory, names) | more)
        await prepare(settings)
        yield settings


async def _prepare_first(uri: str) -> Prepared:
    directory, documents = tempfile.TemporaryDirectory(), {}
    async with open_world(uri, SANDBOX, SANDBOX_COLLECTIONS) as names:
        await prepare(read_sandbox_settings(_environ(uri, Path(directory.name), names)))
        with raw_client(uri) as client:
            for place in ("database", "evidence_database"):
                database = client[getattr(names, place)]
                kept = {(place, each): list(database[each].find()) for each in database.list_collection_names()}
                documents |= {key: found for key, found in kept.items() if found and key[1] != WORLD.name}
    return Prepared(directory, documents)


def _environ(uri: str, directory: Path, names: World) -> dict[str, str]:
    return {
        "SANDBOX_MONGO_URI": uri,
        "SANDBOX_DATA_DIR": str(directory),
        "SANDBOX_DATABASE": names.database,
        "SANDBOX_EVIDENCE_DATABASE": names.evidence_database,
    }


@asynccontextmanager
async def opened_sandbox(settings: SandboxSettings) -> AsyncIterator[Sandbox]:
    """One process's worth of a sandbox, with all that it does besides answering."""
    clock = TenantClock()
    ground = Ground(settings, clock)
    async with open_services(settings, SANDBOX, clock) as services, ground.open(services):
        yield ground.sandbox


def key_request() -> str:
    return request_of(ec.generate_private_key(ec.SECP256R1()))


def administrator(**more: object) -> dict[str, object]:
    return {"operators": [{"role": "ADMINISTRATOR", "login": key_request(), "seal": key_request()}], **more}


async def join(sandbox: Sandbox, address: str = "192.0.2.1", **more: object) -> Joined:
    return await sandbox.joining.join(parse_join(administrator(**more)), address)


async def leave_unused(sandbox: Sandbox, joined: Joined, since: datetime) -> None:
    """As if nobody had used the tenant since then."""
    await sandbox.tenants.collection.update_one({"_id": joined.tenant.id}, {"$set": {"lastUsedAt": since}})
