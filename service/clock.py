"""The time, as an argument. Nothing but a Clock calls now()."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def now(self, tenant: str | None = None) -> datetime:
        """Aware UTC time. `tenant` is the id of the participant whose time it is; where one clock rules all, it is ignored."""


class SystemClock:
    def now(self, tenant: str | None = None) -> datetime:  # noqa: ARG002 - one clock rules all of production
        return datetime.now(UTC)
