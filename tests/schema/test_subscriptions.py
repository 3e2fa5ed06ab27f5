"""Subscriptions over WebSocket and server-sent events: what comes, to whom, from where on, and when it ends."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from websockets.exceptions import ConnectionClosed

from service.access import OperatorRole, Permission, RegistrarRole
from service.operator_service import OperatorInput
from service.operators import OffboardReason, Operator
from service.participants import Participant
from service.storage.certificates import CertificateStore
from tests.databases import open_world
from tests.schema.hosting import Hosted, Person, open_hosted
from tests.service.institutions import BREACH, OFFICER, OTHER_USCC, caller_for
from tests.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

ELEVEN_MINUTES = timedelta(minutes=11)
RECORDS = """subscription ($filter: RecordFilter, $after: ID) {
    it: recordAdded(filter: $filter, after: $after) { id kind } }"""
OPERATORS = "subscription ($filter: OperatorFilter) { it: operatorChanged(filter: $filter) { id status version } }"
READING = (Permission.OPERATOR_READ, Permission.RECORD_READ)


@dataclass
class Scene:
    """Two participants; people of one of them, one of the other, and an officer, all logged in."""

    hosted: Hosted
    participant: Participant
    administrator: Operator
    other_administrator: Operator
    stranger: Person
    officer: Person
    numbers: int = 100_000

    async def register(self, *permissions: Permission, administrator: Operator | None = None) -> Operator:
        self.numbers += 1
        by = administrator or self.administrator
        given = OperatorInput(f"{self.numbers}", "王五", OperatorRole.OPERATOR, permissions or READING)
        operators = self.hosted.services.operators
        return (await operators.register(caller_for(by), by.participant_id, given)).subject

    async def person(self, *permissions: Permission) -> tuple[Operator, Person]:
        operator = await self.register(*permissions)
        person = await self.hosted.certify(self.participant, operator)
        await self.hosted.log_in(person)
        await self.settle()
        return operator, person

    async def settle(self) -> None:
        """Until all that was recorded has entered the log and been told: what comes then is new."""
        feed = self.hosted.services.feeds.records
        log = self.hosted.services.log

        async def settled() -> bool:
            return await log.waiting_since() is None and feed._position == await feed._log.size()

        await until(settled)


async def make_scene(hosted: Hosted) -> Scene:
    await hosted.publish_agreement()
    participant, administrator = await hosted.open_participant()
    other, other_administrator = await hosted.open_participant(OTHER_USCC, "ISS001")
    stranger = await hosted.certify(other, other_administrator)
    officer = await hosted.add_registrar("R1", RegistrarRole.OFFICER)
    return Scene(hosted, participant, administrator, other_administrator, stranger, officer)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(wire_uri: str) -> AsyncIterator[Scene]:
    async with open_world(wire_uri) as world, open_hosted(wire_uri, world) as hosted:
        yield await make_scene(hosted)


async def test_records_come_as_they_enter_the_log_and_only_ones_own(scene: Scene) -> None:
    _, reader = await scene.person()
    kinds = {"kind": "operator"}
    async with (
        scene.hosted.subscribed(reader, RECORDS, filter=kinds) as own,
        scene.hosted.subscribed(scene.stranger, RECORDS, filter=kinds) as others,
        scene.hosted.subscribed(scene.officer, RECORDS, filter=kinds) as all_of_them,
    ):
        first = await scene.register()
        await scene.hosted.services.operators.freeze(caller_for(scene.administrator), first.id)
        second = await scene.register(administrator=scene.other_administrator)
        assert [(await own.next())["it"]["kind"] for _ in range(2)] == ["operator.registered", "operator.frozen"]
        theirs = (await others.next())["it"]["id"]
        told = [(await all_of_them.next())["it"]["id"] for _ in range(3)]
        assert theirs == told[-1]
        assert await own.quiet(0.5)
        assert await others.quiet(0.1)
    assert second.participant_id != first.participant_id


async def test_a_filter_is_held_against_each_record(scene: Scene) -> None:
    operator, reader = await scene.person()
    async with scene.hosted.subscribed(reader, RECORDS, filter={"subjectId": operator.id}) as subscribed:
        await scene.register()
        await scene.hosted.services.permissions.change(
            caller_for(scene.administrator), operator.id, [Permission.RECORD_READ]
        )
        assert (await subscribed.next())["it"]["kind"] == "operator.permissions.changed"
        assert await subscribed.quiet(0.3)


async def test_what_was_missed_comes_first_and_everything_once(scene: Scene) -> None:
    _, reader = await scene.person()
    kinds = {"kind": "operator.registered"}
    async with scene.hosted.subscribed(reader, RECORDS, filter=kinds) as subscribed:
        await scene.register()
        cursor = (await subscribed.next())["it"]["id"]
    missed = [await scene.register() for _ in range(3)]
    writing = asyncio.gather(*(scene.register() for _ in range(10)))
    async with scene.hosted.subscribed(reader, RECORDS, filter=kinds, after=cursor) as subscribed:
        await writing
        told = [(await subscribed.next())["it"]["id"] for _ in range(13)]
        assert await subscribed.quiet(0.5)
    assert len(set(told)) == 13
    assert cursor not in told
    query = "query ($id: ID!) { records(first: 1, filter: {subjectId: $id}) { nodes { id } } }"
    for place, operator in enumerate(missed):
        data = await scene.hosted.data(query, reader, id=operator.id)
        assert data["records"]["nodes"][0]["id"] in told[:3], place


@pytest.mark.parametrize("after", ["live-rec-01K9ZZZZZZZZZZZZZZZZZZZZZZ", "live-op-01K9ZZZZZZZZZZZZZZZZZZZZZZ"])
async def test_a_cursor_that_was_never_given_out_is_refused(scene: Scene, after: str) -> None:
    _, reader = await scene.person()
    async with scene.hosted.subscribed(reader, RECORDS, after=after) as subscribed:
        message = await subscribed.message()
        assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "BAD_USER_INPUT")


async def test_a_foreign_cursor_is_refused_exactly_as_one_that_does_not_exist(scene: Scene) -> None:
    _, reader = await scene.person()
    data = await scene.hosted.data("{ records(first: 1) { nodes { id } } }", scene.stranger)
    foreign = data["records"]["nodes"][0]["id"]
    said = []
    for after in (foreign, "live-rec-01K9ZZZZZZZZZZZZZZZZZZZZZZ"):
        async with scene.hosted.subscribed(reader, RECORDS, after=after) as subscribed:
            said.append((await subscribed.message())["payload"])
    assert said[0] == said[1]


async def test_operators_come_as_they_change_and_only_ones_own(scene: Scene) -> None:
    _, reader = await scene.person()
    async with (
        scene.hosted.subscribed(reader, OPERATORS, filter={"status": "FROZEN"}) as frozen,
        scene.hosted.subscribed(scene.stranger, OPERATORS) as others,
    ):
        operator = await scene.register()
        await scene.hosted.services.operators.freeze(caller_for(scene.administrator), operator.id)
        await scene.hosted.services.operators.unfreeze(caller_for(scene.administrator), operator.id)
        assert (await frozen.next())["it"] == {"id": operator.id, "status": "FROZEN", "version": 2}
        assert await frozen.quiet(0.3)
        assert await others.quiet(0.1)


async def test_nobody_follows_without_a_login_or_without_the_permission(scene: Scene) -> None:
    _, reader = await scene.person(Permission.OPERATOR_READ)
    async with scene.hosted.subscribed(reader, RECORDS) as subscribed:
        message = await subscribed.message()
        assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "FORBIDDEN")
    headers = {"Accept": "text/event-stream"}
    response = await scene.hosted.client.post(
        "/graphql", json={"query": "subscription { recordAdded { id } }"}, headers=headers
    )
    assert '"UNAUTHENTICATED"' in response.text
    assert response.text.rstrip().endswith("event: complete\ndata:")


async def end_session(scene: Scene, how: str, operator: Operator, person: Person) -> None:
    """What ends somebody, behind the back of the process that holds the subscription where that can be."""
    services, administrator = scene.hosted.services, caller_for(scene.administrator)
    match how:
        case "offboarded":
            await services.operators.offboard(administrator, operator.id, OffboardReason.LEFT)
        case "frozen":
            await services.operators.freeze(administrator, operator.id)
        case "suspended":
            await services.participants.suspend(OFFICER, scene.participant.id, BREACH)
        case "certificate revoked elsewhere":
            store = CertificateStore(services.database)
            certificate = await store.find(person.certificate.id)
            assert certificate is not None
            await store.replace(None, replace(certificate, state=type(certificate.state).REVOKED))


@pytest.mark.parametrize("how", ["offboarded", "frozen", "certificate revoked elsewhere", "suspended"])
async def test_a_subscription_ends_within_two_seconds_of_its_holder(scene: Scene, how: str) -> None:
    operator, person = await scene.person()
    async with scene.hosted.subscribed(person, RECORDS, filter={"kind": "login"}) as subscribed:
        stream = scene.hosted.events(person, "subscription { operatorChanged(filter: {role: AUDITOR}) { id } }")
        listening = asyncio.ensure_future(collect(stream))
        await asyncio.sleep(1)
        assert not listening.done()
        await end_session(scene, how, operator, person)
        ended = time.monotonic()
        message = await subscribed.message(2)
        assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "UNAUTHENTICATED")
        with pytest.raises(ConnectionClosed):
            await subscribed.socket.recv()
        assert subscribed.socket.close_code == 4401
        events = await asyncio.wait_for(listening, 2)
        assert time.monotonic() - ended < 2
    assert [name for name, _ in events] == ["next", "complete"]
    assert events[0][1]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert "data" not in events[0][1]
    if how == "suspended":
        await scene.hosted.services.participants.resume(OFFICER, scene.participant.id)


async def collect(stream: Any) -> list[tuple[str, Any]]:
    return [event async for event in stream]


async def test_a_permission_that_is_taken_away_ends_what_it_allowed_at_the_next_event(scene: Scene) -> None:
    operator, person = await scene.person()
    async with scene.hosted.subscribed(person, RECORDS) as subscribed:
        await scene.hosted.services.permissions.change(
            caller_for(scene.administrator), operator.id, [Permission.OPERATOR_READ]
        )
        message = await subscribed.message()
        assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "FORBIDDEN")


async def test_an_expired_token_ends_its_subscription(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    _, person = await scene.person()
    async with scene.hosted.subscribed(person, OPERATORS, filter={"role": "AUDITOR"}) as subscribed:
        tokens = scene.hosted.services.tokens
        monkeypatch.setattr(tokens, "_clock", Later(tokens._clock))
        message = await subscribed.message(2)
        assert message["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"


class Later:
    """A clock eleven minutes ahead: past the life of any token."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock

    def now(self, tenant: str | None = None) -> Any:
        return self.clock.now(tenant) + ELEVEN_MINUTES
