"""The applications that the benchmark compares, as uvicorn factories: one schema, one world, no database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.extensions import MaxAliasesLimiter, MaxTokensLimiter, ParserCache, QueryDepthLimiter, ValidationCache

from schema.app import create_app
from schema.build import QUERIES, compose, public_schema
from schema.context import Context
from schema.limits import limits_of
from schema.scalars import SCALARS
from service.access import ANONYMOUS
from service.clock import Clock, SystemClock
from service.settings import Settings
from service.world import PRODUCTION, World
from tests.databases import make_database
from tests.settings import make_settings

SETTINGS = make_settings(rate_per_minute=1_000_000, rate_burst=1_000_000)
SERVICES: Any = SimpleNamespace(world=PRODUCTION, database=make_database())


class Stock(GraphQL[Context, None]):
    """strawberry's own ASGI application, with the one method that every user of it overrides."""

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        return Context(SERVICES, ANONYMOUS)


def _stock(*extensions: Any) -> Starlette:
    query = compose("Query", QUERIES)
    assert query is not None
    config = strawberry.schema.config.StrawberryConfig(scalar_map=SCALARS)
    schema = strawberry.Schema(query, extensions=extensions, config=config)
    return Starlette(routes=[Route("/graphql", Stock(schema))])


def stock() -> Starlette:
    """The limits and caches as strawberry's documentation writes them."""
    limits = limits_of(SETTINGS)
    return _stock(
        lambda: QueryDepthLimiter(max_depth=limits.depth),
        lambda: MaxAliasesLimiter(max_alias_count=limits.aliases),
        lambda: MaxTokensLimiter(max_token_count=limits.tokens),
        lambda: ParserCache(maxsize=128),
        lambda: ValidationCache(maxsize=128),
    )


def stock_uncached() -> Starlette:
    """The limits alone."""
    limits = limits_of(SETTINGS)
    return _stock(
        lambda: QueryDepthLimiter(max_depth=limits.depth),
        lambda: MaxAliasesLimiter(max_alias_count=limits.aliases),
        lambda: MaxTokensLimiter(max_token_count=limits.tokens),
    )


def stock_bare() -> Starlette:
    """Neither limits nor caches: `GraphQL(schema)` as it comes."""
    return _stock()


@asynccontextmanager
async def _open(settings: Settings, world: World, clock: Clock) -> AsyncIterator[Any]:
    yield SERVICES


def ours(settings: Settings = SETTINGS) -> Starlette:
    """This service's application: every limit, the marks, the request ids, the rate limit."""
    return create_app(PRODUCTION, settings, SystemClock(), _open, schema=public_schema())
