"""GraphQL over HTTP, server-sent events and WebSocket, as one ASGI application.

strawberry's own view is left where it is good (the WebSocket handshake, its origin check, the protocol's state machine)
and left out on the way of every request: it answers malformed bodies with 500 and reads bodies of any size.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from graphql import OperationType
from starlette.requests import Request
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from schema.answers import Answers
from schema.context import Context
from schema.documents import DocumentRefused
from schema.errors import (
    CHALLENGE,
    HTTP_STATUS,
    FormattedError,
    RequestCode,
    RequestRefused,
    format_exception,
    format_service_error,
    headers_for,
)
from schema.events import send_events
from schema.execution import Answer, Execution, GraphQLRequest, Job
from schema.observed import note_job, note_request
from schema.requests import (
    EVENTS,
    HTML,
    JSON,
    RESPONSE,
    Headers,
    ensure_json,
    headers_of,
    negotiate,
    parse_body,
    parse_query_string,
    read_body,
)
from schema.websockets import Connection, MarkedWebSocket, Subscriptions
from service.access import ANONYMOUS, Caller
from service.errors import EnvironmentMismatch, ErrorCode, RateLimited, ServiceError, Unauthenticated, Unavailable
from service.http.addresses import address_of
from service.http.findings import Findings, findings_of
from service.http.open_streams import OpenStreams
from service.http.rate_limits import TokenBuckets
from service.http.refusals import send_refusal
from service.storage.errors import as_service_error

# Takes the services and the bearer token: whoever brings none is anonymous everywhere. Raises Unauthenticated.
Authenticate = Callable[[Any, str], Awaitable[Caller]]

Admitted = Callable[[Caller], Awaitable[None]]
"""Told of a caller who may ask now, before anything is run. May raise a ServiceError, which is then the answer."""


async def accept_nobody(services: Any, token: str) -> Caller:  # noqa: ARG001 - an Authenticate's signature
    """Where no tokens are issued, nobody can bring one."""
    raise Unauthenticated("This token is not accepted here.")


async def let_all_in(caller: Caller) -> None:
    """Whoever is admitted needs nothing more."""


def bearer_of(authorization: str) -> str:
    """The token of an Authorization header (RFC 6750, 2.1). Raises Unauthenticated."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("The Authorization header must read: Bearer TOKEN.")
    return token.strip()


@dataclass
class Face:
    """What the transport stands on. `services` is set while the application's lifespan runs."""

    execution: Execution
    answers: Answers
    buckets: TokenBuckets
    address_buckets: TokenBuckets  # apart: addresses are many, and must not push out what is known of a caller
    open_streams: OpenStreams
    authenticate: Authenticate = accept_nobody
    page: bytes | None = None  # the HTML for a browser
    page_headers: tuple[tuple[bytes, bytes], ...] = ()
    services: Any = None
    drained: asyncio.Event = field(default_factory=asyncio.Event)
    admitted: Admitted = let_all_in

    async def admit(self, authorization: str, address: str) -> Caller:
        """The caller, if it may ask now. Raises Unauthenticated, EnvironmentMismatch, RateLimited, Unavailable."""
        if self.services is None or self.drained.is_set():
            raise Unavailable("The service is starting or stopping. Try again in a moment.", retryAfter=1)
        try:
            return await self._admit(authorization, address)
        except Exception as error:
            known = as_service_error(error)
            if isinstance(known, Unavailable):
                raise known from error
            raise

    async def _admit(self, authorization: str, address: str) -> Caller:
        try:
            caller = await self.identify(authorization)
        except (Unauthenticated, EnvironmentMismatch):
            # Guessing tokens is slowed, and so is bringing the other world's.
            self.address_buckets.ensure_within(address)
            raise
        if caller.id:
            self.buckets.ensure_within(caller.id)
        else:
            self.address_buckets.ensure_within(address)
        await self.admitted(caller)
        return caller

    async def identify(self, authorization: str) -> Caller:
        """The caller as it is now. Raises Unauthenticated; the database must answer within a request's time."""
        if not authorization:
            return ANONYMOUS
        with self.services.database.deadline(self.execution.documents.limits.execution_seconds):
            return await self.authenticate(self.services, bearer_of(authorization))

    def context(self, caller: Caller, request_id: str, authorization: str, findings: Findings | None = None) -> Context:
        return Context(
            self.services,
            caller,
            request_id,
            self.execution.documents.limits,
            identify=lambda: self.identify(authorization),
            findings=findings or Findings(),
        )


