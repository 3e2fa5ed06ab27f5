"""What becomes of a delivered revision, without a database: the machine of consents, driven at random."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.consents import (
    CONSENT_TRANSITIONS,
    Answer,
    Consent,
    ConsentCommand,
    ConsentStatus,
    acceptance_of,
    confirmed,
    deemed,
    ensure_delivered,
    find_deemable,
    find_due,
    find_rejection,
    rejected,
)
from service.participants import AcceptanceManner
from service.refusals import RefusalCode, Refused

AT = datetime(2026, 3, 1, 4, tzinfo=UTC)
LATER = AT + timedelta(seconds=1)
DELIVERED = Consent(
    id="live-con-1",
    version=1,
    participant_id="live-par-1",
    agreement_number=2,
    content_hash="0" * 64,
    effective_from=date(2026, 3, 1),
    delivered_at=AT,
    delivery_record="live-rec-1",
)
ANSWER = Answer("live-op-1", LATER, "live-rec-2")


def apply(consent: Consent, command: ConsentCommand, answer: Answer = ANSWER) -> Consent:
    match command:
        case ConsentCommand.CONFIRM:
            return confirmed(consent, answer)
        case ConsentCommand.REJECT:
            return rejected(consent, answer, "no")
        case ConsentCommand.DEEM:
            return deemed(consent, consent.agreement_number, answer)


def code_of(caught: pytest.ExceptionInfo[Refused]) -> tuple[RefusalCode, int | None]:
    (refusal,) = caught.value.refusals
    assert refusal.message
    assert refusal.message_zh
    return refusal.code, refusal.article


@given(st.lists(st.sampled_from(ConsentCommand), max_size=6))
def test_the_first_answer_is_final_and_every_other_way_is_refused(commands: list[ConsentCommand]) -> None:
    consent = DELIVERED
    for command in commands:
        following = CONSENT_TRANSITIONS.get((consent.status, command))
        if following is None:
            with pytest.raises(Refused) as caught:
                apply(consent, command, replace(ANSWER, by="live-op-9"))
            assert code_of(caught) == (RefusalCode.CONSENT_STATE, 25)
        else:
            consent = apply(consent, command)
            assert consent.status is following
        answered = consent.status is not ConsentStatus.DELIVERED
        assert answered == (consent.answer_record is not None) == (consent.answered_at is not None)
    if commands:
        assert consent == apply(DELIVERED, commands[0])


def test_consent_is_not_deemed_without_a_delivery_nor_before_it() -> None:
    for consent, at in ((None, LATER), (DELIVERED, AT), (DELIVERED, AT - timedelta(days=1))):
        with pytest.raises(Refused) as caught:
            deemed(consent, 2, replace(ANSWER, at=at))
        assert code_of(caught) == (RefusalCode.AGREEMENT_NOT_DELIVERED, 25)
    with pytest.raises(Refused) as caught:
        ensure_delivered(None, 2)
    assert code_of(caught) == (RefusalCode.AGREEMENT_NOT_DELIVERED, 25)


def test_use_before_the_versions_first_day_in_shanghai_is_no_consent() -> None:
    coming = replace(DELIVERED, effective_from=date(2026, 3, 2))
    midnight = datetime(2026, 3, 1, 16, tzinfo=UTC)
    with pytest.raises(Refused) as caught:
        deemed(coming, 2, replace(ANSWER, at=midnight - timedelta(milliseconds=1)))
    assert code_of(caught) == (RefusalCode.AGREEMENT_NOT_IN_FORCE, 25)
    assert deemed(coming, 2, replace(ANSWER, at=midnight)).status is ConsentStatus.DEEMED_BY_USE


def test_only_consent_becomes_an_acceptance() -> None:
    acceptance = acceptance_of(deemed(DELIVERED, 2, ANSWER))
    assert (acceptance.manner, acceptance.accepted_at) == (AcceptanceManner.DEEMED_BY_USE, LATER)
    assert acceptance_of(confirmed(DELIVERED, ANSWER)).manner is AcceptanceManner.CONFIRMED
    for silent in (DELIVERED, rejected(DELIVERED, ANSWER, None)):
        with pytest.raises(ValueError, match="accepts nothing"):
            acceptance_of(silent)


@st.composite
def histories(draw: st.DrawFn) -> list[Consent]:
    """Versions 2, 3, 4 ... as one participant got them: each answered or not, some not yet in force."""
    consents = []
    for number in range(2, 2 + draw(st.integers(0, 5))):
        days = timedelta(days=draw(st.integers(-2, 2)))
        delivered = replace(DELIVERED, agreement_number=number, effective_from=AT.date() + days, delivered_at=AT + days)
        status = draw(st.sampled_from(ConsentStatus))
        consents.append(replace(delivered, status=status))
    return draw(st.permutations(consents))


@given(histories())
def test_what_a_use_consents_to_is_always_one_that_may_be_deemed(consents: list[Consent]) -> None:
    found = find_deemable(consents, LATER)
    if found is not None:
        assert deemed(found, found.agreement_number, ANSWER).status is ConsentStatus.DEEMED_BY_USE
        newer = [each for each in consents if each.agreement_number > found.agreement_number]
        assert all(each.status is ConsentStatus.DELIVERED for each in newer)


@given(histories())
def test_a_rejection_stands_until_a_later_version_is_consented_to(consents: list[Consent]) -> None:
    in_order = sorted(consents, key=lambda each: each.agreement_number)
    answers = [each for each in in_order if each.status is not ConsentStatus.DELIVERED]
    rejection = find_rejection(consents)
    assert (rejection is not None) == bool(answers and answers[-1].status is ConsentStatus.REJECTED)
    due = find_due(consents)
    assert due is None or all(each.agreement_number <= due.agreement_number for each in consents)
