"""Reset and restore of a tenant with 10 000 objects, beside a plain bulk insert of the same documents in the same run.

    python -m tests.sandbox.bench.resets

Over TEST_MONGO_URI, or a SecantusDB of its own in memory. Goal: 5 s for each. On a machine that does other things too
the ratio says more than the seconds.
"""

import asyncio
import os
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

from sandbox.bootstrap import Sandbox
from sandbox.tenants.joining import Joined
from sandbox.tenants.snapshots import JOINED
from service.storage.operators import OPERATORS
from service.storage.tasks import TASKS
from service.storage.usage import PERMISSION_USE
from tests.databases import open_server
from tests.sandbox.opening import join, opened_sandbox, prepared_settings
from tests.sandbox.tenants.test_snapshots import bytes_of, fill, restore, take

GOAL = 5.0
OBJECTS = 10_000
FILLED = (OPERATORS, PERMISSION_USE, TASKS)


async def restored(sandbox: Sandbox, joined: Joined, name: str, wanted: dict[str, list[bytes]]) -> float:
    """The seconds; the bytes must be those that were there."""
    begun = time.perf_counter()
    await restore(sandbox, joined, name)
    seconds = time.perf_counter() - begun
    assert await bytes_of(sandbox, joined) == wanted, f"{name}: other bytes came back"
    return seconds


async def main(uri: str) -> bool:
    with tempfile.TemporaryDirectory() as directory:
        async with prepared_settings(uri, Path(directory)) as settings, opened_sandbox(settings) as sandbox:
            joined = await join(sandbox)
            small = await bytes_of(sandbox, joined)
            begun = time.perf_counter()
            await fill(sandbox, joined, OBJECTS)
            plain = time.perf_counter() - begun
            large = await bytes_of(sandbox, joined)
            begun = time.perf_counter()
            await take(sandbox, joined, "large")
            found = {"snapshot taken": time.perf_counter() - begun}
            found["reset, all to be removed"] = await restored(sandbox, joined, JOINED, small)
            found["restore, all to be put back"] = await restored(sandbox, joined, "large", large)
            for declared in FILLED:
                change = {"$set": {"version": 2}} if declared is not PERMISSION_USE else {"$set": {"times": 2}}
                await sandbox.database.collection(declared).update_many({}, change)
            found["restore, all of it damaged"] = await restored(sandbox, joined, "large", large)
    print(f"10 000 objects; a plain bulk insert of them takes {plain:.1f} s")
    for name, seconds in found.items():
        print(f"{name:28} {seconds:5.1f} s   {seconds / plain:4.1f} times the plain insert")
    return found["reset, all to be removed"] <= GOAL


if __name__ == "__main__":
    given = os.environ.get("TEST_MONGO_URI")
    with nullcontext() if given else open_server() as server:
        sys.exit(not asyncio.run(main(given or server.uri)))
