"""Deliveries as a state machine, the endpoint they go to, and what an endpoint asks for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sandbox.webhooks.deliveries import (
    GONE,
    JITTER,
    KEPT_ATTEMPTS,
    LONGEST_WISH,
    PAUSES,
    Attempt,
    Delivery,
    DeliveryState,
    attempted,
    parse_wish,
    put_off,
    redelivered,
)
from sandbox.webhooks.endpoints import (
    FAILURES_IN_A_ROW,
    Endpoint,
    EndpointState,
    Secret,
    failed,
    parse_topics,
    rotated,
    secrets_at,
    succeeded,
    switched_off,
    switched_on,
)
from service.errors import BadInput
from service.personal_data import SealedText

NOW = datetime(2026, 11, 22, tzinfo=UTC)
BODY = b'{"id":"sbx-evt-1"}'


def make_attempt(at: datetime, status: int | None) -> Attempt:
    return Attempt(
        at=at,
        by_hand=False,
        milliseconds=5,
        status=status,
        problem=None if status else "no answer",
        request_head="",
        response_head="",
        response_body="",
    )


def make_delivery() -> Delivery:
    return Delivery(
        id="w/e",
        version=1,
        tenant_id="t",
        endpoint_id="w",
        event_id="e",
        event_type="certificate.issued",
        fired=False,
        body=BODY,
        place=0,
        state=DeliveryState.PENDING,
        created_at=NOW,
        next_attempt_at=NOW,
    )


def make_endpoint(**changes: object) -> Endpoint:
    fields: dict[str, object] = {
        "id": "w",
        "version": 1,
        "tenant_id": "t",
        "url": "https://example.org/",
        "description": "",
        "topics": (),
        "state": EndpointState.ACTIVE,
        "secrets": (Secret(SealedText("****", b"1", "")),),
        "created_at": NOW,
    }
    return Endpoint(**fields | changes)  # type: ignore[arg-type]  # the fields as above


class DeliveryMachine(RuleBasedStateMachine):
    """Any order of answers and of redeliveries by hand."""

    @initialize()
    def begin(self) -> None:
        self.delivery = make_delivery()
        self.now = NOW
        self.failed_in_a_row = 0

    @precondition(lambda self: self.delivery.state is DeliveryState.PENDING)
    @rule(
        status=st.one_of(st.none(), st.integers(200, 599)),
        chance=st.floats(0, 1),
        wish=st.one_of(st.none(), st.timedeltas(timedelta(0), timedelta(days=9))),
    )
    def attempt(self, status: int | None, chance: float, wish: timedelta | None) -> None:
        self.now = max(self.now, self.delivery.next_attempt_at)
        before = self.delivery
        self.delivery = attempted(before, make_attempt(self.now, status), chance=chance, wish=wish)
        assert self.delivery.tries == before.tries + 1
        if status is not None and 200 <= status < 300:
            assert self.delivery.state is DeliveryState.DELIVERED
            return
        self.failed_in_a_row += 1
        if self.failed_in_a_row > len(PAUSES):
            assert self.delivery.state is DeliveryState.FAILED
            return
        pause = self.delivery.next_attempt_at - self.now
        least, most = ((1 + sign * JITTER) * PAUSES[self.failed_in_a_row - 1] for sign in (-1, 1))
        assert least <= pause <= max(most, min(wish or timedelta(0), LONGEST_WISH))

    @precondition(lambda self: self.delivery.state is DeliveryState.PENDING)
    @rule(chance=st.floats(0, 1))
    def have_no_turn(self, chance: float) -> None:
        before, self.now = self.delivery, max(self.now, self.delivery.next_attempt_at)
        self.delivery = put_off(before, self.now, chance=chance)
        assert replace(self.delivery, next_attempt_at=before.next_attempt_at) == before, "nothing is counted"
        assert self.now < self.delivery.next_attempt_at <= self.now + (1 + JITTER) * PAUSES[0]

    @rule()
    def redeliver(self) -> None:
        self.delivery = redelivered(self.delivery, self.now)
        self.failed_in_a_row = 0
        assert (self.delivery.state, self.delivery.next_attempt_at) == (DeliveryState.PENDING, self.now)

    @invariant()
    def what_is_sent_never_changes(self) -> None:
        assert (self.delivery.body, self.delivery.event_id) == (BODY, "e")
        assert len(self.delivery.attempts) <= KEPT_ATTEMPTS

    @invariant()
    def it_is_tried_as_often_as_there_are_pauses_and_once_more(self) -> None:
        assert self.delivery.tries <= len(PAUSES) + 1
        if self.delivery.state is DeliveryState.FAILED:
            assert self.delivery.tries == len(PAUSES) + 1


TestDeliveries = DeliveryMachine.TestCase


@given(st.lists(st.booleans(), max_size=40))
def test_ten_failures_in_a_row_pause_an_endpoint_and_nine_do_not(answers: list[bool]):
    endpoint, row = make_endpoint(), 0
    for good in answers:
        if endpoint.state is EndpointState.PAUSED:
            break
        endpoint = succeeded(endpoint) if good else failed(endpoint, NOW, gone=False)
        row = 0 if good else row + 1
        assert (endpoint.state is EndpointState.PAUSED) == (row >= FAILURES_IN_A_ROW)
        assert (endpoint.paused_because is None) == (endpoint.state is EndpointState.ACTIVE)


def test_one_that_says_it_is_gone_is_paused_at_once_and_says_why():
    endpoint = failed(make_endpoint(), NOW, gone=True)
    assert (endpoint.state, endpoint.paused_because) == (EndpointState.PAUSED, f"It answered {GONE} Gone.")
    fresh = switched_on(endpoint)
    assert (fresh.state, fresh.failures, fresh.paused_because) == (EndpointState.ACTIVE, 0, None)


def test_a_failure_does_not_switch_on_what_the_tenant_switched_off():
    assert failed(switched_off(make_endpoint()), NOW, gone=True).state is EndpointState.OFF


@given(st.text(max_size=20))
def test_a_wish_is_whole_seconds_or_none(text: str):
    wish = parse_wish(text)
    assert wish is None or wish == timedelta(seconds=int(text))


@pytest.mark.parametrize("text", ["120", "0"])
def test_a_wish_in_seconds_is_read(text: str):
    assert parse_wish(text) == timedelta(seconds=int(text))


def test_of_three_secrets_in_a_row_the_last_two_sign_and_then_one():
    endpoint = make_endpoint()
    for number in (2, 3):
        endpoint = rotated(endpoint, SealedText("****", bytes([number]), ""), timedelta(hours=1), NOW)
    assert [each.sealed.ciphertext for each in secrets_at(endpoint, NOW)] == [bytes([3]), bytes([2])]
    assert len(secrets_at(endpoint, NOW + timedelta(hours=1))) == 1
    assert len(rotated(endpoint, SealedText("****", b"4", ""), timedelta(0), NOW).secrets) == 1
    with pytest.raises(BadInput):
        rotated(endpoint, SealedText("****", b"4", ""), timedelta(days=8), NOW)


@pytest.mark.parametrize(
    ("topics", "wanted", "unwanted"),
    [
        ((), ["certificate.issued", "participant.opened"], []),
        (("certificate",), ["certificate.issued", "certificate.reminder.acknowledged"], ["participant.opened"]),
        (("certificate.issued",), ["certificate.issued"], ["certificate.revoked", "certificate.issued_again"]),
    ],
)
def test_an_endpoint_wants_the_types_and_beginnings_it_names(
    topics: tuple[str, ...], wanted: list[str], unwanted: list[str]
):
    endpoint = make_endpoint(topics=topics)
    assert all(endpoint.wants(each) for each in wanted)
    assert not any(endpoint.wants(each) for each in unwanted)


@pytest.mark.parametrize("topic", ["", "*", "certificate.", ".issued", "Certificate", "a.b.c.d.e", "x" * 41])
def test_topics_that_are_none(topic: str):
    with pytest.raises(BadInput):
        parse_topics((topic,))
