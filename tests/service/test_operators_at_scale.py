"""A smaller version of the bench: pages walk an index in their order. What a page costs, a real MongoDB must tell."""

import pytest

from service.pagination import BY_ID, LATEST_FIRST, Order, PageRequest
from service.storage.database import Database
from service.storage.operators import BY_NAME, BY_NUMBER, OPERATORS, OperatorFilter, OperatorStore, operator_query
from tests.bench.operators_at_scale import GOAL, costs, fill
from tests.explain import index_in_order, recorded_queries

pytestmark = pytest.mark.wire


async def test_no_page_of_operators_scans_or_examines_more_than_it_answers(
    wire_uri: str, wire_database: Database
) -> None:
    filled = await fill(wire_database, 2_000, 20)
    found = [cost async for cost in costs(wire_uri, wire_database, filled)]
    assert [cost.name for cost in found] == [
        "first page", "page 39", "filtered page", "filtered, far in", "own page", "own filtered page", "node",
    ]  # fmt: skip
    for cost in found:
        assert "COLLSCAN" not in cost.scans, cost
        assert cost.rows >= 1, cost
        assert cost.examined <= GOAL * max(cost.ranged, cost.rows), cost
        assert cost.index is not None, cost


@pytest.mark.parametrize("order", [BY_ID, LATEST_FIRST, BY_NUMBER, BY_NAME], ids=lambda order: order.name)
@pytest.mark.parametrize("participant", [None, "live-par-01K9ZZZZZZZZZZZZZZZZZZZZZZ"])
async def test_every_order_of_operators_is_that_of_an_index(
    wire_uri: str, wire_database: Database, order: Order, participant: str | None
) -> None:
    async with recorded_queries(wire_uri, wire_database) as queries:
        query = operator_query(OperatorFilter(participant_id=participant), None)
        await OperatorStore(queries.database).page(PageRequest(order, 50), query)
        ((_, command),) = queries.sent
        assert index_in_order(command, OPERATORS) is not None


def test_an_index_whose_order_is_another_serves_no_page() -> None:
    by_permission = {"filter": {"permissions": "OPERATOR_READ"}, "sort": {"name": 1, "_id": 1}}
    assert index_in_order(by_permission, OPERATORS) is None
    assert index_in_order({"filter": {}, "sort": {"name": 1, "_id": -1}}, OPERATORS) is None
    assert index_in_order({"filter": {}, "sort": {"name": -1, "_id": -1}}, OPERATORS) == "prop_name_1__id_1"
