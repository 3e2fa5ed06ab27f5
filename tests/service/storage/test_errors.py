"""What a caller is told of the driver's errors, and what not."""

import pytest
from pymongo.errors import (
    AutoReconnect,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WTimeoutError,
)

from service.errors import Unavailable
from service.storage.errors import as_service_error

SECRET = "db-17.internal:27017 {telephone: 13800000000}"


@pytest.mark.parametrize(
    "error",
    [
        ServerSelectionTimeoutError(SECRET),
        AutoReconnect(SECRET),
        NetworkTimeout(SECRET),
        NotPrimaryError(SECRET),
        WaitQueueTimeoutError(SECRET),
        ExecutionTimeout(SECRET, 50),
        WTimeoutError(SECRET, 64),
        OperationFailure(SECRET, 112, {"errorLabels": ["TransientTransactionError"]}),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_outage_may_be_tried_again_and_names_no_server(error: PyMongoError) -> None:
    told = as_service_error(error)
    assert isinstance(told, Unavailable)
    assert told.extensions == {"retryAfter": 1}
    assert not any(word in repr((told, told.message)) for word in ("internal", "telephone", "1380"))


@pytest.mark.parametrize(
    "error", [DuplicateKeyError(SECRET, 11000), OperationFailure(SECRET, 2), PyMongoError(SECRET), ValueError(SECRET)]
)
def test_a_fault_of_ours_is_left_to_be_masked(error: Exception) -> None:
    assert as_service_error(error) is None
