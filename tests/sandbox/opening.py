"""A sandbox on a database of its own, and tenants in it, for tests that need no process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.bootstrap import Ground, Sandbox
from sandbox.clock import TenantClock
from sandbox.personas.credentials import request_of
from sandbox.serving import prepare
from sandbox.settings import SandboxSettings, read_sandbox_settings
from sandbox.tenants.joining import Joined, parse_join
from sandbox.world import SANDBOX
from service.bootstrap import open_services
from tests.databases import drop_databases, renamed


@asynccontextmanager
async def prepared_settings(uri: str, directory: Path, **more: str) -> AsyncIterator[SandboxSettings]:
    """Settings of a sandbox that has been prepared as its start does it, under database names of its own."""
    names = renamed(SANDBOX)
    environ = {
        "SANDBOX_MONGO_URI": uri,
        "SANDBOX_DATA_DIR": str(directory),
        "SANDBOX_DATABASE": names.database,
        "SANDBOX_EVIDENCE_DATABASE": names.evidence_database,
    }
    settings = read_sandbox_settings(environ | more)
    await prepare(settings)
    try:
        yield settings
    finally:
        drop_databases(uri, names)


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
