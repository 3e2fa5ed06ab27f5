"""Verification of a record file, offline: nothing but the file, the world's key set and the log's public key.

The file is JSON as the GraphQL type `Record` gives it: `content hash receipt proof {index size hashes checkpoint}`.
The steps are numbered; `verify_record` carries the same numbers.

1. The file has exactly the fields it should have.
2. The content is the canonical text of a record, and its SHA-256 is `hash`.
3. The record is of the world it is verified for: environment, binding and notice.
4. The receipt is signed by a key of the world's key set, over exactly the content's bytes.
5. The checkpoint is signed by the log's key, and carries the marks of the same world.
6. The record's hash is in the tree of the checkpoint, at the index of the proof.

Not verified: that the log showed everyone the same tree (compare checkpoints, or ask for a consistency proof), that the
actor was entitled to act, or that the clock was right.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from joserfc.jwk import KeySet

from service.evidence import canonical, checkpoint, merkle, receipts, records
from service.evidence.canonical import Json
from service.evidence.checkpoint import LogVerifier
from service.evidence.errors import Malformed, NotVerified
from service.world import World

FILE_FIELDS = ("content", "hash", "proof", "receipt")
PROOF_FIELDS = ("checkpoint", "hashes", "index", "size")


@dataclass(frozen=True, slots=True)
class Verified:
    """What holds after all steps: the record, and the checkpoint that covers it."""

    record: Json
    hash: str
    index: int
    checkpoint: checkpoint.Checkpoint


@dataclass(frozen=True, slots=True)
class RecordFile:
    content: bytes
    hash: str
    receipt: str
    index: int
    size: int
    hashes: tuple[bytes, ...]
    checkpoint: str


def parse_file(data: bytes) -> RecordFile:
    """Step 1. Raises Malformed."""
    value = canonical.decode_loosely(data, limit=4 * canonical.MAX_BYTES)
    proof = value.get("proof")
    if set(value) != set(FILE_FIELDS):
        raise Malformed(f"The file's fields are not {', '.join(FILE_FIELDS)}.")
    if not isinstance(proof, dict) or set(proof) != set(PROOF_FIELDS):
        raise Malformed("The file holds no proof: the record is not integrated into the log yet.")
    texts = (value["content"], value["hash"], value["receipt"], proof["checkpoint"])
    if not all(isinstance(each, str) for each in texts) or not isinstance(proof["hashes"], list):
        raise Malformed("A field of the file is not of its type.")
    return RecordFile(
        content=value["content"].encode(),
        hash=value["hash"],
        receipt=value["receipt"],
        index=_count(proof["index"]),
        size=_count(proof["size"]),
        hashes=tuple(_hash(each) for each in proof["hashes"]),
        checkpoint=proof["checkpoint"],
    )


def verify_record(data: bytes, *, world: World, keys: KeySet, log: LogVerifier) -> Verified:
    """All steps, in order; the first that fails raises Malformed or NotVerified and says what failed."""
    # 1. The form of the file.
    file = parse_file(data)
    # 2. Content and hash.
    record = records.parse(file.content)
    if canonical.digest(file.content) != file.hash:
        raise NotVerified("The hash is not that of the content.")
    # 3. The world.
    marks = records.Marks(record["environment"], record["binding"], record["notice"])
    if marks != records.Marks.of(world):
        raise NotVerified(
            f"The record is of {marks.environment[:16]}; it was to be verified for {world.environment.value}."
        )
    # 4. The receipt.
    if receipts.verify(file.receipt, keys) != file.content:
        raise NotVerified("The receipt was signed over another record.")
    # 5. The checkpoint.
    seen = log.verify(checkpoint.parse(file.checkpoint))
    _ensure_marked(seen.extensions, world)
    if seen.size != file.size:
        raise NotVerified("The proof was made for another checkpoint.")
    # 6. The proof.
    leaf = merkle.hash_leaf(bytes.fromhex(file.hash))
    merkle.verify_inclusion(leaf, file.index, file.size, file.hashes, seen.root)
    return Verified(record, file.hash, file.index, seen)


def _ensure_marked(extensions: Sequence[str], world: World) -> None:
    if tuple(extensions) != checkpoint.marks_of(world):
        raise NotVerified(f"The checkpoint does not carry the marks of {world.environment.value}.")


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Malformed("The proof's index and size are whole numbers.")
    return value


def _hash(value: Any) -> bytes:
    try:
        data = base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except (binascii.Error, ValueError):
        data = b""
    if len(data) != 32:
        raise Malformed("A hash of the proof is not a SHA-256 hash in base64.")
    return data
