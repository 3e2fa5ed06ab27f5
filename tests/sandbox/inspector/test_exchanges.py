"""What the inspector keeps: every exchange of a tenant's, none of anybody's, and never in a request's way."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from sandbox.bootstrap import Ground, Sandbox
from sandbox.inspector.exchange_log import ExchangeLog
from sandbox.inspector.exchanges import KEPT, Endpoint, Exchange, ExchangeFilter, Ids, Outcome, Protocol, earliest_id
from sandbox.storage.exchanges import EXCHANGES, ExchangeStore, query_of
from service.errors import Unavailable
from service.pagination import LATEST_FIRST, PageRequest
from tests.sandbox.tenancy import Tenancy, join, open_application
from tests.waiting import until

wire = pytest.mark.wire
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def served(wire_uri: str, tmp_path: Path) -> AsyncIterator[tuple[Starlette, httpx.AsyncClient]]:
    async with open_application(wire_uri, tmp_path) as opened:
        yield opened


@pytest.fixture
def client(served: tuple[Starlette, httpx.AsyncClient]) -> httpx.AsyncClient:
    return served[1]


@pytest.fixture
def sandbox(served: tuple[Starlette, httpx.AsyncClient]) -> Sandbox:
    """The one that the application stands on."""
    ground: Ground = served[0].state.ground
    return ground.sandbox


async def seen_of(sandbox: Sandbox, tenancy: Tenancy) -> list[Exchange]:
    return [each async for each in sandbox.exchanges.since(tenancy.id, EPOCH)]


@wire
async def test_a_login_a_query_and_a_refusal_are_told_as_they_were(sandbox: Sandbox, client: httpx.AsyncClient):
    tenancy = await join(client)
    await tenancy.ask("query Me($n: Int) { viewer { kind } operators(first: $n) { nodes { id } } }", n=2)
    number = {"operatorNumber": "000001", "name": "李四", "role": "OPERATOR", "telephone": "+8613812345678"}
    register = "mutation Add($i: RegisterOperatorInput!) { registerOperator(input: $i, idempotencyKey: %s) { %s } }"
    await tenancy.ask(register % ('"key-1"', "operator { id }"), i=number)
    login, query, refused = await seen_of(sandbox, tenancy)
    administrator = tenancy.people["ADMINISTRATOR"].client_id
    assert (login.endpoint, login.status, login.operator_id) == (Endpoint.TOKEN, 200, administrator)
    assert login.variables is not None
    assert tenancy.endpoint in login.variables
    assert (query.endpoint, query.protocol, query.outcome) == (Endpoint.GRAPHQL, Protocol.HTTP, Outcome.OK)
    assert (query.operation_name, query.operation_kind, query.variables) == ("Me", "query", '{"n":2}')
    assert (query.operator_id, query.operator_number, query.status) == (administrator, "000001", 200)
    assert query.cost is not None
    assert query.milliseconds is not None
    assert query.digest
    assert query.tenant_at - query.at < timedelta(seconds=1)
    assert (refused.outcome, refused.codes, refused.idempotency_key) == (
        Outcome.REFUSED,
        ("OPERATOR_NUMBER_TAKEN",),
        "key-1",
    )
    (trouble,) = refused.troubles
    assert (trouble.article, trouble.field) == (11, ("operatorNumber",))
    assert trouble.english
    assert trouble.chinese
    assert refused.masked
    kept = str(await sandbox.database.collection(EXCHANGES).find({}).to_list(None))
    for secret in ("李四", "13812345678", tenancy.tokens["ADMINISTRATOR"], tenancy.secret):
        assert secret not in kept


@wire
async def test_the_assertion_of_a_login_that_is_refused_is_not_kept_but_what_was_wrong_with_it(
    sandbox: Sandbox, client: httpx.AsyncClient
):
    tenancy = await join(client)
    assertion = tenancy.people["OPERATOR"].assertion("https://elsewhere.example/oauth/token", datetime.now(UTC))
    assert (await tenancy.log_in(assertion)).status_code == 401
    (refused,) = await seen_of(sandbox, tenancy)
    assert (refused.endpoint, refused.outcome, refused.codes) == (Endpoint.TOKEN, Outcome.FAILED, ("invalid_client",))
    assert refused.operator_number == "000002"
    assert "https://elsewhere.example" in (refused.variables or "")
    kept = str(await sandbox.database.collection(EXCHANGES).find({}).to_list(None))
    for part in assertion.split("."):
        assert part not in kept


@wire
async def test_what_an_ended_operator_asks_is_still_its_tenants(sandbox: Sandbox, client: httpx.AsyncClient):
    tenancy = await join(client)
    await tenancy.token("OPERATOR")
    freeze = "mutation ($id: ID!) { freezeOperator(input: {operatorId: $id}) { refusals { code } } }"
    await tenancy.ask(freeze, id=tenancy.people["OPERATOR"].client_id)
    answer = await tenancy.ask("{ viewer { kind } }", "OPERATOR")
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    last = (await seen_of(sandbox, tenancy))[-1]
    assert (last.status, last.codes, last.operator_id) == (
        401,
        ("UNAUTHENTICATED",),
        tenancy.people["OPERATOR"].client_id,
    )
    assert last.troubles[0].article == 11


@wire
async def test_anonymous_and_forged_requests_and_personas_are_nobodys(sandbox: Sandbox, client: httpx.AsyncClient):
    tenancy = await join(client)
    forged = "eyJhbGciOiJFUzI1NiJ9.eyJwYXJ0aWNpcGFudCI6IngifQ." + "A" * 86
    for bearer in (None, forged, tenancy.secret):
        headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
        await client.post("/graphql", json={"query": "{ viewer { kind } }"}, headers=headers)
    persona = (await client.post("/sandbox/personas/broker-admin/token")).json()["access_token"]
    headers = {"authorization": f"Bearer {persona}"}
    answer = await client.post("/graphql", json={"query": "{ viewer { kind } }"}, headers=headers)
    assert answer.json()["data"]["viewer"]["kind"] == "OPERATOR"
    await client.post("/graphql", content=b"{", headers={"content-type": "application/json"})
    assert await seen_of(sandbox, tenancy) == []
    assert await sandbox.database.collection(EXCHANGES).count_documents({}) == 0


@wire
async def test_one_tenant_sees_nothing_of_another(sandbox: Sandbox, client: httpx.AsyncClient):
    mine, other = await join(client), await join(client)
    await mine.ask("{ viewer { kind } }")
    await other.ask("{ viewer { kind } }")
    own = await seen_of(sandbox, mine)
    assert {each.participant_id for each in own} == {mine.id}
    for each in await seen_of(sandbox, other):
        assert await sandbox.exchanges.find(mine.id, each.id) is None
        assert await sandbox.exchanges.find(other.id, each.id) == each


@wire
async def test_a_subscription_is_seen_while_it_runs_and_when_it_has_ended(sandbox: Sandbox, client: httpx.AsyncClient):
    tenancy = await join(client)
    token = await tenancy.token()
    headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
    query = "subscription Changes { recordAdded { __typename } }"
    listening = asyncio.create_task(client.post("/graphql", json={"query": query}, headers=headers))

    async def running() -> bool:
        return [each.outcome for each in await seen_of(sandbox, tenancy)] == [Outcome.OK, Outcome.RUNNING]

    await until(running, 30)
    listening.cancel()

    async def ended() -> bool:
        return [each.outcome for each in await seen_of(sandbox, tenancy)] == [Outcome.OK, Outcome.OK]

    await until(ended, 30)
    last = (await seen_of(sandbox, tenancy))[-1]
    assert (last.operation_name, last.protocol) == ("Changes", Protocol.SSE)
    assert last.milliseconds is not None


@wire
async def test_what_is_asked_of_the_list_is_found_by_an_index(sandbox: Sandbox, client: httpx.AsyncClient):
    tenancy = await join(client)
    await tenancy.ask("query One { viewer { kind } }")
    await tenancy.ask("query Two { nothing }")
    request = PageRequest(LATEST_FIRST, 10)
    wanted = {
        "One": ExchangeFilter(operation="One"),
        "Two": ExchangeFilter(code="GRAPHQL_VALIDATION_FAILED", outcome=Outcome.FAILED),
    }
    for name, one in wanted.items():
        page = await sandbox.exchanges.page(tenancy.id, one, request)
        assert [each.operation_name for each in page.items] == [name]
    administrator = tenancy.people["ADMINISTRATOR"].client_id
    assert await sandbox.exchanges.count(tenancy.id, ExchangeFilter(operator_id=administrator)) == 3
    assert await sandbox.exchanges.count(tenancy.id, ExchangeFilter(endpoint=Endpoint.TOKEN)) == 1
    now = datetime.now(UTC)
    assert await sandbox.exchanges.count(tenancy.id, ExchangeFilter(since=now + timedelta(seconds=1))) == 0
    assert await sandbox.exchanges.count(tenancy.id, ExchangeFilter(until=now + timedelta(seconds=1))) == 3
    single = [ExchangeFilter(), ExchangeFilter(code="X"), ExchangeFilter(outcome=Outcome.OK)]
    plans = [query_of("sbx-par-1", each) for each in [*single, wanted["One"], ExchangeFilter(operator_id="sbx-op-1")]]
    for query in plans:
        plan = await sandbox.database.collection(EXCHANGES).find(query).sort("_id", -1).explain()
        assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"])


def test_thirty_days_and_then_the_database_itself_forgets():
    assert timedelta(days=30) == KEPT
    (expiring,) = [each for each in EXCHANGES.indexes if each.expire_after_seconds is not None]
    assert (expiring.keys, expiring.expire_after_seconds) == ((("at", 1),), 30 * 24 * 3600)


def test_ids_are_in_the_order_of_their_making_and_a_moment_lies_between_them():
    ids, at = Ids(), datetime(2026, 11, 22, tzinfo=UTC)
    made = [ids.next(at) for _ in range(100)] + [ids.next(at + timedelta(seconds=1))]
    assert made == sorted(set(made))
    assert earliest_id(at) <= made[0]
    assert made[99] < earliest_id(at + timedelta(seconds=1)) <= made[100]
    assert earliest_id(datetime.min.replace(tzinfo=UTC)) < made[0] < earliest_id(datetime.max.replace(tzinfo=UTC))


class Refusing:
    """A store that does not answer, for as long as it is told."""

    def __init__(self) -> None:
        self.away: Exception | None = RuntimeError("a validator says no")
        self.written: list[Exchange] = []
        self.replaced: list[str] = []

    async def write(self, exchanges: list[Exchange], written: set[str]) -> None:
        if self.away:
            raise self.away
        self.written += exchanges
        self.replaced += [each.id for each in exchanges if each.id in written]


class Everybody:
    async def get_many(self, ids: list[str]) -> list[Any]:
        return [type("Known", (), {"id": each, "operator_number": "000001"})() for each in ids]


def some_exchange(number: int) -> Exchange:
    return Exchange(
        id=f"{number:026}",
        participant_id="sbx-par-1",
        at=EPOCH,
        tenant_at=EPOCH,
        endpoint=Endpoint.GRAPHQL,
        protocol=Protocol.HTTP,
        method="POST",
        request_id="r",
        status=200,
        outcome=Outcome.OK,
        operator_id="sbx-op-1",
    )


async def test_a_full_queue_lets_go_and_says_so_and_nothing_waits(caplog: pytest.LogCaptureFixture):
    store: Any = Refusing()
    people: Any = Everybody()
    log = ExchangeLog(store, people, people, most=3)
    for number in range(5):
        log.note(some_exchange(number))
    assert log.lost == 2
    log.note(replace(some_exchange(0), status=201))  # what waits may still go on
    assert log.lost == 2
    store.away = None
    await log.flush()
    assert [each.status for each in store.written] == [201, 200, 200]
    assert {each.operator_number for each in store.written} == {"000001"}
    assert "let go" in caplog.text


async def test_only_what_may_be_written_already_is_replaced():
    store: Any = Refusing()
    people: Any = Everybody()
    log = ExchangeLog(store, people, people)
    store.away = Unavailable("The database is away.")
    log.note(some_exchange(1))
    with pytest.raises(Unavailable):
        await log.flush()
    store.away = None
    log.begin(some_exchange(2).id, lambda: replace(some_exchange(2), outcome=Outcome.RUNNING))
    await log.flush()
    log.note(some_exchange(2))
    log.note(some_exchange(3))
    await log.flush()
    assert store.replaced == [some_exchange(1).id, some_exchange(2).id]
    assert [each.id for each in store.written] == [some_exchange(number).id for number in (1, 2, 2, 3)]


async def test_what_cannot_be_written_at_all_is_let_go_so_that_the_rest_can(caplog: pytest.LogCaptureFixture):
    store: Any = Refusing()
    people: Any = Everybody()
    log = ExchangeLog(store, people, people)
    log.note(some_exchange(1))
    await log.flush()
    assert "could not be written" in caplog.text
    store.away = None
    log.note(some_exchange(2))
    await log.flush()
    assert [each.id for each in store.written] == [some_exchange(2).id]


@wire
async def test_requests_wait_for_no_writing_of_exchanges(
    sandbox: Sandbox, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
):
    tenancy, stuck, write = await join(client), asyncio.Event(), ExchangeStore.write

    async def wait_and_write(store: ExchangeStore, exchanges: Sequence[Exchange], written: set[str]) -> None:
        await stuck.wait()
        await write(store, exchanges, written)

    monkeypatch.setattr(ExchangeStore, "write", wait_and_write)
    for _ in range(20):
        assert "errors" not in await asyncio.wait_for(tenancy.ask("{ viewer { kind } }"), 30)
    stuck.set()
    assert len(await seen_of(sandbox, tenancy)) == 21
