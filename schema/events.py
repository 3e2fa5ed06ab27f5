"""Server-sent events: graphql-sse, distinct connections mode. One request, one stream of `next`, then `complete`."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from starlette.types import Receive, Send

from schema.execution import Answer

if TYPE_CHECKING:
    from schema.transport import Face

HEARTBEAT_SECONDS = 15.0
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
]
COMPLETE = b"event: complete\ndata: \n\n"  # a browser drops an event without data
HEARTBEAT = b":\n\n"


async def send_events(answers: AsyncGenerator[Answer], face: "Face", receive: Receive, send: Send) -> None:
    """Sends every answer as it comes, a comment when none came for a while; ends when client or service goes."""
    await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
    ends: set[asyncio.Future[Any]] = {
        asyncio.ensure_future(face.drained.wait()),
        asyncio.ensure_future(_until_gone(receive)),
    }
    try:
        async for answer in _until(answers, ends):
            event = HEARTBEAT if answer is None else b"event: next\ndata: " + face.answers.encode(answer) + b"\n\n"
            await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": COMPLETE, "more_body": False})
    finally:
        for end in ends:
            end.cancel()
        await answers.aclose()


async def _until(answers: AsyncGenerator[Answer], ends: set[asyncio.Future[Any]]) -> AsyncIterator[Answer | None]:
    """The answers until there are no more or one of `ends` is done; None for each silence of HEARTBEAT_SECONDS."""
    following: asyncio.Future[Any] | None = None
    try:
        while not any(end.done() for end in ends):
            following = following or asyncio.ensure_future(anext(answers))
            await asyncio.wait({following, *ends}, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                if not any(end.done() for end in ends):
                    yield None
                continue
            try:
                answer = following.result()
            except StopAsyncIteration:
                return
            following = None
            yield answer
    finally:
        if following is not None and not following.done():
            following.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration):
                await following


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
