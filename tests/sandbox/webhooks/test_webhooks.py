"""Webhooks over the wire: a tenant's records reach its receivers, signed, in order, once queued and at least once."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import pytest
from standardwebhooks.webhooks import Webhook

from sandbox.bootstrap import Sandbox
from sandbox.scenarios.faults import LATE_BY, Faults
from sandbox.settings import SandboxSettings
from sandbox.storage.deliveries import DeliveryStore
from sandbox.storage.receivers import ReceivedStore
from sandbox.storage.webhooks import WebhookStore
from sandbox.tenants.made_up import new_information, new_uscc
from sandbox.tenants.openings import NAMES
from sandbox.webhooks.deliveries import DeliveryState
from sandbox.webhooks.events import event_of
from sandbox.webhooks.payload import EventPayload
from service.errors import BadInput
from service.storage.records import RECORDS
from tests.explain import recorded_queries
from tests.sandbox.hooking import deliveries, first_delivery, integrating, join, prepared_once, types_of, write
from tests.sandbox.receiving import recording
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


async def test_a_tenant_that_asks_for_duplicates_gets_each_twice_and_its_neighbour_once(sandbox: Sandbox):
    clumsy, neat = await join(sandbox), await join(sandbox)
    await sandbox.fault_keeping.set(clumsy.tenant.id, Faults(duplicate_events=100))
    async with recording() as twice, recording() as once:
        await sandbox.webhooks.service.register(clumsy.tenant.id, twice.url)
        await sandbox.webhooks.service.register(neat.tenant.id, once.url)
        for joined in (clumsy, neat):
            await write(sandbox, joined)
        await until(lambda: len(twice.messages) == 2 and len(once.messages) == 1, 30)
        assert [each.state for each in await deliveries(sandbox, neat)] == [DeliveryState.DELIVERED]
    first, second = twice.messages
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])


async def test_a_tenant_that_asks_for_late_events_gets_them_late(sandbox: Sandbox):
    joined = await join(sandbox)
    await sandbox.fault_keeping.set(joined.tenant.id, Faults(late_events=100))
    async with recording() as recorder:
        await sandbox.webhooks.service.register(joined.tenant.id, recorder.url)
        await write(sandbox, joined)
        delivery = await first_delivery(sandbox, joined, DeliveryState.PENDING)
        assert delivery.next_attempt_at - delivery.created_at == LATE_BY
        assert recorder.messages == []


async def test_no_event_of_a_tenants_life_holds_a_name_or_a_telephone_number(sandbox: Sandbox):
    joined = await join(sandbox)
    flow = sandbox.webhooks.flow
    kept = await sandbox.database.collection(RECORDS).find({"participantId": joined.tenant.id}).to_list(1_000)
    records = await flow._records.get_many([each["_id"] for each in kept])
    assert {"participant.opened", "operator.registered", "certificate.issued"} <= {each.kind for each in records}
    told = "".join(event_of(sandbox.world, each, 0).body.decode() for each in records)
    contact = new_information("T00001", "x", new_uscc()).contacts[0]
    for personal in (contact.name, contact.telephone, contact.email, *(name for _, name in NAMES.values())):
        assert personal is not None
        assert personal not in told


async def test_no_query_about_webhooks_scans_a_collection(sandbox: Sandbox, settings: SandboxSettings):
    uri = settings.mongo_uri.get_secret_value()
    async with recorded_queries(uri, sandbox.database) as queries:
        endpoints, deliveries_kept = WebhookStore(queries.database), DeliveryStore(queries.database)
        now = sandbox.clock.now()
        await endpoints.of_tenant("t")
        await endpoints.listening(["t"])
        await endpoints.listening(None)
        await deliveries_kept.due_endpoints(now)
        await deliveries_kept.due_to("w", now, 10)
        await deliveries_kept.waiting("w")
        await deliveries_kept.trim("w", 5)
        await deliveries_kept.hold("w")
        await deliveries_kept.release("w")
        await deliveries_kept.held()
        await deliveries_kept.latest_of("t", None, 10)
        await deliveries_kept.latest_of("t", "w", 10)
        await deliveries_kept.forget({"tenantId": "t"})
        await deliveries_kept.forget({"endpointId": "w"})
        received = ReceivedStore(queries.database)
        await received.latest_of("t", 10)
        await received.came_before("t", "m")
        await queries.assert_indexed(sorted_in_memory=True)
