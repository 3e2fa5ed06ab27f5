"""What time brings, for one tenant: what production does by its clock, done by the tenant's (art. 14, 16, 25).

Nothing is brought by time that is not here but what follows from the clock wherever it is asked: that a certificate
has expired or may be renewed, that a revision is in force, so that the next use is consent to it (art. 25).
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.bootstrap import Services
from service.clock import SHANGHAI

_BATCH = 100
_LAST_MINUTE = timedelta(days=1, minutes=-1)


@dataclass(frozen=True, slots=True)
class DueWork:
    """One kind of thing that becomes due.

    `falls` is given the tenant and answers the moments, after one and until another, at which there will be something
    to do. `does` does it, by the tenant's time, and answers how much there was; it is given the moment up to which
    it has been done before, or None to look at everything.
    """

    name: str
    falls: Callable[[str, datetime, datetime], Awaitable[Sequence[datetime]]]
    does: Callable[[str, datetime | None], Awaitable[int]]


def due_works(services: Services) -> tuple[DueWork, ...]:
    """All of them, in the order in which a day brings them. What is due by a date adds itself here."""

    async def effect_applications(tenant: str, since: datetime | None) -> int:  # noqa: ARG001 - few, and soon found
        return len(await services.applications.effect_due(tenant, _BATCH))

    async def end_overlaps(tenant: str, since: datetime | None) -> int:  # noqa: ARG001 - as above
        return await services.certificate_use.supersede_due(tenant)

    async def remind(tenant: str, since: datetime | None) -> int:
        return await services.reminders.remind_due(tenant, since=since)

    async def send(tenant: str, since: datetime | None) -> int:  # noqa: ARG001 - as above
        return await services.outbox.deliver_due(tenant)

    async def whenever(tenant: str, after: datetime, until: datetime) -> Sequence[datetime]:  # noqa: ARG001 - DueWork
        return ()  # SMS come of the others

    return (
        DueWork("applications take effect", services.applications.effective_days, effect_applications),
        DueWork("overlaps end", services.certificate_use.overlaps_ending, end_overlaps),
        DueWork("reminders", services.reminders.reminders_fall, remind),
        DueWork("SMS leave", whenever, send),
    )


def visits(falls: Iterable[datetime], after: datetime, until: datetime) -> list[datetime]:
    """When to look, so that everything is done on its day in Shanghai and nobody looks at each minute of it.

    What falls on midnight is done then; the rest of a day together in its last minute, or when it falls in that.
    """
    found = {moment if _is_midnight(moment) else max(moment, _last_minute(moment)) for moment in falls}
    return sorted(moment for moment in found if after < moment <= until)


def _is_midnight(moment: datetime) -> bool:
    return moment == _midnight(moment)


def _last_minute(moment: datetime) -> datetime:
    return _midnight(moment) + _LAST_MINUTE


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
