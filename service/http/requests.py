"""One request, from its first byte to the end of its answer: its id, its line in the access log, its numbers."""

import logging
import random
import re
import time
from collections.abc import Sequence

from starlette.routing import BaseRoute, Match, Route

from service.http.marks import ASGIApp, Message, Receive, Scope, Send
from service.http.metrics import Meter
from service.logs import RequestFacts, current_request

logger = logging.getLogger("prop.access")

GIVEN_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
LONGEST_PATH = 200
UNKNOWN = "unknown"
SECRET = "{token}"  # noqa: S105 - the part of a route whose value is a key to what it serves
LIMITED = {413: "body", 414: "uri", 429: "rate", 431: "headers"}  # by the status that says so


class Requests:
    """ASGI middleware, the outermost: gives each request an id (the caller's `X-Request-Id`, if it is a plain one, else
    a new one), answers with it, and writes one line when all is sent. Never the query string, a header or a body."""

    def __init__(self, app: ASGIApp, meter: Meter, routes: Sequence[BaseRoute] = ()) -> None:
        self._app = app
        self._meter = meter
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        facts = RequestFacts(request_id_of(scope))
        scope.setdefault("state", {})["request_id"] = facts.id
        header = (b"x-request-id", facts.id.encode())
        status, began = 0, time.monotonic()

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] in {"http.response.start", "websocket.accept", "websocket.http.response.start"}:
                status = message.get("status", 101)
                headers = message.get("headers", ())
                message["headers"] = [*(each for each in headers if each[0].lower() != header[0]), header]
            elif message["type"] == "websocket.close" and not status:
                status = 403  # closed before it was accepted: the server answers the handshake so
            await send(message)

        token = current_request.set(facts)
        try:
            await self._app(scope, receive, answer)
        except BaseException:
            status = status or 500
            raise
        finally:
            self._tell(scope, facts, status, time.monotonic() - began)
            current_request.reset(token)

    def _tell(self, scope: Scope, facts: RequestFacts, status: int, seconds: float) -> None:
        method, route = scope.get("method", "WEBSOCKET"), self._route(scope)
        self._meter.request(route, method if method in METHODS else "other", status, seconds)
        if status in LIMITED:
            self._meter.limit_hit(LIMITED[status])
        fields = {
            "method": method[:16],
            "path": _told_path(scope["path"], route),
            "status": status,
            "ms": round(seconds * 1000, 1),
            "caller": facts.caller,
            "operation": facts.operation,
            "cost": facts.cost,
            "outcome": facts.outcome,
        }
        logger.info("request", extra=fields)

    def _route(self, scope: Scope) -> str:
        """The path as the application declares it, or "unknown": what a caller invents makes no series."""
        for route in self._routes:
            if route.matches(scope)[0] is not Match.NONE:
                return route.path if isinstance(route, Route) else str(getattr(route, "path", "") or "/")
        return UNKNOWN


def _told_path(path: str, route: str) -> str:
    """Of what no route knows the beginning alone: it may be a secret's path, mistyped."""
    if route == UNKNOWN:
        return f"/{path.strip('/').partition('/')[0]}/..."[:LONGEST_PATH]
    return route if SECRET in route else path[:LONGEST_PATH]


def request_id_of(scope: Scope) -> str:
    """The caller's `X-Request-Id`, or a new one: it finds a request in the log, and is no secret."""
    given: bytes = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return given.decode() if GIVEN_ID.fullmatch(given) else f"{random.getrandbits(128):032x}"
