"""What goes wrong outside business: coded errors that may be shown to the caller. Everything else is masked."""

from enum import StrEnum

from service.world import Environment


class ErrorCode(StrEnum):
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    QUERY_TOO_EXPENSIVE = "QUERY_TOO_EXPENSIVE"
    RATE_LIMITED = "RATE_LIMITED"
    ENVIRONMENT_MISMATCH = "ENVIRONMENT_MISMATCH"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"


class ServiceError(Exception):
    """An error whose text is written for the caller. `extensions` are safe to show: no secrets, no personal data."""

    code: ErrorCode = ErrorCode.INTERNAL_SERVER_ERROR

    def __init__(self, message: str, **extensions: object) -> None:
        super().__init__(message)
        self.message = message
        self.extensions = extensions


class Unauthenticated(ServiceError):
    code = ErrorCode.UNAUTHENTICATED


class Forbidden(ServiceError):
    code = ErrorCode.FORBIDDEN


class BadInput(ServiceError):
    """Malformed input: what was wrong, where, and what would be right."""

    code = ErrorCode.BAD_USER_INPUT


class RateLimited(ServiceError):
    code = ErrorCode.RATE_LIMITED


class Unavailable(ServiceError):
    """Something this service stands on (the database) does not answer; the caller may try again."""

    code = ErrorCode.SERVICE_UNAVAILABLE


class EnvironmentMismatch(ServiceError):
    """Something of the other world was brought here (art. 17)."""

    code = ErrorCode.ENVIRONMENT_MISMATCH

    def __init__(self, thing: str, *, here: Environment, there: Environment) -> None:
        super().__init__(
            f"This {thing} belongs to {there.value}; this is {here.value}. The two worlds do not meet (art. 17).",
            here=here.value,
            there=there.value,
            article=17,
        )
