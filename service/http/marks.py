"""The marks of the world on every HTTP response and WebSocket handshake: no mistaking one for the other (art. 17)."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from service.world import World

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

ANSWERS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})


def mark_headers(world: World) -> tuple[tuple[bytes, bytes], ...]:
    """The two headers that every response carries."""
    return (
        (b"x-prop-environment", world.environment.value.encode()),
        (b"x-prop-binding", b"true" if world.binding else b"false"),
    )


class Marks:
    """ASGI middleware: adds X-PROP-Environment and X-PROP-Binding to whatever the inner application answers."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self.app = app
        self.headers = mark_headers(world)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return

        async def marked(message: Message) -> None:
            if message["type"] in ANSWERS:
                message["headers"] = [*message.get("headers", ()), *self.headers]
            await send(message)

        await self.app(scope, receive, marked)
