"""The state machine of operators, at random: no command leaves its table, what is final stays final."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from service import operators
from service.access import (
    APPROVING,
    Permission,
)
from service.operators import (
    OPERATOR_TRANSITIONS,
    Freezer,
    OffboardReason,
    Operator,
    OperatorStatus,
    SmsStatus,
    SmsTopic,
)
from service.refusals import Refused
from tests.service.lives import (
    AT,
    CLERK,
    TELEPHONE,
    edges,
)


class OperatorLife(RuleBasedStateMachine):
    """Every pure rule on an operator, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.operator = CLERK
        self.at = AT

    def attempt(self, change: Callable[[Operator], Operator]) -> None:
        before = self.operator
        self.at += timedelta(minutes=1)
        try:
            after = change(before)
        except Refused:
            return
        assert before.status is after.status or (before.status, after.status) in edges(OPERATOR_TRANSITIONS)
        if before.status is OperatorStatus.OFFBOARDED:
            assert after == before
        if before.sessions_end_at is not None:
            assert after.sessions_end_at is not None
            assert after.sessions_end_at >= before.sessions_end_at, "an ended session does not come back"
        self.operator = after

    @rule(by=st.sampled_from(Freezer))
    def freeze(self, by: Freezer) -> None:
        before = self.operator
        self.attempt(lambda each: operators.frozen(each, self.at, by))
        if before.frozen_at is not None:
            assert self.operator.frozen_at == before.frozen_at, "frozen since it first was"
        if by is Freezer.DEPOSITORY and before.status is not OperatorStatus.OFFBOARDED:
            assert self.operator.frozen_by is Freezer.DEPOSITORY, "nobody comes before the depository"

    @rule(by=st.sampled_from(Freezer))
    def unfreeze(self, by: Freezer) -> None:
        before = self.operator
        self.attempt(lambda each: operators.unfrozen(each, by))
        if before.frozen_by is Freezer.DEPOSITORY and by is not Freezer.DEPOSITORY:
            assert self.operator is before

    @rule(reason=st.sampled_from(OffboardReason))
    def offboard(self, reason: OffboardReason) -> None:
        self.attempt(lambda each: operators.offboarded(each, reason, self.at))

    @rule(topic=st.sampled_from(SmsTopic))
    def subscribe(self, topic: SmsTopic) -> None:
        self.attempt(lambda each: operators.subscribed(each, topic, TELEPHONE, self.at))

    @rule(topic=st.sampled_from(SmsTopic))
    def unsubscribe(self, topic: SmsTopic) -> None:
        self.attempt(lambda each: operators.unsubscribed(each, topic, self.at))

    @rule(permissions=st.sets(st.sampled_from(Permission)), own=st.booleans())
    def change(self, permissions: set[Permission], own: bool) -> None:
        before = self.operator
        by = CLERK.id if own else "live-op-2"
        self.attempt(lambda each: operators.with_permissions(each, tuple(sorted(permissions)), changed_by=by))
        if own:
            assert set(self.operator.permissions) <= set(before.permissions)

    @rule(granted=st.frozensets(st.sampled_from(Permission)))
    def narrow(self, granted: frozenset[Permission]) -> None:
        self.attempt(lambda each: operators.narrowed(each, granted))
        assert set(self.operator.permissions) <= granted

    @invariant()
    def holds(self) -> None:
        now = self.operator
        topics = [each.topic for each in now.sms_subscriptions]
        assert len(set(topics)) == len(topics)
        assert (now.offboarded_at is not None) == (now.status is OperatorStatus.OFFBOARDED)
        assert (now.frozen_at is not None) == (now.frozen_by is not None) == (now.status is OperatorStatus.FROZEN)
        if now.status is OperatorStatus.OFFBOARDED:
            assert now.permissions == ()
            assert all(each.status is SmsStatus.CANCELLED for each in now.sms_subscriptions)
            assert now.sessions_end_at == now.offboarded_at


TestOperatorLife = OperatorLife.TestCase


@given(st.sets(st.sampled_from(Permission)), st.sets(st.sampled_from(Permission)))
def test_a_second_person_is_asked_for_exactly_when_approving_is_new(
    held: set[Permission], wanted: set[Permission]
) -> None:
    operator = replace(CLERK, permissions=tuple(sorted(held)))
    assert operators.needs_second_person(operator, wanted) == bool((wanted - held) & APPROVING)


@given(st.lists(st.text(max_size=20)))
def test_permissions_are_parsed_or_refused(names: list[str]) -> None:
    try:
        parsed = operators.parse_permissions(names)
    except Refused:
        assert set(names) - set(Permission)
    else:
        assert set(names) == set(parsed)
