"""Tasks that a request begins and that go on without it, and work on much that holds up nobody."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextvars import Context
from typing import Any, TypeVar

SLICE_SECONDS = 0.005

T = TypeVar("T")


def begin_apart(work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    """In a context of its own: the request's deadline does not end it, nor is it served as the request asked to be."""
    return asyncio.create_task(work, name=name, context=Context())


async def in_slices(items: AsyncIterator[T]) -> AsyncIterator[T]:
    """The same; what is done with each of many holds up nobody, for all others have a turn between two slices of it."""
    begun = time.monotonic()
    async for each in items:
        yield each
        if time.monotonic() - begun >= SLICE_SECONDS:
            await asyncio.sleep(0)
            begun = time.monotonic()
