"""Errors: what the client is told, what only the log is told, and that nothing is told twice."""

import json
import logging

import httpx
import pytest
from pymongo.errors import AutoReconnect

from schema.errors import format_exception
from service.errors import EnvironmentMismatch, ServiceError, Unavailable
from service.refusals import RefusalCode, refuse
from service.world import Environment
from tests.schema.making import SECRET, make_app, open_client


async def ask(client: httpx.AsyncClient, query: str, **variables: object) -> dict[str, object]:
    response = await client.post("/graphql", json={"query": query, "variables": variables})
    assert response.status_code == 200
    error: dict[str, object] = response.json()["errors"][0]
    return error


@pytest.mark.parametrize("field", ["broken", "impossible"])
async def test_an_unexpected_error_is_masked_and_logged_once_under_its_id(
    client: httpx.AsyncClient, field: str, caplog: pytest.LogCaptureFixture
) -> None:
    error = await ask(client, f"{{ {field} }}")
    assert error["path"] == [field]
    extensions = error["extensions"]
    assert extensions["code"] == "INTERNAL_SERVER_ERROR"
    assert SECRET not in json.dumps(error)
    assert "non-nullable" not in json.dumps(error)
    (record,) = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert record.error_id == extensions["errorId"]
    assert record.exc_info is not None
    assert record.request_id


async def test_a_service_error_passes_with_its_code_and_place(client: httpx.AsyncClient) -> None:
    error = await ask(client, "{ refused }")
    assert error["message"] == "No such number."
    assert error["path"] == ["refused"]
    assert error["locations"] == [{"line": 1, "column": 3}]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": "number"}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nowhere }", "GRAPHQL_VALIDATION_FAILED"),
        ("query($t: String!) { echo(text: $t) }", "BAD_USER_INPUT"),
        ("{ refused }", "BAD_USER_INPUT"),
    ],
)
async def test_the_clients_own_errors_keep_their_text_and_are_not_logged_as_ours(
    client: httpx.AsyncClient, query: str, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    error = await ask(client, query)
    assert error["extensions"]["code"] == code
    assert error["message"]
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []


SUGGESTIVE = [
    ("{ ech }", {}),
    ('{ echo(tex: "x") }', {}),
    ("{ leaf { nam } }", {}),
    ("query($x: Strin) { echo(text: $x) }", {}),
    ("{ ...F } fragment F on Quer { __typename }", {}),
    ("query($e: Float!) { slow(second: $e) }", {"e": 0}),
    ("query($e: Flot!) { slow(seconds: $e) }", {"e": 0}),
]


@pytest.mark.parametrize(("query", "variables"), SUGGESTIVE)
async def test_nothing_is_suggested_to_those_who_may_not_ask_for_the_schema(
    query: str, variables: dict[str, object]
) -> None:
    for who, suggested in (("authenticated", False), ("anyone", True)):
        async with open_client(make_app(introspection=who)) as client:
            response = await client.post("/graphql", json={"query": query, "variables": variables})
        assert ("Did you mean" in response.text) is suggested


async def test_introspection_is_for_those_who_may() -> None:
    ask_schema = {"query": "{ __schema { queryType { name } } }"}
    async with open_client(make_app(introspection="authenticated")) as client:
        refused = await client.post("/graphql", json=ask_schema)
        assert refused.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
        known = await client.post("/graphql", json=ask_schema, headers={"authorization": "Bearer good"})
        assert known.json()["data"] == {"__schema": {"queryType": {"name": "Query"}}}
    async with open_client(make_app(introspection="nobody")) as client:
        known = await client.post("/graphql", json=ask_schema, headers={"authorization": "Bearer good"})
        assert "errors" in known.json()


def test_a_thing_of_the_other_world_names_both() -> None:
    error = EnvironmentMismatch("id", here=Environment.SANDBOX, there=Environment.PRODUCTION)
    formatted = format_exception(error, None)
    assert formatted["extensions"] == {
        "code": "ENVIRONMENT_MISMATCH",
        "here": "SANDBOX",
        "there": "PRODUCTION",
        "article": 17,
    }


def test_a_driver_that_lost_its_database_is_unavailable_and_nothing_of_it_shows() -> None:
    formatted = format_exception(AutoReconnect("10.0.0.7:27017 went away"), None)
    assert formatted["extensions"]["code"] == Unavailable.code.value
    assert "10.0.0.7" not in json.dumps(formatted)


def test_a_service_error_without_a_code_of_its_own_is_masked() -> None:
    formatted = format_exception(ServiceError(SECRET), None)
    assert SECRET not in json.dumps(formatted)
    assert formatted["extensions"]["errorId"]


def test_a_refusal_that_no_payload_took_up_is_told_with_article_and_both_languages() -> None:
    formatted = format_exception(refuse(RefusalCode.AGREEMENT_NOT_FOUND, "number", number=7), None)
    assert formatted["extensions"]["code"] == "BAD_USER_INPUT"
    (refusal,) = formatted["extensions"]["refusals"]
    assert refusal["article"] == 25
    assert refusal["field"] == ["number"]
    assert "7" in refusal["messageZh"]


async def test_what_nobody_caught_is_a_marked_and_masked_500(
    monkeypatch: pytest.MonkeyPatch, client: httpx.AsyncClient
) -> None:
    def fail(*arguments: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr("schema.transport.parse_body", fail)
    response = await client.post("/graphql", json={"query": "{ __typename }"})
    assert response.status_code == 500
    assert SECRET not in response.text
    assert response.headers["x-prop-environment"] == "SANDBOX"
    assert response.json()["extensions"]["prop"]["environment"] == "SANDBOX"
