"""The ASGI application of one world: GraphQL, its SDL, GraphiQL, and whatever other routes it is given."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

import strawberry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from schema.answers import Answers, Remarks, no_remarks
from schema.boundary import Boundary
from schema.build import print_sdl, public_schema
from schema.documents import Documents, read_trusted
from schema.errors import RequestCode
from schema.graphiql import PAGE_HEADERS, Example, render_page
from schema.limits import limits_of
from schema.observed import ObservedExecution
from schema.transport import Admitted, Authenticate, Face, GraphQLTransport, accept_nobody, let_all_in
from service.access import Caller, CallerKind
from service.clock import Clock
from service.http.marks import Marks
from service.http.metrics import Meter
from service.http.open_streams import OpenStreams
from service.http.rate_limits import TokenBuckets
from service.settings import Settings
from service.world import World

S = TypeVar("S", bound=Settings)
OpenServices = Callable[[S, World, Clock], AbstractAsyncContextManager[Any]]

STATIC = Path(__file__).with_name("static")
CODES: Mapping[int, RequestCode] = {
    404: RequestCode.NOT_FOUND,
    405: RequestCode.METHOD_NOT_ALLOWED,
}


INTROSPECTION: Mapping[str, Callable[[Caller], bool]] = {
    "anyone": lambda caller: True,  # noqa: ARG005 - nobody is turned away
    "authenticated": lambda caller: caller.kind is not CallerKind.ANONYMOUS,
    "nobody": lambda caller: False,  # noqa: ARG005 - nobody is let in
}


def create_app(
    world: World,
    settings: S,
    clock: Clock,
    open_services: OpenServices[S],
    *,
    schema: strawberry.Schema | None = None,
    authenticate: Authenticate = accept_nobody,
    routes: Sequence[BaseRoute] = (),
    middleware: Sequence[Middleware] = (),
    examples: Sequence[Example] | None = None,
    personas_url: str | None = None,
    admitted: Admitted = let_all_in,
    remarks: Remarks = no_remarks,
) -> Starlette:
    """The application of one world. Its services open with the lifespan and are in `app.state.services`.

    `routes` come before the ones here; `middleware` lies inside the marks and the boundary. `app.state.face.drained` is
    set by a server that wants its streams to end. `admitted` is told of each caller who may ask, before anything runs;
    `remarks` stand beside the mark of the world in each answer. Raises SettingsError if the trusted documents cannot be
    read.
    """
    schema = schema or public_schema()
    trusted = read_trusted(settings.trusted_documents) if settings.trusted_documents else {}
    documents = Documents(schema, limits_of(settings), trusted, only_trusted=settings.trusted_documents_only)
    face = face_of(world, settings, documents, authenticate, remarks)
    face.admitted = admitted
    face.page, face.page_headers = render_page(world, examples=examples, personas_url=personas_url), PAGE_HEADERS
    answers = face.answers

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_services(settings, world, clock) as services:
            face.services = app.state.services = services
            try:
                yield
            finally:
                face.drained.set()
                face.services = None

    app = Starlette(
        routes=[*routes, *_routes(GraphQLTransport(face), print_sdl(schema))],
        middleware=[
            Middleware(Marks, world=world),
            Middleware(Boundary, answers=answers, header_bytes=settings.header_bytes),
            *middleware,
        ],
        exception_handlers={HTTPException: _http_errors(answers)},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.face = face
    return app


def face_of(
    world: World, settings: Settings, documents: Documents, authenticate: Authenticate, remarks: Remarks = no_remarks
) -> Face:
    """What a transport stands on, with the limits that are set, but for the services, which open later."""
    limits = documents.limits
    return Face(
        execution=ObservedExecution(documents, INTROSPECTION[settings.introspection], Meter(world)),
        answers=Answers(world, limits, remarks),
        buckets=TokenBuckets(per_minute=limits.requests_per_minute, burst=limits.burst),
        address_buckets=TokenBuckets(per_minute=limits.requests_per_minute, burst=limits.burst),
        open_streams=OpenStreams(per_caller=limits.open_per_caller, per_address=limits.open_per_address),
        authenticate=authenticate,
    )


def _routes(transport: GraphQLTransport, sdl: str) -> list[BaseRoute]:
    async def serve_sdl(request: Request) -> Response:  # noqa: ARG001 - the SDL is the same for all
        return Response(sdl, media_type="application/graphql; charset=utf-8")

    return [
        Route("/graphql", transport),
        WebSocketRoute("/graphql", transport),
        Route("/schema.graphql", serve_sdl),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]


def _http_errors(answers: Answers) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(request: Request, error: Exception) -> Response:  # noqa: ARG001 - starlette's signature
        assert isinstance(error, HTTPException)  # noqa: S101 - this handler is registered for no other
        code = CODES.get(error.status_code, RequestCode.BAD_REQUEST)
        body = answers.refusal(code, HTTPStatus(error.status_code).phrase + ".")
        return Response(body, error.status_code, error.headers, media_type="application/json")

    return handle
