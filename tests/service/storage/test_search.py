"""Text over names: found by any part, numbers whole, and no text of a caller is ever a pattern."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import BadInput
from service.storage.search import search_fields, search_query


def finds(query: dict[str, Any], fields: dict[str, Any]) -> bool:
    """What the database would answer to such a query."""
    wanted, text = query["searchGrams"], query.get("searchText")
    grams = [wanted] if isinstance(wanted, str) else wanted["$all"]
    return set(grams) <= set(fields["searchGrams"]) and (
        text is None or re.search(text["$regex"], fields["searchText"]) is not None
    )


LETTERS = st.text(st.characters(categories=["L"]), min_size=1, max_size=12)


@given(LETTERS, st.data())
def test_a_name_is_found_by_any_part_of_it(name: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(name) - 1))
    end = data.draw(st.integers(start + 1, len(name)))
    assert finds(search_query(name[start:end]), search_fields("x", name, "000017"))


@given(st.text(min_size=1, max_size=20), LETTERS)
def test_what_is_found_has_the_text_in_it(text: str, name: str) -> None:
    fields = search_fields(name)
    try:
        query = search_query(text)
    except BadInput:
        return
    if finds(query, fields):
        assert search_fields(text)["searchText"] in fields["searchText"]


def test_a_pattern_is_only_text() -> None:
    fields = search_fields("东方证券")
    for pattern in (".*", "^东", "东.证", "(东|西)", "$"):
        assert not finds(search_query(pattern), fields)


def test_a_number_is_found_whole_with_or_without_its_zeros() -> None:
    fields = search_fields("张三", "000017")
    assert finds(search_query("000017"), fields)
    assert finds(search_query("17"), fields)
    assert not finds(search_query("1"), fields)
    assert finds(search_query("brk001"), search_fields("BRK001"))
    assert finds(search_query("BRK"), search_fields("brk001"))


@pytest.mark.parametrize("text", ["", "   ", "x" * 65, "a\x00b"])
def test_a_text_of_no_use_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        search_query(text)


def test_a_text_is_measured_before_it_is_normalized() -> None:
    with pytest.raises(BadInput):
        search_query("x" + " " * 64)
