"""Clocks that stand until a test moves them."""

from datetime import datetime


class FixedClock:
    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self, tenant: str | None = None) -> datetime:
        return self.at
