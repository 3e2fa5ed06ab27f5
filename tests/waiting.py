"""Waiting in tests for what another task or process does, and no longer than it may take."""

import asyncio
import time
from collections.abc import Awaitable, Callable


async def until(holds: Callable[[], bool | Awaitable[bool]], seconds: float = 20) -> None:
    """Raises AssertionError if it does not hold in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = holds()
        if found if isinstance(found, bool) else await found:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"what was waited for did not come in {seconds:g} s")
