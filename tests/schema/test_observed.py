"""What an operation leaves in the log and the metrics: who, which, at what cost, how it ended; never its content."""

import logging
from typing import Any

import httpx
import pytest

from schema.execution import GraphQLRequest
from service.http.metrics import REGISTRY, Meter
from service.http.requests import Requests
from tests.schema.making import OPERATOR, SECRET, TRIAL, make_app


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"world": TRIAL.name} | labels) or 0.0


async def ask(caplog: pytest.LogCaptureFixture, query: str, **settings: Any) -> logging.LogRecord:
    """The line that the access log has of a request."""
    app = make_app(**settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(Requests(app, Meter(TRIAL), app.routes))
        async with httpx.AsyncClient(transport=transport, base_url="http://prop") as client:
            with caplog.at_level(logging.INFO, "prop.access"):
                answer = await client.post("/graphql", json={"query": query})
    (line,) = [record for record in caplog.records if record.name == "prop.access"]
    assert vars(line)["status"] == answer.status_code
    assert len(answer.headers.get_list("x-request-id")) == 1
    return line


async def test_the_log_names_caller_operation_cost_and_outcome_and_not_the_document(caplog: pytest.LogCaptureFixture):
    before = counted("prop_graphql_operations_total", kind="query", outcome="ok")
    fields = vars(await ask(caplog, f'query Greeting {{ echo(text: "{SECRET}") }}'))
    assert (fields["caller"], fields["operation"], fields["outcome"]) == ("anonymous", "Greeting", "ok")
    assert fields["cost"] >= 1
    assert SECRET not in str(fields)
    assert counted("prop_graphql_operations_total", kind="query", outcome="ok") == before + 1


async def test_a_limit_that_was_hit_is_counted_by_its_name(caplog: pytest.LogCaptureFixture):
    before = counted("prop_limits_hit_total", limit="depth")
    fields = vars(await ask(caplog, "{ leaf { deeper { deeper { name } } } }", limit_depth=2))
    assert fields["outcome"] == "QUERY_TOO_EXPENSIVE"
    assert counted("prop_limits_hit_total", limit="depth") == before + 1
    assert counted("prop_graphql_operations_total", kind="none", outcome="QUERY_TOO_EXPENSIVE") >= 1


async def test_a_body_that_is_too_long_counts_as_a_limit(caplog: pytest.LogCaptureFixture):
    before = counted("prop_limits_hit_total", limit="body")
    fields = vars(await ask(caplog, "#" * 3000, limit_body_bytes=1024))
    assert fields["status"] == 413
    assert counted("prop_limits_hit_total", limit="body") == before + 1


async def test_a_subscription_counts_once_when_nobody_wants_more_of_it():
    app = make_app()
    async with app.router.lifespan_context(app):
        face = app.state.face
        before = counted("prop_graphql_operations_total", kind="subscription", outcome="ok")
        job = face.execution.prepare(GraphQLRequest(query="subscription { count(to: 3) }"), OPERATOR)
        answers = face.execution.stream(job, face.context(OPERATOR, "request", "Bearer good"))
        await anext(answers)
        assert counted("prop_graphql_operations_total", kind="subscription", outcome="ok") == before
        await answers.aclose()
        assert counted("prop_graphql_operations_total", kind="subscription", outcome="ok") == before + 1
