"""Webhooks over the wire: a tenant's records reach its receivers, signed, in order, once queued and at least once."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from sandbox.bootstrap import Sandbox
from sandbox.deliveries import Delivery, DeliveryState
from sandbox.event_payload import EventPayload
from sandbox.joining import Joined
from sandbox.settings import SandboxSettings
from sandbox.webhooks import FAILURES_IN_A_ROW, EndpointState
from service.access import SYSTEM
from service.errors import BadInput
from service.storage.records import RECORDS
from tests.sandbox import opening
from tests.sandbox.opening import opened_sandbox, prepared_settings
from tests.sandbox.receiving import Recorder, never, recording, saying
from tests.waiting import until

pytestmark = pytest.mark.wire


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.webhook_bootstrap.LOOK_SECONDS", 0.05)


@pytest.fixture
async def settings(wire_uri: str, tmp_path: Path) -> AsyncIterator[SandboxSettings]:
    async with prepared_settings(wire_uri, tmp_path) as prepared:
        yield prepared


@asynccontextmanager
async def integrating(settings: SandboxSettings) -> AsyncIterator[Sandbox]:
    """A sandbox whose records enter the log."""
    async with opened_sandbox(settings) as sandbox:
        task = asyncio.create_task(sandbox.services.integrator.run())
        try:
            await until(lambda: followed(sandbox))
            yield sandbox
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def followed(sandbox: Sandbox) -> bool:
    """Whether all that was written was read for webhooks."""
    log = sandbox.webhooks.flow._log
    if await log.oldest_queued() is not None:
        return False
    position = await sandbox.webhooks.flow._cursors.find()
    return position is not None and position == await log.size()


@pytest.fixture
async def sandbox(settings: SandboxSettings) -> AsyncIterator[Sandbox]:
    async with integrating(settings) as opened:
        yield opened


async def join(sandbox: Sandbox) -> Joined:
    """A tenant, once what its joining recorded has gone by."""
    joined = await opening.join(sandbox)
    await until(lambda: followed(sandbox), 30)
    return joined


async def write(sandbox: Sandbox, joined: Joined, kind: str = "participant.resumed", **content: object) -> str:
    async def work(session: object) -> str:
        services = sandbox.services
        record = await services.records.write(SYSTEM, session, kind, joined.tenant.id, joined.tenant.id, content)
        return record.id

    return await sandbox.database.transaction(work)


async def deliveries(sandbox: Sandbox, joined: Joined) -> list[Delivery]:
    return await sandbox.webhooks.service.deliveries(joined.tenant.id, None, 100)


async def first_delivery(sandbox: Sandbox, joined: Joined, state: DeliveryState) -> Delivery:
    found: list[Delivery] = []

    async def there() -> bool:
        found[:] = [each for each in await deliveries(sandbox, joined) if each.state is state]
        return bool(found)

    await until(there, 30)
    return found[0]


def types_of(recorder: Recorder) -> list[str]:
    return [json.loads(each.body)["type"] for each in recorder.messages]


async def test_a_real_record_arrives_signed_for_an_independent_verifier_and_says_what_the_record_says(
    sandbox: Sandbox,
):
    joined = await join(sandbox)
    async with recording() as recorder:
        registered = await sandbox.webhooks.service.register(joined.tenant.id, recorder.url)
        record_id = await write(sandbox, joined, reference="2026-18")
        await until(lambda: bool(recorder.messages), 30)
    message = recorder.messages[0]
    payload = EventPayload.model_validate(Webhook(registered.secret).verify(message.body, message.headers))
    assert (payload.environment, payload.binding, payload.fired) == ("SANDBOX", False, False)
    assert payload.notice == sandbox.world.notice
    assert message.headers["webhook-id"] == payload.id == record_id.replace("-rec-", "-evt-")
    kept = await sandbox.database.collection(RECORDS).find_one({"_id": record_id})
    assert (payload.data.record, payload.data.hash) == (record_id, kept["hash"])
    assert payload.data.content == {"reference": "2026-18"}
    assert payload.at == json.loads(kept["content"])["at"]
    assert payload.data.sequence == (await sandbox.services.log._store.places([record_id]))[record_id]


async def test_events_arrive_in_the_order_of_the_log_and_only_those_that_are_wanted(sandbox: Sandbox):
    joined = await join(sandbox)
    async with recording() as recorder, recording() as narrow:
        await sandbox.webhooks.service.register(joined.tenant.id, recorder.url)
        await sandbox.webhooks.service.register(joined.tenant.id, narrow.url, topics=["operator"])
        for number in range(12):
            await write(sandbox, joined, "operator.frozen" if number % 3 == 0 else "participant.resumed", number=number)
        await until(lambda: len(recorder.messages) >= 12 and len(narrow.messages) >= 4, 30)
    bodies = [json.loads(each.body) for each in recorder.messages]
    assert [each["data"]["content"]["number"] for each in bodies] == list(range(12))
    assert types_of(narrow) == ["operator.frozen"] * 4


async def test_another_tenants_events_webhooks_and_deliveries_are_as_none(sandbox: Sandbox):
    mine, other = await join(sandbox), await join(sandbox)
    service = sandbox.webhooks.service
    async with recording() as recorder:
        endpoint = (await service.register(mine.tenant.id, recorder.url)).endpoint
        await write(sandbox, other)
        await service.fire(other.tenant.id, "participant.suspended")
        await write(sandbox, mine)
        delivery = await first_delivery(sandbox, mine, DeliveryState.DELIVERED)
    assert types_of(recorder) == ["participant.resumed"]
    assert await service.of_tenant(other.tenant.id) == []
    assert await service.deliveries(other.tenant.id, endpoint.id, 10) == []
    assert await service.find_delivery(other.tenant.id, delivery.id) is None
    for act in (service.switch_on, service.switch_off, service.remove, service.rotate):
        with pytest.raises(BadInput, match="no such webhook"):
            await act(other.tenant.id, endpoint.id)  # type: ignore[operator]  # each takes these two
    with pytest.raises(BadInput, match="no such delivery"):
        await service.redeliver(other.tenant.id, delivery.id)


async def test_a_fired_event_looks_like_a_real_one_is_marked_and_changes_nothing(sandbox: Sandbox):
    joined = await join(sandbox)
    before = await sandbox.database.collection(RECORDS).count_documents({})
    async with recording() as recorder:
        await sandbox.webhooks.service.register(joined.tenant.id, recorder.url)
        event, queued = await sandbox.webhooks.service.fire(
            joined.tenant.id, "certificate.reminded", content='{"tier": 3}'
        )
        await write(sandbox, joined)
        await until(lambda: len(recorder.messages) == 2, 30)
    fired, real = sorted((json.loads(each.body) for each in recorder.messages), key=lambda each: not each["fired"])
    assert [each.event_id for each in queued] == [event.id] == [fired["id"]]
    assert (fired["fired"], fired["type"], fired["data"]["content"]) == (True, "certificate.reminded", {"tier": 3})
    assert fired.keys() == real.keys()
    assert fired["data"].keys() == real["data"].keys()
    assert await sandbox.database.collection(RECORDS).count_documents({}) == before + 1


async def test_delivered_again_it_is_the_same_message_under_a_new_timestamp(sandbox: Sandbox):
    joined = await join(sandbox)
    async with recording() as recorder:
        secret = (await sandbox.webhooks.service.register(joined.tenant.id, recorder.url)).secret
        await sandbox.webhooks.service.fire(joined.tenant.id, "agreement.published")
        delivery = await first_delivery(sandbox, joined, DeliveryState.DELIVERED)
        await asyncio.sleep(1.1)  # the timestamp counts seconds
        await sandbox.webhooks.service.redeliver(joined.tenant.id, delivery.id)
        await until(lambda: len(recorder.messages) == 2, 30)
        again = await first_delivery(sandbox, joined, DeliveryState.DELIVERED)
    first, second = recorder.messages
    assert first.body == second.body == delivery.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) > int(first.headers["webhook-timestamp"])
    Webhook(secret).verify(second.body, second.headers)
    assert [each.by_hand for each in again.attempts] == [False, True]


async def test_a_failure_is_tried_again_and_those_behind_it_go_on(sandbox: Sandbox):
    joined = await join(sandbox)
    async with recording(saying(500, body=b"no")) as recorder:
        await sandbox.webhooks.service.register(joined.tenant.id, recorder.url)
        await sandbox.webhooks.service.fire(joined.tenant.id, "participant.suspended")
        failed = await until_attempted(sandbox, joined)
        assert (failed.state, failed.attempts[0].status, failed.attempts[0].response_body) == (
            DeliveryState.PENDING,
            500,
            "no",
        )
        assert timedelta(seconds=4) <= failed.next_attempt_at - failed.attempts[0].at <= timedelta(seconds=6)
        recorder.answer = saying(204)
        await sandbox.webhooks.service.fire(joined.tenant.id, "participant.resumed")
        await until(lambda: len(recorder.messages) == 2, 30)
        now = sandbox.clock.now()
        await sandbox.webhooks.flow._deliveries.replace(None, replace(failed, next_attempt_at=now))  # 5 s go by
        await until(lambda: len(recorder.messages) == 3, 30)
    assert types_of(recorder) == ["participant.suspended", "participant.resumed", "participant.suspended"]


async def until_attempted(sandbox: Sandbox, joined: Joined) -> Delivery:
    async def attempted() -> bool:
        return any(each.attempts for each in await deliveries(sandbox, joined))

    await until(attempted, 30)
    return next(each for each in await deliveries(sandbox, joined) if each.attempts)


async def test_a_receiver_that_is_gone_is_paused_and_what_waits_is_sent_when_it_is_switched_on(sandbox: Sandbox):
    joined = await join(sandbox)
    service = sandbox.webhooks.service
    async with recording(saying(410)) as recorder:
        endpoint = (await service.register(joined.tenant.id, recorder.url)).endpoint
        await service.fire(joined.tenant.id, "participant.suspended")
        await until(lambda: is_paused(sandbox, joined), 30)
        await service.fire(joined.tenant.id, "participant.resumed")
        held = await first_delivery(sandbox, joined, DeliveryState.HELD)
        with pytest.raises(BadInput, match="switch it on"):
            await service.redeliver(joined.tenant.id, held.id)
        recorder.answer = saying(200)
        assert (await service.switch_on(joined.tenant.id, endpoint.id)).state is EndpointState.ACTIVE
        await until(lambda: "participant.resumed" in types_of(recorder), 30)


async def is_paused(sandbox: Sandbox, joined: Joined) -> bool:
    endpoint = (await sandbox.webhooks.service.of_tenant(joined.tenant.id))[0]
    return endpoint.state is EndpointState.PAUSED and bool(endpoint.paused_because)


async def test_a_receiver_that_fails_ten_times_in_a_row_is_paused(sandbox: Sandbox):
    joined = await join(sandbox)
    async with recording(saying(503)) as recorder:
        await sandbox.webhooks.service.register(joined.tenant.id, recorder.url)
        for _ in range(FAILURES_IN_A_ROW + 2):
            await sandbox.webhooks.service.fire(joined.tenant.id, "participant.suspended")
        await until(lambda: is_paused(sandbox, joined), 30)
        assert len(recorder.messages) == FAILURES_IN_A_ROW


async def test_a_slow_receiver_delays_neither_its_neighbours_nor_itself_for_long(sandbox: Sandbox):
    slow, quick = await join(sandbox), await join(sandbox)
    service = sandbox.webhooks.service
    async with recording(never) as stuck, recording() as prompt:
        for _ in range(5):
            await service.register(slow.tenant.id, stuck.url)
        await service.register(quick.tenant.id, prompt.url)
        for _ in range(10):
            await service.fire(slow.tenant.id, "participant.suspended")
        await until(lambda: len(stuck.messages) == 3, 30)
        for _ in range(10):
            await service.fire(quick.tenant.id, "participant.suspended")
        await until(lambda: len(prompt.messages) == 10, 30)
        assert all(not each.attempts for each in await deliveries(sandbox, slow)), "the slow one still waits"
        assert len(stuck.messages) <= 3, "a tenant has three lanes"


async def test_what_happened_while_nobody_led_arrives_after_a_restart_once(settings: SandboxSettings):
    async with recording() as recorder:
        async with integrating(settings) as sandbox:
            joined = await join(sandbox)
            await sandbox.webhooks.service.register(joined.tenant.id, recorder.url)
            await write(sandbox, joined, number=0)
            await until(lambda: len(recorder.messages) == 1, 30)
            written = [await write(sandbox, joined, number=number) for number in (1, 2)]  # and gone at once
        assert written
        async with integrating(settings) as sandbox:
            await until(lambda: len(recorder.messages) >= 3, 30)
            flow = sandbox.webhooks.flow
            position = await flow._log.size()
            begin, ids = await flow._log.batch_at(position - 1)
            await flow._queue_records(begin, ids)  # as after a crash between queueing and moving on
            await write(sandbox, joined, number=3)
            await until(lambda: len(recorder.messages) >= 4, 30)
    numbers = [json.loads(each.body)["data"]["content"]["number"] for each in recorder.messages]
    assert numbers == [0, 1, 2, 3]


async def test_while_a_secret_is_changed_old_and_new_verify_and_afterwards_the_new_alone(sandbox: Sandbox):
    joined = await join(sandbox)
    service = sandbox.webhooks.service
    async with recording() as recorder:
        old = await service.register(joined.tenant.id, recorder.url)
        new = await service.rotate(joined.tenant.id, old.endpoint.id, timedelta(hours=1))
        await service.fire(joined.tenant.id, "participant.suspended")
        await until(lambda: len(recorder.messages) == 1, 30)
        newest = await service.rotate(joined.tenant.id, old.endpoint.id, timedelta(0))
        await service.fire(joined.tenant.id, "participant.suspended")
        await until(lambda: len(recorder.messages) == 2, 30)
    both, alone = recorder.messages
    for secret in (old.secret, new.secret):
        Webhook(secret).verify(both.body, both.headers)
    Webhook(newest.secret).verify(alone.body, alone.headers)
    assert len(alone.headers["webhook-signature"].split()) == 1


async def test_the_secret_is_sealed_where_it_is_kept_and_in_no_log(sandbox: Sandbox, caplog: pytest.LogCaptureFixture):
    joined = await join(sandbox)
    async with recording(saying(500)) as recorder:
        registered = await sandbox.webhooks.service.register(joined.tenant.id, recorder.url)
        await sandbox.webhooks.service.fire(joined.tenant.id, "participant.suspended")
        await until_attempted(sandbox, joined)
    kept = repr(await sandbox.webhooks.flow._endpoints.collection.find({}).to_list(10))
    kept += repr(await sandbox.webhooks.flow._deliveries.collection.find({}).to_list(10)) + repr(registered)
    assert registered.secret not in kept + caplog.text
    assert registered.secret.removeprefix("whsec_") not in kept + caplog.text


async def test_a_tenant_that_ends_leaves_no_webhook_behind(sandbox: Sandbox):
    joined = await join(sandbox)
    async with recording() as recorder:
        await sandbox.webhooks.service.register(joined.tenant.id, recorder.url)
        await sandbox.webhooks.service.fire(joined.tenant.id, "participant.suspended")
        await first_delivery(sandbox, joined, DeliveryState.DELIVERED)
    long_ago = sandbox.clock.now() - timedelta(days=31)
    tenant = await sandbox.tenants.find(joined.tenant.id)
    assert tenant is not None
    await sandbox.tenants.replace(None, replace(tenant, last_used_at=long_ago))
    await sandbox.idleness.look()
    assert await sandbox.webhooks.service.of_tenant(joined.tenant.id) == []
    assert await deliveries(sandbox, joined) == []
