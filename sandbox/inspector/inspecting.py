"""Middleware around the whole service that notes every exchange of a tenant's: what the inspector shows.

An exchange belongs to the participant whose operator was let in; if none was, to the one whose certificate an assertion
named or whose token, signed by this service, was brought. What nobody brought is nobody's, and is not kept. Whoever
makes a scenario or a fault happen says so in the scope's state, under SCENARIO or FAULT.
"""

import hashlib
import hmac
import logging
import time
from collections.abc import Callable

import orjson

from sandbox.bootstrap import Ground, Sandbox
from sandbox.inspector.bearers import Bearer, bearer_named
from sandbox.inspector.exchange_making import Answered, Seen, made_exchange
from sandbox.inspector.exchanges import Endpoint, Exchange, Ids, Protocol
from sandbox.scenarios.asked import asked_now
from schema.requests import EVENTS
from service.authority import LIST_PATH, OCSP_PATH
from service.errors import Unavailable
from service.http.findings import OBSERVE, Findings, findings_of
from service.http.marks import ASGIApp, Message, Receive, Scope, Send
from service.tokens import TOKEN_PATH

logger = logging.getLogger(__name__)

SCENARIO, FAULT = "scenario", "fault"
PATHS = {"/graphql": Endpoint.GRAPHQL, TOKEN_PATH: Endpoint.TOKEN, LIST_PATH: Endpoint.REVOCATION_LIST}
SWITCHING = 101  # the status of a WebSocket
SUBSCRIPTION = "subscription"


class Inspecting:
    """Lies around what makes scenarios and faults happen, so that it sees those too."""

    def __init__(self, app: ASGIApp, ground: Ground) -> None:
        self._app = app
        self._ground = ground
        self._ids = Ids()
        self._digest_key = hashlib.sha256(b"digest of exchanges" + ground.settings.data_key.get_secret_value()).digest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = endpoint_of(scope) if scope["type"] in {"http", "websocket"} else None
        if endpoint is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            scope.setdefault("state", {})[OBSERVE] = lambda findings: self._begin_operation(scope, findings)
            await self._app(scope, receive, send)
        else:
            await self._request(scope, endpoint, receive, send)

    async def _request(self, scope: Scope, endpoint: Endpoint, receive: Receive, send: Send) -> None:
        digest = hmac.new(self._digest_key, digestmod=hashlib.sha256)
        status, protocol = 500, Protocol.HTTP

        async def watched(message: Message) -> None:
            nonlocal status, protocol
            if message["type"] == "http.response.start":
                status = message["status"]
                protocol = Protocol.SSE if _is_stream(message) else Protocol.HTTP
            elif message["type"] == "http.response.body":
                digest.update(message.get("body", b""))
            await send(message)

        def answer() -> Answered:
            return Answered(status, protocol, findings_of(scope), digest.hexdigest())

        ended = self._begin(scope, endpoint, answer)
        try:
            await self._app(scope, receive, watched)
        finally:
            ended()

    def _begin_operation(self, scope: Scope, findings: Findings) -> Callable[[], None]:
        def answer() -> Answered:
            return Answered(SWITCHING, Protocol.WEBSOCKET, findings, self._digest_of(findings.data))

        return self._begin(scope, Endpoint.GRAPHQL, answer)

    def _begin(self, scope: Scope, endpoint: Endpoint, answer: Callable[[], Answered]) -> Callable[[], None]:
        """Note that an exchange has begun; what is answered notes that it has ended."""
        try:
            sandbox = self._ground.sandbox
        except Unavailable:
            return lambda: None
        began, at, log = time.monotonic(), sandbox.clock.now(), sandbox.exchanges
        exchange_id = self._ids.next(at)

        def made(milliseconds: int | None) -> Exchange | None:
            state, now = scope.get("state", {}), asked_now()
            asked = now.told if now is not None else state  # on a WebSocket each operation has its own
            seen = Seen(
                id=exchange_id,
                at=at,
                endpoint=endpoint,
                method=scope.get("method", "GET"),
                request_id=state.get("request_id", ""),
                authorization=_authorization(scope),
                answered=answer(),
                milliseconds=milliseconds,
                scenario=asked.get(SCENARIO),
                fault=asked.get(FAULT),
            )
            whose = self._whose(sandbox, seen)
            if whose.participant_id is None:  # nobody's
                return None
            return made_exchange(seen, whose, at + sandbox.clock.ahead(whose.participant_id))

        def ended() -> None:
            try:
                exchange = made(round((time.monotonic() - began) * 1000))
            except Exception as error:  # the request has been answered; the error's text may be private
                logger.error("an exchange could not be noted", extra={"reason": type(error).__name__})
                exchange = None
            if exchange is None:
                log.drop(exchange_id)
            else:
                log.note(exchange)

        log.begin(exchange_id, lambda: made(None) if answer().findings.operation_kind == SUBSCRIPTION else None)
        return ended

    def _whose(self, sandbox: Sandbox, seen: Seen) -> Bearer:
        found = seen.answered.findings
        if found.caller is not None:
            return Bearer(found.caller.id, found.caller.participant_id)
        if found.claimed[1] is not None:
            return Bearer(*found.claimed)
        return bearer_named(found.authorization or seen.authorization, sandbox.services.keys, seen.at)

    def _digest_of(self, data: object) -> str | None:
        try:
            return hmac.new(self._digest_key, orjson.dumps(data), hashlib.sha256).hexdigest() if data else None
        except TypeError:  # not what JSON can say: such an answer was not sent either
            return None


def endpoint_of(scope: Scope) -> Endpoint | None:
    path: str = scope["path"]
    return PATHS.get(path) or (Endpoint.OCSP if path.startswith(OCSP_PATH) else None)


def _is_stream(message: Message) -> bool:
    headers = message.get("headers", ())
    return any(name == b"content-type" and value.startswith(EVENTS.encode()) for name, value in headers)


def _authorization(scope: Scope) -> str:
    found = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    return str(found.decode("latin-1"))
