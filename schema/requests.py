"""From HTTP to a GraphQL request (GraphQL over HTTP, sections 5 and 6). Total: only our errors leave."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import orjson

from schema.errors import RequestCode, RequestRefused
from schema.execution import GraphQLRequest
from schema.limits import Limits
from service.http import bodies
from service.http.bodies import BodyRefused
from service.http.marks import Receive

Headers = Mapping[bytes, bytes]

JSON = "application/json"
RESPONSE = "application/graphql-response+json"
EVENTS = "text/event-stream"
HTML = "text/html"

PARAMETERS: Mapping[str, tuple[type, str]] = {
    "query": (str, "a string"),
    "documentId": (str, "a string"),
    "operationName": (str, "a string"),
    "variables": (dict, "an object"),
    "extensions": (dict, "an object"),
}


BODY_CODES = {
    400: RequestCode.BAD_REQUEST,
    408: RequestCode.REQUEST_TIMEOUT,
    413: RequestCode.PAYLOAD_TOO_LARGE,
}


def headers_of(scope: Mapping[str, Any]) -> Headers:
    """The headers by lower-case name; of a repeated one, the last."""
    return dict(scope["headers"])


@lru_cache(maxsize=256)
def negotiate(accept: bytes) -> str:
    """The media type of the answer: of those offered, the one with the highest q; application/json in a draw.

    Raises RequestRefused (406) if the client takes none of them. text/html is answered to browsers that name no query.
    """
    if not accept.strip():
        return JSON
    ranges = [_media_range(part) for part in accept.decode("latin-1").lower().split(",") if part.strip()]
    best, best_quality = "", 0.0
    for offered in (JSON, RESPONSE, EVENTS, HTML):
        quality = _quality_of(offered, ranges)
        if quality > best_quality:
            best, best_quality = offered, quality
    if not best:
        raise RequestRefused(406, RequestCode.NOT_ACCEPTABLE, f"This answers with {JSON}, {RESPONSE} or {EVENTS}.")
    return best


def _media_range(part: str) -> tuple[str, float]:
    name, *parameters = (each.strip() for each in part.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return name, float(parameter[2:])
            except ValueError:
                return name, 0.0
    return name, 1.0


def _quality_of(offered: str, ranges: list[tuple[str, float]]) -> float:
    """RFC 9110, 12.5.1: the most specific range that matches decides. A stream or a page must be asked for by name."""
    named = dict(ranges)
    if offered in named:
        return named[offered]
    if offered in {EVENTS, HTML}:
        return 0.0
    return named.get("application/*", named.get("*/*", 0.0))


@lru_cache(maxsize=256)
def ensure_json(content_type: bytes) -> None:
    """Raises RequestRefused (415) unless the body is UTF-8 JSON.

    application/json is no "simple" content type, so a page of another origin cannot send it without a preflight, which
    this service does not answer: that is its defence against forged requests.
    """
    name, *parameters = (part.strip() for part in content_type.decode("latin-1").lower().split(";"))
    charsets = {part[8:].strip('"') for part in parameters if part.startswith("charset=")}
    if name != JSON or charsets - {"utf-8", "utf8"}:
        raise RequestRefused(415, RequestCode.UNSUPPORTED_MEDIA_TYPE, f"A POST must be {JSON}, in UTF-8.")


async def read_body(receive: Receive, headers: Headers, limits: Limits) -> bytes:
    """The body, never more of it than the limit. Raises RequestRefused (413, 408, 400)."""
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and (len(declared) > 18 or int(declared) > limits.body):
        raise _body_refused(413, f"The body is larger than {limits.body} bytes.")
    try:
        return await bodies.read_body(receive, limits.body, limits.body_seconds)
    except BodyRefused as refused:
        raise _body_refused(refused.status, refused.message) from None


def _body_refused(status: int, message: str) -> RequestRefused:
    """What was late ends its connection (RFC 9110, 15.5.9): what may still come is nobody's."""
    return RequestRefused(status, BODY_CODES[status], message, **({"connection": "close"} if status == 408 else {}))


def parse_body(body: bytes) -> GraphQLRequest:
    """The parameters of a POST. Raises RequestRefused (400) for whatever is not a JSON object of the right shape."""
    parameters = _parse_json(body, "The body")
    if isinstance(parameters, list):
        raise _bad("One request at a time: batches are not offered.")
    return request_of(parameters)


def parse_query_string(query_string: bytes) -> GraphQLRequest:
    """The parameters of a GET, where variables and extensions are JSON. Raises RequestRefused (400)."""
    try:
        parameters: dict[str, Any] = dict(
            parse_qsl(query_string.decode("ascii"), encoding="utf-8", errors="strict", max_num_fields=20)
        )
    except ValueError as error:
        raise _bad("The query string is not URL-encoded UTF-8.") from error
    for name in ("variables", "extensions"):
        if name in parameters:
            parameters[name] = _parse_json(parameters[name], f"The parameter {name!r}")
    return request_of(parameters)


def request_of(parameters: object) -> GraphQLRequest:
    """Checks the type of each parameter; `null` is as good as absent. Raises RequestRefused (400)."""
    if not isinstance(parameters, dict):
        raise _bad("A GraphQL request is a JSON object with a query.")
    for name, (kind, words) in PARAMETERS.items():
        value = parameters.get(name)
        if value is not None and not isinstance(value, kind):
            raise _bad(f"{name!r} must be {words}.")
    return GraphQLRequest(
        query=parameters.get("query"),
        document_id=parameters.get("documentId"),
        operation_name=parameters.get("operationName"),
        variables=parameters.get("variables"),
        extensions=parameters.get("extensions"),
    )


def _parse_json(text: bytes | str, what: str) -> object:
    try:
        return orjson.loads(text)
    except ValueError as error:
        raise _bad(f"{what} is not JSON in UTF-8.") from error


def _bad(message: str) -> RequestRefused:
    return RequestRefused(400, RequestCode.BAD_REQUEST, message)
