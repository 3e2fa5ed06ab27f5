"""Change streams: documents as writes leave them, followed from any point of a collection's recent history."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from pymongo.errors import OperationFailure

from service.errors import Unavailable
from service.storage.database import Collection, Database, Document

WAIT_MS = 500  # a turn at the server: how long a stream that nobody follows any more still holds its thread
HISTORY_LOST = frozenset({280, 286})  # ChangeStreamFatalError, ChangeStreamHistoryLost
Token = Mapping[str, Any]

# Only whole documents: `Versioned` inserts and replaces, and an update in place changes no version.
_WRITES = [{"$match": {"operationType": {"$in": ["insert", "replace"]}}}]


class HistoryLost(Unavailable):
    """The server no longer keeps what has happened since a token: changes were missed, and none can say which."""

    def __init__(self) -> None:
        super().__init__("Changes may have been missed: read again, then subscribe again.", retryAfter=1)


class Changes:
    """One open stream, followed by one task. Made by `open_changes`."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    @property
    def token(self) -> Token | None:
        """Where to open the next stream so that it begins after the last document of this one."""
        token: Token | None = self._stream.resume_token
        return token

    async def next(self) -> Document | None:
        """The next document that was inserted or replaced; None where there was none for a turn.

        The driver reconnects once by itself. Raises HistoryLost, and the driver's errors in an outage.
        """
        turn = asyncio.ensure_future(self._stream.try_next())
        try:
            change = await asyncio.shield(turn)
        except asyncio.CancelledError:
            await asyncio.wait({turn})  # a thread is in the stream: it must not be closed under it
            with suppress(Exception):
                turn.result()
            raise
        except OperationFailure as error:
            if error.code in HISTORY_LOST:
                raise HistoryLost from error
            raise
        return change["fullDocument"] if change else None


@asynccontextmanager
async def open_changes(database: Database, declared: Collection, after: Token | None = None) -> AsyncIterator[Changes]:
    """The writes to a collection since `after`, or from now on. It is open when the context is entered.

    A stream has no end: open it outside of any `Database.deadline`. Raises HistoryLost, and the driver's errors.
    """
    stream = database.collection(declared).watch(_WRITES, resume_after=after, max_await_time_ms=WAIT_MS)
    try:
        await stream.__aenter__()
    except OperationFailure as error:
        if error.code in HISTORY_LOST:
            raise HistoryLost from error
        raise
    try:
        yield Changes(stream)
    finally:
        await stream.close()
