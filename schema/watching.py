"""Who holds a subscription is looked at again and again: an operator who is offboarded loses it within two seconds."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import suppress
from typing import Any, TypeVar

from schema.context import Context

RECHECK_SECONDS = 0.8  # with the token service's cache of one second, less than two

T = TypeVar("T")


async def watched(events: AsyncIterable[T], context: Context) -> AsyncGenerator[T]:
    """The events, for as long as the caller is somebody. Asks at each event, and at least every RECHECK_SECONDS.

    Raises Unauthenticated (or what else `Context.current` raises) the moment that ends, whether events come or not.
    """
    source = aiter(events)
    following: asyncio.Future[T] | None = None
    try:
        while True:
            following = following or asyncio.ensure_future(_next(source))
            await asyncio.wait({following}, timeout=RECHECK_SECONDS)
            await context.current()
            if following.done():
                try:
                    event = following.result()
                except StopAsyncIteration:
                    return
                following = None
                yield event
    finally:
        await _end(following, source)


async def _next(source: AsyncIterator[T]) -> T:
    return await anext(source)


async def _end(following: "asyncio.Future[Any] | None", source: AsyncIterator[Any]) -> None:
    if following is not None:
        following.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await following  # what it came to is of no interest any more, not even to the log
    if isinstance(source, AsyncGenerator):
        await source.aclose()
