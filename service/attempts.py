"""Attempts that came to nothing (art. 9, 13, 17): on record, but never so many that strangers fill the evidence.

Of one source, EACH attempts of a kind are recorded in a minute, of all sources TOGETHER; what comes beyond is counted,
and the count recorded when the minute is over. A process that is killed loses the counts of its last minute; the log
has a line for each request all the same.
"""

import hashlib
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from service.access import ANONYMOUS, Caller
from service.background import repeat
from service.policy import Action

if TYPE_CHECKING:
    from service.records import RecordService
    from service.storage.database import Database, Session

EACH = 10
TOGETHER = 60
SECONDS = 60.0
SETTLE_SECONDS = 10.0  # how late a count may be recorded
MOST_SOURCES = 10_000  # that are told apart in a minute, and callers whose counts wait each by itself


@dataclass(slots=True)
class _Beyond:
    """Attempts of one caller that were counted only, by what they were."""

    caller: Caller
    counted: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Minute:
    ends: float
    recorded: int = 0
    sources: Counter[str] = field(default_factory=Counter)
    beyond: dict[str | None, _Beyond] = field(default_factory=dict)

    def admits(self, source: str | None) -> bool:
        """Whether one more of this source is recorded by itself."""
        if source is not None and (source in self.sources or len(self.sources) < MOST_SOURCES):
            self.sources[source] += 1
            if self.sources[source] > EACH:
                return False
        if self.recorded >= TOGETHER:
            return False
        self.recorded += 1
        return True

    def count(self, caller: Caller, what: Mapping[str, int]) -> None:
        known = caller.id in self.beyond or len(self.beyond) < MOST_SOURCES
        counted_as = caller if known else ANONYMOUS
        self.beyond.setdefault(counted_as.id, _Beyond(counted_as)).counted.update(what)


class Attempts:
    def __init__(
        self,
        records: "RecordService",
        database: "Database",
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._records = records
        self._database = database
        self._monotonic = monotonic
        self._minutes: dict[str, _Minute] = {}
        self._salt = secrets.token_bytes(16)

    async def note(
        self,
        caller: Caller,
        kind: str,
        what: str,
        content: Mapping[str, Any],
        *,
        source: str | None = None,
        subject: str | None = None,
        participant_id: str | None = None,
    ) -> None:
        """Record the attempt, or count it under `what`. `source`: an address or an id; None where it is not known.

        An address is personal data: the record holds a digest that tells sources apart, as long as this process lives.
        """
        minute = self._minutes.get(kind)
        if minute is None or minute.ends <= self._monotonic():
            await self.settle()
            minute = self._minutes.setdefault(kind, _Minute(self._monotonic() + SECONDS))
        if not minute.admits(source):
            minute.count(caller, {what: 1})
            return
        said = dict(content)
        if source is not None and source not in {caller.id, subject}:
            said["source"] = hashlib.blake2b(source.encode(), digest_size=8, key=self._salt).hexdigest()
        await self._write(caller, kind, subject, participant_id, said)

    async def crossed(
        self, caller: Caller, thing: str, *, source: str | None = None, fingerprint: str | None = None
    ) -> None:
        """Something of the other world was brought here (art. 17)."""
        content = {"thing": thing, "there": self._database.world.neighbour.environment.value}
        if fingerprint is not None:
            content["fingerprint"] = fingerprint
        await self.note(
            caller,
            "environment.crossed",
            thing,
            content,
            source=caller.id or source,
            subject=caller.id,
            participant_id=caller.participant_id,
        )

    async def beyond(self, caller: Caller, action: Action) -> None:
        """Somebody tried what it is not permitted (art. 9)."""
        content = {"action": action.value, "role": caller.role.value if caller.role else None}
        await self.note(
            caller,
            "access.refused",
            action.value,
            content,
            source=caller.id,
            subject=caller.id,
            participant_id=caller.participant_id,
        )

    async def settle(self, *, everything: bool = False) -> None:
        """Record the counts of the minutes that are over, or of all."""
        now = self._monotonic()
        over = [kind for kind, minute in self._minutes.items() if everything or minute.ends <= now]
        for kind in over:
            minute = self._minutes.pop(kind, None)
            if minute is not None:
                await self._settle_one(kind, minute)

    async def _settle_one(self, kind: str, minute: _Minute) -> None:
        """Record the counts of a minute. Those that cannot be recorded are kept for the next time."""
        try:
            while minute.beyond:
                caller_id, beyond = next(iter(minute.beyond.items()))
                content = {"count": beyond.counted.total(), "of": dict(beyond.counted), "withinSeconds": int(SECONDS)}
                await self._write(beyond.caller, kind, caller_id, beyond.caller.participant_id, content)
                del minute.beyond[caller_id]
        finally:
            for beyond in minute.beyond.values():
                self._minutes.setdefault(kind, _Minute(0.0)).count(beyond.caller, beyond.counted)

    async def _write(
        self, caller: Caller, kind: str, subject: str | None, participant_id: str | None, content: Mapping[str, Any]
    ) -> None:
        async def work(session: "Session") -> None:
            await self._records.write(caller, session, kind, subject, participant_id, content)

        await self._database.transaction(work)

    async def run(self, every: float = SETTLE_SECONDS) -> None:
        """Settle for ever; once more, and all, when cancelled."""
        try:
            await repeat(self.settle, every)
        finally:
            await self.settle(everything=True)
