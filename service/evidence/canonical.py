"""Canonical JSON (RFC 8785), written and read without doubt: one value has one text, and any other text is refused.

Narrower than RFC 8785 on purpose: no floating point numbers (amounts are strings), an object at the top, bounded size
and depth. The bytes are what is hashed and signed; nobody re-serialises them to verify.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any, NoReturn

import rfc8785

from service.evidence.errors import Malformed

Json = dict[str, Any]

MAX_BYTES = 65_536
MAX_DEPTH = 16
MAX_INTEGER = 2**53 - 1  # RFC 7493 section 2.2: the integers every reader holds exactly


def encode(value: Mapping[str, Any]) -> bytes:
    """The canonical bytes of an object. Raises Malformed for floats, odd keys, lone surrogates and excess."""
    _ensure_plain(value, MAX_DEPTH)
    try:
        data = rfc8785.dumps(value)
    except ValueError as error:  # UnicodeEncodeError escapes the library's own error for keys with lone surrogates
        raise Malformed("A text in the object is not Unicode.") from error
    return _ensure_size(data, MAX_BYTES)


def decode(data: bytes, fields: Collection[str] | None = None) -> Json:
    """The object behind canonical bytes; with `fields`, it has exactly these at its top level.

    Raises Malformed for anything else, duplicate and unknown fields, floats and non-canonical spelling included.
    What the values mean is not checked.
    """
    value = decode_loosely(data)
    if fields is not None and value.keys() != set(fields):
        unknown, missing = sorted(value.keys() - set(fields)), sorted(set(fields) - value.keys())
        raise Malformed(f"The object has {len(unknown)} unknown fields and lacks {', '.join(missing) or 'none'}.")
    if encode(value) != data:
        raise Malformed("The text is JSON, but not its canonical form (RFC 8785).")
    return value


def decode_loosely(data: bytes, limit: int = MAX_BYTES) -> Json:
    """As `decode`, but white space and the order of fields are free: for JSON that foreign software wrote."""
    _ensure_size(data, limit)
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
            parse_int=_integer,
        )
    except (ValueError, RecursionError) as error:
        raise Malformed("The text is not JSON.") from error
    if not isinstance(value, dict):
        raise Malformed("The JSON is not an object.")
    _ensure_plain(value, MAX_DEPTH)
    return value


def digest(data: bytes) -> str:
    """SHA-256 as lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def _ensure_size(data: bytes, limit: int) -> bytes:
    if len(data) > limit:
        raise Malformed(f"{len(data)} bytes are more than the {limit} allowed.")
    return data


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Malformed("A field stands twice in one object.")
    return value


def _refuse_number(_: str) -> NoReturn:
    raise Malformed("Numbers are integers here; write amounts as text.")


def _integer(text: str) -> int:
    if len(text) > 17:  # before int(): its cost grows with the square of the length
        raise Malformed("An integer is too large.")
    return int(text)


def _ensure_plain(value: object, depth: int) -> None:
    if depth == 0:
        raise Malformed(f"The object is nested deeper than {MAX_DEPTH}.")
    match value:
        case None | bool() | str():
            pass
        case int():
            if abs(value) > MAX_INTEGER:
                raise Malformed("An integer is too large.")
        case list() | tuple():
            for each in value:
                _ensure_plain(each, depth - 1)
        case dict():
            for key, each in value.items():
                if not isinstance(key, str):
                    raise Malformed("A field's name is not text.")
                _ensure_plain(each, depth - 1)
        case _:
            raise Malformed(f"A value of type {type(value).__name__} has no canonical form here.")
