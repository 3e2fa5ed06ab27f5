"""The entries of a revocation list as a process keeps them: in pieces that are joined again only where one changed.

A list of 100 000 entries is then put together from a few hundred pieces, in about a millisecond of the interpreter.
"""

import heapq
from collections.abc import Sequence
from datetime import datetime


class ListedEntries:
    """Entries (DER) by serial number; what has expired is dropped, for good, as the time comes."""

    def __init__(self) -> None:
        self._pieces: dict[str, dict[str, bytes]] = {}
        self._joined: dict[str, bytes] = {}
        self._expiring: list[tuple[datetime, str]] = []

    def __len__(self) -> int:
        return sum(map(len, self._pieces.values()))

    def put(self, serial: str, entry: bytes, not_after: datetime) -> None:
        """The entry of a certificate that expires at `not_after`, in place of the one it had."""
        place = _place(serial)
        self._pieces.setdefault(place, {})[serial] = entry
        self._joined.pop(place, None)
        heapq.heappush(self._expiring, (not_after, serial))

    def drop(self, serial: str) -> None:
        place = _place(serial)
        if self._pieces.get(place, {}).pop(serial, None) is not None:
            self._joined.pop(place, None)

    def joined(self, at: datetime) -> Sequence[bytes]:
        """All entries of certificates that have not expired at `at`, many to a piece."""
        while self._expiring and self._expiring[0][0] < at:
            self.drop(heapq.heappop(self._expiring)[1])
        for place in self._pieces.keys() - self._joined.keys():
            self._joined[place] = b"".join(self._pieces[place].values())
        return list(self._joined.values())


def _place(serial: str) -> str:
    """One of 256: serial numbers are random to their last digit."""
    return serial[-2:]
