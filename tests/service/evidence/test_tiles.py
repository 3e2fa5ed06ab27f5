"""Tiles: their paths, their growth, and proofs computed from them alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.evidence import merkle, tiles
from service.evidence.errors import Malformed
from service.evidence.merkle import CompactRange
from service.evidence.tiles import Tile, TilePath, TileReader

LEAVES = [merkle.hash_leaf(number.to_bytes(4, "big")) for number in range(70_000)]


def make_tiles(*parts: int) -> tuple[CompactRange, dict[Tile, list[bytes]]]:
    tree, store, start = CompactRange(), dict[Tile, list[bytes]](), 0
    for part in parts:
        tree, growths = tiles.grow(tree, LEAVES[start : start + part])
        start += part
        for growth in growths:
            held = store.setdefault(growth.tile, [])
            assert len(held) == growth.before
            held.extend(growth.hashes)
    return tree, store


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (TilePath(0, 0, 256), "0/000"),
        (TilePath(1, 273, 17), "1/273.p/17"),
        (TilePath(0, 1_234_067, 256), "0/x001/x234/067"),
        (TilePath(None, 1_000, 1), "entries/x001/000.p/1"),
    ],
)
def test_paths_are_those_of_the_specification(tile: TilePath, path: str) -> None:
    assert tiles.path_of(tile) == path
    assert tiles.parse_path(path) == tile


@given(
    st.builds(
        TilePath, st.none() | st.integers(0, tiles.MAX_LEVEL), st.integers(0, 10**15), st.integers(1, tiles.WIDTH)
    )
)
def test_every_path_reads_back(tile: TilePath) -> None:
    assert tiles.parse_path(tiles.path_of(tile)) == tile


@given(st.text(max_size=40) | st.from_regex(r"[0-9]/(x[0-9]{3}/){0,8}[0-9]{1,4}(\.p/[0-9]{1,4})?", fullmatch=True))
def test_reading_a_path_is_total_and_each_tile_has_one_path(text: str) -> None:
    try:
        tile = tiles.parse_path(text)
    except Malformed:
        return
    assert tiles.path_of(tile) == text


@pytest.mark.parametrize("text", ["0/x000/000", "0/000.p/256", "0/000.p/0", "8/000", "0/00", "0/../000", "0/٠٠٠"])
def test_a_second_path_of_a_tile_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        tiles.parse_path(text)


@pytest.mark.parametrize("parts", [(1,), (256,), (255, 2), (256, 256, 1), (200, 200, 200), (69_999,)])
def test_proofs_are_read_from_tiles_alone(parts: tuple[int, ...]) -> None:
    tree, store = make_tiles(*parts)
    size = sum(parts)
    assert tree.root() == merkle.root_of(LEAVES[:size])
    for index in {0, size // 3, size // 2, size - 1}:
        nodes = merkle.inclusion_nodes(index, size)
        needed = {tiles.tile_of(*node) for path in nodes for node in path}
        assert len(needed) <= 2 * 3  # the leaf's side and the right edge, on three levels
        reader = TileReader({tile: store[tile] for tile in needed})
        merkle.verify_inclusion(LEAVES[index], index, size, merkle.fold_nodes(nodes, reader.node), tree.root())


def test_a_lost_tile_is_an_error_and_not_a_wrong_proof() -> None:
    _, store = make_tiles(300)
    store[Tile(0, 1)].pop()
    with pytest.raises(Malformed):
        merkle.fold_nodes(merkle.inclusion_nodes(0, 300), TileReader(store).node)


def test_a_bundle_holds_its_entries_after_their_lengths() -> None:
    assert tiles.bundle([b"ab", b"c" * 300]) == b"\x00\x02ab\x01\x2c" + b"c" * 300
