"""What a process does besides answering: jobs that nothing but their cancellation ends.

A job that has ended is missed by nobody who asks the service something, so it is told at once, and /readyz is red.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

from service.errors import ServiceError, Unavailable
from service.refusals import Refused
from service.storage.errors import as_service_error

RETRY_SECONDS = 1.0  # at least, after what failed: what is looked at often is not to fill the log

logger = logging.getLogger(__name__)


class Jobs:
    """The jobs of one process. Each runs for as long as the context in which it was begun is open."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[object]] = set()

    @asynccontextmanager
    async def running(self, jobs: Mapping[str, Coroutine[Any, Any, object]]) -> AsyncIterator[None]:
        """Run these, by the names under which they are told of."""
        tasks = [asyncio.create_task(job, name=name) for name, job in jobs.items()]
        self._running.update(tasks)
        for task in tasks:
            task.add_done_callback(self._tell)
        try:
            yield
        finally:
            self._running.difference_update(tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _tell(self, task: asyncio.Task[object]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None or task in self._running:
            logger.error("a job ended", extra={"job": task.get_name()}, exc_info=error)

    async def ensure_running(self) -> None:
        """Raises Unavailable, naming them, where jobs have ended that should run."""
        ended = sorted(task.get_name() for task in self._running if task.done())
        if ended:
            raise Unavailable(f"Ended, and not to be had before a restart: {', '.join(ended)}.")


async def repeat(work: Callable[[], Awaitable[object]], every: float) -> None:
    """Do `work` again and again, `every` seconds after it was done, whatever it raises: the next time may be better."""
    while True:
        try:
            await work()
        except Exception as error:
            tell_failure(error)
            await asyncio.sleep(max(every, RETRY_SECONDS))
        else:
            await asyncio.sleep(every)


def tell_failure(error: Exception) -> None:
    """Log what the running job will try again: in a word where it is an outage or a refusal, else with its trace."""
    known = isinstance(error, ServiceError | Refused) or as_service_error(error) is not None
    task = asyncio.current_task()
    logger.log(
        logging.WARNING if known else logging.ERROR,
        "a job will be tried again",
        extra={"job": task.get_name() if task else None, "reason": type(error).__name__},
        exc_info=None if known else error,
    )
