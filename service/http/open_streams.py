"""How much one caller, or one address, may hold open at the same time: WebSockets and what runs on them, event streams.

Rates do not bound what stays: a client that opens little by little could otherwise hold all that a process can. Counted
in this process, as rates are.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from service.errors import RateLimited

RETRY_AFTER_SECONDS = 5  # what is open may stay open: nobody knows for how long


class OpenStreams:
    """`per_caller` things at a time for one who is known, `per_address` for all that come from one address."""

    def __init__(self, *, per_caller: int, per_address: int) -> None:
        self._per_caller = per_caller
        self._per_address = per_address
        self._held: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def hold(self, address: str, caller: str | None = None) -> Iterator[None]:
        """Count one while the context is open. Raises RateLimited, naming the limit that is reached."""
        places = [("open_per_address", address, self._per_address)]
        if caller is not None:
            places.append(("open_per_caller", caller, self._per_caller))
        for name, who, most in places:
            if self._held[name, who] >= most:
                raise RateLimited(
                    f"Too much is open at once: {name.replace('_', ' ')}, at most {most}. Close something first.",
                    limit={"name": name, "limit": most},
                    retryAfter=RETRY_AFTER_SECONDS,
                )
        for name, who, _ in places:
            self._held[name, who] += 1
        try:
            yield
        finally:
            for name, who, _ in places:
                self._held[name, who] -= 1
                if not self._held[name, who]:
                    del self._held[name, who]

    def __len__(self) -> int:
        """How many are open now."""
        return sum(count for (name, _), count in self._held.items() if name == "open_per_address")
