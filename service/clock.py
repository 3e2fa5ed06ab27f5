"""The time, as an argument. Nothing but a Clock calls now()."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Protocol


class Clock(Protocol):
    def now(self, tenant: str | None = None) -> datetime:
        """Aware UTC time. `tenant`: the id of the participant whose time it is; ignored where one clock rules all."""


class SystemClock:
    def now(self, tenant: str | None = None) -> datetime:  # noqa: ARG002 - one clock rules all of production
        return datetime.now(UTC)


# The depository's calendar (art. 25, 27). A fixed offset: mainland China keeps one time zone and no summer time.
SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")


def beginning_of(day: date) -> datetime:
    """The first instant of a day in Shanghai."""
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)


def business_date(at: datetime) -> date:
    """The day in Shanghai on which an instant falls."""
    return at.astimezone(SHANGHAI).date()
