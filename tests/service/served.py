"""An application to be served by processes under test: it answers, waits, listens and streams."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from service.errors import Unavailable
from service.http.health import health_routes
from service.http.marks import ASGIApp, Marks
from service.settings import Settings
from service.world import PRODUCTION


async def ready() -> None:
    """Nothing to stand on."""


async def hello(_: Request) -> JSONResponse:
    return JSONResponse({"process": os.getpid()})


async def slow(request: Request) -> JSONResponse:
    await asyncio.sleep(float(request.query_params["seconds"]))
    return JSONResponse({"slow": True})


async def stream(_: Request) -> StreamingResponse:
    async def events() -> AsyncIterator[str]:
        yield 'event: next\ndata: {"n": 1}\n\n'
        await asyncio.sleep(60)
        yield "never"

    return StreamingResponse(events(), media_type="text/event-stream")


async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    while True:
        await websocket.send_text(await websocket.receive_text())


def application(settings: Settings) -> Any:
    routes = [Route("/hello", hello), Route("/slow", slow), Route("/stream", stream), WebSocketRoute("/socket", socket)]
    app = Starlette(routes=[*routes, *health_routes(PRODUCTION, {"nothing": ready})])
    return _Marked(app)


class _Marked(Marks):
    def __init__(self, app: Starlette) -> None:
        super().__init__(app, PRODUCTION)
        self.routes = app.routes


def failing(settings: Settings) -> ASGIApp:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        raise Unavailable("The database does not answer.")
        yield

    return Starlette(lifespan=lifespan)
