"""Resetting the shared personas at somebody's wish: they are everybody's, so not too often from one address."""

from pathlib import Path

from sandbox.personas.keeping import reset_personas
from service.bootstrap import Services
from service.http.rate_limits import TokenBuckets

PER_MINUTE = 6  # from one address


class PersonaResets:
    def __init__(self, services: Services, data_dir: Path) -> None:
        self._services = services
        self._data_dir = data_dir
        self._asked = TokenBuckets(per_minute=PER_MINUTE, burst=PER_MINUTE)

    async def reset(self, address: str) -> int:
        """Answers how many objects were put back. Raises RateLimited, and what `reset_personas` raises."""
        self._asked.ensure_within(address)
        return await reset_personas(self._services, self._data_dir)
