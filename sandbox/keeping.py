"""Personas as they are described for as long as the sandbox runs, not only when it starts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from sandbox.certifying import Certifying
from sandbox.credentials import Credentials, personas_directory
from sandbox.locks import DirectoryInUse, hold_directory
from sandbox.seeding import Seeding
from service.bootstrap import Services
from service.jobs import repeat

KEEP_SECONDS = 3600.0  # the shortest-lived certificate has three days left


async def ensure_personas(services: Services, data_dir: Path) -> None:
    """All personas, unless another process of this directory is at it, or there is no authority to certify them."""
    if services.authority is None:
        return
    certifying = Certifying(services, services.authority, Credentials(personas_directory(data_dir)))
    with suppress(DirectoryInUse), hold_directory(data_dir):
        await Seeding(services, certifying).run()


@asynccontextmanager
async def keeping_personas(services: Services, data_dir: Path, every: float = KEEP_SECONDS) -> AsyncIterator[None]:
    """Look after them every so many seconds; the start has just done it."""

    async def keep() -> None:
        await asyncio.sleep(every)
        await repeat(lambda: ensure_personas(services, data_dir), every)

    task = asyncio.create_task(keep(), name="personas")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
