"""A sandbox from nothing to serving: its database, what belongs into it, and the server, in one process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

from pydantic import SecretStr

from sandbox.embedded import open_embedded
from sandbox.logins import address_file, log_in
from sandbox.personas.credentials import Credentials, personas_directory
from sandbox.personas.editions import Editions
from sandbox.personas.keeping import ensure_personas
from sandbox.personas.people import STALE_INSTITUTIONS
from sandbox.scenarios.faults import BEGINNING
from sandbox.settings import SandboxSettings
from sandbox.storage.clocks import ClockStore
from sandbox.storage.collections import SANDBOX_COLLECTIONS
from sandbox.storage.faults import FaultStore
from sandbox.storage.foreign_data import reading_kept_data
from sandbox.world import SANDBOX
from service.assertions import AssertionRefused
from service.bootstrap import Services, names_in, open_services
from service.clock import SystemClock
from service.server import ServerConfig, address_of, event_loop_factory, listen, run, serve
from service.storage.init import init_database

APPLICATION = "sandbox.app:application"
FIRST = "broker-admin"
Announce = Callable[[str, str | None], None]
"""Given the address, and a token of FIRST if that one may come in."""


def embedded_directory(settings: SandboxSettings) -> Path:
    return settings.data_dir / "database"


def serve_sandbox(settings: SandboxSettings, announce: Announce) -> int:
    """Serve until a signal ends it; the exit status. `announce` is called once it answers.

    Raises what a start may fail of: CannotListen, EmbeddedMissing, DirectoryInUse, ForeignData, ServiceError, Refused.
    """
    if settings.workers > 1:
        asyncio.run(prepare(settings))
        return run(settings, SANDBOX, APPLICATION)
    with asyncio.Runner(loop_factory=event_loop_factory()) as runner:
        return runner.run(_serve(settings, announce))


async def _serve(settings: SandboxSettings, announce: Announce) -> int:
    with listen(settings) as listener:  # first, so that a port that is taken costs no start of a database
        address = address_of(listener)
        async with _database(settings) as uri:
            changes: dict[str, object] = {"mongo_uri": SecretStr(uri)}
            if settings.port == 0:
                changes["public_url"] = address
            settings = settings.model_copy(update=changes)
            token = await prepare(settings)
            with address_file(settings.data_dir, address):
                config = ServerConfig(settings, SANDBOX, APPLICATION)
                return await serve(config, listener, lambda: announce(address, token))


def _database(settings: SandboxSettings) -> AbstractAsyncContextManager[str]:
    return open_embedded(embedded_directory(settings)) if settings.embedded else _given(settings)


@asynccontextmanager
async def _given(settings: SandboxSettings) -> AsyncIterator[str]:
    yield settings.mongo_uri.get_secret_value()


async def prepare(settings: SandboxSettings) -> str | None:
    """The collections as declared, two editions of the agreement, and the personas: a token of the one that is FIRST.

    Whoever is there to be behind with the agreement is opened under the former edition, before the newest is published.
    The second time there is little to do. Raises ForeignData.
    """
    with reading_kept_data():
        await init_database(
            settings.mongo_uri.get_secret_value(),
            SANDBOX,
            SANDBOX_COLLECTIONS,
            names=names_in(settings),
            server_selection_ms=settings.server_selection_ms,
        )
        async with open_services(settings, SANDBOX, SystemClock()) as services:
            await _ensure_readable(services)
            editions = Editions(services, settings.agreement)
            if await editions.ensure_former():
                await ensure_personas(services, settings.data_dir, STALE_INSTITUTIONS)
            await editions.ensure_newest()
            await ensure_personas(services, settings.data_dir)
            return await _first_token(services, Credentials(personas_directory(settings.data_dir)))


async def _ensure_readable(services: Services) -> None:
    """What every process reads of all tenants as it begins to serve, where a failure is told in the log alone."""
    await ClockStore(services.database).moved_since(BEGINNING)
    await FaultStore(services.database).set_since(BEGINNING)


async def _first_token(services: Services, credentials: Credentials) -> str | None:
    """None where whoever tried the persona has ended its access."""
    with suppress(AssertionRefused):
        credential = credentials.find(FIRST)
        return (await log_in(services, credential)).token if credential else None
    return None
