"""Work for many tenants, in which what fails for one leaves the others alone."""

import logging
from collections.abc import Awaitable, Callable, Iterable

logger = logging.getLogger(__name__)


async def one_by_one(ids: Iterable[str], work: Callable[[str], Awaitable[int]], doing: str) -> int:
    """Do `work` for each, by its id; a failure is logged as one of `doing`. Answers the sum of what was done."""
    done = 0
    for each in ids:
        try:
            done += await work(each)
        except Exception:
            logger.exception("what was to be done for a tenant failed", extra={"doing": doing, "tenant": each})
    return done
