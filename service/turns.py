"""Turns: work that each caller may have done one piece at a time, and all callers together a few."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class Turns:
    """First come, first served, within a caller and among callers. Belongs to the event loop in which it is used."""

    def __init__(self, most: int) -> None:
        self._free = asyncio.Semaphore(most)
        self._of_callers: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # as long as somebody waits

    @asynccontextmanager
    async def of(self, caller_id: str) -> AsyncIterator[None]:
        """Inside, it is the caller's turn. Who waits for its own turn takes no place from others."""
        own = self._of_callers.setdefault(caller_id, asyncio.Lock())
        async with own, self._free:
            yield
