"""The sandbox's own GraphQL schema: its committed SDL, its bearer, its marks, and each field once through HTTP."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from sandbox.app import application
from sandbox.control.schema import SDL, control_schema
from schema.build import print_sdl, public_schema
from tests.sandbox.opening import administrator, key_request, prepared_settings

JOIN = """mutation ($input: JoinInput!) { join(input: $input) {
  secret uscc tenant { id code state epoch environment binding notice clock { aheadSeconds } }
  operators { role certificates { profile pem } snippets { language run } } } }"""


def test_the_committed_sdl_is_the_schema():
    assert SDL.read_text(encoding="utf-8") == print_sdl(control_schema())


def test_nothing_of_it_is_in_the_public_schema():
    public = print_sdl(public_schema())
    for name in ("advanceClock", "takeSnapshot", "jobProgress", "JoinInput"):
        assert name not in public


@pytest.fixture
async def client(wire_uri: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with prepared_settings(wire_uri, tmp_path, SANDBOX_TENANTS_PER_ADDRESS="3") as settings:
        app = application(settings)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://sandbox.test") as opened,
        ):
            yield opened


async def ask(client: httpx.AsyncClient, query: str, secret: str | None = None, **variables: object) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {secret}"} if secret else {}
    body = {"query": query, "variables": variables}
    answer = await client.post("/sandbox/graphql", json=body, headers=headers)
    assert answer.headers["x-prop-environment"] == "SANDBOX"
    assert answer.json()["extensions"]["prop"]["binding"] is False
    return dict(answer.json())


async def joined(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await ask(client, JOIN, input=administrator())
    assert "errors" not in answer, answer["errors"]
    return dict(answer["data"]["join"])


async def done(client: httpx.AsyncClient, secret: str, job: dict[str, Any]) -> dict[str, Any]:
    while job["state"] == "RUNNING":
        await asyncio.sleep(0.1)
        query = "query ($id: ID!) { job(id: $id) { id state percent problem } }"
        job = (await ask(client, query, secret, id=job["id"]))["data"]["job"]
    return job


@pytest.mark.wire
async def test_join_move_the_clock_snapshot_restore_and_reset_through_http(client: httpx.AsyncClient):
    one = await joined(client)
    secret = one["secret"]
    assert one["tenant"]["state"] == "ACTIVE"
    assert one["tenant"]["binding"] is False
    assert [each["role"] for each in one["operators"]] == ["ADMINISTRATOR", "OPERATOR", "REVIEWER"]
    assert len(one["operators"][0]["snippets"]) == 4
    for mutation in (
        'takeSnapshot(name: "before")',
        'advanceClock(by: "3d")',
        'restoreSnapshot(name: "before")',
        'setClock(to: "2030-01-01T00:00:00Z")',
        "reset",
    ):
        answer = await ask(client, f"mutation {{ it: {mutation} {{ id state percent problem }} }}", secret)
        assert "errors" not in answer, answer
        assert (await done(client, secret, answer["data"]["it"]))["state"] == "DONE"
    query = "{ tenant { epoch clock { aheadSeconds } jobs { kind } snapshots { name objects } notices { daysLeft } } }"
    tenant = (await ask(client, query, secret))["data"]["tenant"]
    assert (tenant["epoch"], tenant["clock"]["aheadSeconds"]) == (3, 0)
    assert [each["kind"] for each in tenant["jobs"]] == ["RESET", "MOVE_CLOCK", "RESTORE", "MOVE_CLOCK", "SNAPSHOT"]
    assert [each["name"] for each in tenant["snapshots"]] == ["before", "joined"]


@pytest.mark.wire
async def test_progress_is_followed_until_the_job_has_ended(client: httpx.AsyncClient):
    secret = (await joined(client))["secret"]
    job = (await ask(client, 'mutation { advanceClock(by: "400d") { id } }', secret))["data"]["advanceClock"]
    query = "subscription ($id: ID!) { jobProgress(id: $id) { state percent doing } }"
    headers = {"authorization": f"Bearer {secret}", "accept": "text/event-stream"}
    body = {"query": query, "variables": {"id": job["id"]}}
    answer = await client.post("/sandbox/graphql", json=body, headers=headers, timeout=60)
    events = [orjson.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
    percents = [each["data"]["jobProgress"]["percent"] for each in events]
    assert percents == sorted(percents)
    assert events[-1]["data"]["jobProgress"]["state"] == "DONE"


@pytest.mark.wire
async def test_without_a_secret_or_with_anothers_there_is_nothing_to_rule(client: httpx.AsyncClient):
    mine, neighbours = await joined(client), await joined(client)
    for operation in ("{ tenant { id } }", "mutation { reset { id } }", 'mutation { advanceClock(by: "1d") { id } }'):
        answer = await ask(client, operation)
        assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    job = (await ask(client, "mutation { reset { id } }", mine["secret"]))["data"]["reset"]
    found = await ask(client, "query ($id: ID!) { job(id: $id) { id } }", neighbours["secret"], id=job["id"])
    assert found["data"] == {"job": None}
    wrong = await client.post(
        "/sandbox/graphql", json={"query": "{ tenant { id } }"}, headers={"authorization": "Bearer sbx_secret_x"}
    )
    assert wrong.status_code == 401
    token = await client.post(
        "/graphql", json={"query": "{ viewer { kind } }"}, headers={"authorization": f"Bearer {mine['secret']}"}
    )
    assert token.status_code == 401, "a tenant's secret is no operator's token"


@pytest.mark.wire
async def test_wrong_input_is_said_to_be_wrong_and_the_quota_holds_for_both_ways_in(client: httpx.AsyncClient):
    secret = (await joined(client))["secret"]
    for mutation in ('advanceClock(by: "1y")', 'setClock(to: "2020-01-01T00:00:00Z")', 'takeSnapshot(name: "joined")'):
        answer = await ask(client, f"mutation {{ it: {mutation} {{ id }} }}", secret)
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    bad = await client.post("/sandbox/join", json={"operators": []})
    assert (bad.status_code, bad.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_USER_INPUT")
    weak = await client.post("/sandbox/join", content=b"{", headers={"content-type": "application/json"})
    assert weak.status_code == 400
    for _ in range(2):
        assert (await client.post("/sandbox/join", json=administrator())).status_code == 201
    assert (await client.post("/sandbox/join", json=administrator())).status_code == 429
    answer = await ask(client, JOIN, input={"operators": [{"role": "ADMINISTRATOR", "login": key_request()}]})
    assert answer["errors"][0]["extensions"]["code"] == "RATE_LIMITED"


@pytest.mark.wire
async def test_personas_are_listed_for_everybody(client: httpx.AsyncClient):
    listed = (await ask(client, "{ personas { name role participantCode shows showsZh } }"))["data"]["personas"]
    assert "broker-admin" in [each["name"] for each in listed]
