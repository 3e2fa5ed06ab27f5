"""GraphQL over HTTP: what is asked how, what is answered, and that no bytes whatever bring out a 500."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, MutableMapping
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymongo.errors import AutoReconnect

from schema.answers import Answers
from schema.boundary import Boundary
from schema.errors import RequestRefused
from schema.limits import Limits
from schema.requests import EVENTS, JSON, PARAMETERS, RESPONSE, negotiate, parse_body, parse_query_string, read_body
from service.errors import RateLimited
from service.world import PRODUCTION
from tests.databases import make_database
from tests.schema.making import HELLO, MARK, SECRET, TRIAL, Stub, make_app, open_client


def assert_marked(response: httpx.Response) -> None:
    assert response.headers["x-prop-environment"] == "SANDBOX"
    assert response.headers["x-prop-binding"] == "false"
    if "json" in response.headers["content-type"]:
        assert response.json()["extensions"]["prop"] == MARK


async def test_an_answer_holds_data_the_mark_and_the_price(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json=HELLO)
    assert response.status_code == 200
    assert response.json() == {
        "data": {"echo": "hello"},
        "extensions": {"prop": MARK, "cost": {"requested": 1, "limit": 5000}},
    }
    assert response.headers["cache-control"] == "no-store"
    assert_marked(response)


async def test_production_marks_itself() -> None:
    async with open_client(make_app(PRODUCTION)) as client:
        response = await client.post("/graphql", json={"query": "{ viewer { environment binding notice } }"})
    assert response.headers["x-prop-environment"] == "PRODUCTION"
    assert response.headers["x-prop-binding"] == "true"
    expected = {"environment": "PRODUCTION", "binding": True, "notice": None}
    assert response.json()["extensions"]["prop"] == response.json()["data"]["viewer"] == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'"a string"',
        b"42",
        b"null",
        b"true",
        b"[]",
        b'[{"query": "{ __typename }"}]',
        b'{"query": "\xff"}',
        b"[" * 100_000,
        b'{"query": ' + b"[" * 100_000,
        b'{"query": "{ __typename }", "variables": {"x": ' + b"9" * 5_000 + b"}}",
        b'{"query": 1}',
        b'{"query": "{ __typename }", "variables": []}',
        b'{"query": "{ __typename }", "operationName": 0}',
        b'{"query": "{ __typename }", "extensions": "x"}',
        b'{"query": "{ __typename }", "extensions": {"persistedQuery": 1}}',
        b'{"query": "{ __typename }", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "short"}}}',
        b'{"documentId": 7}',
    ],
    ids=lambda body: repr(body[:40]),
)
async def test_a_malformed_body_is_a_bad_request(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post("/graphql", content=body, headers={"content-type": JSON})
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert_marked(response)


def status_of(parse: Callable[[bytes], object], text: bytes) -> int | None:
    """The status of the refusal; None where there is none. Any other exception is a fault."""
    try:
        parse(text)
    except RequestRefused as refused:
        return refused.status
    return None


@given(st.binary(max_size=200))
def test_no_bytes_make_the_body_parser_fail(body: bytes) -> None:
    assert status_of(parse_body, body) in {None, 400}


JSON_VALUES = st.sampled_from(
    [None, True, 0, 1e400, -(10**30), "x", "\ud800", [], ["x"], {}, {"version": 1}, {"x": [{}]}]
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(PARAMETERS, JSON_VALUES)))
def test_no_json_makes_the_body_parser_fail(parameters: dict[str, object]) -> None:
    assert status_of(parse_body, json.dumps(parameters).encode()) in {None, 400}


@given(st.lists(st.sampled_from(["query", "variables", "=", "&", "%", "%ff", "{", "}", "1", "+", ";"])).map("".join))
def test_no_query_string_makes_the_parser_fail(text: str) -> None:
    assert status_of(parse_query_string, text.encode()) in {None, 400}


@given(
    st.lists(st.sampled_from([JSON, RESPONSE, EVENTS, "*/*", "text/html", ";", "q=", "q=x", "0.5", ",", "\xff"])).map(
        "".join
    )
)
def test_no_accept_header_makes_the_negotiation_fail(accept: str) -> None:
    assert status_of(negotiate, accept.encode("latin-1")) in {None, 406}


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (RESPONSE, RESPONSE),
        (f"{RESPONSE}, {JSON};q=0.9", RESPONSE),
        (f"{RESPONSE};q=0.5, {JSON}", JSON),
        (f"{RESPONSE}, */*;q=0.1", RESPONSE),
        (EVENTS, EVENTS),
        (f"{EVENTS};q=0.1, {JSON}", JSON),
        (f"{JSON};q=0, */*", RESPONSE),
    ],
)
def test_the_client_chooses_the_media_type(accept: str, media: str) -> None:
    assert negotiate(accept.encode()) == media


async def test_a_client_that_takes_nothing_of_ours_is_told_so(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json=HELLO, headers={"accept": "image/png"})
    assert response.status_code == 406
    assert_marked(response)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_what_a_form_can_send_is_not_accepted(client: httpx.AsyncClient, content_type: str) -> None:
    response = await client.post("/graphql", content=orjson.dumps(HELLO), headers={"content-type": content_type})
    assert response.status_code == 415
    assert_marked(response)


async def test_a_body_in_another_charset_or_compressed_is_not_accepted(client: httpx.AsyncClient) -> None:
    for headers in ({"content-type": f"{JSON}; charset=gbk"}, {"content-type": JSON, "content-encoding": "gzip"}):
        response = await client.post("/graphql", content=orjson.dumps(HELLO), headers=headers)
        assert response.status_code == 415


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_beyond_the_limit_is_refused_while_it_streams(client: httpx.AsyncClient, declared: bool) -> None:
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(160):
            sent += 65_536
            yield b" " * 65_536

    headers = {"content-type": JSON, **({"content-length": str(160 * 65_536)} if declared else {})}
    response = await client.post("/graphql", content=pieces(), headers=headers)
    assert response.status_code == 413
    assert response.json()["errors"][0]["extensions"]["code"] == "PAYLOAD_TOO_LARGE"
    assert sent <= 5 * 65_536
    assert_marked(response)


@pytest.mark.parametrize("begun", [True, False])
async def test_a_body_of_which_nothing_comes_is_not_waited_for_either(begun: bool) -> None:
    async def receive() -> MutableMapping[str, Any]:
        nonlocal begun
        if not begun:
            await asyncio.Event().wait()
        begun = False
        return {"type": "http.request", "body": b"{", "more_body": True}

    async with asyncio.timeout(10):
        with pytest.raises(RequestRefused) as refused:
            await read_body(receive, {b"content-length": b"100"}, Limits(body_seconds=0.01))
    assert (refused.value.status, refused.value.headers) == (408, {"connection": "close"})


async def test_get_runs_queries_and_no_mutation(client: httpx.AsyncClient) -> None:
    response = await client.get(
        "/graphql", params={"query": "query($t: String!) { echo(text: $t) }", "variables": '{"t":"x"}'}
    )
    assert response.json()["data"] == {"echo": "x"}
    response = await client.get("/graphql", params={"query": 'mutation { change(to: "x") }'})
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert_marked(response)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
async def test_other_methods_are_refused(client: httpx.AsyncClient, method: str) -> None:
    response = await client.request(method, "/graphql")
    assert response.status_code == 405
    assert response.headers["x-prop-environment"] == "SANDBOX"


@pytest.mark.parametrize("path", ["/nowhere", "/static/nowhere.js", "/static/../transport.py", "/graphql/"])
async def test_a_path_that_is_not_there_is_answered_in_json_and_marked(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.status_code == 404
    assert response.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert_marked(response)


async def test_errors_of_the_document_are_400_only_for_the_new_media_type(client: httpx.AsyncClient) -> None:
    for query in ("{", "{ nowhere }", "query($t: String!) { echo(text: $t) }"):
        for accept, status in ((JSON, 200), (RESPONSE, 400)):
            response = await client.post("/graphql", json={"query": query}, headers={"accept": accept})
            assert response.status_code == status
            assert response.headers["content-type"].startswith(accept)
            assert "data" not in response.json()
            assert_marked(response)


async def test_a_document_with_two_operations_asks_for_a_name(client: httpx.AsyncClient) -> None:
    two = 'query A { echo(text: "a") } query B { echo(text: "b") }'
    assert (await client.post("/graphql", json={"query": two, "operationName": "B"})).json()["data"] == {"echo": "b"}
    for name in (None, "C"):
        answer = (await client.post("/graphql", json={"query": two, "operationName": name})).json()
        assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_a_request_id_is_taken_over_if_harmless_and_made_otherwise(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json=HELLO, headers={"x-request-id": "abc-1234"})
    assert response.headers["x-request-id"] == "abc-1234"
    for nasty in ("a b", "x" * 65, '"}'):
        response = await client.post("/graphql", json=HELLO, headers={"x-request-id": nasty})
        assert response.headers["x-request-id"] != nasty
        assert len(response.headers["x-request-id"]) == 32


async def test_headers_and_addresses_have_an_end(client: httpx.AsyncClient) -> None:
    assert (await client.get("/graphql", headers={"x": "y" * 20_000})).status_code == 431
    response = await client.get("/graphql?query=" + "a" * 20_000)
    assert response.status_code == 414
    assert_marked(response)


async def test_a_token_is_checked_before_anything_runs(client: httpx.AsyncClient) -> None:
    who = {"query": "{ viewer { kind } }"}
    good = await client.post("/graphql", json=who, headers={"authorization": "Bearer good"})
    assert good.json()["data"] == {"viewer": {"kind": "OPERATOR"}}
    for header in ("Bearer bad", "Bearer", "Basic Zm9v", "good"):
        response = await client.post("/graphql", json=who, headers={"authorization": header})
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert_marked(response)


@pytest.mark.parametrize(
    ("query", "status"), [("{ closed }", 401), ("{ closed refused }", 200), ('{ closed echo(text: "x") }', 200)]
)
async def test_an_answer_that_is_nothing_but_a_want_of_login_is_401(
    client: httpx.AsyncClient, query: str, status: int
) -> None:
    response = await client.post("/graphql", json={"query": query})
    codes = {error["extensions"]["code"] for error in response.json()["errors"]}
    assert "UNAUTHENTICATED" in codes
    assert response.status_code == status
    assert ("www-authenticate" in response.headers) is (status == 401)
    assert ("data" in response.json()) is (status == 200)


async def test_too_many_requests_are_told_when_to_come_back() -> None:
    async with open_client(make_app(rate_per_minute=60, rate_burst=2)) as client:
        codes = [(await client.post("/graphql", json=HELLO)).status_code for _ in range(3)]
        assert codes == [200, 200, 429]
        response = await client.post("/graphql", json=HELLO)
        assert response.headers["retry-after"] == "1"
        assert response.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
        assert_marked(response)
        known = await client.post("/graphql", json=HELLO, headers={"authorization": "Bearer good"})
        assert known.status_code == 200  # another caller has a bucket of its own


async def test_requests_of_one_ipv6_network_are_counted_together() -> None:
    app = make_app(rate_per_minute=1, rate_burst=2)
    async with app.router.lifespan_context(app):
        codes = []
        for address in ("2001:db8::1", "2001:db8::2:3", "2001:db8::ffff", "2001:db8:0:1::1"):
            transport = httpx.ASGITransport(app, client=(address, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
                codes.append((await client.post("/graphql", json=HELLO)).status_code)
    assert codes == [200, 200, 429, 200]


async def test_no_number_of_addresses_makes_a_callers_spent_bucket_forgotten() -> None:
    face = make_app(rate_per_minute=1, rate_burst=1).state.face
    face.services = Stub(TRIAL, make_database(TRIAL))
    await face.admit("Bearer good", "192.0.2.1")
    for number in range(10_001):
        await face.admit("", str(number))
    with pytest.raises(RateLimited):
        await face.admit("Bearer good", "192.0.2.1")


@pytest.mark.parametrize(("token", "code"), [("foreign", "ENVIRONMENT_MISMATCH"), ("guessed", "UNAUTHENTICATED")])
async def test_who_brings_tokens_that_are_not_good_here_is_slowed_as_an_address(token: str, code: str) -> None:
    async with open_client(make_app(rate_per_minute=60, rate_burst=3)) as client:
        headers = {"authorization": f"Bearer {token}"}
        tries = [await client.post("/graphql", json=HELLO, headers=headers) for _ in range(4)]
        assert [each.json()["errors"][0]["extensions"]["code"] for each in tries] == [code] * 3 + ["RATE_LIMITED"]
        assert tries[-1].status_code == 429
        assert (await client.post("/graphql", json=HELLO)).status_code == 429  # the same address, without a token


def assert_to_be_tried_again(response: httpx.Response) -> None:
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert response.json()["errors"][0]["extensions"] == {"code": "SERVICE_UNAVAILABLE", "retryAfter": 1}
    assert SECRET not in response.text


async def test_a_database_that_does_not_answer_who_calls_is_an_outage_and_no_fault_of_ours(
    client: httpx.AsyncClient,
) -> None:
    response = await client.post("/graphql", json=HELLO, headers={"authorization": "Bearer outage"})
    assert_to_be_tried_again(response)
    assert_marked(response)


def open_plain_route(error: Exception) -> httpx.AsyncClient:
    async def route(*_: object) -> None:
        raise error

    boundary = Boundary(route, Answers(TRIAL, Limits()), header_bytes=1_000)
    return httpx.AsyncClient(transport=httpx.ASGITransport(boundary), base_url="http://testserver")


async def test_a_database_that_does_not_answer_a_plain_route_is_an_outage_too() -> None:
    async with open_plain_route(AutoReconnect(SECRET)) as client:
        assert_to_be_tried_again(await client.get("/log/checkpoint"))


async def test_a_plain_route_that_is_asked_too_often_says_when_to_come_back() -> None:
    async with open_plain_route(RateLimited("Too many.", retryAfter=7)) as client:
        response = await client.get("/log/checkpoint")
    assert (response.status_code, response.headers["retry-after"]) == (429, "7")
    assert response.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_the_schema_is_served_as_it_is_committed() -> None:
    async with open_client(make_app()) as client:
        response = await client.get("/schema.graphql")
    assert response.status_code == 200
    assert "type Query" in response.text
    assert response.headers["x-prop-environment"] == "SANDBOX"
