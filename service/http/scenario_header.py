"""Where outcomes are real, nobody asks for one: a request that names a test scenario belongs into the other world.

The header says which outcome a test wants. Here it is refused on every path, whatever else the request is, and recorded
as an attempt to cross (art. 17): a client that is configured for tests has been pointed at what binds.
"""

import logging
from collections.abc import Awaitable, Callable

import orjson

from service.errors import EnvironmentMismatch
from service.http.addresses import address_of
from service.http.marks import ASGIApp, Message, Receive, Scope, Send
from service.http.refusals import refusal_body, send_refusal
from service.world import World

HEADER = b"x-prop-test-scenario"
THING = "test scenario"
FORBIDDEN = 4403  # of graphql-transport-ws
_NAME = HEADER.decode()

logger = logging.getLogger(__name__)


def scenario_header(scope: Scope) -> str | None:
    """What the header says; of several, all of it, comma-separated (RFC 9110, 5.3). None without one."""
    given = [value for name, value in scope["headers"] if name == HEADER]
    return b", ".join(given).decode("latin-1") if given else None


def scenario_in_greeting(message: Message) -> str | None:
    """What `connection_init` says in its payload, where a browser has to put what it cannot put into headers."""
    text = message.get("text") or ""
    if _NAME not in text.lower():
        return None
    try:
        greeting = orjson.loads(text)
    except ValueError:
        return None
    payload = greeting.get("payload") if isinstance(greeting, dict) else None
    if not isinstance(payload, dict) or greeting.get("type") != "connection_init":
        return None
    return next((str(value) for name, value in payload.items() if name.lower() == _NAME), None)


class RefuseTestScenarios:
    """ASGI middleware: one look at the headers of each request, and at each message of a WebSocket.

    `record` is given what was brought and the address it came from.
    """

    def __init__(self, app: ASGIApp, world: World, record: Callable[[str, str], Awaitable[None]]) -> None:
        self._app = app
        self._world = world
        self._record = record

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
        elif scenario_header(scope) is not None:
            await self._refuse(scope, send)
        elif scope["type"] == "websocket":
            await self._greet(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _refuse(self, scope: Scope, send: Send) -> None:
        await self._note(scope)
        error = self._error()
        body = refusal_body(self._world, error.code.value, error.message, **error.extensions)
        await send_refusal(scope, send, 400, body, [(b"cache-control", b"no-store")])

    async def _greet(self, scope: Scope, receive: Receive, send: Send) -> None:
        closed = False

        async def hear() -> Message:
            nonlocal closed
            message = await receive()
            # Each is looked at: before the greeting there may be pings.
            if message["type"] != "websocket.receive" or scenario_in_greeting(message) is None:
                return message
            closed = True
            await self._note(scope)
            await send({"type": "websocket.close", "code": FORBIDDEN, "reason": self._error().code.value})
            return {"type": "websocket.disconnect", "code": FORBIDDEN}

        async def say(message: Message) -> None:
            if not closed:
                await send(message)

        await self._app(scope, hear, say)

    def _error(self) -> EnvironmentMismatch:
        return EnvironmentMismatch(THING, here=self._world.environment, there=self._world.neighbour.environment)

    async def _note(self, scope: Scope) -> None:
        """That it cannot be recorded now is no reason to let it pass."""
        try:
            await self._record(THING, address_of(scope))
        except Exception:
            logger.warning("an attempt to cross was not recorded", exc_info=True)
