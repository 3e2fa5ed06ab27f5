"""Subscriptions over WebSocket, protocol graphql-transport-ws. What runs and what is said is ours."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from starlette.types import Scope
from starlette.websockets import WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http.exceptions import NonJsonMessageReceived, NonTextMessageReceived, WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler

from schema.documents import DocumentRefused
from schema.errors import FormattedError, RequestRefused, format_exception, format_service_error
from schema.limits import QueryTooExpensive
from schema.observed import note_job, note_request
from schema.requests import headers_of, request_of
from service.access import ANONYMOUS, Caller
from service.errors import ErrorCode, ServiceError
from service.http.addresses import address_of
from service.http.findings import Findings, Observe, observer_of

if TYPE_CHECKING:
    from schema.transport import Face

LONGEST_ID = 128
LONGEST_REASON = 123  # bytes: with its code a close frame holds 125 (RFC 6455, 5.5)


@dataclass(slots=True)
class Connection:
    """One WebSocket: who opened it. strawberry puts the payload of `connection_init` into `connection_params`."""

    face: "Face"
    authorization: str
    address: str
    request_id: str
    connection_params: dict[str, object] | None = None
    caller: Caller = ANONYMOUS
    observe: Observe | None = None

    @classmethod
    def of(cls, scope: Scope, face: "Face") -> "Connection":
        return cls(
            face,
            authorization=headers_of(scope).get(b"authorization", b"").decode("latin-1"),
            address=address_of(scope),
            request_id=scope.get("state", {}).get("request_id", ""),
            observe=observer_of(scope),
        )

    async def open(self) -> dict[str, object]:
        """Answers `connection_init`: a browser cannot set headers, so the token may come in the payload."""
        payload = self.connection_params or {}
        claimed = payload.get("Authorization", payload.get("authorization", self.authorization))
        self.authorization = claimed if isinstance(claimed, str) else "malformed"
        try:
            await self.admit()
        except ServiceError as error:
            if self.observe is not None:
                self.observe(Findings(authorization=self.authorization, errors=(format_service_error(error),)))()
            raise ConnectionRejectionError({"code": error.code.value}) from error
        return {"extensions": {"prop": self.face.answers.mark}}

    async def admit(self) -> None:
        """The caller, anew with every operation: an operator who is offboarded loses the socket's rights too."""
        self.caller = await self.face.admit(self.authorization, self.address)


class MarkedWebSocket(ASGIWebSocketAdapter):
    """Sends text frames only, and reads none larger than a body may be. What it closes for may quote the client."""

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:  # noqa: ARG002 - its name is the adapter's
        limit = self.view.limits.body  # type: ignore[attr-defined]  # the view is GraphQLTransport
        while self.ws.application_state is WebSocketState.CONNECTED:
            message = await self.ws.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if text is None:
                raise NonTextMessageReceived
            if len(text) > limit:
                await self.close(1009, "Message too big")
                return
            try:
                yield orjson.loads(text)
            except ValueError as error:
                raise NonJsonMessageReceived from error

    async def close(self, code: int, reason: str) -> None:
        await super().close(code, reason.encode()[:LONGEST_REASON].decode(errors="ignore"))

    async def send_json(self, message: Mapping[str, object]) -> None:
        try:
            await self.ws.send_text(orjson.dumps(message).decode())
        except (WebSocketDisconnect, RuntimeError) as error:
            raise WebSocketDisconnected from error


@dataclass(slots=True)
class Running:
    """An operation that is under way on the socket."""

    id: str
    task: asyncio.Task[None] | None = None
    findings: Findings = field(default_factory=Findings)


class Subscriptions(BaseGraphQLTransportWSHandler[Connection, None]):
    """The protocol's handler, with the shape of every message checked and every answer marked."""

    operations: dict[str, Running]  # type: ignore[assignment]  # only `task` of an operation is used by the parent

    async def handle_message(self, message: Any) -> None:
        if not _is_message(message):
            await self.handle_invalid_message("Malformed message")
            return
        await super().handle_message(message)

    async def handle_subscribe(self, message: Any) -> None:
        id_ = message["id"]
        if not self.connection_acknowledged:
            await self.websocket.close(code=4401, reason="Unauthorized")
        elif id_ in self.operations:
            await self.websocket.close(code=4409, reason=f"Subscriber for {id_} already exists")
        else:
            running = self.operations[id_] = Running(id_)
            limit = self.max_subscriptions_per_connection or 0
            if len(self.operations) > limit:
                too_many = QueryTooExpensive("subscriptions", limit=limit, actual=len(self.operations))
                await self._refuse(running, [dict(too_many.formatted)])
                return
            running.task = asyncio.create_task(self._run(running, message["payload"]))
            running.task.add_done_callback(self._task_done)

    async def _run(self, running: Running, payload: object) -> None:
        ended = self.context.observe(running.findings) if self.context.observe else None
        try:
            await self._answer(running, payload)
        finally:
            if ended is not None:
                ended()

    async def _answer(self, running: Running, payload: object) -> None:
        """1 read the request, 2 admit the caller again, 3 make the document ready, 4 send its answers, 5 complete."""
        face, found = self.context.face, running.findings
        try:
            request = request_of(payload)  # 1
            note_request(found, request)
            found.authorization = self.context.authorization
            await self.context.admit()  # 2
            found.caller = self.context.caller
            job = face.execution.prepare(request, self.context.caller)  # 3
            note_job(found, job)
            context = face.context(self.context.caller, self.context.request_id, self.context.authorization, found)
            with face.open_streams.hold(self.context.address, self.context.caller.id):
                async with aclosing(face.execution.stream(job, context)) as answers:
                    async for answer in answers:
                        if not answer.executed:
                            await self._refuse(running, answer.errors or [])
                            await self._close_for(answer.errors or [])
                            return
                        await self._send(running, "next", payload=face.answers.body(answer))  # 4
            self._forget(running)
            await self._send(running, "complete")  # 5
        except WebSocketDisconnected:
            self._forget(running)
        except DocumentRefused as refused:
            await self._refuse(running, refused.errors)
        except RequestRefused as refused:
            await self._refuse(running, [refused.formatted])
        except ServiceError as error:
            await self._refuse(running, [format_service_error(error)])
        except Exception as error:
            await self._refuse(running, [format_exception(error, self.context.request_id)])

    async def _refuse(self, running: Running, errors: list[FormattedError]) -> None:
        self._forget(running)
        running.findings.errors = running.findings.errors or errors
        with suppress(WebSocketDisconnected):
            payload = self.context.face.answers.marked(errors)
            await self._send(running, "error", payload=payload)

    async def _close_for(self, errors: list[FormattedError]) -> None:
        """Close the socket of a caller who is nobody any more: nothing else on it would be answered either."""
        if any(error.get("extensions", {}).get("code") == ErrorCode.UNAUTHENTICATED for error in errors):
            await self.websocket.close(code=4401, reason="Unauthorized")

    async def _send(self, running: Running, kind: str, **payload: object) -> None:
        await self.websocket.send_json({"id": running.id, "type": kind, **payload})

    def _forget(self, running: Running) -> None:
        """Frees the id before the last message goes out: the client may use it again at once."""
        if self.operations.get(running.id) is running:
            del self.operations[running.id]


def _is_message(message: object) -> bool:
    """Whether a message has the fields of its type. What is in the payload of `subscribe` is checked later."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return False
    if message["type"] in {"subscribe", "complete"}:
        id_ = message.get("id")
        if not isinstance(id_, str) or not 0 < len(id_) <= LONGEST_ID:
            return False
    return message["type"] != "subscribe" or isinstance(message.get("payload"), dict)
