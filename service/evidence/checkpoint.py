"""Signed checkpoints of the log: C2SP tlog-checkpoint in a C2SP signed-note, Ed25519.

A checkpoint carries the marks of its world as extension lines, inside what is signed (art. 17).
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from service.evidence.errors import Malformed, NotVerified
from service.world import World

ED25519 = b"\x01"  # C2SP signed-note, signature type of a log's own key
MAX_BYTES = 16_384
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_NOT_PLAIN = re.compile("[\x00-\x09\x0b-\x1f\x7f\ud800-\udfff]")
_NAME = re.compile(r"[^\s+]+")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself at one moment: so many entries, this root."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """The note text, every line ended by a newline: the bytes that are signed."""
        root = base64.b64encode(self.root).decode()
        return "".join(f"{line}\n" for line in (self.origin, str(self.size), root, *self.extensions))


@dataclass(frozen=True, slots=True)
class Signature:
    name: str
    key_id: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    checkpoint: Checkpoint
    text: str
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class LogVerifier:
    """A log's name and public key, as the `vkey` of C2SP signed-note spells them."""

    name: str
    public_key: Ed25519PublicKey

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public_key.public_bytes_raw()).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_base64(ED25519 + self.public_key.public_bytes_raw())}"

    def verify(self, signed: SignedCheckpoint) -> Checkpoint:
        """The checkpoint, once this log's signature holds. Raises NotVerified; other signatures are not looked at."""
        if signed.checkpoint.origin != self.name:
            raise NotVerified(f"The checkpoint is of the log {signed.checkpoint.origin!r}, not of {self.name!r}.")
        ours = [each for each in signed.signatures if (each.name, each.key_id) == (self.name, self.key_id)]
        if not ours:
            raise NotVerified(f"No signature on the checkpoint is by the key {self.key_id.hex()} of {self.name!r}.")
        try:
            for each in ours:
                self.public_key.verify(each.value, signed.text.encode())
        except InvalidSignature:
            raise NotVerified("The signature on the checkpoint does not hold.") from None
        return signed.checkpoint


def marks_of(world: World) -> tuple[str, ...]:
    """The extension lines that mark a checkpoint of this world."""
    marks = (f"environment {world.environment.value}", f"binding {str(world.binding).lower()}")
    return marks if world.notice is None else (*marks, f"notice {world.notice}")


def sign(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """The signed note: text, blank line, signature line."""
    text = checkpoint.text()
    key_id = LogVerifier(checkpoint.origin, key.public_key()).key_id
    return f"{text}\n\N{EM DASH} {checkpoint.origin} {_base64(key_id + key.sign(text.encode()))}\n"


def parse(note: str) -> SignedCheckpoint:
    """Take a signed checkpoint apart. Raises Malformed for whatever is none; verifies nothing."""
    if len(note) > MAX_BYTES or _NOT_PLAIN.search(note):
        raise Malformed("The note is too long or not plain text.")
    text, blank, tail = note.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise Malformed("A signed note is a text, a blank line and signature lines.")
    text += "\n"
    return SignedCheckpoint(
        _parse_text(text), text, tuple(_parse_signature(line) for line in tail.removesuffix("\n").split("\n"))
    )


def parse_verifier(text: str) -> LogVerifier:
    """Read a `vkey`: name, key id and key, joined by plus signs. Raises Malformed."""
    name, *rest = text.strip().split("+", 2)
    if len(rest) != 2 or not _NAME.fullmatch(name):
        raise Malformed("A log's key is spelled name+id+key.")
    key = _unbase64(rest[1])
    if len(key) != 33 or key[:1] != ED25519:
        raise Malformed("The log's key is not an Ed25519 key.")
    verifier = LogVerifier(name, Ed25519PublicKey.from_public_bytes(key[1:]))
    if verifier.key_id.hex() != rest[0]:
        raise Malformed("The key id does not belong to that name and key.")
    return verifier


def _parse_text(text: str) -> Checkpoint:
    lines = text.removesuffix("\n").split("\n")
    if len(lines) < 3 or not all(lines):
        raise Malformed("A checkpoint has at least three lines and none of them is empty.")
    origin, size, root, *extensions = lines
    if not _SIZE.fullmatch(size):
        raise Malformed("The checkpoint's size is not a decimal number.")
    hashed = _unbase64(root)
    if len(hashed) != 32:
        raise Malformed("The checkpoint's root is not a SHA-256 hash.")
    return Checkpoint(origin, int(size), hashed, tuple(extensions))


def _parse_signature(line: str) -> Signature:
    dash, *rest = line.split(" ")
    if dash != "\N{EM DASH}" or len(rest) != 2 or not _NAME.fullmatch(rest[0]):
        raise Malformed("A signature line is an em dash, a name and the signature.")
    value = _unbase64(rest[1])
    if len(value) <= 4:
        raise Malformed("The signature is too short.")
    return Signature(rest[0], value[:4], value[4:])


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unbase64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("A base64 text is broken.") from None
    if _base64(data) != text:  # unused bits of the last character must be zero: one value, one text
        raise Malformed("A base64 text is not in its one canonical form.")
    return data
