"""The time, as an argument. Nothing but a Clock calls now()."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def now(self, tenant: str | None = None) -> datetime:
        """Aware UTC time. `tenant`: the id of the participant whose time it is; ignored where one clock rules all."""


class SystemClock:
    def now(self, tenant: str | None = None) -> datetime:  # noqa: ARG002 - one clock rules all of production
        return datetime.now(UTC)
