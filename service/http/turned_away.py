"""What the server turns away before there is a request that could be logged: counted, and told now and then."""

import logging
import time
from collections import Counter
from collections.abc import Callable

from service.http.metrics import Meter

logger = logging.getLogger("prop.server")

SECONDS_BETWEEN_LINES = 1.0  # of one kind: who is turned away often is not to fill the log


class TurnedAway:
    """`note` is given the name of the limit, of a closed set, and nothing of what was sent."""

    def __init__(self, meter: Meter, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._meter = meter
        self._monotonic = monotonic
        self._untold: Counter[str] = Counter()
        self._told: dict[str, float] = {}

    def note(self, limit: str) -> None:
        self._meter.limit_hit(limit)
        self._untold[limit] += 1
        now = self._monotonic()
        if limit not in self._told or now - self._told[limit] >= SECONDS_BETWEEN_LINES:
            self._told[limit] = now
            logger.warning("turned away", extra={"limit": limit, "times": self._untold.pop(limit)})
