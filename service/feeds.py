"""Feeds: what happens, told to whoever follows it. One change stream a process and collection serves all followers.

A follower is never waited for: who does not take what waits for it is ended, and the others do not notice. Every event
is held against what its follower may see at that moment.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from service.access import Caller
from service.errors import ServiceError, Unavailable
from service.storage.changes import HistoryLost
from service.storage.database import Database
from service.storage.errors import as_service_error

MOST_WAITING = 1_000  # events that one follower has not taken yet
READY_SECONDS = 5.0  # until a feed that begins is followed
RETRY_SECONDS = 1.0

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
                self._begin_again(error)
            except Exception as error:
                if not isinstance(error, Unavailable) and as_service_error(error) is None:
                    log.exception("a feed failed and begins again")
                    self._begin_again(HistoryLost())
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

    def _begin_again(self, error: ServiceError) -> None:
        """At the present. Who follows is told; who comes now waits until the feed is open, or something is missed."""
        self._open.clear()
        self._forget_position()
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
