"""The sandbox's time: the real one, and for each tenant an offset by which it is ahead (art. 14, 25: what time brings).

An offset only grows, but with a new epoch of the tenant (reset, restore), which begins at the time it returns to.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

FURTHEST = timedelta(days=3660)  # ahead of the real time
_ZERO = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSetting:
    """How far a tenant's clock is ahead. `id` is the tenant's; `moved_at` is real time."""

    id: str
    epoch: int
    ahead_ms: int
    moved_at: datetime

    @property
    def ahead(self) -> timedelta:
        return timedelta(milliseconds=self.ahead_ms)


def milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)


class TenantClock:
    """A Clock that knows the offsets it is told. Within an epoch no tenant's time goes back, whatever it is told."""

    def __init__(self) -> None:
        self._settings: dict[str, ClockSetting] = {}
        self._latest: dict[str, datetime] = {}

    def now(self, tenant: str | None = None) -> datetime:
        real = datetime.now(UTC)
        if tenant is None or tenant not in self._settings:
            return real
        at = max(real + self._settings[tenant].ahead, self._latest[tenant])
        self._latest[tenant] = at
        return at

    def ahead(self, tenant: str) -> timedelta:
        setting = self._settings.get(tenant)
        return setting.ahead if setting else _ZERO

    def learn(self, settings: Iterable[ClockSetting]) -> None:
        """Take over settings, of whichever process; an older one than is known is ignored."""
        for each in settings:
            known = self._settings.get(each.id)
            if known is None or each.epoch > known.epoch:
                self._settings[each.id] = each
                self._latest[each.id] = datetime.min.replace(tzinfo=UTC)
            elif each.epoch == known.epoch and each.ahead_ms > known.ahead_ms:
                self._settings[each.id] = each

    def forget(self, tenant: str) -> None:
        """For one that ends: its time is the real one again."""
        self._settings.pop(tenant, None)
        self._latest.pop(tenant, None)

    def moved(self) -> list[str]:
        """The tenants whose time is not the real one."""
        return [each.id for each in self._settings.values() if each.ahead_ms]
