"""What the benchmark compares must answer the same, or it compares nothing."""

import pytest

from tests.bench import served
from tests.bench.graphql_throughput import APPLICATIONS, QUERY
from tests.schema.making import open_client


@pytest.mark.parametrize("factory", APPLICATIONS.values())
async def test_every_application_of_the_benchmark_answers_its_query_alike(factory: str) -> None:
    answers = []
    for name in ("stock_bare", factory):
        async with open_client(getattr(served, name)()) as client:
            response = await client.post("/graphql", json={"query": QUERY})
            answers.append(response.json())
    assert "errors" not in answers[1]
    assert answers[0]["data"] == answers[1]["data"]
