"""/sandbox/graphql: the transport, limits and marks of the public endpoint, over the sandbox's own schema."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from sandbox.bootstrap import Ground, Sandbox
from sandbox.control.schema import control_schema
from sandbox.tenants.join_routes import CONTROL_PATH, client_address
from schema.app import face_of
from schema.build import print_sdl
from schema.documents import Documents
from schema.limits import limits_of
from schema.transport import GraphQLTransport
from service.access import Caller, CallerKind
from service.http.addresses import address_of
from service.world import World


async def authenticate_tenant(sandbox: Sandbox, secret: str) -> Caller:
    """The tenant as a caller, who has no permission of any operator. Raises Unauthenticated."""
    tenant = await sandbox.tenant_of(secret)
    sandbox.uses.note(tenant.id)
    return Caller(CallerKind.OPERATOR, f"tenant {tenant.id}", tenant.id)


class _Addressed:
    """Tells resolvers where a request comes from: joining is counted by that."""

    def __init__(self, transport: GraphQLTransport) -> None:
        self._transport = transport

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = client_address.set(address_of(scope))
        try:
            await self._transport(scope, receive, send)
        finally:
            client_address.reset(token)


def control_routes(world: World, ground: Ground) -> list[BaseRoute]:
    schema = control_schema()
    face = face_of(world, ground.settings, Documents(schema, limits_of(ground.settings), {}), authenticate_tenant)
    ground.faces.append(face)
    endpoint, sdl = _Addressed(GraphQLTransport(face)), print_sdl(schema)

    async def serve_sdl(request: Request) -> Response:  # noqa: ARG001 - the SDL is the same for all
        return Response(sdl, media_type="application/graphql; charset=utf-8")

    return [
        Route(CONTROL_PATH, endpoint),
        WebSocketRoute(CONTROL_PATH, endpoint),
        Route("/sandbox/control.graphql", serve_sdl),
    ]
