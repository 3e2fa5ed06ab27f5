"""Pages: whichever way one walks a list, every item comes once, in order; no cursor but our own is believed."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import pytest
import strawberry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schema.build import make_schema
from schema.context import Info
from schema.pagination import Connection, connect, page_request, read_cursor, write_cursor
from schema.scalars import Cursor
from service.errors import BadInput
from service.pagination import BY_ID, Order, Page, PageRequest, Position, SortKey
from service.storage.database import Collection
from service.storage.pages import find_page, page_filter
from tests.databases import make_database
from tests.schema.making import make_app, open_client

MIXED = Order("mixed", (SortKey("at", datetime, ascending=False), SortKey("n", int), SortKey("_id")))
TIMES = st.datetimes(timezones=st.just(UTC))
POSITIONS = st.tuples(TIMES, st.integers(-(2**63), 2**63 - 1), st.text(st.characters(exclude_categories=["Cs"])))


@given(POSITIONS)
def test_a_cursor_reads_back_as_it_was_written(position: Position) -> None:
    cursor = write_cursor(MIXED, position)
    assert read_cursor(MIXED, cursor) == position
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: raw.hex()))
def test_only_bad_input_comes_of_a_made_up_cursor(text: str) -> None:
    with pytest.raises(BadInput):
        read_cursor(MIXED, text)


@given(POSITIONS, st.data())
def test_a_cursor_that_was_changed_is_refused_or_another_cursor(position: Position, data: st.DataObject) -> None:
    cursor = write_cursor(MIXED, position)
    place = data.draw(st.integers(0, len(cursor) - 1))
    letter = data.draw(st.sampled_from("ABCabc012-_"))
    try:
        read = read_cursor(MIXED, cursor[:place] + letter + cursor[place + 1 :])
    except BadInput:
        return
    assert MIXED.fits(read)


@pytest.mark.parametrize(
    ("order", "position"),
    [
        (BY_ID, ("x",)),  # another list's
        (MIXED, (datetime(2026, 1, 1, tzinfo=UTC), 1)),  # too short
        (MIXED, (datetime(2026, 1, 1, tzinfo=UTC), "1", "x")),  # another kind
        (MIXED, (datetime(2026, 1, 1, tzinfo=UTC), True, "x")),
        (MIXED, (datetime(2026, 1, 1), 1, "x")),  # noqa: DTZ001 - a naive time is the point
        (MIXED, (datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=8))), 1, "x")),
    ],
)
def test_a_cursor_of_another_order_is_refused(order: Order, position: Position) -> None:
    with pytest.raises(BadInput):
        read_cursor(MIXED, write_cursor(order, position))


THINGS = Collection("things", {}, ())
ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=12)
START = datetime(2026, 1, 1, tzinfo=UTC)


async def walk(collection: Any, order: Order, size: int, *, backward: bool) -> list[str]:
    """All ids, page by page, in the order of the list."""
    found: list[str] = []
    boundary: Position | None = None
    while True:
        page = await find_page(
            collection, PageRequest(order, size, boundary, backward), {"kept": True}, lambda row: row["_id"]
        )
        found = [*page.items, *found] if backward else [*found, *page.items]
        assert (page.has_next if backward else page.has_previous) is (boundary is not None)
        if not (page.has_previous if backward else page.has_next):
            return found
        boundary = page.positions[0 if backward else -1]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=15)
@given(ROWS, st.integers(1, 5), st.booleans())
async def test_every_item_comes_once_and_in_order(rows: list[tuple[int, int]], size: int, backward: bool) -> None:
    collection = make_database().collection(THINGS)
    documents = [
        {"_id": f"{index:02}", "at": START + timedelta(days=day), "n": n, "kept": index % 5 != 4}
        for index, (day, n) in enumerate(rows)
    ]
    if documents:
        await collection.insert_many(documents)
    kept = [each for each in documents if each["kept"]]
    expected = [
        each["_id"] for each in sorted(kept, key=lambda each: (-each["at"].timestamp(), each["n"], each["_id"]))
    ]
    assert await walk(collection, MIXED, size, backward=backward) == expected


@pytest.mark.wire
@pytest.mark.parametrize("backward", [True, False])
async def test_a_real_server_pages_the_same_way(wire_database: Any, backward: bool) -> None:
    collection = wire_database._client[wire_database.world.database]["things"]
    documents = [{"_id": f"{n:02}", "at": START + timedelta(days=n % 3), "n": n % 2, "kept": True} for n in range(25)]
    await collection.insert_many(documents)
    expected = [
        each["_id"] for each in sorted(documents, key=lambda each: (-each["at"].timestamp(), each["n"], each["_id"]))
    ]
    assert await walk(collection, MIXED, 4, backward=backward) == expected


def test_a_page_without_boundary_leaves_the_filter_alone() -> None:
    assert page_filter(PageRequest(BY_ID, 10), {"a": 1}) == {"a": 1}


# ----------------------------------------------------------------------------------------------------- as GraphQL

counted: list[int] = []


@strawberry.type
class Thing:
    name: str


async def count() -> int:
    counted.append(1)
    return 7


@strawberry.type
class ThingsQuery:
    @strawberry.field
    async def things(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Thing]:
        asked = page_request(info, BY_ID, first=first, after=after, last=last, before=before)
        start = 0 if asked.boundary is None else int(str(asked.boundary[0])) + 1
        names = [f"{number:03}" for number in range(start, start + asked.limit)]
        page = Page(tuple(names), tuple((name,) for name in names), BY_ID, has_next=True, has_previous=start > 0)
        return connect(page, lambda name: Thing(name=name), count)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(make_app(schema=make_schema((ThingsQuery,)))) as client:
        yield client


async def ask(client: httpx.AsyncClient, query: str) -> dict[str, Any]:
    answer: dict[str, Any] = (await client.post("/graphql", json={"query": query})).json()
    return answer


async def test_fifty_are_given_where_no_number_is_asked(client: httpx.AsyncClient) -> None:
    answer = await ask(client, "{ things { nodes { name } } }")
    assert len(answer["data"]["things"]["nodes"]) == 50


async def test_the_end_cursor_leads_on(client: httpx.AsyncClient) -> None:
    page = "edges { cursor node { name } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
    first = (await ask(client, f"{{ things(first: 2) {{ {page} }} }}"))["data"]["things"]
    assert first["pageInfo"]["endCursor"] == first["edges"][1]["cursor"]
    cursor = first["pageInfo"]["endCursor"]
    second = (await ask(client, f'{{ things(first: 2, after: "{cursor}") {{ {page} }} }}'))["data"]["things"]
    assert [edge["node"]["name"] for edge in second["edges"]] == ["002", "003"]
    assert second["pageInfo"]["hasPreviousPage"] is True


@pytest.mark.parametrize(
    "arguments", ["first: 0", "first: -1", "first: 101", "first: 1000000", "last: 101", "first: 1, last: 1"]
)
async def test_a_page_beyond_the_bounds_is_bad_input_that_names_them(client: httpx.AsyncClient, arguments: str) -> None:
    answer = await ask(client, f"{{ things({arguments}) {{ nodes {{ name }} }} }}")
    error = answer["errors"][0]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "100" in error["message"] or "both" in error["message"]


@pytest.mark.parametrize("cursor", ["", "x", "é", "W10", "bm9uc2Vuc2U", "a" * 2000])
async def test_a_bad_cursor_is_bad_input_or_no_cursor_at_all(client: httpx.AsyncClient, cursor: str) -> None:
    answer = await ask(client, f'{{ things(after: "{cursor}") {{ nodes {{ name }} }} }}')
    assert answer["errors"][0]["extensions"]["code"] in {"BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"}


async def test_the_count_is_made_only_when_asked_for(client: httpx.AsyncClient) -> None:
    counted.clear()
    await ask(client, "{ things { nodes { name } } }")
    assert counted == []
    assert (await ask(client, "{ things { totalCount } }"))["data"]["things"]["totalCount"] == 7
    assert counted == [1]
