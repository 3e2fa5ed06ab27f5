"""The Merkle tree of RFC 6962 section 2.1 (RFC 9162 section 2.1): hashes, compact range, proofs, verification."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from service.evidence.errors import Malformed, NotVerified

EMPTY_ROOT = hashlib.sha256().digest()
MAX_SIZE = 2**62

Node = Callable[[int, int], bytes]
"""(level, index) -> hash of the perfect subtree over the leaves [index * 2**level, (index + 1) * 2**level)."""


def hash_leaf(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def hash_children(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class CompactRange:
    """All that must be kept to append: the roots of the perfect subtrees that make up the tree, largest first."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_SIZE or len(self.hashes) != self.size.bit_count():
            raise Malformed("A compact range has one hash for each bit set in its size.")

    def grow(self, leaves: Iterable[bytes]) -> "tuple[CompactRange, list[tuple[int, int, bytes]]]":
        """The range after these leaf hashes, and every perfect subtree they completed: (level, index, hash)."""
        size, hashes, completed = self.size, list(self.hashes), []
        for leaf in leaves:
            node = leaf
            completed.append((0, size, node))
            size += 1
            for level in range(1, (size & -size).bit_length()):  # one subtree is completed for each trailing zero bit
                node = hash_children(hashes.pop(), node)
                completed.append((level, (size >> level) - 1, node))
            hashes.append(node)
        return CompactRange(size, tuple(hashes)), completed

    def append(self, leaves: Iterable[bytes]) -> "CompactRange":
        return self.grow(leaves)[0]

    def root(self) -> bytes:
        return _fold(self.hashes) if self.hashes else EMPTY_ROOT


def root_of(leaves: Sequence[bytes]) -> bytes:
    return CompactRange().append(leaves).root()


def inclusion_nodes(index: int, size: int) -> list[list[tuple[int, int]]]:
    """For each hash of the inclusion proof, leaf's side first, the perfect subtrees (level, index) that it folds.

    Raises Malformed unless 0 <= index < size.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise Malformed("There is no leaf of that index in a tree of that size.")
    path, begin, end = [], 0, size
    while end - begin > 1:
        middle = begin + _largest_power_below(end - begin)
        if index < middle:
            path.append(_perfect(middle, end))
            end = middle
        else:
            path.append(_perfect(begin, middle))
            begin = middle
    return path[::-1]


def consistency_nodes(old: int, size: int) -> list[list[tuple[int, int]]]:
    """The same for the consistency proof from a tree of `old` leaves (RFC 6962 section 2.1.2)."""
    if not 0 <= old <= size <= MAX_SIZE:
        raise Malformed("A tree does not shrink.")
    if old in (0, size):
        return []
    path, begin, end = [], 0, size
    while end != old:
        middle = begin + _largest_power_below(end - begin)
        if old <= middle:
            path.append(_perfect(middle, end))
            end = middle
        else:
            path.append(_perfect(begin, middle))
            begin = middle
    if begin > 0:  # only then does the verifier not know this subtree already: it is the old root otherwise
        path.append(_perfect(begin, end))
    return path[::-1]


def fold_nodes(path: Sequence[Sequence[tuple[int, int]]], node: Node) -> list[bytes]:
    """The hashes of a proof, each folded from the perfect subtrees that `node` knows."""
    return [_fold([node(level, index) for level, index in subtrees]) for subtrees in path]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """RFC 9162 section 2.1.3.2. Raises NotVerified unless the leaf hash stands at `index` in the tree of that root."""
    if not 0 <= index < size:
        raise NotVerified("The index lies outside the tree.")
    fn, sn, node = index, size - 1, leaf
    for each in proof:
        if sn == 0:
            raise NotVerified("The inclusion proof is too long.")
        if fn & 1 or fn == sn:
            node = hash_children(each, node)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = hash_children(node, each)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0 or node != root:
        raise NotVerified("The inclusion proof does not lead to the root.")


def verify_consistency(old: int, size: int, proof: Sequence[bytes], old_root: bytes, root: bytes) -> None:
    """RFC 9162 section 2.1.4.2. Raises NotVerified unless the tree of `size` begins with the tree of `old` leaves."""
    if not 0 <= old <= size:
        raise NotVerified("A tree does not shrink.")
    if old in (0, size):
        _ensure_trivial(old, size, proof, old_root, root)
        return
    path = [old_root, *proof] if old.bit_count() == 1 else list(proof)
    if not path:
        raise NotVerified("The consistency proof is empty.")
    if _join(old, size, path) != (old_root, root):
        raise NotVerified("The consistency proof does not join the two roots.")


def _join(old: int, size: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The two roots that a consistency proof leads to. Raises NotVerified for a proof of the wrong length."""
    fn, sn = old - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = path[0]
    for each in path[1:]:
        if sn == 0:
            raise NotVerified("The consistency proof is too long.")
        if fn & 1 or fn == sn:
            first, second = hash_children(each, first), hash_children(each, second)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = hash_children(second, each)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise NotVerified("The consistency proof is too short.")
    return first, second


def _ensure_trivial(old: int, size: int, proof: Sequence[bytes], old_root: bytes, root: bytes) -> None:
    expected = EMPTY_ROOT if old == 0 else root
    if proof or old_root != expected or (size == 0 and root != EMPTY_ROOT):
        raise NotVerified("Two trees of which one is empty, or equal in size, need no proof and the roots they have.")


def _fold(hashes: Sequence[bytes]) -> bytes:
    node = hashes[-1]
    for left in reversed(hashes[:-1]):
        node = hash_children(left, node)
    return node


def _largest_power_below(count: int) -> int:
    return 1 << ((count - 1).bit_length() - 1)


def _perfect(begin: int, end: int) -> list[tuple[int, int]]:
    """The perfect subtrees that a subtree of the tree splits into, left to right; begin is a multiple of its width."""
    nodes = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        nodes.append((level, begin >> level))
        begin += 1 << level
    return nodes
