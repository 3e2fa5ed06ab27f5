"""Personas as they are described for as long as the sandbox runs, not only when it starts."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from sandbox.locks import DirectoryInUse, hold_directory
from sandbox.personas.certifying import Certifying
from sandbox.personas.credentials import Credentials, personas_directory
from sandbox.personas.first_states import FirstStates
from sandbox.personas.people import INSTITUTIONS, Institution
from sandbox.personas.seeding import Seeding
from service.background import Jobs, repeat
from service.bootstrap import Services
from service.errors import Unavailable

KEEP_SECONDS = 3600.0  # the shortest-lived certificate has three days left


async def ensure_personas(
    services: Services, data_dir: Path, institutions: Sequence[Institution] = INSTITUTIONS
) -> None:
    """All personas of these, unless another process of this directory is at it, or there is no authority to certify
    them. How each institution is when all is well is kept, once: `reset_personas` returns to that."""
    seeding = _seeding(services, data_dir)
    if seeding is None:
        return
    with suppress(DirectoryInUse), hold_directory(data_dir):
        await seeding.run(institutions)
        if len(institutions) == len(INSTITUTIONS):
            await FirstStates(services).keep()


async def reset_personas(services: Services, data_dir: Path) -> int:
    """All personas as they were when they were made; answers how many objects were put back.

    Raises Unavailable while another process is at them, or without an authority.
    """
    seeding = _seeding(services, data_dir)
    if seeding is None:
        raise Unavailable("This sandbox has no authority to certify personas with.")
    try:
        with hold_directory(data_dir):
            objects = await FirstStates(services).put_back()
            await seeding.mend_staff()
            await seeding.run()
            return objects
    except DirectoryInUse:
        raise Unavailable("Another one resets the personas just now.", retryAfter=5) from None


def _seeding(services: Services, data_dir: Path) -> Seeding | None:
    if services.authority is None:
        return None
    credentials = Credentials(personas_directory(data_dir))
    return Seeding(services, Certifying(services, services.authority, credentials))


@asynccontextmanager
async def keeping_personas(
    jobs: Jobs, services: Services, data_dir: Path, every: float = KEEP_SECONDS
) -> AsyncIterator[None]:
    """Look after them every so many seconds; the start has just done it."""

    async def keep() -> None:
        await asyncio.sleep(every)
        await repeat(lambda: ensure_personas(services, data_dir), every)

    async with jobs.running({"personas": keep()}):
        yield
