"""What becomes of webhooks whose receivers fail, are slow or gone, of their secrets, and of them when a tenant ends."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from standardwebhooks.webhooks import Webhook

from sandbox.bootstrap import Sandbox
from sandbox.settings import SandboxSettings
from sandbox.webhooks.deliveries import DeliveryState
from sandbox.webhooks.endpoints import FAILURES_IN_A_ROW, EndpointState
from service.errors import BadInput
from tests.sandbox.hooking import (
    deliveries,
    first_delivery,
    integrating,
    is_paused,
    join,
    prepared_once,
    types_of,
    until_attempted,
)
from tests.sandbox.opening import leave_unused
from tests.sandbox.receiving import never, recording, saying
from tests.waiting import until

pytestmark = pytest.mark.wire


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.webhooks.bootstrap.LOOK_SECONDS", 0.05)


@pytest.fixture(scope="module")
def settings(wire_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxSettings]:
    with prepared_once(wire_uri, tmp_path_factory.mktemp("webhooks")) as prepared:
        yield prepared


@pytest.fixture
async def sandbox(settings: SandboxSettings) -> AsyncIterator[Sandbox]:
    async with integrating(settings) as opened:
        yield opened


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


async def test_a_tenant_that_ends_leaves_no_webhook_behind(sandbox: Sandbox):
    joined = await join(sandbox)
    async with recording() as recorder:
        await sandbox.webhooks.service.register(joined.tenant.id, recorder.url)
        await sandbox.webhooks.service.fire(joined.tenant.id, "participant.suspended")
        await first_delivery(sandbox, joined, DeliveryState.DELIVERED)
    long_ago = sandbox.clock.now() - timedelta(days=31)
    await leave_unused(sandbox, joined, long_ago)
    await sandbox.idleness.look()
    assert await sandbox.webhooks.service.of_tenant(joined.tenant.id) == []
    assert await deliveries(sandbox, joined) == []


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
