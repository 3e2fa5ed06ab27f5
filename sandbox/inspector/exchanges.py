"""What a tenant's client asked and what it was told: one exchange, as the inspector keeps it for thirty days, and
within bounds (`sandbox.inspector.bounds`).

Kept in a form that may be kept: see `sandbox.inspector.masking`. Times are those of the server; `tenant_at` is the
tenant's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from ulid import ULID

KEPT = timedelta(days=30)
_PLAIN_SIZE = 1_000  # bytes of one without a document
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)  # no ULID is earlier


class Endpoint(StrEnum):
    GRAPHQL = "GRAPHQL"
    TOKEN = "TOKEN"  # noqa: S105 - the endpoint, not one
    OCSP = "OCSP"
    REVOCATION_LIST = "REVOCATION_LIST"


class Protocol(StrEnum):
    HTTP = "HTTP"
    SSE = "SSE"
    WEBSOCKET = "WEBSOCKET"


class Outcome(StrEnum):
    OK = "OK"
    REFUSED = "REFUSED"  # by a rule of business: the answer has refusals
    FAILED = "FAILED"  # the answer has errors, or a status that says so
    RUNNING = "RUNNING"  # a subscription that has not ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One error or refusal of an answer. `chinese` is None where the service has no sentence of its own for it."""

    code: str
    article: int | None = None
    field: tuple[str, ...] = ()
    english: str = ""
    chinese: str | None = None
    action: str | None = None  # of `service.policy`, where the policy said no


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request with its answer, or one operation on a WebSocket. `id` is a ULID: their order is that of time.

    `variables` are JSON. `masked`: something was taken out of the document or the variables. `truncated`: they were too
    long to keep. `digest` is keyed, and equal for equal answers; of a WebSocket, the last one's data.
    """

    id: str
    participant_id: str
    at: datetime
    tenant_at: datetime
    endpoint: Endpoint
    protocol: Protocol
    method: str
    request_id: str
    status: int
    outcome: Outcome
    operation_name: str | None = None
    operation_kind: str | None = None
    document: str | None = field(default=None, repr=False)
    variables: str | None = field(default=None, repr=False)
    masked: bool = False
    truncated: bool = False
    operator_id: str | None = None
    operator_number: str | None = None
    codes: tuple[str, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    cost: int | None = None
    milliseconds: int | None = None
    answers: int = 0
    scenario: str | None = None
    fault: str | None = None
    idempotency_key: str | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeFilter:
    """What all hold together; None asks nothing. `since` is included, `until` is not."""

    since: datetime | None = None
    until: datetime | None = None
    operation: str | None = None
    outcome: Outcome | None = None
    code: str | None = None
    operator_id: str | None = None
    endpoint: Endpoint | None = None


class Ids:
    """Ids of exchanges, each later than the one before, also within a millisecond."""

    def __init__(self) -> None:
        self._last = 0

    def next(self, at: datetime) -> str:
        self._last = max(int(at.timestamp() * 1000), self._last + 1)
        return str(ULID.from_timestamp(self._last / 1000))


def earliest_id(at: datetime) -> str:
    """No id of a later millisecond is less, no id of an earlier one is greater."""
    return str(ULID.from_datetime(max(at, _FIRST)))[:10] + "0" * 16


def size_of(exchange: Exchange) -> int:
    """About how many bytes it takes to keep: the texts that may be long, and room for the rest."""
    told = [text for each in exchange.troubles for text in (each.english, each.chinese)]
    return _PLAIN_SIZE + sum(len(text.encode()) for text in (exchange.document, exchange.variables, *told) if text)


def trouble_of(error: Mapping[str, Any]) -> tuple[Trouble, ...]:
    """An entry of GraphQL's `errors`; several troubles where it carries refusals (a query has no payload for them)."""
    extensions = error.get("extensions") or {}
    if refusals := extensions.get("refusals"):
        return tuple(
            Trouble(
                code=str(each["code"]),
                article=each["article"],
                field=tuple(map(str, each["field"])),
                english=str(each["message"]),
                chinese=str(each["messageZh"]),
            )
            for each in refusals
        )
    article = extensions.get("article")
    return (
        Trouble(
            code=str(extensions.get("code", "INTERNAL_SERVER_ERROR")),
            article=article if isinstance(article, int) else None,
            field=_path(extensions.get("field") or error.get("path")),
            english=str(error.get("message", "")),
            action=str(extensions["action"]) if "action" in extensions else None,
        ),
    )


def _path(found: Any) -> tuple[str, ...]:
    if isinstance(found, str):
        return (found,)
    return tuple(str(each) for each in found) if isinstance(found, list | tuple) else ()
