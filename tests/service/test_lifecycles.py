"""The state machines, driven at random: no command sequence leaves the tables, and what is final stays final."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from service import applications, operators, participants
from service.access import (
    APPROVING,
    SERVICES_AT_OPENING,
    OperatorRole,
    ParticipantKind,
    Permission,
    QualificationType,
    Service,
)
from service.applications import (
    APPLICATION_TRANSITIONS,
    REQUIRED_MATERIALS,
    SETTLED,
    Application,
    ApplicationCommand,
    ApplicationStatus,
    ApplicationType,
    Material,
    Review,
)
from service.operators import (
    OPERATOR_TRANSITIONS,
    Freezer,
    OffboardReason,
    Operator,
    OperatorCommand,
    OperatorStatus,
    SmsStatus,
    SmsTopic,
)
from service.participants import (
    ENDED,
    OPEN,
    PARTICIPANT_TRANSITIONS,
    Acceptance,
    AcceptanceManner,
    Participant,
    ParticipantCommand,
    ParticipantStatus,
)
from service.personal_data import SealedText
from service.qualifications import Qualification, QualificationStatus
from service.refusals import RefusalCode, Refused
from service.sanctions import Ground, RuleKind, RuleReference, Sanction
from tests.service.institutions import OFFICER

AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
ACCEPTED = Acceptance(1, "0" * 64, AcceptanceManner.BY_APPLICATION, AT, None)
SANCTION = Sanction(Ground.LAW, RuleReference(RuleKind.LAW, "Law", "1"), "", "live-reg-1", AT)
PENDING = Participant(
    id="live-par-1",
    version=1,
    participant_code="BRK001",
    status=ParticipantStatus.PENDING,
    kind=ParticipantKind.SETTLEMENT_PARTICIPANT,
    legal_name="Test",
    uscc="91350100M000100Y43",
    acceptance=ACCEPTED,
    applied_at=AT,
)
CLERK = Operator(
    id="live-op-1",
    version=1,
    participant_id=PENDING.id,
    operator_number="000001",
    name="Clerk",
    role=OperatorRole.OPERATOR,
    status=OperatorStatus.ACTIVE,
    permissions=(Permission.NOTICE_READ, Permission.SMS_SUBSCRIBE),
    registered_at=AT,
)
COMPLETE = tuple(Material(kind, kind.value, f"{place:064x}") for place, kind in enumerate(applications.MaterialKind))
DRAFT = Application(
    id="live-app-1",
    version=1,
    type=ApplicationType.CLOSE,
    status=ApplicationStatus.DRAFT,
    participant_id=PENDING.id,
    applicant_uscc=PENDING.uscc,
    materials=COMPLETE,
    truth_declared=True,
    created_at=AT,
)
TELEPHONE = SealedText("138****1234", b"", "")
LOST = Qualification(QualificationType.SETTLEMENT, QualificationStatus.TERMINATED, date(2026, 1, 1), None, "x", AT)


def edges(table: Mapping[tuple[StrEnum, StrEnum], StrEnum]) -> set[tuple[StrEnum, StrEnum]]:
    return {(before, after) for (before, _), after in table.items()}


@pytest.mark.parametrize(
    ("table", "following", "states", "commands"),
    [
        (PARTICIPANT_TRANSITIONS, participants.next_status, ParticipantStatus, ParticipantCommand),
        (APPLICATION_TRANSITIONS, applications.next_status, ApplicationStatus, ApplicationCommand),
        (OPERATOR_TRANSITIONS, operators.next_status, OperatorStatus, OperatorCommand),
    ],
)
def test_what_the_table_does_not_have_is_refused(
    table: Mapping[tuple[StrEnum, StrEnum], StrEnum],
    following: Callable[..., StrEnum],
    states: type[StrEnum],
    commands: type[StrEnum],
) -> None:
    for state in states:
        for command in commands:
            if (state, command) in table:
                assert following(state, command) is table[state, command]
            else:
                with pytest.raises(Refused):
                    following(state, command)


def test_what_has_ended_stays_ended() -> None:
    assert {state for state, _ in PARTICIPANT_TRANSITIONS} & ENDED == set()
    assert {state for state, _ in APPLICATION_TRANSITIONS} & SETTLED == set()
    assert OperatorStatus.OFFBOARDED not in {state for state, _ in OPERATOR_TRANSITIONS}


class ParticipantLife(RuleBasedStateMachine):
    """Every pure rule on a participant, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.participant = PENDING
        self.at = AT
        self.sanctioned = False  # by the depository's last word

    def attempt(self, change: Callable[[Participant], Participant]) -> None:
        before = self.participant
        self.at += timedelta(minutes=1)
        try:
            after = change(before)
        except Refused:
            return
        moved = (before.status, after.status)
        assert before.status is after.status or moved in edges(PARTICIPANT_TRANSITIONS)
        self.participant = after

    @rule()
    def open(self) -> None:
        self.attempt(lambda each: participants.opened(each, officer="live-reg-1", at=self.at))

    @rule()
    def suspend(self) -> None:
        before = self.participant
        self.attempt(lambda each: participants.suspended(each, SANCTION))
        assert self.participant is not before or before.status not in OPEN or self.sanctioned, "nothing shields from it"
        self.sanctioned |= self.participant is not before

    @rule()
    def resume(self) -> None:
        before = self.participant
        self.attempt(participants.resumed)
        assert (self.participant is not before) == (self.sanctioned and before.status in OPEN)
        self.sanctioned &= self.participant is before

    @rule()
    def terminate(self) -> None:
        before = self.participant
        self.attempt(lambda each: participants.terminated(each, SANCTION, self.at))
        assert (self.participant is not before) == (before.status in OPEN), "nothing shields from it"

    @rule()
    def ask_to_close(self) -> None:
        self.attempt(participants.asked_to_close)

    @rule()
    def stay(self) -> None:
        self.attempt(participants.not_closed)

    @rule()
    def close(self) -> None:
        self.attempt(lambda each: participants.closed(each, self.at))

    @rule(service=st.sampled_from(Service))
    def grant(self, service: Service) -> None:
        today = self.at.date()
        self.attempt(lambda each: participants.with_service(each, service, officer=None, at=self.at, today=today))

    @rule(service=st.sampled_from(Service))
    def withdraw(self, service: Service) -> None:
        self.attempt(lambda each: participants.without_service(each, service))

    @rule(status=st.sampled_from(QualificationStatus), kind=st.sampled_from(QualificationType))
    def take_note(self, status: QualificationStatus, kind: QualificationType) -> None:
        before = self.participant.status
        word = replace(LOST, status=status, type=kind)
        self.attempt(lambda each: participants.with_qualification(each, word))
        assert self.participant.status is before, "a qualification event decides nothing"

    @invariant()
    def holds(self) -> None:
        now = self.participant
        in_service = now.status in {
            ParticipantStatus.ACTIVE,
            ParticipantStatus.SUSPENDED,
            ParticipantStatus.CLOSING,
        }
        assert in_service == set(SERVICES_AT_OPENING).issubset(participants.granted_services(now))
        assert (now.ended_at is not None) == (now.status in ENDED)
        in_use = {ParticipantStatus.ACTIVE, ParticipantStatus.CLOSING}
        assert participants.may_use_platform(now) == (now.status in in_use and not self.sanctioned)
        assert participants.is_suspended(now) == (now.status in OPEN and self.sanctioned)
        assert now.status is not ParticipantStatus.SUSPENDED or now.sanction is not None
        assert now.status is not ParticipantStatus.ACTIVE or now.sanction is None
        assert len({each.service for each in now.services}) == len(now.services)
        if now.opened_at is not None:
            assert now.acceptance is not None
            assert now.acceptance.formed_at == now.opened_at


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


