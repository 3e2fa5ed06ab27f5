"""What an error says to the client, and what only the log is told.

A ServiceError was written for the caller and passes with its code. What the client's own document or variables brought
about keeps its text. Everything else is masked: the client gets an `errorId`, the log gets the exception under that id.
"""

import logging
import uuid
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from graphql import FieldNode, GraphQLError

from service.errors import ErrorCode, ServiceError
from service.refusals import Refused
from service.storage.errors import as_service_error

logger = logging.getLogger(__name__)

FormattedError = dict[str, Any]


class RequestCode(StrEnum):
    """Codes of what is wrong with the request itself, before it reaches the service."""

    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    TRUSTED_DOCUMENT_REQUIRED = "TRUSTED_DOCUMENT_REQUIRED"
    BAD_REQUEST = "BAD_REQUEST"
    NOT_FOUND = "NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    HEADERS_TOO_LARGE = "HEADERS_TOO_LARGE"
    URI_TOO_LONG = "URI_TOO_LONG"


class RequestRefused(Exception):
    """A request that is no GraphQL request: an HTTP status, a code, a sentence, and headers the answer needs."""

    def __init__(self, status: int, code: RequestCode, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers

    @property
    def formatted(self) -> FormattedError:
        return {"message": self.message, "extensions": {"code": self.code.value}}


HTTP_STATUS: Mapping[str, int] = {
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.SERVICE_UNAVAILABLE: 503,
    ErrorCode.INTERNAL_SERVER_ERROR: 500,
}


CHALLENGE = {"www-authenticate": "Bearer"}


def headers_for(error: FormattedError) -> dict[str, str]:
    """What an answer of nothing but this error says in its headers: when to come back, or how to log in."""
    extensions = error["extensions"]
    if "retryAfter" in extensions:
        return {"retry-after": str(extensions["retryAfter"])}
    return CHALLENGE if extensions["code"] == ErrorCode.UNAUTHENTICATED else {}


def format_request_error(error: GraphQLError, code: str) -> FormattedError:
    """An error of parsing, validation or variables: the client's own, so its text stays."""
    formatted = dict(error.formatted)
    extensions = dict(error.extensions or {})
    extensions.setdefault("code", code)
    formatted["extensions"] = extensions
    return formatted


def format_service_error(error: ServiceError) -> FormattedError:
    return {"message": error.message, "extensions": {"code": error.code.value, **error.extensions}}


def format_unexpected(error: BaseException, request_id: str | None) -> FormattedError:
    """The mask. The exception goes to the log, once, under the id that the client is given."""
    error_id = uuid.uuid4().hex
    logger.error(
        "unexpected error",
        exc_info=(type(error), error, error.__traceback__),
        extra={"error_id": error_id, "request_id": request_id},
    )
    return {
        "message": "Something went wrong here. Quote the errorId when you report it.",
        "extensions": {"code": ErrorCode.INTERNAL_SERVER_ERROR.value, "errorId": error_id},
    }


def format_exception(error: BaseException, request_id: str | None) -> FormattedError:
    """Any exception that is not a GraphQLError, as an entry of `errors`."""
    known = error if isinstance(error, ServiceError) else as_service_error(error)
    if known is not None and known.code is not ErrorCode.INTERNAL_SERVER_ERROR:
        return format_service_error(known)
    if isinstance(error, Refused):
        return _format_refused(error)
    return format_unexpected(error, request_id)


def format_execution_errors(errors: Sequence[GraphQLError], request_id: str | None) -> list[FormattedError]:
    """Errors that fields raised, each with its path and place in the document."""
    return [_format_execution_error(error, request_id) for error in errors]


def _format_execution_error(error: GraphQLError, request_id: str | None) -> FormattedError:
    original = _original(error)
    if original is not None:
        formatted = format_exception(original, request_id)
    elif error.extensions and "code" in error.extensions:
        formatted = {"message": error.message, "extensions": dict(error.extensions)}
    elif _is_of_an_argument(error):
        formatted = {"message": error.message, "extensions": {"code": ErrorCode.BAD_USER_INPUT.value}}
    else:
        formatted = format_unexpected(error, request_id)
    place = error.formatted
    return {
        "message": formatted["message"],
        **{key: place[key] for key in ("locations", "path") if key in place},
        "extensions": formatted["extensions"],
    }


def _original(error: GraphQLError) -> BaseException | None:
    """The exception at the bottom: graphql-core wraps one GraphQLError in another as it passes up."""
    found: BaseException | None = error.original_error
    while isinstance(found, GraphQLError):
        found = found.original_error
    return found


def _is_of_an_argument(error: GraphQLError) -> bool:
    """Whether a literal or a variable was at fault: graphql-core then points at it, and not at the field."""
    return bool(error.nodes) and not any(isinstance(node, FieldNode) for node in error.nodes or ())


def _format_refused(error: Refused) -> FormattedError:
    """A refusal that no payload took up: a query has no `refusals`, so the caller reads them here."""
    refusals = [
        {
            "code": each.code.value,
            "message": each.message,
            "messageZh": each.message_zh,
            "article": each.article,
            "field": list(each.field),
        }
        for each in error.refusals
    ]
    return {"message": str(error), "extensions": {"code": ErrorCode.BAD_USER_INPUT.value, "refusals": refusals}}
