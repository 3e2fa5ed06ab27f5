"""The application of a world as it is deployed: the GraphQL face over its services, with health beside it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.routing import BaseRoute

from schema.app import create_app
from service.bootstrap import Services, open_services
from service.clock import Clock
from service.http.health import Check, health_routes
from service.settings import Settings
from service.world import World


def hosted(
    world: World, settings: Settings, clock: Clock, *, routes: Sequence[BaseRoute] = (), **options: Any
) -> Starlette:
    """`create_app` over the world's own services. /readyz is green while its database answers."""
    checks: dict[str, Check] = {}

    @asynccontextmanager
    async def opened(settings: Settings, world: World, clock: Clock) -> AsyncIterator[Services]:
        async with open_services(settings, world, clock) as services:
            checks["database"] = services.database.ready
            try:
                yield services
            finally:
                checks.clear()

    return create_app(world, settings, clock, opened, routes=[*routes, *health_routes(world, checks)], **options)
