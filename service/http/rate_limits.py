"""How often one caller may ask: a token bucket per caller, in this process.

Several processes each keep their own: the whole service lets through at most (processes x rate). An exact figure across
machines belongs in the balancer.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from service.errors import RateLimited
from service.http.addresses import address_of

Serve = Callable[[Request], Awaitable[Response]]


class Limiter(Protocol):
    def ensure_within(self, caller: str) -> None:
        """Raises RateLimited when this caller has done it too often."""


@dataclass(slots=True)
class _Bucket:
    level: float
    seen: float


class TokenBuckets:
    """`per_minute` requests on average, `burst` at once. Remembers `callers` of them; a forgotten one starts full."""

    def __init__(
        self,
        *,
        per_minute: float,
        burst: int,
        callers: int = 10_000,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_minute = per_minute
        self._per_second = per_minute / 60
        self._burst = burst
        self._callers = callers
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def ensure_within(self, caller: str) -> None:
        """Takes one token. Raises RateLimited with `retryAfter` (whole seconds) when there is none."""
        now = self._monotonic()
        bucket = self._buckets.get(caller)
        if bucket is None:
            bucket = self._buckets[caller] = _Bucket(float(self._burst), now)
            if len(self._buckets) > self._callers:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(caller)
            bucket.level = min(self._burst, bucket.level + (now - bucket.seen) * self._per_second)
            bucket.seen = now
        if bucket.level < 1:
            wait = max(1, math.ceil((1 - bucket.level) / self._per_second))
            raise RateLimited(
                f"Too many requests: {self._per_minute:g} a minute, {self._burst} at once. Try again in {wait} s.",
                limit={"name": "requests_per_minute", "limit": self._per_minute},
                retryAfter=wait,
            )
        bucket.level -= 1


def limited(limiter: Limiter, serve: Serve) -> Serve:
    """The same route, within what one address may ask of it. Raises RateLimited, which the boundary answers."""

    async def serve_within(request: Request) -> Response:
        limiter.ensure_within(address_of(request.scope))
        return await serve(request)

    return serve_within