class GraphQLTransport(GraphQL[Connection, None]):
    """The endpoint. HTTP is handled here; a WebSocket goes through strawberry to `schema.websockets`."""

    websocket_adapter_class = MarkedWebSocket
    graphql_transport_ws_handler_class = Subscriptions

    def __init__(self, face: Face) -> None:
        limits = face.execution.documents.limits
        super().__init__(
            face.execution.documents.schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            max_subscriptions_per_connection=limits.subscriptions,
            connection_init_wait_timeout=timedelta(seconds=limits.idle_seconds),
        )
        self.face = face
        self.limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._open_socket(scope, receive, send)
            return
        headers = headers_of(scope)
        media = JSON
        try:
            media = negotiate(headers.get(b"accept", b""))
            await self._answer(scope, headers, media, receive, send)
        except RequestRefused as refused:
            body = self._refusal(scope, [refused.formatted])
            await self._send(send, refused.status, media, body, refused.headers)
        except DocumentRefused as refused:
            body = self._refusal(scope, refused.errors)
            await self._send(send, 400 if media == RESPONSE else 200, media, body)
        except ServiceError as error:
            said = format_service_error(error)
            body = self._refusal(scope, [said])
            await self._send(send, HTTP_STATUS.get(error.code, 400), media, body, headers_for(said))

    async def _open_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises nothing: who holds too much open is refused in the handshake."""
        try:
            with self.face.open_streams.hold(address_of(scope)):
                await self.run(WebSocket(scope, receive=receive, send=send))
        except RateLimited as error:
            said = format_service_error(error)
            body = self._refusal(scope, [said])
            headers = [(name.encode(), value.encode()) for name, value in headers_for(said).items()]
            await send_refusal(scope, send, HTTP_STATUS[error.code], body, headers)

    def _refusal(self, scope: Scope, errors: list[FormattedError]) -> bytes:
        findings_of(scope).answered(errors, None)
        return self.face.answers.encode(Answer(errors))

    async def _answer(self, scope: Scope, headers: Headers, media: str, receive: Receive, send: Send) -> None:
        """1 read the request, 2 admit the caller, 3 make the document ready, 4 run it, 5 answer."""
        request = await self._read(scope, headers, media, receive)  # 1
        if request is None:
            await self._send_page(send)
            return
        address, found = address_of(scope), findings_of(scope)
        note_request(found, request)
        authorization = headers.get(b"authorization", b"").decode("latin-1")
        caller = found.caller = await self.face.admit(authorization, address)  # 2
        request_id = scope.get("state", {}).get("request_id", "")
        try:
            job = self.face.execution.prepare(request, caller)  # 3
        except DocumentRefused as refused:
            if media != EVENTS:
                raise
            found.answered(refused.errors, None)
            await send_events(_only(Answer(refused.errors)), self.face, receive, send)
            return
        note_job(found, job)
        self._ensure_method(scope["method"], job, media)
        context = self.face.context(caller, request_id, authorization, found)
        if media == EVENTS:
            with self.face.open_streams.hold(address, caller.id):
                await send_events(self.face.execution.stream(job, context), self.face, receive, send)
            return
        answer = await self.face.execution.run(job, context)  # 4
        try:
            body = self.face.answers.encode(answer)
        except TypeError as error:  # a value that JSON has no words for: a fault of ours
            body = self.face.answers.encode(Answer([format_exception(error, request_id)], executed=True))
        if _needs_login(answer):  # 5
            await self._send(send, 401, media, body, CHALLENGE)
        else:
            await self._send(send, 200 if answer.executed or media == JSON else 400, media, body)

    async def _read(self, scope: Scope, headers: Headers, media: str, receive: Receive) -> GraphQLRequest | None:
        """The request; None for a browser that asks for the page."""
        method = scope["method"]
        if method == "POST":
            ensure_json(headers.get(b"content-type", b""))
            if headers.get(b"content-encoding", b"identity") != b"identity":
                raise RequestRefused(415, RequestCode.UNSUPPORTED_MEDIA_TYPE, "A body must come uncompressed.")
            return parse_body(await read_body(receive, headers, self.limits))
        if method != "GET":
            raise RequestRefused(405, RequestCode.METHOD_NOT_ALLOWED, "Use GET or POST.", allow="GET, POST")
        request = parse_query_string(scope["query_string"])
        if media == HTML:
            if self.face.page is None or request.query is not None:
                raise RequestRefused(406, RequestCode.NOT_ACCEPTABLE, f"This answers with {JSON}, {RESPONSE}.")
            return None
        return request

    def _ensure_method(self, method: str, job: Job, media: str) -> None:
        """A GET changes nothing (RFC 9110, 9.2.1), and one answer cannot hold a subscription."""
        kind = job.operation.type
        if method == "GET" and kind is OperationType.MUTATION:
            raise RequestRefused(405, RequestCode.METHOD_NOT_ALLOWED, "A mutation must be a POST.", allow="POST")
        if kind is OperationType.SUBSCRIPTION and media != EVENTS:
            raise RequestRefused(
                406, RequestCode.NOT_ACCEPTABLE, f"Subscribe with Accept: {EVENTS}, or over graphql-transport-ws."
            )

    async def _send_page(self, send: Send) -> None:
        page = self.face.page or b""
        headers = [(b"content-type", b"text/html; charset=utf-8"), *self.face.page_headers]
        await _send_response(send, 200, headers, page)

    async def _send(self, send: Send, status: int, media: str, body: bytes, more: dict[str, str] | None = None) -> None:
        headers = [(b"content-type", CONTENT_TYPES.get(media, CONTENT_TYPES[JSON])), *NEVER_STORED]
        if more:
            headers += [(name.encode(), value.encode()) for name, value in more.items()]
        await _send_response(send, status, headers, body)

    # ---------------------------------------------------------------- WebSocket, called by strawberry's view

    async def get_context(self, request: Request | WebSocket, response: Any) -> Connection:  # noqa: ARG002 - its signature
        return Connection.of(request.scope, self.face)

    async def on_ws_connect(self, context: Connection) -> dict[str, object]:
        return await context.open()


CONTENT_TYPES = {
    JSON: b"application/json; charset=utf-8",
    RESPONSE: b"application/graphql-response+json; charset=utf-8",
}
NEVER_STORED = [(b"cache-control", b"no-store"), (b"vary", b"Accept")]


def _needs_login(answer: Answer) -> bool:
    """Whether it is a token that the request lacks: HTTP then says so too (RFC 6750, 3), whatever the media type."""
    first = answer.errors[0] if answer.errors and not answer.executed else None
    return first is not None and first["extensions"]["code"] == ErrorCode.UNAUTHENTICATED


async def _only(answer: Answer) -> Any:
    yield answer


async def _send_response(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
