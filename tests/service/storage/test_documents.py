"""Records and their documents: there and back without loss, and nothing that does not fit is taken."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.refusals import Refused
from service.storage.database import Database
from service.storage.documents import Codec, Malformed, Versioned, declare
from tests.databases import make_database


class Colour(StrEnum):
    RED = "RED"
    GREEN = "GREEN"


@dataclass(frozen=True, slots=True)
class Part:
    colour: Colour
    sealed_bytes: bytes
    day: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    id: str
    version: int
    is_small: bool
    made_at: datetime
    parts: tuple[Part, ...] = ()
    best_part: Part | None = None
    tags: tuple[str, ...] = ()


CODEC = Codec(Thing)
THINGS = declare("things", CODEC)

parts = st.builds(Part, st.sampled_from(Colour), st.binary(max_size=8), st.none() | st.dates())
things = st.builds(
    Thing,
    id=st.text(min_size=1, max_size=5),
    version=st.integers(1, 2**40),
    is_small=st.booleans(),
    made_at=st.datetimes(timezones=st.just(UTC)),
    parts=st.lists(parts, max_size=3).map(tuple),
    best_part=st.none() | parts,
    tags=st.lists(st.text(max_size=5), max_size=3).map(tuple),
)


@given(things)
def test_a_record_comes_back_as_it_was(thing: Thing) -> None:
    document = CODEC.encode(thing)
    assert CODEC.decode(document) == thing
    assert set(document) == set(CODEC.properties) == set(CODEC.required)
    assert CODEC.decode({**document, "environment": "PRODUCTION", "searchText": "x"}) == thing


junk: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(things, st.data())
def test_a_document_that_does_not_fit_is_malformed_never_a_guess(thing: Thing, data: st.DataObject) -> None:
    document = CODEC.encode(thing)
    key = data.draw(st.sampled_from(sorted(document)))
    document[key] = data.draw(junk)
    try:
        decoded = CODEC.decode(document)
    except Malformed:
        return
    assert CODEC.encode(decoded) == document


@pytest.mark.parametrize("key", ["_id", "version", "isSmall", "madeAt", "parts", "bestPart", "tags"])
def test_a_missing_field_is_malformed(key: str) -> None:
    made_at = datetime(2026, 1, 1, tzinfo=UTC)
    document = CODEC.encode(Thing(id="a", version=1, is_small=True, made_at=made_at))
    del document[key]
    with pytest.raises(Malformed):
        CODEC.decode(document)


def test_a_time_without_a_zone_is_not_stored() -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - the fault itself
    with pytest.raises(Malformed):
        CODEC.encode(Thing(id="a", version=1, is_small=True, made_at=naive))


def test_a_type_that_nobody_taught_it_is_not_declared() -> None:
    @dataclass
    class Odd:
        value: complex

    with pytest.raises(TypeError, match="no way to store"):
        Codec(Odd)


@pytest.fixture
def store() -> Versioned[Thing]:
    database: Database = make_database()
    return Versioned(database, THINGS, CODEC)


def make_thing(name: str) -> Thing:
    return Thing(id=name, version=1, is_small=False, made_at=datetime(2026, 1, 1, tzinfo=UTC), tags=(name,))


async def test_many_are_answered_in_the_order_of_their_ids_with_gaps(store: Versioned[Thing]) -> None:
    for name in "abc":
        await store.insert(None, make_thing(name))
    assert await store.get_many(["c", "x", "a", "c"]) == [make_thing("c"), None, make_thing("a"), make_thing("c")]
    assert await store.get_many([]) == []


async def test_only_the_version_that_was_read_is_replaced(store: Versioned[Thing]) -> None:
    first = await store.insert(None, make_thing("a"))
    second = await store.replace(None, first)
    assert second.version == 2
    with pytest.raises(Refused):
        await store.replace(None, first)
    assert await store.find("a") == second
