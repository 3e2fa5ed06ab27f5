"""The state machine of participants, at random: no command leaves its table, what is final stays final."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from service import participants
from service.access import (
    SERVICES_AT_OPENING,
    QualificationType,
    Service,
)
from service.participants import (
    ENDED,
    OPEN,
    PARTICIPANT_TRANSITIONS,
    Participant,
    ParticipantStatus,
)
from service.qualifications import QualificationStatus
from service.refusals import RefusalCode, Refused
from tests.service.lives import (
    AT,
    LOST,
    PENDING,
    SANCTION,
    edges,
)


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


TestParticipantLife = ParticipantLife.TestCase


def test_without_an_acceptance_nothing_opens() -> None:
    with pytest.raises(Refused) as caught:
        participants.opened(replace(PENDING, acceptance=None), officer=None, at=AT)
    assert [(each.code, each.article) for each in caught.value.refusals] == [(RefusalCode.ACCEPTANCE_MISSING, 7)]
