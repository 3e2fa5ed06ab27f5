"""Telling data of another edition of the sandbox, which nothing migrates, from what else a start may fail of."""

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import OperationFailure

from service.storage.documents import Malformed
from service.storage.errors import DOCUMENT_VALIDATION_FAILURE

_INDEX_FAILURES = frozenset({67, 85, 86, 11000})  # CannotCreateIndex, IndexOptions- and KeySpecsConflict, DuplicateKey


class ForeignData(Exception):
    """What is stored is not as this edition declares it."""

    def __init__(self) -> None:
        super().__init__(
            "The data that is there is of another edition of this sandbox and cannot be read: remove it with"
            " `prop-sandbox reset`, which leaves the keys, and start anew."
        )


@contextmanager
def reading_kept_data() -> Iterator[None]:
    """Raises ForeignData where a document cannot be read or written again, or an index cannot be made."""
    try:
        yield
    except Malformed as error:
        raise ForeignData from error
    except OperationFailure as error:
        if error.code in {DOCUMENT_VALIDATION_FAILURE, *_INDEX_FAILURES}:
            raise ForeignData from error
        raise
