"""The log over HTTP, as C2SP tlog-tiles lays it out: static resources that any cache may keep.

Below `/log`: `checkpoint`, `tile/...` (hash tiles and bundles of entries), `jwks.json` (every key that may have signed
a receipt) and `key` (the log's own, as a `vkey`). All public: they hold hashes and keys and nothing else.
"""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from service.evidence import tiles
from service.evidence.errors import Malformed
from service.http.rate_limits import Limiter, limited
from service.keys import SigningKeys
from service.log import LogService
from service.world import World

FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}
BRIEFLY = {"Cache-Control": "public, max-age=1"}
FOR_AN_HOUR = {"Cache-Control": "public, max-age=3600"}


def log_routes(
    world: World, keys: Callable[[], SigningKeys], log: Callable[[], LogService], limiter: Limiter
) -> list[Route]:
    """The routes of the log. `keys` and `log` are asked at each request: they open after the routes are laid. `limiter`
    bounds how often one address may read what lies in the database."""

    async def checkpoint(_: Request) -> Response:
        note = await log().find_checkpoint()
        return PlainTextResponse(note, headers=BRIEFLY) if note else _missing("The log has no checkpoint yet.")

    async def tile(request: Request) -> Response:
        try:
            path = tiles.parse_path(request.path_params["path"])
        except Malformed as error:
            return _missing(str(error))
        data = await log().find_tile(path)
        if data is None:
            return _missing("The log does not reach that far.")
        return Response(data, media_type="application/octet-stream", headers=FOREVER)

    async def receipt_keys(_: Request) -> Response:
        document = keys().receipt_keys().as_dict(private=False)
        return JSONResponse(document, headers=FOR_AN_HOUR, media_type="application/jwk-set+json")

    async def key(_: Request) -> Response:
        return PlainTextResponse(f"{keys().log_verifier(world.log_origin)}\n", headers=FOR_AN_HOUR)

    return [
        Route("/log/checkpoint", limited(limiter, checkpoint)),
        Route("/log/tile/{path:path}", limited(limiter, tile)),
        Route("/log/jwks.json", receipt_keys),
        Route("/log/key", key),
    ]


def _missing(why: str) -> Response:
    return PlainTextResponse(why, 404, headers={"Cache-Control": "no-store"})
