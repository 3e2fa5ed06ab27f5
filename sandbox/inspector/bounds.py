"""How much is kept of a tenant's exchanges, besides how long: the newest, up to a number and a size.

So whoever asks all day long does not fill the disk of all.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sandbox.inspector.exchanges import Exchange, size_of
from sandbox.storage.exchanges import ExchangeStore
from sandbox.tenants.one_by_one import one_by_one

MOST_KEPT = 100_000
MOST_BYTES = 256 * 1024 * 1024  # as `size_of` has it
_SHARE = 20  # a tenant is looked at again when a twentieth of either has come: by so much a process may exceed it


@dataclass(slots=True)
class _Growth:
    exchanges: int = 0
    size: int = 0


class ExchangeBounds:
    def __init__(self, store: ExchangeStore, *, most: int = MOST_KEPT, most_bytes: int = MOST_BYTES) -> None:
        self._store = store
        self._most = most
        self._most_bytes = most_bytes
        self._grown: dict[str, _Growth] = {}

    def wrote(self, exchanges: Iterable[Exchange]) -> None:
        """What this process wrote. Of whom it knows nothing yet it looks at once: others may have written before."""
        for each in exchanges:
            growth = self._grown.setdefault(each.participant_id, _Growth(self._most, self._most_bytes))
            growth.exchanges += 1
            growth.size += size_of(each)

    async def trim(self) -> int:
        """Remove what is too much, of tenants that have grown; answers how many exchanges went."""
        grown = [tenant_id for tenant_id, growth in self._grown.items() if self._is_worth_a_look(growth)]
        return await one_by_one(grown, self._trim, "trimming exchanges")

    def forget(self, participant_id: str) -> None:
        self._grown.pop(participant_id, None)

    def _is_worth_a_look(self, growth: _Growth) -> bool:
        return growth.exchanges * _SHARE >= self._most or growth.size * _SHARE >= self._most_bytes

    async def _trim(self, participant_id: str) -> int:
        self._grown[participant_id] = _Growth()
        return await self._store.keep_newest(participant_id, self._most, self._most_bytes)
