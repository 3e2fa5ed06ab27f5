"""Running an operation of the inspector's anew, through the whole application, as the same operator would."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from ulid import ULID

from sandbox.inspector.bearers import bearer_named
from sandbox.inspector.exchange_log import ExchangeLog
from sandbox.inspector.exchanges import Endpoint, Exchange
from service.clock import Clock
from service.errors import BadInput
from service.http.marks import ASGIApp, Message, Scope
from service.keys import SigningKeys

LONGEST_TOKEN = 4_096
BRING_ONE = "Bring the operator's access token: the inspector keeps none."


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it. `exchange` is that of the replay itself; None if it has been let go."""

    status: int
    body: str
    exchange: Exchange | None


class Replaying:
    """`application` is asked exactly as the network would ask it."""

    def __init__(self, application: ASGIApp, keys: SigningKeys, log: ExchangeLog, clock: Clock) -> None:
        self._application = application
        self._keys = keys
        self._log = log
        self._clock = clock

    async def replay(self, exchange: Exchange, token: str | None, address: str) -> Replayed:
        """Raises BadInput where it cannot be run as it was, and for a token that is not the same operator's.

        Whether the token is still good is for the service to say, in its answer. A key for idempotency is sent again:
        what was done under it is answered, and not done twice, as for any repeated request.
        """
        ensure_repeatable(exchange)
        at = self._clock.now()
        self._ensure_same_operator(exchange, token, at)
        request_id = f"replay-{ULID.from_datetime(at)}"
        body = orjson.dumps(
            {
                "query": exchange.document,
                "variables": orjson.loads(exchange.variables) if exchange.variables else None,
                "operationName": exchange.operation_name,
            }
        )
        headers = [
            (b"host", b"sandbox"),
            (b"authorization", f"Bearer {token}".encode()),
            (b"content-type", b"application/json"),
            (b"accept", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"x-request-id", request_id.encode()),
        ]
        status, answer = await ask(self._application, "/graphql", headers, body, address)
        return Replayed(status, answer.decode(), await self._own_exchange(exchange.participant_id, request_id, at))

    def _ensure_same_operator(self, exchange: Exchange, token: str | None, at: datetime) -> None:
        if not token or len(token) > LONGEST_TOKEN or not token.isascii():
            raise BadInput(BRING_ONE, field="token")
        bearer = bearer_named(f"Bearer {token}", self._keys, at)
        if (bearer.participant_id, bearer.operator_id) != (exchange.participant_id, exchange.operator_id):
            raise BadInput("This token is not of the operator who asked then: log in as that one.", field="token")

    async def _own_exchange(self, participant_id: str, request_id: str, at: datetime) -> Exchange | None:
        since = self._log.since(participant_id, at)
        return await anext((each async for each in since if each.request_id == request_id), None)


def ensure_repeatable(exchange: Exchange) -> None:
    """Raises BadInput, saying why it cannot be run again."""
    reason = why_not_repeatable(exchange)
    if reason is not None:
        raise BadInput(reason[0], field="id")


def why_not_repeatable(exchange: Exchange) -> tuple[str, str] | None:
    """The reason in English and Chinese; None where it can be run again."""
    if exchange.endpoint is not Endpoint.GRAPHQL or exchange.document is None:
        return (
            "Only GraphQL operations are run again: a login is signed anew each time.",
            "仅可重放 GraphQL 操作：每次登录均须重新签名。",
        )
    if exchange.masked:
        return (
            "Something private was masked in it and is not known here any more: send it again from your program.",
            "其中的敏感内容已屏蔽且未予留存，请由贵方程序重新发送。",
        )
    if exchange.truncated:
        return "It was too long to be kept whole.", "请求过长，未完整留存。"
    if exchange.operation_kind == "subscription":
        return "A subscription has no one answer to repeat: subscribe again.", "订阅没有单一应答可供重放，请重新订阅。"
    return None


async def ask(
    application: ASGIApp, path: str, headers: list[tuple[bytes, bytes]], body: bytes, address: str
) -> tuple[int, bytes]:
    """A POST to an application in this process: its status and body. Raises what it raises."""
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": (address, 0),
        "server": ("sandbox", 80),
        "state": {},
    }
    sent: list[Message] = []
    given = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return given.pop() if given else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await application(scope, receive, send)
    status = next(each["status"] for each in sent if each["type"] == "http.response.start")
    chunks: list[Any] = [each.get("body", b"") for each in sent if each["type"] == "http.response.body"]
    return status, b"".join(chunks)
