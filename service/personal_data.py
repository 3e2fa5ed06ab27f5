"""Telephone numbers and contacts: encrypted field by field, searchable by equality only, masked where they show.

AES-256-GCM with a fresh nonce; the additional data bind a ciphertext to its world, collection, document and field, so
that one copied to another place does not open. The blind index is an HMAC of the normal form: equal values of one kind
have equal indexes, wherever they are kept, and nothing else can be told from it. Neither hides how long a value is.
"""

import hashlib
import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from service.world import World

KEY_BYTES = 32
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12  # NIST SP 800-38D, 5.2.1.1


class Datum(StrEnum):
    """The kinds of personal data that are kept."""

    TELEPHONE = "TELEPHONE"  # E.164
    NAME = "NAME"
    EMAIL = "EMAIL"
    SECRET = "SECRET"  # noqa: S105 - a kind: what is sealed so is no person's, and shown to none


class Sealed(Exception):
    """A ciphertext does not open here: another key, another place, or other bytes. Says nothing of the content."""


@dataclass(frozen=True, slots=True)
class SealedText:
    """A value as it is kept: the masked form to show, the ciphertext, the blind index to find it by."""

    masked: str
    ciphertext: bytes = field(repr=False)
    blind_index: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value is kept. What was sealed for one place opens at no other."""

    collection: str
    id: str
    field: str


class PersonalData:
    """Seals and opens with the keys of one world. The first key seals; the others only open what they once sealed."""

    def __init__(self, world: World, key: bytes, *former: bytes) -> None:
        """Raises ValueError for a key that is not 32 bytes."""
        if any(len(each) != KEY_BYTES for each in (key, *former)):
            raise ValueError(f"a key for personal data has {KEY_BYTES} bytes")
        self._world = world
        self._ciphers = {_key_id(each): AESGCM(_derived(each, b"field encryption")) for each in (key, *former)}
        self._current = _key_id(key)
        self._index_key = _derived(former[-1] if former else key, b"blind index")  # the oldest: indexes outlive keys

    def seal(self, text: str, datum: Datum, place: Place) -> SealedText:
        """`text` in its normal form: what another spelling gives is another value."""
        nonce = os.urandom(_NONCE_BYTES)
        body = self._ciphers[self._current].encrypt(nonce, text.encode(), self._bound_to(place))
        return SealedText(_MASKS[datum](text), self._current + nonce + body, self.blind_index(text, datum))

    def open(self, sealed: SealedText, place: Place) -> str:
        """Raises Sealed."""
        data = sealed.ciphertext
        cipher = self._ciphers.get(data[:_KEY_ID_BYTES])
        if cipher is None:
            raise Sealed("this was sealed with a key that is not here")
        nonce, body = data[_KEY_ID_BYTES:][:_NONCE_BYTES], data[_KEY_ID_BYTES + _NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, body, self._bound_to(place)).decode()
        except (InvalidTag, ValueError):
            raise Sealed("this was not sealed for this place") from None

    def moved(self, sealed: SealedText, origin: Place, destination: Place) -> SealedText:
        """The same value, sealed for another place: mask and index stay. Raises Sealed."""
        nonce = os.urandom(_NONCE_BYTES)
        text = self.open(sealed, origin).encode()
        body = self._ciphers[self._current].encrypt(nonce, text, self._bound_to(destination))
        return SealedText(sealed.masked, self._current + nonce + body, sealed.blind_index)

    def blind_index(self, text: str, datum: Datum) -> str:
        """What equal values have in common, in lower-case hex."""
        message = b"\0".join((self._world.name.encode(), datum.encode(), text.encode()))
        return hmac.new(self._index_key, message, hashlib.sha256).hexdigest()

    def keyed_digest(self, data: bytes) -> str:
        """A digest, in lower-case hex, of what may hold personal data: without the key nobody guesses what."""
        return hmac.new(self._index_key, b"digest\0" + data, hashlib.sha256).hexdigest()

    def _bound_to(self, place: Place) -> bytes:
        return b"\0".join(part.encode() for part in (self._world.name, place.collection, place.id, place.field))


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=b"prop personal data, " + purpose).derive(key)


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"prop personal data, key id" + key).digest()[:_KEY_ID_BYTES]


def masked_telephone(number: str) -> str:
    """`+8613812341234` as `138****1234`; a foreign number keeps its first three characters and its last two."""
    if number.startswith("+86") and len(number) >= 11:
        national = number[3:]
        return f"{national[:3]}****{national[-4:]}"
    return f"{number[:3]}****{number[-2:]}"


def masked_name(name: str) -> str:
    """The first character only: `张*`."""
    return f"{name[:1]}*"


def masked_email(address: str) -> str:
    """`a***@example.com`."""
    local, _, host = address.partition("@")
    return f"{local[:1]}***@{host}"


_MASKS: Mapping[Datum, Callable[[str], str]] = MappingProxyType(
    {
        Datum.TELEPHONE: masked_telephone,
        Datum.NAME: masked_name,
        Datum.EMAIL: masked_email,
        Datum.SECRET: lambda _: "****",
    }
)
