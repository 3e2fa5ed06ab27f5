"""The log of records as everybody may see it: hashes only. Checkpoint, tiles, bundles of entries, inclusion proofs.

An entry of the log is the 32-byte SHA-256 of a record; 80 random bits in the record's id keep it from being guessed.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ulid import ULID

from service.evidence import merkle, tiles
from service.evidence.tiles import TilePath, TileReader
from service.storage.log import LogStore


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """That a record is in the log: its index, the tree's size, hashes in base64, the signed checkpoint (RFC 9162)."""

    index: int
    size: int
    hashes: tuple[str, ...]
    checkpoint: str


class LogService:
    """Reads the log. What it gives is public, so it asks for no caller."""

    def __init__(self, store: LogStore) -> None:
        self._store = store

    async def find_checkpoint(self) -> str | None:
        """The newest signed checkpoint; None before the first."""
        state = await self._store.find_state()
        return state.checkpoint if state else None

    async def find_tile(self, path: TilePath) -> bytes | None:
        """The bytes of a tile or a bundle of entries; None if the log does not reach that far."""
        if path.level is None:
            begin = path.index * tiles.WIDTH
            entries = await self._store.entries(begin, begin + path.width)
            return tiles.bundle(entries) if len(entries) == path.width else None
        tile = tiles.Tile(path.level, path.index)
        hashes = (await self._store.tiles([tile])).get(tile, [])
        return b"".join(hashes[: path.width]) if len(hashes) >= path.width else None

    async def proofs_of(self, records: Sequence[str]) -> dict[str, InclusionProof]:
        """The proofs of those of these records (by id) that the newest checkpoint covers."""
        state = await self._store.find_state() if records else None
        if state is None or state.checkpoint is None:
            return {}
        size = state.tree.size
        indexes = {record: index for record, index in (await self._store.places(records)).items() if index < size}
        paths = {record: merkle.inclusion_nodes(index, size) for record, index in indexes.items()}
        needed = {tiles.tile_of(*node) for path in paths.values() for subtrees in path for node in subtrees}
        reader = TileReader(await self._store.tiles(needed))
        return {
            record: InclusionProof(
                indexes[record],
                size,
                tuple(base64.b64encode(each).decode() for each in merkle.fold_nodes(path, reader.node)),
                state.checkpoint,
            )
            for record, path in paths.items()
        }

    async def waiting_since(self) -> datetime | None:
        """The time of the oldest record that is not in the log yet: the integrator's lag, for readiness."""
        oldest = await self._store.oldest_queued()
        return ULID.from_str(oldest.rpartition("-")[2]).datetime if oldest else None
