"""What time brings, for one tenant: what production does by its clock, done by the tenant's (art. 14, 16, 25)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from service.bootstrap import Services

_BATCH = 100


@dataclass(frozen=True, slots=True)
class DueWork:
    """One kind of thing that becomes due. `does` is given the tenant and answers how much there was to do."""

    name: str
    does: Callable[[str], Awaitable[int]]


def due_works(services: Services) -> tuple[DueWork, ...]:
    """All of them, in the order in which a day brings them. What is due by a date adds itself here."""

    async def effect_applications(tenant: str) -> int:
        return len(await services.applications.effect_due(tenant, _BATCH))

    return (DueWork("applications take effect", effect_applications),)
