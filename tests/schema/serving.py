"""The public schema over real services on a test database, asked over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from schema.app import create_app
from schema.transport import Authenticate
from service.access import Caller
from service.authority import Authority
from service.bootstrap import Services, services_over
from service.clock import Clock
from service.errors import Unauthenticated
from service.settings import Settings
from service.storage.database import Database
from service.world import World
from tests.schema.making import make_settings, open_client


@dataclass(frozen=True, slots=True)
class Served:
    """`callers` says who each token stands for; a test adds to it."""

    client: httpx.AsyncClient
    services: Services
    callers: dict[str, Caller]

    async def ask(self, query: str, token: str | None = None, **variables: Any) -> dict[str, Any]:
        """The whole answer. Raises nothing for errors: they are what a test may look for."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        body = {"query": query, "variables": variables}
        response = await self.client.post("/graphql", json=body, headers=headers)
        answer: dict[str, Any] = response.json()
        return answer

    async def data(self, query: str, token: str | None = None, **variables: Any) -> dict[str, Any]:
        """The data of an answer without errors."""
        answer = await self.ask(query, token, **variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data


@asynccontextmanager
async def open_served(
    database: Database,
    clock: Clock,
    *,
    authenticate: Authenticate | None = None,
    authority: Authority | None = None,
    **settings: Any,
) -> AsyncIterator[Served]:
    """Without an `authenticate` of the test's own, a token stands for whom `callers` says."""

    @asynccontextmanager
    async def open_services(settings: Settings, world: World, clock: Clock) -> AsyncIterator[Services]:
        yield services_over(database, settings, clock, authority)

    callers: dict[str, Caller] = {}

    async def known(services: Services, token: str) -> Caller:
        if token not in callers:
            raise Unauthenticated("This token is not accepted here.")
        return callers[token]

    made = make_settings(database.world, **settings)
    app = create_app(database.world, made, clock, open_services, authenticate=authenticate or known)
    async with open_client(app) as client:
        yield Served(client, app.state.services, callers)
