"""The outermost layer of the application: request ids, a bound on headers, and an answer for whatever nobody caught."""

from collections.abc import Mapping, MutableMapping
from types import MappingProxyType
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schema.answers import Answers
from schema.errors import HTTP_STATUS, RequestCode, format_exception, headers_for
from schema.execution import Answer
from service.http.requests import request_id_of


class Boundary:
    """ASGI middleware. Takes a harmless `X-Request-Id` over, makes one otherwise, and repeats it in the answer."""

    def __init__(self, app: ASGIApp, answers: Answers, header_bytes: int) -> None:
        self.app = app
        self.header_bytes = header_bytes
        self.answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        state: MutableMapping[str, Any] = scope.setdefault("state", {})
        request_id = state.get("request_id") or request_id_of(scope)  # the server has given it one to log it by
        state["request_id"] = request_id
        header = (b"x-request-id", request_id.encode())
        started = False

        async def identified(message: Message) -> None:
            nonlocal started
            if message["type"] in {"http.response.start", "websocket.accept", "websocket.http.response.start"}:
                started = True
                message["headers"] = [*message.get("headers", ()), header, *SAFE]
            await send(message)

        try:
            if scope["type"] == "http" and (refusal := self._refusal(scope)):
                await _send_json(identified, *refusal)
            else:
                await self.app(scope, receive, identified)
        except Exception as error:
            said = format_exception(error, request_id)
            if started or scope["type"] == "websocket":
                raise
            status = HTTP_STATUS.get(said["extensions"]["code"], 400)
            await _send_json(identified, status, self.answers.encode(Answer([said])), headers_for(said))

    def _refusal(self, scope: Scope) -> tuple[int, bytes] | None:
        limit = self.header_bytes
        if len(scope["query_string"]) + len(scope.get("raw_path") or b"") > limit:
            return 414, self.answers.refusal(RequestCode.URI_TOO_LONG, f"The URI is longer than {limit} bytes.")
        if sum(len(name) + len(value) for name, value in scope["headers"]) > limit:
            return 431, self.answers.refusal(RequestCode.HEADERS_TOO_LARGE, f"The headers exceed {limit} bytes.")
        return None


SAFE = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))


async def _send_json(send: Send, status: int, body: bytes, more: Mapping[str, str] = MappingProxyType({})) -> None:
    headers = [(b"content-type", b"application/json; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    headers += [(name.encode(), value.encode()) for name, value in more.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
