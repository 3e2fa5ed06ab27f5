"""Resetting the shared personas at somebody's wish: they are everybody's, so not too often from one address.

A reset goes on to its end whatever becomes of who asked for it: broken off half way, it would leave an institution
without operators.
"""

import asyncio
import logging
from pathlib import Path

from sandbox.personas.keeping import reset_personas
from sandbox.tasks import begin_apart
from service.bootstrap import Services
from service.http.rate_limits import TokenBuckets

PER_MINUTE = 6  # from one address

logger = logging.getLogger(__name__)


class PersonaResets:
    def __init__(self, services: Services, data_dir: Path) -> None:
        self._services = services
        self._data_dir = data_dir
        self._asked = TokenBuckets(per_minute=PER_MINUTE, burst=PER_MINUTE)
        self._under_way: set[asyncio.Task[int]] = set()

    async def reset(self, address: str) -> int:
        """Answers how many objects were put back. Raises RateLimited, and what `reset_personas` raises."""
        self._asked.ensure_within(address)
        task = begin_apart(reset_personas(self._services, self._data_dir), "reset of the personas")
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """Let what is under way come to its end."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _ended(self, task: asyncio.Task[int]) -> None:
        self._under_way.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:  # who asked may be gone
            logger.warning("a reset of the personas failed", extra={"reason": type(error).__name__})
