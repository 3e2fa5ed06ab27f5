"""Canonical JSON: one value, one text; everything else is refused, and only with our own error."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.evidence import canonical
from service.evidence.errors import Malformed

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
plain = st.recursive(
    st.none() | st.booleans() | texts | st.integers(-canonical.MAX_INTEGER, canonical.MAX_INTEGER),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(texts, plain, max_size=5)


@given(objects)
def test_what_is_written_reads_back_the_same(value: dict[str, object]) -> None:
    assert canonical.decode(canonical.encode(value)) == value


@given(objects)
def test_any_other_spelling_of_the_same_value_is_refused(value: dict[str, object]) -> None:
    data = json.dumps(value, indent=1).encode()
    assert canonical.decode_loosely(data) == value
    if data != canonical.encode(value):
        with pytest.raises(Malformed):
            canonical.decode(data)


@given(st.binary(max_size=200) | texts.map(str.encode) | plain.map(lambda value: json.dumps(value).encode()))
def test_reading_is_total(data: bytes) -> None:
    try:
        value = canonical.decode(data)
    except Malformed:
        return
    assert canonical.encode(value) == data


def test_fields_are_ordered_by_utf16_code_units_as_rfc_8785_section_3_2_3_asks() -> None:
    value = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7}
    expected = '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\U0001f600":5,"\ufb33":3}'
    assert canonical.encode(value).decode() == expected


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":9007199254740992}',
        b'{"a":' + b"9" * 5_000 + b"}",
        b'{"a":-0}',
        b'{"a":"\\ud800"}',
        b'{"a":"\xff"}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":1} ',
        b"[]",
        b"1",
        b"",
        b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        b'{"a":"' + b"x" * canonical.MAX_BYTES + b'"}',
    ],
)
def test_what_has_two_readings_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        canonical.decode(data)


@pytest.mark.parametrize(
    "value", [{"a": 0.5}, {"a": 2**53}, {"a": b""}, {"\ud800": 1}, {"a": "\ud800"}, {1: 1}, {"a": {1, 2}}]
)
def test_what_has_no_canonical_form_is_not_written(value: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        canonical.encode(value)


def test_unknown_and_missing_fields_are_refused() -> None:
    assert canonical.decode(b'{"a":1,"b":2}', ("a", "b")) == {"a": 1, "b": 2}
    for data in (b'{"a":1}', b'{"a":1,"b":2,"c":3}', b'{"a":1,"c":3}'):
        with pytest.raises(Malformed):
            canonical.decode(data, ("a", "b"))
