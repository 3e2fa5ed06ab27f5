"""Feeds of what changes: operators and certificates as each change leaves them, told to whoever may see them."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol, TypeVar

from service.access import Caller, may_see
from service.certificates import Certificate
from service.clock import Clock
from service.feeds import CurrentCaller, Feed
from service.operators import Operator
from service.policy import Action, ensure_may
from service.record_feed import RecordFeed
from service.storage import certificates, operators
from service.storage.certificates import CERTIFICATE_CODEC, CERTIFICATES, CertificateFilter
from service.storage.changes import Token, open_changes
from service.storage.database import Collection, Database
from service.storage.documents import Codec
from service.storage.operators import OPERATOR_CODEC, OPERATORS, OperatorFilter, operator_query


class Owned(Protocol):
    """A record that a participant has, or, where that is None, the depository."""

    @property
    def participant_id(self) -> str | None: ...


T = TypeVar("T", bound=Owned)


class ChangeFeed(Feed[T]):
    """The records of one collection as each write leaves them. A write in place, which changes no version, is none."""

    _token: Token | None = None

    def __init__(self, database: Database, declared: Collection, codec: Codec[T], action: Action) -> None:
        super().__init__(database)
        self._declared = declared
        self._codec = codec
        self._action = action

    async def _follow(self, current: CurrentCaller, wanted: Callable[[T], bool]) -> AsyncGenerator[T]:
        """Those that come or change from now on, if they then are as wanted and the caller may see them.

        Raises Forbidden, FellBehind, HistoryLost, and what `current` raises.
        """
        caller = await current()
        ensure_may(caller, self._action)
        await self._until_open()
        with self._followed(lambda record: _may_see(caller, record) and wanted(record)) as follower:
            while True:
                record = await follower.take()
                now = await current()
                ensure_may(now, self._action)
                if _may_see(now, record):
                    yield record

    async def _publish_changes(self) -> None:
        async with open_changes(self._database, self._declared, self._token) as changes:
            self._open.set()
            while True:
                document = await changes.next()
                if document is not None:
                    self._publish(self._codec.decode(document))
                self._token = changes.token

    def _forget_position(self) -> None:
        self._token = None


def _may_see(caller: Caller, record: Owned) -> bool:
    """A registrar's certificate is of no participant: only the depository sees it."""
    return may_see(caller, record.participant_id or "")


class OperatorFeed(ChangeFeed[Operator]):
    """Operators as each change leaves them. That one was seen is no change."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, OPERATORS, OPERATOR_CODEC, Action.READ_OPERATOR)

    async def follow(self, current: CurrentCaller, wanted: OperatorFilter) -> AsyncGenerator[Operator]:
        """As `_follow`. Raises BadInput for a text of no use, as the same filter does of a query."""
        ensure_may(await current(), self._action)
        operator_query(wanted, None)
        following = self._follow(current, lambda operator: operators.fits(operator, wanted))
        async with aclosing(following):
            async for operator in following:
                yield operator


class CertificateFeed(ChangeFeed[Certificate]):
    """Certificates as each change leaves them: requested, issued, first used, held, released, superseded, revoked.

    That time passes is no change: nothing is told when one expires, or when its renewal window opens.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(database, CERTIFICATES, CERTIFICATE_CODEC, Action.READ_CERTIFICATE)
        self._clock = clock

    def follow(self, current: CurrentCaller, wanted: CertificateFilter) -> AsyncGenerator[Certificate]:
        """As `_follow`. What `wanted` says of validity is held against the time of the change."""

        def fits(certificate: Certificate) -> bool:
            return certificates.fits(certificate, wanted, self._clock.now(certificate.participant_id))

        return self._follow(current, fits)


@dataclass(frozen=True, slots=True)
class Feeds:
    """The feeds of one process."""

    records: RecordFeed
    operators: OperatorFeed
    certificates: CertificateFeed

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.records.run())
            group.create_task(self.operators.run())
            group.create_task(self.certificates.run())
