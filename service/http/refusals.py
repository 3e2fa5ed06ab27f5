"""Answers that are given before a request reaches the application's routes: an error, and the marks."""

from collections.abc import Sequence

import orjson

from service.http.marks import Scope, Send
from service.world import World

POLICY_VIOLATION = 1008  # RFC 6455, 7.4.1
JSON_TYPE = (b"content-type", b"application/json; charset=utf-8")


def refusal_body(world: World, code: str, message: str, **extensions: object) -> bytes:
    """JSON in the form of a GraphQL error, as the application would write it."""
    marks = {"environment": world.environment.value, "binding": world.binding, "notice": world.notice}
    error = {"message": message, "extensions": {"code": code, **extensions}}
    return orjson.dumps({"errors": [error], "extensions": {"prop": marks}})


async def send_refusal(
    scope: Scope, send: Send, status: int, body: bytes, headers: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    """Refuse a request, or the handshake of a WebSocket: with status and body where the server can, else by closing."""
    socket = scope["type"] == "websocket"
    if socket and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        return
    kind = "websocket.http.response" if socket else "http.response"
    length = (b"content-length", str(len(body)).encode())
    await send({"type": f"{kind}.start", "status": status, "headers": [JSON_TYPE, length, *headers]})
    await send({"type": f"{kind}.body", "body": body})
