"""A small schema with one of everything the transport must carry, and the application around it. No database."""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import httpx
import strawberry
from pymongo.errors import AutoReconnect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from schema.app import create_app
from schema.build import make_schema
from schema.context import Info
from schema.cost import ListSize
from schema.platform import PlatformQuery
from schema.viewer import ViewerQuery
from service.access import Caller, CallerKind
from service.clock import Clock, SystemClock
from service.errors import BadInput, EnvironmentMismatch, Unauthenticated
from service.settings import Settings
from service.storage.database import Database
from service.world import PRODUCTION, Environment, World
from tests.databases import make_database
from tests.settings import GOOD

TRIAL = replace(
    PRODUCTION,
    environment=Environment.SANDBOX,
    binding=False,
    notice="试验 only a trial <&>",
    id_prefix=PRODUCTION.neighbour.id_prefix,
    database="prop_trial",
)
MARK = {"environment": "SANDBOX", "binding": False, "notice": TRIAL.notice}
HELLO = {"query": '{ echo(text: "hello") }'}
OPERATOR = Caller(CallerKind.OPERATOR, id="live-op-01K9ZZZZZZZZZZZZZZZZZZZZZZ")
SECRET = "the vault is under the stairs"


@dataclass(frozen=True)
class Stub:
    """Stands for the services: the small schema asks for the world only."""

    world: World
    database: Database


@strawberry.type
class Leaf:
    name: str
    deeper: "Leaf | None" = None


@strawberry.type
class TrialQuery:
    @strawberry.field
    def echo(self, text: str) -> str:
        return text

    @strawberry.field
    def leaf(self) -> Leaf:
        return Leaf(name="one")

    @strawberry.field
    def nest(self) -> "Nest":
        return Nest()

    @strawberry.field(directives=[ListSize(assumed_size=100)])
    def leaves(self) -> list[Leaf]:
        return [Leaf(name=str(number)) for number in range(3)]

    @strawberry.field
    def broken(self) -> str:
        raise RuntimeError(SECRET)

    @strawberry.field
    def impossible(self) -> str:
        return None  # type: ignore[return-value]  # what a fault of ours looks like to GraphQL

    @strawberry.field
    def refused(self) -> str:
        raise BadInput("No such number.", field="number")

    @strawberry.field
    def closed(self) -> str | None:
        raise Unauthenticated("This needs a login.")

    @strawberry.field
    async def slow(self, seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "done"


@strawberry.type
class Nest:
    @strawberry.field
    def nest(self) -> "Nest":
        return Nest()

    @strawberry.field
    def name(self) -> str:
        return "nest"


@strawberry.type
class TrialMutation:
    @strawberry.mutation
    def change(self, to: str) -> str:
        return to


@strawberry.type
class TrialSubscription:
    @strawberry.subscription
    async def count(self, to: int) -> AsyncGenerator[int, None]:
        for number in range(to):
            yield number

    @strawberry.subscription
    async def never(self) -> AsyncGenerator[int, None]:
        await asyncio.Event().wait()
        yield 0

    @strawberry.subscription
    async def failing(self) -> AsyncGenerator[int, None]:
        yield 1
        raise RuntimeError(SECRET)

    @strawberry.subscription
    async def caller(self, info: Info) -> AsyncGenerator[str, None]:
        yield info.context.caller.kind.value


def make_trial_schema() -> strawberry.Schema:
    return make_schema((ViewerQuery, PlatformQuery, TrialQuery), (TrialMutation,), (TrialSubscription,))


def make_settings(world: World = TRIAL, **values: Any) -> Settings:
    given = {
        "mongo_uri": "mongodb://127.0.0.1:1",
        "database": world.database,
        "evidence_database": world.evidence_database,
        "data_key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "signing_key": GOOD["PROP_SIGNING_KEY"],
        "log_key": GOOD["PROP_LOG_KEY"],
        "public_url": "http://127.0.0.1",
        "introspection": "anyone",
        "rate_per_minute": 1_000_000,
        "rate_burst": 1_000_000,
    }
    return Settings.model_validate({**given, **values})


async def known_by_token(services: Stub, token: str) -> Caller:
    if token == "foreign":
        raise EnvironmentMismatch("access token", here=Environment.SANDBOX, there=Environment.PRODUCTION)
    if token == "outage":
        raise AutoReconnect(SECRET)
    if token != "good":
        raise Unauthenticated("This token is not accepted here.")
    return OPERATOR


@asynccontextmanager
async def open_stub(settings: Settings, world: World, clock: Clock) -> AsyncIterator[Stub]:
    yield Stub(world, make_database(world))


def make_app(
    world: World = TRIAL,
    *,
    schema: strawberry.Schema | None = None,
    personas: Mapping[str, str] | None = None,
    **values: Any,
) -> Starlette:
    """The application over the small schema, with tokens of `personas` on offer. `values` are settings."""

    known = personas or {}

    async def list_personas(request: Request) -> JSONResponse:
        return JSONResponse({"personas": [{"name": name, "shows": "one", "showsZh": "一"} for name in known]})

    async def token(request: Request) -> JSONResponse:
        found = known.get(request.path_params["name"])
        return JSONResponse({"access_token": found} if found else {"error_description": "This one has gone."})

    return create_app(
        world,
        make_settings(world, **values),
        SystemClock(),
        open_stub,
        schema=schema or make_trial_schema(),
        authenticate=known_by_token,
        routes=[Route("/personas", list_personas), Route("/personas/{name}/token", token, methods=["POST"])],
        personas_url="/personas" if personas else None,
    )


def make_app_with_personas() -> Starlette:
    return make_app(personas={"operator": "good", "leaver": ""})


@contextmanager
def serve(factory: str = "make_app") -> Iterator[str]:
    """The address of one of this module's applications, served by uvicorn in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--factory", f"{__name__}:{factory}", "--port", str(port)]
    process = subprocess.Popen([*command, "--log-level", "error", "--ws", "websockets-sansio"])
    try:
        deadline = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


@asynccontextmanager
async def open_client(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            yield client
