"""What operators really use (art. 11), without a write per request: counted in the process, written in batches."""

import logging
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from service.access import Caller, CallerKind, Permission
from service.background import repeat
from service.clock import business_date
from service.operator_reviews import PermissionUse
from service.storage.operators import OperatorStore
from service.storage.usage import DailyUse, UsageStore

FLUSH_SECONDS = 30.0
MOST_COUNTED = 100_000  # counters, and operators seen, that wait while they cannot be written

_logger = logging.getLogger(__name__)


class Usage:
    """Counters of one process. What was counted since the last flush is lost with the process: these are no records.

    Beyond `most` counters what is new is let go; what is counted already is counted on.
    """

    def __init__(self, store: UsageStore, operators: OperatorStore, *, most: int = MOST_COUNTED) -> None:
        self._store = store
        self._operators = operators
        self._most = most
        self._let_go = 0
        self._counted: dict[tuple[str, Permission, date], tuple[int, datetime]] = {}
        self._seen: dict[str, datetime] = {}

    def note(self, caller: Caller, permission: Permission | None, at: datetime) -> None:
        """Count a use. Costs a dictionary entry, never a write; callers who are no operators are not counted."""
        if caller.kind is not CallerKind.OPERATOR or caller.id is None:
            return
        if caller.id in self._seen or len(self._seen) < self._most:
            self._seen[caller.id] = max(at, self._seen.get(caller.id, at))
        if permission is None:
            return
        key = (caller.id, permission, business_date(at))
        if key not in self._counted and len(self._counted) >= self._most:
            self._let_go += 1
            return
        times, last = self._counted.get(key, (0, at))
        self._counted[key] = (times + 1, max(at, last))

    async def flush(self) -> None:
        """Write what was counted. What cannot be written is counted on. Raises what the database says."""
        if self._let_go:
            _logger.warning("uses of permissions were let go: there was no room", extra={"count": self._let_go})
            self._let_go = 0
        counted, self._counted = self._counted, {}
        seen, self._seen = self._seen, {}
        try:
            while counted:
                (operator_id, permission, day), (times, last) = next(iter(counted.items()))
                await self._store.add(DailyUse(operator_id, permission, day, times, last))
                del counted[operator_id, permission, day]
            while seen:
                operator_id, at = next(iter(seen.items()))
                await self._operators.saw(operator_id, at)
                del seen[operator_id]
        finally:
            self._put_back(counted, seen)

    def _put_back(
        self, counted: dict[tuple[str, Permission, date], tuple[int, datetime]], seen: dict[str, datetime]
    ) -> None:
        # Backwards: one that cannot be written at all is not to stand before the others the next time too.
        for key, (times, last) in reversed(counted.items()):
            more, later = self._counted.get(key, (0, last))
            self._counted[key] = (times + more, max(last, later))
        for operator_id, at in reversed(seen.items()):
            self._seen[operator_id] = max(at, self._seen.get(operator_id, at))

    async def run(self, every: float = FLUSH_SECONDS) -> None:
        """Flush for ever; once more when cancelled."""
        try:
            await repeat(self.flush, every)
        finally:
            await self.flush()

    async def uses_of(self, operator_ids: Sequence[str], now: datetime, days: int) -> list[list[PermissionUse]]:
        """What each used in the last `days`, as far as it was flushed, in the order of the ids."""
        return await self._store.uses_of(operator_ids, business_date(now - timedelta(days=days)))
