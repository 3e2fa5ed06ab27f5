"""What expires when (到期日历, art. 14) over GraphQL: the days to come on which certificates end."""

from datetime import date
from itertools import groupby, islice

import strawberry

from schema.certificate_search import CertificateFilter
from schema.certificates import Certificate, now_of
from schema.context import Info
from schema.cost import ListSize
from schema.nodes import ensure_ids
from schema.permissions import asks
from service.certificates import CertificateState
from service.clock import business_date
from service.pagination import PageRequest
from service.policy import Action
from service.storage import certificates as storage

MOST_DAYS = 30
A_DAY = 5  # certificates; one day may have more, all together have no more than these come to
MOST_EXPIRIES = MOST_DAYS * A_DAY


@strawberry.type(description="A day (in Shanghai) on which certificates end.")
class ExpiryDay:
    day: date
    certificates: list[Certificate] = strawberry.field(directives=[ListSize(assumed_size=A_DAY)])


@strawberry.type
class ExpiryCalendarQuery:
    @strawberry.field(
        description="What expires when (到期日历): the days to come on which certificates that are ISSUED end, "
        f"{MOST_DAYS} days and {MOST_EXPIRIES} certificates at most. For more, page through `certificates` by EXPIRY.",
        metadata=asks(Action.READ_CERTIFICATE),
        directives=[ListSize(assumed_size=MOST_DAYS)],
    )
    async def expiry_calendar(
        self, info: Info, days: int = 90, participant_id: strawberry.ID | None = None
    ) -> list[ExpiryDay]:
        services = info.context.services
        wanted = CertificateFilter(
            participant_id=participant_id, state=CertificateState.ISSUED, expires_within_days=days
        )
        ensure_ids(services.world, wanted)
        request = PageRequest(storage.BY_EXPIRY, MOST_EXPIRIES)
        page = await services.certificates.page(info.context.caller, wanted.asked(now_of(info)), request)
        by_day = groupby(page.items, key=lambda each: business_date(each.not_after))
        return [
            ExpiryDay(day=day, certificates=[Certificate.of(services.world, each) for each in ending])
            for day, ending in islice(by_day, MOST_DAYS)
        ]
