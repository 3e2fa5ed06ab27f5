"""The log as static resources: C2SP tlog-tiles, tiles of height 8. Names, bytes, and nodes read from tiles."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.evidence.errors import Malformed
from service.evidence.merkle import CompactRange, hash_children

HEIGHT = 8
WIDTH = 256
MAX_LEVEL = 7  # 2**62 leaves need no more

_PATH = re.compile(
    r"(?P<level>[0-7]|entries)/(?P<index>(?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """A tile's place: at level L, hash i of tile N is that of the perfect subtree (8 L, 256 N + i)."""

    level: int
    index: int


@dataclass(frozen=True, slots=True)
class TilePath:
    """What a path asks for. `level` is None for a bundle of entries; `width` is WIDTH for a full tile."""

    level: int | None
    index: int
    width: int


def path_of(tile: TilePath) -> str:
    """The path below `tile/`: the index in groups of three digits, all but the last marked by an x."""
    digits = f"{tile.index:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[start : start + 3] for start in range(0, len(digits), 3)]
    index = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    level = "entries" if tile.level is None else str(tile.level)
    return f"{level}/{index}" if tile.width == WIDTH else f"{level}/{index}.p/{tile.width}"


def parse_path(text: str) -> TilePath:
    """Read a path below `tile/`. Raises Malformed; whether the log has that tile is not checked."""
    match = _PATH.fullmatch(text)
    if match is None:
        raise Malformed("That is not the path of a tile.")
    level = None if match["level"] == "entries" else int(match["level"])
    width = WIDTH if match["width"] is None else int(match["width"])
    tile = TilePath(level, int(match["index"].replace("x", "").replace("/", "")), width)
    if width > WIDTH or path_of(tile) != text:  # leading groups of zeros, a full tile written as a partial one
        raise Malformed("That is not the one path of its tile.")
    return tile


def bundle(entries: Sequence[bytes]) -> bytes:
    """The entries of one bundle, each after its length as two bytes, big-endian."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def tile_of(level: int, index: int) -> Tile:
    """The tile that the perfect subtree (level, index) can be computed from."""
    return Tile(level // HEIGHT, (index << level % HEIGHT) // WIDTH)


@dataclass(frozen=True, slots=True)
class TileReader:
    """Reads nodes out of tiles already fetched: `reader.node` is the Node that `merkle.fold_nodes` asks for."""

    tiles: Mapping[Tile, Sequence[bytes]]

    def node(self, level: int, index: int) -> bytes:
        """Raises Malformed when the tile is missing or too narrow: the storage has lost a part of the log."""
        tile = tile_of(level, index)
        count = 1 << level % HEIGHT
        start = index * count % WIDTH
        hashes = list(self.tiles.get(tile, ())[start : start + count])
        if len(hashes) != count:
            raise Malformed(
                f"Tile {tile.index} of level {tile.level} is missing or narrower than the tree's size says."
            )
        while len(hashes) > 1:
            hashes = [hash_children(*pair) for pair in zip(hashes[::2], hashes[1::2], strict=True)]
        return hashes[0]


@dataclass(frozen=True, slots=True)
class Growth:
    """Hashes that come to stand at the end of a tile which holds `before` hashes already."""

    tile: Tile
    before: int
    hashes: tuple[bytes, ...]


def grow(tree: CompactRange, leaves: Sequence[bytes]) -> tuple[CompactRange, list[Growth]]:
    """The tree after these leaf hashes, and what that adds to which tiles, in the order of level and index."""
    grown, completed = tree.grow(leaves)
    added: dict[Tile, tuple[int, list[bytes]]] = {}
    for level, index, node in completed:
        if level % HEIGHT == 0:
            added.setdefault(Tile(level // HEIGHT, index // WIDTH), (index % WIDTH, []))[1].append(node)
    return grown, [Growth(tile, before, tuple(hashes)) for tile, (before, hashes) in sorted(added.items())]
