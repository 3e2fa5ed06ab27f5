"""What ends with a participant, over the wire: however many operators it has, whatever it has applied for."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from service.access import OperatorRole, Permission, Service
from service.application_service import Amendment
from service.applications import LONGEST_WAIT, SETTLED, ApplicationCommand, ApplicationStatus
from service.certificates import CertificateSource, CertificateState
from service.evidence import canonical
from service.identifiers import Kind, new_id
from service.operators import Operator, OperatorStatus
from service.participants import Participant, ParticipantStatus
from service.refusals import RefusalCode, Refused
from service.storage.database import Database
from service.storage.revocations import RevocationStore
from tests.service.institutions import (
    BREACH,
    CLOSURE,
    OFFICER,
    OTHER_USCC,
    REVIEWER,
    SECOND_OFFICER,
    Institutions,
    caller_for,
    make_change,
    make_information,
    sole,
)

pytestmark = pytest.mark.wire

MANY = 300  # with records of as many bytes fewer: as with thousands in those of full length
HELD = (Permission.NOTICE_READ, Permission.SETTLEMENT_READ)


@pytest.fixture
def platform(wire_database: Database) -> Institutions:
    return Institutions(wire_database)


@pytest.fixture
def short_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canonical, "MAX_BYTES", MANY * 30)  # an id alone is longer


async def terminate(platform: Institutions, participant: Participant) -> Participant:
    proposed = await platform.participants.terminate(OFFICER, participant.id, BREACH)
    assert proposed.proposal is not None
    proposal = proposed.proposal.id
    return (await platform.participants.terminate(SECOND_OFFICER, participant.id, BREACH, proposal_id=proposal)).subject


async def stored(platform: Institutions, participant: Participant) -> Participant:
    found = await platform.participant_store.find(participant.id)
    assert found is not None
    return found


async def content_of(platform: Institutions, participant: Participant, kind: str) -> Mapping[str, object]:
    (record,) = [each for each in await platform.records_of(participant.id) if each.kind == kind]
    content: Mapping[str, object] = json.loads(record.content)["content"]
    return content


# ------------------------------------------------------------------ however many operators


async def with_many_operators(platform: Institutions) -> Participant:
    """Beyond what one record can name, as long as records are here: one in ten has a certificate."""
    participant, _ = await platform.open()
    await platform.grant_settlement(participant)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    many = [
        Operator(
            id=new_id(platform.database.world, Kind.OPERATOR, start + timedelta(milliseconds=each)),
            version=1,
            participant_id=participant.id,
            operator_number=f"{each:06d}",
            name="王五",
            role=OperatorRole.OPERATOR,
            status=OperatorStatus.FROZEN if each % 7 == 0 else OperatorStatus.ACTIVE,
            permissions=HELD,
            registered_at=start,
        )
        for each in range(100_000, 100_000 + MANY)
    ]
    with pytest.raises(canonical.Malformed):
        canonical.encode({"operators": [each.id for each in many]})
    await platform.operator_store.insert_many(None, many)
    for each in many[::10]:
        await platform.certify(each)
    return participant


async def ensure_all_ended(platform: Institutions, participant: Participant, kind: str, reason: str) -> None:
    assert not await platform.operator_store.standing(None, participant.id, "", 1)
    content = await content_of(platform, participant, kind)
    assert (content["operators"], content["certificates"]) == (MANY + 1, MANY / 10)
    said = await platform.records_in({"participantId": participant.id, "kind": "operator.offboarded"})
    assert Counter(each["reason"] for each in said.values()) == {reason: MANY + 1}
    assert sum(len(each["certificates"]) for each in said.values()) == MANY / 10
    operators = await platform.operator_store.list_by({"participantId": participant.id}, MANY + 1)
    assert {each.id for each in operators} == said.keys()
    assert {(each.status, each.permissions) for each in operators} == {(OperatorStatus.OFFBOARDED, ())}


async def test_a_service_is_withdrawn_from_many_operators_and_all_are_terminated(
    platform: Institutions, short_records: None
) -> None:
    participant = await with_many_operators(platform)
    await platform.participants.withdraw_service(OFFICER, participant.id, Service.SETTLEMENT)
    content = await content_of(platform, participant, "participant.service.withdrawn")
    assert content["operators"] == MANY  # the administrator held nothing of it
    changes = await platform.records_in({"participantId": participant.id, "kind": "operator.permissions.changed"})
    assert len(changes) == MANY
    assert all(each == {"before": [*HELD], "after": [HELD[0]]} for each in changes.values())
    operators = await platform.operator_store.list_by({"_id": {"$in": list(changes)}}, MANY)
    assert {each.permissions for each in operators} == {HELD[:1]}
    assert (await terminate(platform, participant)).ended_at is not None
    await ensure_all_ended(platform, participant, "participant.terminated", "PARTICIPANT_TERMINATED")


async def test_a_participant_of_many_operators_is_closed(platform: Institutions, short_records: None) -> None:
    participant = await with_many_operators(platform)
    applied = await platform.applications.apply_for_closure(REVIEWER, participant.id, CLOSURE)
    await platform.applications.review(OFFICER, applied.subject.id, ApplicationCommand.APPROVE)
    assert (await stored(platform, participant)).status is ParticipantStatus.CLOSED
    await ensure_all_ended(platform, participant, "participant.closed", "PARTICIPANT_CLOSED")


async def test_of_certificates_that_end_together_each_has_its_own_place_on_the_revocation_list(
    platform: Institutions,
) -> None:
    participant, administrator = await platform.open()
    operators = [await platform.register(administrator, f"{each:06d}") for each in range(2, 6)]
    own = [await platform.certify(each) for each in operators]
    outside = replace(await platform.certify(administrator), source=CertificateSource.OUTSIDE)
    await platform.certificate_store.replace(None, outside)
    held = replace(own[0], state=CertificateState.HELD, held_at=platform.clock.time)
    await platform.certificate_store.replace(None, held)
    await terminate(platform, participant)
    listed = [each async for batch in RevocationStore(platform.database).since(held.issuer, 0) for each in batch]
    assert [each.sequence for each in listed] == [2, 3, 4, 5], "1 was the hold's, which the end replaces"
    assert {each.serial_number for each in listed} == {each.serial_number for each in own}
    assert all(each.entry for each in listed)


# ------------------------------------------------------------------ whatever it has applied for


async def to_be_approved(platform: Institutions, participant: Participant, status: ApplicationStatus) -> str:
    """An application to change something tomorrow, brought to a status."""
    tomorrow = platform.clock.time.date() + timedelta(days=1)
    given = make_change(applicant_uscc=participant.uscc, effective_from=tomorrow)
    information = make_information(participant.uscc, trading_units=("36573",))
    applied = await platform.applications.change_information(
        REVIEWER, participant.id, replace(given, information=information)
    )
    steps = {
        ApplicationStatus.UNDER_REVIEW: ApplicationCommand.TAKE_UP,
        ApplicationStatus.RETURNED: ApplicationCommand.RETURN,
        ApplicationStatus.APPROVED: ApplicationCommand.APPROVE,
    }
    if status in steps:
        await platform.applications.review(OFFICER, applied.subject.id, steps[status], "as asked")
    return applied.subject.id


@pytest.mark.parametrize(
    "status",
    [status for status in ApplicationStatus if status not in {*SETTLED, ApplicationStatus.DRAFT}],
)
async def test_what_a_terminated_participant_has_applied_for_lapses(
    platform: Institutions, status: ApplicationStatus
) -> None:
    participant, _ = await platform.open()
    application_id = await to_be_approved(platform, participant, status)
    await terminate(platform, participant)
    application = await platform.application_store.find(application_id)
    assert application is not None
    assert application.status is ApplicationStatus.LAPSED
    assert (await platform.records_of(application_id))[-1].kind == "application.lapsed"
    content = await content_of(platform, participant, "participant.terminated")
    assert content["application"] == application_id
    platform.clock.time += timedelta(days=2)
    assert await platform.applications.effect_due() == []
    with pytest.raises(Refused) as caught:
        await platform.applications.submit(REVIEWER, application_id, Amendment())
    assert sole(caught) is RefusalCode.APPLICATION_STATE


async def test_one_that_cannot_take_effect_holds_up_no_other(
    platform: Institutions, caplog: pytest.LogCaptureFixture
) -> None:
    first, _ = await platform.open()
    second, _ = await platform.open(OTHER_USCC, "BRK002")
    stuck = await to_be_approved(platform, first, ApplicationStatus.APPROVED)
    due = await to_be_approved(platform, second, ApplicationStatus.APPROVED)
    await platform.participant_store.replace(None, replace(first, status=ParticipantStatus.TERMINATED))
    platform.clock.time += timedelta(days=1)
    assert [each.id for each in await platform.applications.effect_due(limit=1)] == [due]
    assert (await stored(platform, second)).trading_units == ("36573",)
    (told,) = [each for each in caplog.records if each.name == "service.application_service"]
    assert getattr(told, "application", None) == stuck


# ------------------------------------------------------------------ while it is closing


async def test_asking_to_close_shields_from_neither_suspension_nor_termination(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    latest = platform.clock.time.date() + LONGEST_WAIT
    given = replace(CLOSURE, effective_from=latest)
    applied = await platform.applications.apply_for_closure(caller_for(administrator), participant.id, given)
    await platform.applications.review(OFFICER, applied.subject.id, ApplicationCommand.APPROVE)
    suspended = (await platform.participants.suspend(OFFICER, participant.id, BREACH)).subject
    assert (suspended.status, suspended.sanction is not None) == (ParticipantStatus.CLOSING, True)
    with pytest.raises(Refused) as caught:
        await platform.participants.suspend(OFFICER, participant.id, BREACH)
    assert sole(caught) is RefusalCode.PARTICIPANT_STATE
    resumed = (await platform.participants.resume(OFFICER, participant.id)).subject
    assert (resumed.status, resumed.sanction) == (ParticipantStatus.CLOSING, None)
    gone = await terminate(platform, participant)
    assert gone.status is ParticipantStatus.TERMINATED
    application = await platform.application_store.find(applied.subject.id)
    assert application is not None
    assert application.status is ApplicationStatus.LAPSED


async def test_a_day_of_effect_far_ahead_is_refused(platform: Institutions) -> None:
    participant, _ = await platform.open()
    given = replace(CLOSURE, effective_from=platform.clock.time.date() + LONGEST_WAIT + timedelta(days=1))
    with pytest.raises(Refused) as caught:
        await platform.applications.apply_for_closure(REVIEWER, participant.id, given)
    assert sole(caught) is RefusalCode.EFFECTIVE_DATE_TOO_FAR
    assert caught.value.refusals[0].field == ("effectiveFrom",)
    assert (await stored(platform, participant)).status is ParticipantStatus.ACTIVE
