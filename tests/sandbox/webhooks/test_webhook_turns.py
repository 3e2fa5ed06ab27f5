"""Whose turn it is when much waits: no backlog starves others, no count is lost, and what is over is bounded."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from sandbox.bootstrap import Sandbox
from sandbox.settings import SandboxSettings
from sandbox.storage.deliveries import DeliveryStore
from sandbox.storage.webhooks import WebhookStore
from sandbox.webhooks.addresses import AddressBook, Target
from sandbox.webhooks.bootstrap import Webhooks
from sandbox.webhooks.deliveries import Delivery, DeliveryState
from sandbox.webhooks.dispatch import LANES_OF_A_TENANT, Dispatch
from sandbox.webhooks.endpoints import MOST_ENDPOINTS, Endpoint
from sandbox.webhooks.resolving import NoTurn
from sandbox.webhooks.sending import Sender
from service.errors import BadInput
from tests.sandbox.hooking import prepared_once
from tests.sandbox.opening import join, opened_sandbox
from tests.sandbox.receiving import Answer, never, recording, saying
from tests.sandbox.webhooks.test_deliveries import make_delivery, make_endpoint
from tests.waiting import until

pytestmark = pytest.mark.wire


@pytest.fixture(autouse=True)
def _look_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(webhooks: Webhooks) -> None: ...

    monkeypatch.setattr(Webhooks, "_look", nothing)


@pytest.fixture(scope="module")
def settings(wire_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxSettings]:
    with prepared_once(wire_uri, tmp_path_factory.mktemp("turns")) as prepared:
        yield prepared


@pytest.fixture
async def sandbox(settings: SandboxSettings) -> AsyncIterator[Sandbox]:
    async with opened_sandbox(settings) as opened:
        yield opened
        await DeliveryStore(opened.database).forget({})


async def register(sandbox: Sandbox, url: str, count: int = 1) -> list[Endpoint]:
    """Webhooks of a tenant of their own."""
    tenant_id = (await join(sandbox)).tenant.id
    return [(await sandbox.webhooks.service.register(tenant_id, url)).endpoint for _ in range(count)]


def queued(sandbox: Sandbox, endpoint: Endpoint, count: int, ago: timedelta) -> list[Delivery]:
    at = sandbox.clock.now() - ago
    one = replace(make_delivery(), tenant_id=endpoint.tenant_id, endpoint_id=endpoint.id, created_at=at)
    return [
        replace(one, id=f"{endpoint.id}/{place}", place=place, next_attempt_at=at + place * timedelta(milliseconds=1))
        for place in range(count)
    ]


async def test_the_backlog_of_one_tenant_holds_up_nobody_else(sandbox: Sandbox):
    kept = DeliveryStore(sandbox.database)
    dispatch = sandbox.webhooks.dispatch
    async with recording(never) as stuck, recording() as prompt:
        backlogged, quick = await register(sandbox, stuck.url, 5), (await register(sandbox, prompt.url))[0]
        for each in backlogged:
            await kept.keep(queued(sandbox, each, 60, timedelta(hours=1)))
        await kept.keep(queued(sandbox, quick, 1, timedelta(0)))
        assert await dispatch.look() == LANES_OF_A_TENANT + 1
        await until(lambda: len(prompt.messages) == 1, 30)
        await dispatch.aclose()


async def test_of_a_tenants_webhooks_each_comes_to_its_turn(sandbox: Sandbox):
    """Each round ends with more to send to all of them: those that had no lane yet come first in the next."""
    kept, dispatch = DeliveryStore(sandbox.database), sandbox.webhooks.dispatch
    async with recording() as recorder:
        endpoints = await register(sandbox, recorder.url, 2 * LANES_OF_A_TENANT)
        for each in endpoints:
            await kept.keep(queued(sandbox, each, 50, timedelta(hours=1)))
        for _ in range(2):
            assert await dispatch.look() == LANES_OF_A_TENANT
            await dispatch.idle()
        for each in endpoints:
            assert await kept.count({"endpointId": each.id, "state": "DELIVERED"}) > 0


async def test_whoever_waits_comes_to_its_turn_before_those_that_came_later_however_often_they_come():
    """With one lane: of three, two rest at each look after they were sent to, and one has always more to be sent."""
    looks = iter(each.split() for each in ["busy", "a b busy", "a b busy", "b busy", "a busy", "a b busy"])
    order = []

    class Due(DeliveryStore):
        def __init__(self) -> None: ...

        async def due_endpoints(self, now: datetime) -> list[str]:
            return next(looks)

    class Known(WebhookStore):
        def __init__(self) -> None: ...

        async def get_many(self, keys: Sequence[str]) -> list[Endpoint | None]:
            return [make_endpoint(id=each, tenant_id=each) for each in keys]

    class Noting(Dispatch):
        async def _lane(self, endpoint_id: str) -> None:
            order.append(endpoint_id)
            self._lanes.pop(endpoint_id)

    nothing = cast("Any", None)
    dispatch = Noting(Known(), Due(), nothing, nothing, lambda: nothing, lanes=1)
    for _ in range(6):
        assert await dispatch.look() == 1
        await dispatch.idle()
    assert order == ["busy", "busy", "a", "b", "busy", "a"]


async def test_a_delivery_whose_name_had_no_turn_is_put_off_and_counts_for_nothing(sandbox: Sandbox):
    class Crowded(AddressBook):
        async def address_of(self, tenant_id: str, target: Target) -> str:
            raise NoTurn

    kept, endpoint = DeliveryStore(sandbox.database), (await register(sandbox, "https://93.184.215.14/"))[0]
    book = sandbox.webhooks.service._book
    crowded = Crowded(book._reach, book._receiver, book._resolve)
    before = queued(sandbox, endpoint, 1, timedelta(0))[0]
    await kept.keep([before])
    now = sandbox.clock.now
    dispatch = Dispatch(sandbox.webhooks.flow._endpoints, kept, Sender(crowded), sandbox.webhooks.personal_data, now)
    assert not await dispatch.deliver(before)
    after = await kept.find(before.id)
    assert after is not None
    assert (after.state, after.tries, after.attempts) == (DeliveryState.PENDING, 0, ())
    assert after.next_attempt_at > before.next_attempt_at
    found = await sandbox.webhooks.flow._endpoints.find(endpoint.id)
    assert found is not None
    assert found.failures == 0


@pytest.mark.parametrize("answer", [saying(204), saying(500)])
async def test_events_missed_while_a_message_is_on_its_way_are_counted(sandbox: Sandbox, answer: Answer):
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await go_on.wait()
        await answer(writer)

    kept, endpoints = DeliveryStore(sandbox.database), sandbox.webhooks.flow._endpoints
    async with recording(slowly) as recorder:
        endpoint = (await register(sandbox, recorder.url))[0]
        await endpoints.replace(None, replace(endpoint, failures=3))
        before = queued(sandbox, endpoint, 1, timedelta(0))
        await kept.keep(before)
        sending = asyncio.create_task(sandbox.webhooks.dispatch.deliver(before[0]))
        await asyncio.wait_for(arrived.wait(), 30)
        await endpoints.missed(endpoint.id, 7)
        go_on.set()
        delivered = await sending
    found = await endpoints.find(endpoint.id)
    assert found is not None
    assert (found.missed, found.failures) == (7, 0 if delivered else 4)


async def test_a_tenants_change_begins_again_when_events_were_missed_meanwhile(sandbox: Sandbox):
    endpoints, endpoint = sandbox.webhooks.flow._endpoints, (await register(sandbox, "https://93.184.215.14/"))[0]
    await endpoints.missed(endpoint.id, 2)
    changed = await endpoints.change(endpoint, lambda found: replace(found, description="mine"))
    assert changed is not None
    assert (changed.description, changed.missed) == ("mine", 2)
    await endpoints.remove(endpoint.id)
    assert await endpoints.change(changed, lambda found: replace(found, description="yours")) is None


async def test_what_is_over_is_kept_by_the_last_ones_of_each_endpoint_and_what_waits_stays(sandbox: Sandbox):
    kept, tenant = DeliveryStore(sandbox.database), "t"
    ours, other = make_endpoint(id="ours", tenant_id=tenant), make_endpoint(id="other", tenant_id=tenant)
    every = {
        state: [replace(each, id=f"{each.id}/{state}", state=state) for each in queued(sandbox, ours, 8, timedelta(0))]
        for state in DeliveryState
    }
    for several in every.values():
        await kept.keep(several)
    await kept.keep(replace(each, state=DeliveryState.DELIVERED) for each in queued(sandbox, other, 8, timedelta(0)))
    await kept.trim("ours", 5)
    left = {each.id for each in await kept.latest_of(tenant, "ours", 100)}
    for state, several in every.items():
        ended = state in {DeliveryState.DELIVERED, DeliveryState.FAILED}
        assert {each.id for each in several} - left == {each.id for each in several[: 2 if ended else 0]}
    assert len(await kept.latest_of(tenant, "other", 100)) == 8


async def test_a_busy_endpoint_is_trimmed_as_it_goes(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sandbox.webhooks.dispatch.TRIMMED_EVERY", 10)
    monkeypatch.setattr("sandbox.webhooks.dispatch.KEPT_ENDED", 5)
    kept, dispatch = DeliveryStore(sandbox.database), sandbox.webhooks.dispatch
    async with recording() as recorder:
        endpoint = (await register(sandbox, recorder.url))[0]
        await kept.keep(queued(sandbox, endpoint, 12, timedelta(minutes=1)))
        assert await dispatch.look() == 1
        await dispatch.idle()
    assert len(recorder.messages) == 12
    assert await kept.count({"endpointId": endpoint.id}) <= 6


async def test_a_tenant_without_room_is_told_so_before_any_name_is_looked_up(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    tenant_id = (await register(sandbox, "https://93.184.215.14/", MOST_ENDPOINTS))[0].tenant_id
    asked: list[str] = []

    async def resolve(tenant_id: str | None, host: str, port: int) -> list[str]:
        asked.append(host)
        return ["93.184.215.14"]

    service = sandbox.webhooks.service
    monkeypatch.setattr(service._book, "_resolve", resolve)
    with pytest.raises(BadInput, match="remove one"):
        await service.register(tenant_id, "https://hook.example.org/")
    assert asked == []
    await service.remove(tenant_id, (await service.of_tenant(tenant_id))[0].id)
    await service.register(tenant_id, "https://hook.example.org/")
    assert asked == ["hook.example.org"]
