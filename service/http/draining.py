"""A graceful end: on SIGTERM what runs may finish, what comes is sent elsewhere, and who listens is told.

1. SIGTERM or SIGINT arrives. From now on a new request is answered 503 with `Connection: close` and `Retry-After`;
   so is /readyz, which turns the balancer away. /healthz still answers: a process that drains is not to be killed.
2. Open WebSockets are closed with 1012 (service restart, RFC 6455 registry); event streams get `event: complete`
   (GraphQL over SSE) and end.
3. Requests in flight finish, within `seconds`.
4. The server is told of the signal, closes its listeners and ends.

A second SIGINT skips to the last step.
"""

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from service.errors import ErrorCode, ServiceError
from service.http.marks import ASGIApp, Message, Receive, Scope, Send, mark_headers
from service.http.refusals import refusal_body
from service.world import World

logger = logging.getLogger("prop.drain")

SIGNALS = (signal.SIGTERM, signal.SIGINT)
ALIVE = "/healthz"
RESTART = 1012
COMPLETE = b"event: complete\ndata: \n\n"


class Draining:
    """ASGI middleware around the whole application. While its lifespan lasts it stands before the server's handlers."""

    def __init__(self, app: ASGIApp, world: World, seconds: float) -> None:
        self._app = app
        self._world = world
        self._seconds = seconds
        self._listeners = set[_Listener]()
        self._in_flight = 0
        self._idle = asyncio.Event()
        self.begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        elif self.begun and scope["path"] != ALIVE:
            await self._refuse(scope, send)
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._in_flight += 1
        listener = _Listener(scope, receive, send, lambda: self.begun)
        self._listeners.add(listener)
        try:
            await self._app(scope, listener.receive, listener.send)
        finally:
            self._listeners.discard(listener)
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()

    async def _refuse(self, scope: Scope, send: Send) -> None:
        code = ErrorCode.SERVICE_UNAVAILABLE
        body = refusal_body(self._world, code, "The service is restarting: try again.", retryAfter=1)
        headers = [
            *mark_headers(self._world),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"retry-after", b"1"),
            (b"connection", b"close"),
        ]
        # uvicorn has the extension by which a handshake may be answered like any request.
        kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
        await send({"type": f"{kind}.start", "status": 503, "headers": headers})
        await send({"type": f"{kind}.body", "body": body})

    async def drain(self) -> None:
        """Steps 1 to 3. Returns when nothing is in flight, or after the time set."""
        self.begun = True
        logger.info("draining", extra={"in_flight": self._in_flight, "seconds": self._seconds})
        with suppress(TimeoutError):
            async with asyncio.timeout(self._seconds):
                await asyncio.gather(*(listener.end() for listener in list(self._listeners)), return_exceptions=True)
                while self._in_flight:
                    self._idle.clear()
                    await self._idle.wait()
        logger.info("drained", extra={"in_flight": self._in_flight})

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        restore = _take_signals(self)

        phase = "startup"

        async def tell(message: Message) -> None:
            nonlocal phase
            if message["type"] == "lifespan.startup.complete":
                phase = "shutdown"
            # Starlette's text is the whole traceback; the exception itself follows and is told in its own words.
            if not message["type"].endswith(".failed"):
                await send(message)

        try:
            await self._app(scope, receive, tell)
        except ServiceError as error:
            await send({"type": f"lifespan.{phase}.failed", "message": error.message})
        except Exception:
            logger.exception("unexpected at %s", phase)
            await send({"type": f"lifespan.{phase}.failed", "message": "An unexpected error, told above."})
        finally:
            restore()


class _Listener:
    """One request or WebSocket, which can be brought to an end from outside if it only listens."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, draining: Callable[[], bool]) -> None:
        self._socket = scope["type"] == "websocket"
        self._receive = receive
        self._send = send
        self._draining = draining
        self._told = asyncio.Event()
        self._listening = False
        self._body_read = self._socket

    async def receive(self) -> Message:
        if not self._body_read:
            message = await self._receive()
            self._body_read = not message.get("more_body", False)
            return message
        if not self._told.is_set():
            first = await self._whichever_first()
            if first is not None:
                return first
        return {"type": "websocket.disconnect", "code": RESTART} if self._socket else {"type": "http.disconnect"}

    async def _whichever_first(self) -> Message | None:
        """The next message, or None when the end is told before it comes."""
        message, told = asyncio.ensure_future(self._receive()), asyncio.ensure_future(self._told.wait())
        try:
            await asyncio.wait({message, told}, return_when=asyncio.FIRST_COMPLETED)
            return message.result() if message.done() else None
        finally:
            message.cancel()
            told.cancel()

    async def send(self, message: Message) -> None:
        if self._told.is_set():
            return
        if message["type"] == "websocket.accept":
            self._listening = True
        elif message["type"] == "http.response.start":
            headers = message.get("headers", ())
            self._listening = any(_is_event_stream(name, value) for name, value in headers)
            if self._draining():
                message["headers"] = [*headers, (b"connection", b"close")]
        await self._send(message)

    async def end(self) -> None:
        """Step 2. A request that is being answered is left to finish."""
        if not self._listening or self._told.is_set():
            return
        self._told.set()
        if self._socket:
            await self._send({"type": "websocket.close", "code": RESTART, "reason": "The service is restarting."})
        else:
            await self._send({"type": "http.response.body", "body": COMPLETE, "more_body": False})


def _is_event_stream(name: bytes, value: bytes) -> bool:
    return name.lower() == b"content-type" and value.startswith(b"text/event-stream")


def _take_signals(draining: Draining) -> Callable[[], None]:
    """Stand before the handlers that the server has set, and hand the signal on to them when all is drained."""
    loop = asyncio.get_running_loop()
    before: dict[int, Any] = {}
    ending = set[asyncio.Task[None]]()

    async def end(number: int, frame: FrameType | None) -> None:
        await draining.drain()
        before[number](number, frame)

    def begin(number: int, frame: FrameType | None) -> None:
        if not ending:
            task = loop.create_task(end(number, frame))
            ending.add(task)
        elif number == signal.SIGINT:
            before[number](number, frame)

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(begin, number, frame)

    with suppress(ValueError):  # not the main thread: whoever runs us there handles signals himself
        for number in SIGNALS:
            handler = signal.getsignal(number)
            if callable(handler):
                signal.signal(number, handle)
                before[number] = handler

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    return restore
