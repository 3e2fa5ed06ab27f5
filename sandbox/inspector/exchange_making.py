"""From what was seen of a request to the exchange that is kept: everything private is taken out on the way."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson
from joserfc.util import urlsafe_b64decode

from sandbox.inspector.bearers import Bearer
from sandbox.inspector.exchanges import Endpoint, Exchange, Outcome, Protocol, Trouble, trouble_of
from sandbox.inspector.masking import Masking
from service.assertions import MAX_LENGTH
from service.evidence import canonical
from service.evidence.errors import Malformed
from service.http.findings import Findings

LONGEST = 16_384  # characters of a document, of variables
LONGEST_NAME = 128
MOST_TROUBLES = 20
ASSERTION_SHOWS = ("alg", "x5t#S256", "iss", "sub", "aud", "iat", "exp")
CODES_OF_STATUS = {
    413: "PAYLOAD_TOO_LARGE",
    429: "RATE_LIMITED",
    500: "INTERNAL_SERVER_ERROR",
    503: "SERVICE_UNAVAILABLE",
}


@dataclass(frozen=True, slots=True)
class Answered:
    """How a request was answered, as far as it has been."""

    status: int
    protocol: Protocol
    findings: Findings = field(repr=False)
    digest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request as it went through the middleware, or one operation on a WebSocket; secrets and all.

    `milliseconds` is None while it lasts.
    """

    id: str
    at: datetime
    endpoint: Endpoint
    method: str
    request_id: str
    authorization: str = field(repr=False)
    answered: Answered
    milliseconds: int | None
    scenario: str | None = None
    fault: str | None = None


def made_exchange(seen: Seen, whose: Bearer, tenant_at: datetime) -> Exchange:
    """What is kept of it. Raises ValueError for what is nobody's."""
    if whose.participant_id is None:
        raise ValueError("an exchange belongs to a participant")
    answered = seen.answered
    found = answered.findings
    masking = Masking() if found.assertion is None else Masking(private=frozenset())
    document = masking.document(found.document) if found.document is not None else None
    name, kind = masking.operation
    given = found.variables if found.assertion is None else shown_of(found.assertion)
    variables = orjson.dumps(masking.variables(given)).decode() if given else None
    troubles = troubles_of(seen, masking)
    return Exchange(
        id=seen.id,
        participant_id=whose.participant_id,
        at=seen.at,
        tenant_at=tenant_at,
        endpoint=seen.endpoint,
        protocol=answered.protocol,
        method=seen.method[:16],
        request_id=_short(masking, seen.request_id) or "",
        status=answered.status,
        outcome=outcome_of(seen, troubles),
        operation_name=_short(masking, found.operation_name or name),
        operation_kind=found.operation_kind or kind,
        document=document[:LONGEST] if document is not None else None,
        variables=variables if variables and len(variables) <= LONGEST else None,
        masked=masking.anything,
        truncated=any(each is not None and len(each) > LONGEST for each in (document, variables)),
        operator_id=whose.operator_id,
        codes=tuple(dict.fromkeys(each.code for each in troubles)),
        troubles=troubles,
        cost=found.cost,
        milliseconds=seen.milliseconds,
        answers=found.answers,
        scenario=seen.scenario,
        fault=seen.fault,
        idempotency_key=_short(masking, found.idempotency_key),
        digest=answered.digest,
    )


def shown_of(assertion: str) -> Mapping[str, Any]:
    """What an assertion says of itself, without its signature and whatever else is in it; {} for what is none."""
    if len(assertion) > MAX_LENGTH or assertion.count(".") != 2:
        return {}
    try:
        header, claims = (
            canonical.decode_loosely(urlsafe_b64decode(each.encode("ascii"))) for each in assertion.split(".")[:2]
        )
    except (Malformed, ValueError, TypeError):
        return {}
    said = {**claims, **header}
    return {name: said[name] for name in ASSERTION_SHOWS if isinstance(said.get(name), str | int)}


def troubles_of(seen: Seen, masking: Masking) -> tuple[Trouble, ...]:
    found, status = seen.answered.findings, seen.answered.status
    refused = [
        Trouble(
            code=each.code.value, article=each.article, field=each.field, english=each.message, chinese=each.message_zh
        )
        for each in found.refusals
    ]
    failed = [trouble for error in found.errors for trouble in trouble_of(error)]
    if not refused and not failed and status >= 400:  # answered by who knows no codes
        failed = [Trouble(code=CODES_OF_STATUS.get(status, f"HTTP_{status}"))]
    return tuple(_masked(each, masking, of_rule=each in refused) for each in (refused + failed)[:MOST_TROUBLES])


def outcome_of(seen: Seen, troubles: tuple[Trouble, ...]) -> Outcome:
    if seen.milliseconds is None:
        return Outcome.RUNNING
    if seen.answered.findings.errors or seen.answered.status >= 400:
        return Outcome.FAILED
    return Outcome.REFUSED if troubles else Outcome.OK


def _masked(trouble: Trouble, masking: Masking, *, of_rule: bool) -> Trouble:
    clean = masking.text if of_rule else masking.message  # a rule's sentence is ours, with names filled in
    return replace(
        trouble,
        code=trouble.code[:LONGEST_NAME],
        field=tuple(masking.text(each)[:LONGEST_NAME] for each in trouble.field[:12]),
        english=clean(trouble.english)[:1000],
        chinese=clean(trouble.chinese)[:1000] if trouble.chinese else None,
    )


def _short(masking: Masking, text: str | None) -> str | None:
    return masking.text(text)[:LONGEST_NAME] if text is not None else None
