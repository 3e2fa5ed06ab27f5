"""Work for many tenants, in which what fails for one leaves the others alone."""

import logging
from collections.abc import Awaitable, Callable, Iterable

logger = logging.getLogger(__name__)


async def one_by_one(tenant_ids: Iterable[str], work: Callable[[str], Awaitable[int]], doing: str) -> int:
    """Do `work` for each; a failure is logged as one of `doing`. Answers the sum of what was done."""
    done = 0
    for tenant_id in tenant_ids:
        try:
            done += await work(tenant_id)
        except Exception:
            logger.exception("what was to be done for a tenant failed", extra={"doing": doing, "tenant": tenant_id})
    return done
