"""`/calendar/<id>.<secret>.ics`: a participant's feed of what expires when. The address is the only key to it."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from service.calendar_service import CALENDAR_PATH, CalendarService
from service.http.rate_limits import Limiter, limited

HEADERS = {"Cache-Control": "private, max-age=300", "X-Robots-Tag": "noindex", "Referrer-Policy": "no-referrer"}


def calendar_routes(calendars: Callable[[], CalendarService], limiter: Limiter) -> list[Route]:
    """The route. `calendars` is asked at each request; `limiter` bounds how often one address may read any."""

    async def feed(request: Request) -> Response:
        text = await calendars().find_text(request.path_params["token"])
        if text is None:
            return PlainTextResponse("There is no such calendar.", 404, headers={"Cache-Control": "no-store"})
        return Response(text, media_type="text/calendar; charset=utf-8", headers=HEADERS)

    return [Route(f"{CALENDAR_PATH}/{{token}}.ics", limited(limiter, feed))]
