"""The driver's errors in this service's own words. Nothing of the data, the query or the server's address gets out."""

from pymongo.errors import (
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WaitQueueTimeoutError,
    WTimeoutError,
)

from service.errors import ServiceError, Unavailable

RETRY_AFTER_SECONDS = 1
DOCUMENT_VALIDATION_FAILURE = 121


def as_service_error(error: BaseException) -> ServiceError | None:
    """What a caller may be told of a driver's error; None where it is a fault of ours (or no driver error at all)."""
    match error:
        case WTimeoutError():
            return Unavailable(
                "The database did not confirm the change in time: it may have been kept. Send it again with the same"
                " idempotency key.",
                retryAfter=RETRY_AFTER_SECONDS,
            )
        case ConnectionFailure() | WaitQueueTimeoutError():  # AutoReconnect, NotPrimary, NetworkTimeout, selection
            return Unavailable("The database does not answer at the moment.", retryAfter=RETRY_AFTER_SECONDS)
        case ExecutionTimeout():
            return Unavailable("The database did not answer in time.", retryAfter=RETRY_AFTER_SECONDS)
        case OperationFailure(code=code) if code == DOCUMENT_VALIDATION_FAILURE:
            return ServiceError("The database refused a document of this service.")
        case PyMongoError() if error.has_error_label("TransientTransactionError"):
            return Unavailable("Too many changes at once: try again.", retryAfter=RETRY_AFTER_SECONDS)
    return None
