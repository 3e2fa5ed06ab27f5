"""The inspector over the control endpoint: the list, one exchange with its reasons, and running it again."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.sandbox.tenancy import Tenancy, join, open_application

pytestmark = pytest.mark.wire

LIST = """query ($f: ExchangeFilter, $n: Int, $after: Cursor) { exchanges(filter: $f, first: $n, after: $after) {
  totalCount pageInfo { hasNextPage endCursor }
  nodes { id operationName endpoint outcome codes operatorNumber status } } }"""
WHY = """query ($id: ID!) { exchange(id: $id) { id document variables masked notReplayable notReplayableZh link
  why { code article articleText articleTextEn field message messageZh advice adviceZh
        permission permissionWhy permissionWhyZh } } }"""
REPLAY = """mutation ($id: ID!, $token: String) { replayExchange(id: $id, token: $token) {
  status body same exchange { id operationName } } }"""
ME = "query Me { viewer { kind participant { id } } }"
REGISTER = "mutation Add($i: RegisterOperatorInput!) { registerOperator(input: $i) { refusals { code } } }"


@pytest.fixture
async def client(wire_uri: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with open_application(wire_uri, tmp_path) as (_, opened):
        yield opened


async def listed(tenancy: Tenancy, **wanted: object) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = (await tenancy.ruled(LIST, f=wanted))["exchanges"]["nodes"]
    return nodes


async def last_of(tenancy: Tenancy) -> dict[str, Any]:
    (newest, *_) = await listed(tenancy)
    found: dict[str, Any] = (await tenancy.ruled(WHY, id=newest["id"]))["exchange"]
    return found


async def test_the_list_is_filtered_and_paged_and_shows_ones_own_last_request(client: httpx.AsyncClient):
    tenancy = await join(client)
    for role in ("ADMINISTRATOR", "OPERATOR"):
        await tenancy.ask(ME, role)
    await tenancy.ask("query Bad { nothing }")
    everything = await listed(tenancy)
    assert [each["operationName"] for each in everything] == ["Bad", "Me", None, "Me", None]
    assert [each["operationName"] for each in await listed(tenancy, code="GRAPHQL_VALIDATION_FAILED")] == ["Bad"]
    assert len(await listed(tenancy, outcome="OK", operation="Me")) == 2
    assert len(await listed(tenancy, endpoint="TOKEN")) == 2
    clerk = tenancy.people["OPERATOR"].client_id
    assert {each["operatorNumber"] for each in await listed(tenancy, operatorId=clerk)} == {"000002"}
    first = (await tenancy.ruled(LIST, n=3))["exchanges"]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (5, True)
    rest = (await tenancy.ruled(LIST, n=3, after=first["pageInfo"]["endCursor"]))["exchanges"]
    assert first["nodes"] + rest["nodes"] == everything


async def test_another_tenants_exchange_is_as_if_it_did_not_exist(client: httpx.AsyncClient):
    mine, other = await join(client), await join(client)
    await other.ask(ME)
    (theirs, *_) = await listed(other)
    assert await listed(mine) == []
    for query in (WHY, REPLAY):
        there = await mine.control(query, id=theirs["id"])
        nowhere = await mine.control(query, id="01K9ZZZZZZZZZZZZZZZZZZZZZZ")
        assert there["data"] == nowhere["data"]
        assert "errors" not in there
    for query in (LIST, WHY):
        answer = await client.post("/sandbox/graphql", json={"query": query, "variables": {"id": theirs["id"]}})
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_refusal_says_which_rule_and_which_article_and_what_to_do(client: httpx.AsyncClient):
    tenancy = await join(client)
    await tenancy.ask(REGISTER, i={"operatorNumber": "000001", "name": "李四", "role": "OPERATOR"})
    found = await last_of(tenancy)
    (why,) = found["why"]
    assert (why["code"], why["article"], why["field"]) == ("OPERATOR_NUMBER_TAKEN", 11, ["operatorNumber"])
    assert "000001" in why["message"]
    assert "000001" in why["messageZh"]
    assert why["articleText"]
    assert why["advice"]
    assert why["adviceZh"]
    assert found["link"].endswith(f"/#inspector/{found['id']}")


async def test_what_is_forbidden_names_the_permission_and_whom_to_ask(client: httpx.AsyncClient):
    tenancy = await join(client)
    await tenancy.ask(REGISTER, "OPERATOR", i={"operatorNumber": "000009", "name": "王五", "role": "OPERATOR"})
    (why,) = (await last_of(tenancy))["why"]
    assert (why["code"], why["permission"]) == ("FORBIDDEN", "OPERATOR_MANAGE")
    assert "OPERATOR" in why["permissionWhy"]
    assert why["permissionWhyZh"]


async def test_running_it_again_is_real_and_seen_itself(client: httpx.AsyncClient):
    tenancy = await join(client)
    await tenancy.ask(ME)
    before = await last_of(tenancy)
    replay = (await tenancy.ruled(REPLAY, id=before["id"], token=await tenancy.token()))["replayExchange"]
    assert (replay["status"], replay["same"]) == (200, True)
    assert orjson.loads(replay["body"])["data"]["viewer"]["participant"]["id"] == tenancy.id
    newest = await last_of(tenancy)
    assert replay["exchange"] == {"id": newest["id"], "operationName": "Me"}
    assert newest["id"] != before["id"]


async def test_it_is_run_again_by_the_same_operator_alone(client: httpx.AsyncClient):
    tenancy, other = await join(client), await join(client)
    await tenancy.ask(ME)
    found = await last_of(tenancy)
    wrong = [None, "", "x" * 5000, "令牌", tenancy.secret, await tenancy.token("OPERATOR"), await other.token()]
    for token in wrong:
        answer = await tenancy.control(REPLAY, id=found["id"], token=token)
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT", token
    assert len(await listed(other, operation="Me")) == 0


async def test_what_was_masked_and_what_is_no_operation_is_not_run_again(client: httpx.AsyncClient):
    tenancy = await join(client)
    token = await tenancy.token()
    login = await last_of(tenancy)
    await tenancy.ask(REGISTER, i={"operatorNumber": "000001", "name": "李四", "role": "OPERATOR"})
    masked = await last_of(tenancy)
    assert masked["masked"]
    assert "李四" not in masked["variables"]
    for found in (login, masked):
        assert found["notReplayable"]
        assert found["notReplayableZh"]
        answer = await tenancy.control(REPLAY, id=found["id"], token=token)
        assert answer["errors"][0]["message"] == found["notReplayable"]


async def test_the_answer_to_running_it_again_may_be_no(client: httpx.AsyncClient):
    tenancy = await join(client)
    token = await tenancy.token("OPERATOR")
    await tenancy.ask(ME, "OPERATOR")
    found = await last_of(tenancy)
    freeze = "mutation ($id: ID!) { freezeOperator(input: {operatorId: $id}) { refusals { code } } }"
    await tenancy.ask(freeze, id=tenancy.people["OPERATOR"].client_id)
    replay = (await tenancy.ruled(REPLAY, id=found["id"], token=token))["replayExchange"]
    assert (replay["status"], replay["same"]) == (401, False)
