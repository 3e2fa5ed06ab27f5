"""Tasks that a request begins and that go on without it."""

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")


def begin_apart(work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    """In a context of its own: the request's deadline does not end it, nor is it served as the request asked to be."""
    return asyncio.create_task(work, name=name, context=Context())
