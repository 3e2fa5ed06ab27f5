"""Feeds: what happens, told to whoever follows it. One change stream a process and collection serves all followers.

A follower is never waited for: who does not take what waits for it is ended, and the others do not notice. Every event
is held against what its follower may see at that moment.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from service.access import Caller, may_see
from service.errors import BadInput, ServiceError, Unavailable
from service.identifiers import Kind, parse_id
from service.operators import Operator
from service.policy import Action, ensure_may
from service.records import Record, RecordFilter, RecordService, matches, may_see_record
from service.storage.changes import HistoryLost, Token, open_changes
from service.storage.database import Database
from service.storage.errors import as_service_error
from service.storage.log import BATCHES, LogStore
from service.storage.operators import OPERATOR_CODEC, OPERATORS, OperatorFilter, fits, operator_query
from service.storage.records import RecordStore

MOST_WAITING = 1_000  # events that one follower has not taken yet
MOST_MISSED = 100_000  # records of the log that are gone through for a follower who comes back
READY_SECONDS = 5.0  # until a feed that begins is followed, or a record has its place in the log
RETRY_SECONDS = 1.0
_POLL_SECONDS = 0.1

E = TypeVar("E")
CurrentCaller = Callable[[], Awaitable[Caller]]
"""Who follows, as it is now: asked for every event. Raises Unauthenticated for whoever is nobody any more."""

log = logging.getLogger(__name__)


class FellBehind(Unavailable):
    """A follower did not take its events in time."""

    def __init__(self) -> None:
        super().__init__("This subscription fell behind: subscribe again, after the last event received.", retryAfter=1)


class Follower(Generic[E]):
    """The events that wait for one follower."""

    def __init__(self, wants: Callable[[E], bool], most: int) -> None:
        self._wants = wants
        self._waiting: asyncio.Queue[E | None] = asyncio.Queue(most + 1)  # the last place is for None: look at `_ended`
        self._ended: ServiceError | None = None

    def offer(self, event: E) -> None:
        """Never waits. Whoever has no room left gets what it has, and then FellBehind.

        A filter that cannot be asked ends its own follower: the feed, and with it everybody else, goes on.
        """
        if self._ended is not None or not self._is_wanted(event):
            return
        if self._waiting.qsize() + 1 == self._waiting.maxsize:
            self.end(FellBehind())
        else:
            self._waiting.put_nowait(event)

    def _is_wanted(self, event: E) -> bool:
        try:
            return self._wants(event)
        except ServiceError as error:
            self.end(error)
            return False

    def end(self, error: ServiceError) -> None:
        if self._ended is None:
            self._ended = error
            self._waiting.put_nowait(None)

    async def take(self) -> E:
        """The next event. Raises what ended the following, after the events that came before."""
        event = await self._waiting.get()
        if event is None:
            assert self._ended is not None  # noqa: S101 - `end` sets it first
            raise self._ended
        return event


class Feed(ABC, Generic[E]):
    """Events of one kind, fanned out to followers. `run` must be running in this event loop, once."""

    def __init__(self, database: Database, *, most_waiting: int = MOST_WAITING) -> None:
        self._database = database
        self._most_waiting = most_waiting
        self._followers: set[Follower[E]] = set()
        self._open = asyncio.Event()

    async def run(self) -> None:
        """Publish what happens until cancelled. An outage of the database is waited out; nothing is lost in it."""
        while True:
            try:
                await self._publish_changes()
            except HistoryLost as error:
                self._forget_position()
                self._end_all(error)
            except Exception as error:
                if not isinstance(error, Unavailable) and as_service_error(error) is None:
                    log.exception("a feed failed and begins again")
                    self._forget_position()
                    self._end_all(HistoryLost())
                await asyncio.sleep(RETRY_SECONDS)

    @abstractmethod
    async def _publish_changes(self) -> None:
        """Publish from where the last call ended; sets `_open` when nothing that happens from then on is missed."""

    @abstractmethod
    def _forget_position(self) -> None:
        """Begin at the present next time."""

    def _publish(self, event: E) -> None:
        for follower in self._followers:
            follower.offer(event)

    def _end_all(self, error: ServiceError) -> None:
        for follower in self._followers:
            follower.end(error)

    @contextmanager
    def _followed(self, wants: Callable[[E], bool]) -> Iterator[Follower[E]]:
        follower = Follower(wants, self._most_waiting)
        self._followers.add(follower)
        try:
            yield follower
        finally:
            self._followers.discard(follower)

    async def _until_open(self) -> None:
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._open.wait()
        except TimeoutError:
            raise Unavailable("Events cannot be followed at the moment.", retryAfter=1) from None


@dataclass(frozen=True, slots=True)
class Logged:
    """A record at its place in the log."""

    index: int
    record: Record


class RecordFeed(Feed[Logged]):
    """Records in the order of the log, which has no gaps: whoever knows the last one it got can go on after it."""

    def __init__(
        self, database: Database, records: RecordService, store: RecordStore, *, most_waiting: int = MOST_WAITING
    ) -> None:
        super().__init__(database, most_waiting=most_waiting)
        self._log = LogStore(database)
        self._records = records
        self._store = store
        self._position: int | None = None  # of the next record to publish

    async def follow(
        self, current: CurrentCaller, wanted: RecordFilter, after: str | None = None
    ) -> AsyncGenerator[Record]:
        """The records that enter the log from now on, or that have since the record `after`, each once.

        Raises Unauthenticated, Forbidden, BadInput for an `after` that the caller cannot have got, FellBehind.
        """
        caller = await current()
        ensure_may(caller, Action.READ_RECORD)
        if after is not None:
            parse_id(self._database.world, after, Kind.RECORD)
        await self._until_open()

        def wants(event: Logged) -> bool:
            return matches(wanted, event.record) and may_see_record(caller, event.record)

        with self._followed(wants) as follower:
            begin = live = self._position or 0
            if after is not None:
                begin = await self._place(caller, after) + 1
                async for event in self._missed(begin, live):
                    if wants(event) and await _may_have(current, event.record):
                        yield event.record
            while True:
                event = await follower.take()
                if event.index >= begin and await _may_have(current, event.record):
                    yield event.record

    async def _place(self, caller: Caller, record_id: str) -> int:
        """Where a record that the caller may see stands. One that was only just written is waited for."""
        if (await self._records.get_many(caller, [record_id]))[0] is None:
            raise BadInput("There is no such record to go on after.", field="after")
        for _ in range(int(READY_SECONDS / _POLL_SECONDS)):
            place = (await self._log.places([record_id])).get(record_id)
            if place is not None:
                return place
            await asyncio.sleep(_POLL_SECONDS)
        raise Unavailable("That record has no place in the log yet.", retryAfter=1)

    async def _missed(self, begin: int, end: int) -> AsyncGenerator[Logged]:
        if end - begin > MOST_MISSED:
            raise BadInput(
                f"More than {MOST_MISSED} records were written since: read `records` from that time on, then follow.",
                field="after",
            )
        while begin < end:
            for event in await self._read(begin):
                if begin <= event.index < end:
                    yield event
                begin = max(begin, event.index + 1)

    async def _publish_changes(self) -> None:
        async with open_changes(self._database, BATCHES) as changes:
            if self._position is None:
                self._position = await self._log.size()
            while True:
                while events := await self._read(self._position):
                    for event in events:
                        self._publish(event)
                    self._position = events[-1].index + 1
                self._open.set()
                while await changes.next() is None:
                    pass

    def _forget_position(self) -> None:
        self._position = None

    async def _read(self, index: int) -> Sequence[Logged]:
        """The batch that holds `index`, none if the log ends before it."""
        begin, ids = await self._log.batch_at(index)
        found = {each.id: each for each in await self._store.get_many(ids)}
        return [Logged(begin + place, found[each]) for place, each in enumerate(ids) if begin + place >= index]


async def _may_have(current: CurrentCaller, record: Record) -> bool:
    caller = await current()
    ensure_may(caller, Action.READ_RECORD)
    return may_see_record(caller, record)


class OperatorFeed(Feed[Operator]):
    """Operators as each change leaves them. That one was seen is no change."""

    _token: Token | None = None

    async def follow(self, current: CurrentCaller, wanted: OperatorFilter) -> AsyncGenerator[Operator]:
        """Operators who come or change from now on, if they then are as `wanted` says.

        Raises Unauthenticated, Forbidden, BadInput for a text of no use, FellBehind, HistoryLost.
        """
        caller = await current()
        ensure_may(caller, Action.READ_OPERATOR)
        operator_query(wanted, None)  # raises what the same filter raises of a query
        await self._until_open()

        def wants(operator: Operator) -> bool:
            return may_see(caller, operator.participant_id) and fits(operator, wanted)

        with self._followed(wants) as follower:
            while True:
                operator = await follower.take()
                now = await current()
                ensure_may(now, Action.READ_OPERATOR)
                if may_see(now, operator.participant_id):
                    yield operator

    async def _publish_changes(self) -> None:
        async with open_changes(self._database, OPERATORS, self._token) as changes:
            self._open.set()
            while True:
                document = await changes.next()
                if document is not None:
                    self._publish(OPERATOR_CODEC.decode(document))
                self._token = changes.token

    def _forget_position(self) -> None:
        self._token = None


@dataclass(frozen=True, slots=True)
class Feeds:
    """The feeds of one process."""

    records: RecordFeed
    operators: OperatorFeed

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.records.run())
            group.create_task(self.operators.run())