class ApplicationLife(RuleBasedStateMachine):
    """Every pure rule on an application, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.application = DRAFT

    def attempt(self, change: Callable[[Application], Application]) -> None:
        before = self.application
        try:
            after = change(before)
        except Refused:
            return
        waits = {ApplicationStatus.SUBMITTED} if after.reviews != before.reviews else set()
        steps = edges(APPLICATION_TRANSITIONS)
        through = (ApplicationStatus.UNDER_REVIEW, after.status) in steps
        assert (before.status, after.status) in steps or (before.status in waits and through)
        assert before.status not in SETTLED
        self.application = after

    @rule(declared=st.booleans())
    def submit(self, declared: bool) -> None:
        def submit(each: Application) -> Application:
            return applications.submitted(replace(each, truth_declared=declared), by=OFFICER, at=AT, today=AT.date())

        self.attempt(submit)

    @rule(decision=st.sampled_from(ApplicationCommand), reason=st.sampled_from([None, "", "a reason"]))
    def review(self, decision: ApplicationCommand, reason: str | None) -> None:
        words = {
            ApplicationCommand.TAKE_UP,
            ApplicationCommand.RETURN,
            ApplicationCommand.REJECT,
            ApplicationCommand.APPROVE,
        }
        if decision in words:
            self.attempt(lambda each: applications.reviewed(each, Review(decision, AT, "b", reason)))

    @rule()
    def withdraw(self) -> None:
        self.attempt(applications.withdrawn)

    @rule()
    def effect(self) -> None:
        self.attempt(lambda each: applications.effected(each, AT))

    @rule(often=st.integers(0, 4))
    def lapse(self, often: int) -> None:
        if often:  # seldom, or nothing else is tried
            return
        before = self.application
        self.attempt(applications.lapsed)
        assert (self.application is not before) == (before.status not in SETTLED), "whatever waits lapses"

    @invariant()
    def holds(self) -> None:
        now = self.application
        assert (now.effected_at is not None) == (now.status is ApplicationStatus.EFFECTED)
        if now.status not in {ApplicationStatus.DRAFT, ApplicationStatus.WITHDRAWN, ApplicationStatus.LAPSED}:
            assert now.truth_declared
            assert now.submitted_by == OFFICER.id
        if now.status in {ApplicationStatus.RETURNED, ApplicationStatus.REJECTED}:
            assert now.reviews[-1].reason
        if now.status in {ApplicationStatus.APPROVED, ApplicationStatus.EFFECTED}:
            assert now.reviews[-1].decision is ApplicationCommand.APPROVE


TestParticipantLife = ParticipantLife.TestCase
TestOperatorLife = OperatorLife.TestCase
TestApplicationLife = ApplicationLife.TestCase


def test_without_an_acceptance_nothing_opens() -> None:
    with pytest.raises(Refused) as caught:
        participants.opened(replace(PENDING, acceptance=None), officer=None, at=AT)
    assert [(each.code, each.article) for each in caught.value.refusals] == [(RefusalCode.ACCEPTANCE_MISSING, 7)]


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


def test_every_kind_of_application_asks_for_its_form() -> None:
    assert set(REQUIRED_MATERIALS) == set(ApplicationType)
    for kind in ApplicationType:
        bare = replace(DRAFT, type=kind, materials=())
        with pytest.raises(Refused) as caught:
            applications.submitted(bare, by=OFFICER, at=AT, today=AT.date())
        assert len(caught.value.refusals) == len(REQUIRED_MATERIALS[kind])
