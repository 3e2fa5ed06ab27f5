"""Clocks that stand until a test moves them, or that go, some time ahead."""

from datetime import datetime, timedelta

from service.clock import SystemClock


class FixedClock:
    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self, tenant: str | None = None) -> datetime:
        return self.at


class MovedClock(SystemClock):
    """The system's clock, as far ahead as a test moves it: for what is served, where time goes on."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self, tenant: str | None = None) -> datetime:
        return super().now(tenant) + self.ahead
