"""A process that reminds, over and over, of what is due at one moment: `python -m tests.service.reminding ...`."""

import asyncio
import dataclasses
import sys
from contextlib import suppress
from datetime import datetime

from service.errors import ServiceError
from service.storage.database import open_database
from service.world import PRODUCTION
from tests.service.certifying import Certifying


async def remind(uri: str, database: str, moment: str) -> None:
    world = dataclasses.replace(PRODUCTION, database=database)
    async with open_database(uri, world) as opened:
        desk = Certifying(opened)
        desk.clock.time = datetime.fromisoformat(moment)
        print("ready", flush=True)
        while True:
            with suppress(ServiceError):  # as the service's job does, which tries again
                await desk.reminders.remind_due()


if __name__ == "__main__":
    asyncio.run(remind(*sys.argv[1:4]))
