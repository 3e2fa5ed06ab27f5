"""A smaller version of the bench: an index covers each list and filter. What a page costs, a real MongoDB must tell."""

import pytest

from service.storage.database import Database
from tests.bench.operators_at_scale import GOAL, costs, fill

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
        assert not cost.scans, cost
        assert cost.rows >= 1, cost
        assert cost.ratio <= GOAL, cost
