"""Where the console lies: the page at `/`, its files below `/console`. All is static: what it shows, it asks for."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from service.world import World

STATIC = Path(__file__).with_name("static")

# The page may load from, and talk to, this service alone.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def console_routes(world: World) -> list[BaseRoute]:
    page = (STATIC / "index.html").read_text(encoding="utf-8").replace("{{notice}}", world.notice or "")

    async def index(_: Request) -> Response:
        return HTMLResponse(page, headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"})

    return [Route("/", index), Mount("/console", StaticFiles(directory=STATIC))]
