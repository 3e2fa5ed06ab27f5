"""Public routes that read the database: so often from one address, and before anything is read."""

import httpx
import pytest
from starlette.applications import Starlette

from service.calendar_service import CalendarService
from service.errors import RateLimited
from service.http.calendars import calendar_routes
from service.http.log import log_routes
from service.http.rate_limits import TokenBuckets
from service.keys import SigningKeys
from service.log import LogService
from service.world import PRODUCTION


class Nothing(CalendarService, LogService):
    def __init__(self) -> None:
        self.read = 0

    async def find_text(self, token: str) -> None:
        self.read += 1

    async def find_checkpoint(self) -> None:
        self.read += 1

    async def find_tile(self, path: object) -> None:
        self.read += 1


def no_keys() -> SigningKeys:
    raise LookupError


@pytest.mark.parametrize("path", ["/calendar/live-cal-1.secret.ics", "/log/checkpoint", "/log/tile/0/000"])
async def test_what_an_address_asks_too_often_reads_nothing(path: str):
    nothing, buckets = Nothing(), TokenBuckets(per_minute=1, burst=2)
    routes = [
        *calendar_routes(lambda: nothing, buckets),
        *log_routes(PRODUCTION, no_keys, lambda: nothing, buckets),
    ]
    here, elsewhere = (
        httpx.AsyncClient(
            transport=httpx.ASGITransport(Starlette(routes=routes), client=(address, 1)), base_url="http://prop"
        )
        for address in ("192.0.2.1", "192.0.2.2")
    )
    async with here, elsewhere:
        assert [(await here.get(path)).status_code for _ in range(2)] == [404, 404]
        with pytest.raises(RateLimited):
            await here.get(path)
        assert nothing.read == 2
        assert (await elsewhere.get(path)).status_code == 404
