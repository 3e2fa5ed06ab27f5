"""The agreement as a front end reads it: articles, search, changes, pages; nothing of drafts for the public."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import pytest

from service.access import SYSTEM
from service.agreement_digest import read_digest
from service.storage.database import Database
from tests.agreements import make_text
from tests.clocks import FixedClock
from tests.schema.serving import Served, open_served

PHRASE = "测试产生的数据"  # of the digest's article 17
pytestmark = pytest.mark.wire


@pytest.fixture
async def served(wire_database: Database) -> AsyncIterator[Served]:
    """Version 1 the digest, in force; version 2 a small text that takes effect later; version 3 a draft."""
    clock = FixedClock(datetime(2026, 3, 1, tzinfo=UTC))
    async with open_served(wire_database, clock) as served:
        digest, agreements = read_digest(), served.services.agreements
        await agreements.import_draft(
            SYSTEM,
            digest.chinese_data,
            number=1,
            effective_from=date(2026, 1, 1),
            english=digest.english_data,
            is_digest=True,
        )
        await served.services.publications.publish(SYSTEM, 1)
        await agreements.import_draft(SYSTEM, make_text(), number=2, effective_from=date(2027, 1, 1))
        await served.services.publications.publish(SYSTEM, 2)
        await agreements.import_draft(SYSTEM, make_text(last="草稿。"), number=3, effective_from=date(2028, 1, 1))
        yield served


async def test_the_version_in_force_is_served_article_by_article(served: Served) -> None:
    data = await served.data(
        """{ agreement { number title status isDigest partyA partyB articleCount endsNotice environment binding notice
               chapters { number title articles { number text english clauses { label text } parties } } } }"""
    )
    agreement = data["agreement"]
    articles = [each for chapter in agreement["chapters"] for each in chapter["articles"]]
    assert (agreement["number"], agreement["status"], agreement["isDigest"]) == (1, "PUBLISHED", True)
    assert agreement["articleCount"] == len(articles) == 29
    assert len(agreement["chapters"]) == 6
    assert [clause["label"] for clause in articles[20]["clauses"]] == list("①②③④⑤")
    assert all(article["text"] and article["english"] for article in articles)
    assert (agreement["environment"], agreement["binding"]) == ("PRODUCTION", True)
    assert agreement["endsNotice"]


async def test_one_article_knows_its_chapter_and_the_refusals_it_stands_behind(served: Served) -> None:
    data = await served.data(
        """{ agreement { article(number: 25) { number chapter { title } enforcedBy }
                         missing: article(number: 30) { number } } }"""
    )
    assert data["agreement"]["article"]["chapter"]["title"]
    assert "AGREEMENT_PUBLISHED" in data["agreement"]["article"]["enforcedBy"]
    assert data["agreement"]["missing"] is None


async def test_a_search_gives_the_spans_of_what_it_found(served: Served) -> None:
    data = await served.data(
        """query ($text: String!) { agreement { search(text: $text) {
             article { number text } language spans { start end } snippet score } } }""",
        text=PHRASE,
    )
    best = data["agreement"]["search"][0]
    assert best["article"]["number"] == 17
    assert {best["article"]["text"][span["start"] : span["end"]] for span in best["spans"]} == {PHRASE}


async def test_a_search_for_nothing_is_refused_by_name(served: Served) -> None:
    answer = await served.ask('{ agreement { search(text: "  ") { score } } }')
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_changes_between_versions_join_to_either_text(served: Served) -> None:
    data = await served.data(
        """{ agreement(number: 2) { supersedes { number } supersededBy { number }
             changesSince(number: 1) { kind before { number text } after { number text } diff { kind text } } } }"""
    )
    agreement = data["agreement"]
    assert agreement["supersedes"] == {"number": 1}
    assert agreement["supersededBy"] is None  # version 3 is a draft
    changes = agreement["changesSince"]
    assert {change["kind"] for change in changes} >= {"CHANGED", "REMOVED"}
    for change in changes:
        old = "".join(each["text"] for each in change["diff"] if each["kind"] != "INSERT")
        new = "".join(each["text"] for each in change["diff"] if each["kind"] != "DELETE")
        assert old == (change["before"] or {"text": ""})["text"]
        assert new == (change["after"] or {"text": ""})["text"]


async def test_changes_since_a_version_that_is_not_there_are_refused(served: Served) -> None:
    answer = await served.ask("{ agreement { changesSince(number: 3) { kind } } }")
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_draft_is_for_nobody_outside(served: Served) -> None:
    data = await served.data("{ agreement(number: 3) { number } agreements { totalCount nodes { number } } }")
    assert data["agreement"] is None
    assert data["agreements"] == {"totalCount": 2, "nodes": [{"number": 2}, {"number": 1}]}


async def test_versions_are_paged_both_ways(served: Served) -> None:
    page = "nodes { number } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
    first = (await served.data(f"{{ agreements(first: 1) {{ {page} }} }}"))["agreements"]
    assert (first["nodes"], first["pageInfo"]["hasNextPage"]) == ([{"number": 2}], True)
    after = f"query ($c: Cursor) {{ agreements(first: 1, after: $c) {{ {page} }} }}"
    second = (await served.data(after, c=first["pageInfo"]["endCursor"]))["agreements"]
    assert (second["nodes"], second["pageInfo"]["hasNextPage"]) == ([{"number": 1}], False)
    before = f"query ($c: Cursor) {{ agreements(last: 1, before: $c) {{ {page} }} }}"
    back = (await served.data(before, c=second["pageInfo"]["startCursor"]))["agreements"]
    assert back["nodes"] == [{"number": 2}]
