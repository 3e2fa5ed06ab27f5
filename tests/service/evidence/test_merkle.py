"""The tree of RFC 6962, against its public test data and against the recursive definition in the RFC's text."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.evidence import merkle
from service.evidence.errors import EvidenceError, Malformed, NotVerified
from service.evidence.merkle import CompactRange

ENTRIES = [bytes.fromhex(each) for each in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION_OF_0_IN_8 = [
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
]
LEAVES = [merkle.hash_leaf(entry) for entry in ENTRIES]
MANY = [merkle.hash_leaf(number.to_bytes(4, "big")) for number in range(600)]

sizes = st.integers(1, len(MANY))


def make_node(leaves: list[bytes]) -> merkle.Node:
    return lambda level, index: root_by_definition(leaves[index << level : (index + 1) << level])


def root_by_definition(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, as it stands."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    return merkle.hash_children(root_by_definition(leaves[:middle]), root_by_definition(leaves[middle:]))


def make_inclusion(index: int, leaves: list[bytes]) -> list[bytes]:
    return merkle.fold_nodes(merkle.inclusion_nodes(index, len(leaves)), make_node(leaves))


def make_consistency(old: int, leaves: list[bytes]) -> list[bytes]:
    return merkle.fold_nodes(merkle.consistency_nodes(old, len(leaves)), make_node(leaves))


def test_the_roots_are_those_of_the_public_test_data() -> None:
    for size, expected in enumerate(ROOTS, 1):
        assert merkle.root_of(LEAVES[:size]).hex() == expected
    assert merkle.root_of([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_the_inclusion_proof_is_that_of_the_public_test_data() -> None:
    assert [each.hex() for each in make_inclusion(0, LEAVES)] == INCLUSION_OF_0_IN_8


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_compact_range_grown_in_parts_has_the_root_of_the_whole(first: int, second: int) -> None:
    grown = CompactRange().append(MANY[:first]).append(MANY[first : first + second])
    assert grown.root() == root_by_definition(MANY[: first + second])
    assert len(grown.hashes) == (first + second).bit_count()


@given(sizes, st.data())
def test_every_leaf_proves_its_inclusion_and_nothing_else_does(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaves = MANY[:size]
    root, proof = merkle.root_of(leaves), make_inclusion(index, leaves)
    merkle.verify_inclusion(leaves[index], index, size, proof, root)
    other = data.draw(st.integers(0, size + 1).filter(lambda each: each != index))
    broken = [
        (leaves[index], other, size, proof, root),
        (MANY[-1] if index != len(MANY) - 1 else MANY[0], index, size, proof, root),
        (leaves[index], index, size, [*proof, root], root),
        (leaves[index], index, size, proof, merkle.EMPTY_ROOT),
    ]
    if proof:
        broken.append((leaves[index], index, size, proof[:-1], root))
        broken.append((leaves[index], index, size, [merkle.EMPTY_ROOT, *proof[1:]], root))
    for each in broken:
        with pytest.raises(NotVerified):
            merkle.verify_inclusion(*each)


@given(sizes, st.data())
def test_a_tree_proves_that_it_begins_with_every_older_tree(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, size))
    old_root, root = merkle.root_of(MANY[:old]), merkle.root_of(MANY[:size])
    proof = make_consistency(old, MANY[:size])
    merkle.verify_consistency(old, size, proof, old_root, root)
    with pytest.raises(NotVerified):
        merkle.verify_consistency(old, size, proof, hashlib.sha256(b"another history").digest(), root)
    with pytest.raises(NotVerified):
        merkle.verify_consistency(old, size, [*proof, root], old_root, root)
    if proof:
        with pytest.raises(NotVerified):
            merkle.verify_consistency(old, size, proof[:-1], old_root, root)


@given(
    st.integers(-2, 2**70),
    st.integers(-2, 2**70),
    st.lists(st.binary(min_size=32, max_size=32), max_size=80),
    st.binary(min_size=32, max_size=32),
)
def test_verification_of_foreign_numbers_is_total(first: int, second: int, proof: list[bytes], root: bytes) -> None:
    with pytest.raises(NotVerified):
        merkle.verify_inclusion(hashlib.sha256(root).digest(), first, second, proof, root)
    try:
        merkle.verify_consistency(first, second, proof, merkle.EMPTY_ROOT, root)
    except EvidenceError:
        return
    assert first == 0
    assert not proof


def test_there_is_no_proof_of_what_is_not_in_the_tree() -> None:
    for index, size in ((0, 0), (3, 3), (-1, 3)):
        with pytest.raises(Malformed):
            merkle.inclusion_nodes(index, size)
    with pytest.raises(Malformed):
        merkle.consistency_nodes(4, 3)
    with pytest.raises(Malformed):
        CompactRange(3, (merkle.EMPTY_ROOT,))
