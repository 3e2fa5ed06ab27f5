"""The composition root of what the sandbox adds: tenants, their clocks, jobs and snapshots, over the service's own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sandbox.clock import TenantClock
from sandbox.joining import Joining
from sandbox.settings import SandboxSettings
from sandbox.storage.tenants import TenantStore
from sandbox.tenants import Tenant, digest_of, ensure_usable
from service.bootstrap import Services
from service.errors import Unavailable
from service.world import World


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What requests to /sandbox may ask for."""

    services: Services
    settings: SandboxSettings
    clock: TenantClock
    tenants: TenantStore
    joining: Joining

    @property
    def world(self) -> World:
        return self.services.world

    async def tenant_of(self, secret: str) -> Tenant:
        """Raises Unauthenticated."""
        return ensure_usable(await self.tenants.find_by_secret(digest_of(secret)))


def sandbox_over(services: Services, settings: SandboxSettings, clock: TenantClock) -> Sandbox:
    tenants = TenantStore(services.database)
    return Sandbox(
        services=services,
        settings=settings,
        clock=clock,
        tenants=tenants,
        joining=Joining(services, settings, tenants, clock.now),
    )


class Ground:
    """Where the routes find the sandbox, which opens after they are laid."""

    def __init__(self, settings: SandboxSettings, clock: TenantClock) -> None:
        self.settings = settings
        self.clock = clock
        self._opened: Sandbox | None = None

    @property
    def sandbox(self) -> Sandbox:
        """Raises Unavailable before and after."""
        if self._opened is None:
            raise Unavailable("The sandbox is starting or stopping.", retryAfter=1)
        return self._opened

    @asynccontextmanager
    async def open(self, services: Services) -> AsyncIterator[None]:
        self._opened = sandbox_over(services, self.settings, self.clock)
        try:
            yield
        finally:
            self._opened = None
