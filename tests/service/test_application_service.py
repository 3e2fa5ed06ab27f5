"""Applications, over the wire: in one's own name, complete, decided by another person, effective on their day."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from service.access import (
    ParticipantKind,
    Service,
)
from service.application_service import Amendment
from service.applications import ApplicationCommand, ApplicationStatus, ApplicationType
from service.certificates import CertificateState
from service.errors import Forbidden
from service.information_changes import ChangeInput
from service.openings import AccessInput
from service.operators import OperatorStatus, SmsStatus, SmsTopic
from service.participants import ParticipantStatus
from service.refusals import RefusalCode, Refused
from service.storage.database import Database
from tests.service.institutions import (
    CLOSURE,
    OFFICER,
    OPENING_PAPERS,
    OTHER_USCC,
    REVIEWER,
    SECOND_OFFICER,
    USCC,
    FixedAgreement,
    Institutions,
    caller_for,
    make_access,
    make_change,
    make_information,
)

pytestmark = pytest.mark.wire


@pytest.fixture
def platform(wire_database: Database) -> Institutions:
    return Institutions(wire_database)


async def refused_to_apply(platform: Institutions, given: AccessInput) -> dict[RefusalCode, tuple[str, ...]]:
    with pytest.raises(Refused) as caught:
        await platform.applications.apply_for_access(REVIEWER, given)
    assert all(refusal.message and refusal.message_zh for refusal in caught.value.refusals)
    assert {refusal.article for refusal in caught.value.refusals} <= {6, 7}
    return {refusal.code: refusal.field for refusal in caught.value.refusals}


async def test_an_applicant_who_is_not_the_user_is_refused(platform: Institutions) -> None:
    given = make_access(applicant_uscc=OTHER_USCC)
    assert await refused_to_apply(platform, given) == {RefusalCode.APPLICANT_NOT_USER: ("information", "uscc")}


async def test_a_draft_names_its_papers_by_their_digests(platform: Institutions) -> None:
    papers = (*OPENING_PAPERS, replace(OPENING_PAPERS[0], sha256="no digest"))
    given = make_access(materials=papers, submit=False)
    assert await refused_to_apply(platform, given) == {RefusalCode.MATERIAL_INVALID: ("materials", "3")}


async def test_a_wrong_check_digit_is_refused(platform: Institutions) -> None:
    given = make_access(uscc="91350100M000100Y4Z", information=make_information())
    assert await refused_to_apply(platform, given) == {RefusalCode.USCC_INVALID: ("applicantUscc",)}


async def test_a_missing_truth_declaration_is_refused(platform: Institutions) -> None:
    given = make_access(truth_declared=False)
    assert await refused_to_apply(platform, given) == {RefusalCode.TRUTH_NOT_DECLARED: ("truthDeclared",)}


async def test_missing_materials_and_fields_are_told_all_at_once(platform: Institutions) -> None:
    bare = make_information(clearing_numbers=(), contacts=())
    found = await refused_to_apply(platform, make_access(information=bare, materials=()))
    assert set(found) == {
        RefusalCode.MATERIAL_MISSING,
        RefusalCode.CLEARING_NUMBER_MISSING,
        RefusalCode.CONTACT_MISSING,
    }
    issuer = make_information(kind=ParticipantKind.SECURITIES_ISSUER)
    assert set(await refused_to_apply(platform, make_access(information=issuer))) == {
        RefusalCode.SECURITIES_CODE_MISSING
    }


async def test_a_second_open_for_an_active_user_is_refused(platform: Institutions) -> None:
    await platform.open()
    assert await refused_to_apply(platform, make_access(code="BRK002")) == {
        RefusalCode.PARTICIPANT_ALREADY_OPEN: ("applicantUscc",)
    }


async def test_a_second_open_beside_a_pending_one_is_refused(platform: Institutions) -> None:
    await platform.applications.apply_for_access(REVIEWER, make_access())
    assert RefusalCode.PARTICIPANT_ALREADY_OPEN in await refused_to_apply(platform, make_access())


async def test_a_participant_code_is_used_once(platform: Institutions) -> None:
    await platform.open()
    assert await refused_to_apply(platform, make_access(OTHER_USCC)) == {
        RefusalCode.PARTICIPANT_CODE_TAKEN: ("participantCode",)
    }


async def test_a_refused_application_leaves_nothing_behind(platform: Institutions) -> None:
    await refused_to_apply(platform, make_access(truth_declared=False))
    assert await platform.participant_store.find_holding(USCC) is None


async def test_the_maker_does_not_approve_the_own_request(platform: Institutions) -> None:
    applied = await platform.applications.apply_for_access(OFFICER, make_access())
    with pytest.raises(Refused) as caught:
        await platform.applications.review(OFFICER, applied.subject.id, ApplicationCommand.APPROVE)
    assert caught.value.refusals[0].code is RefusalCode.SAME_PERSON
    done = await platform.applications.review(SECOND_OFFICER, applied.subject.id, ApplicationCommand.APPROVE)
    assert done.subject.status is ApplicationStatus.EFFECTED


async def test_who_certified_the_maker_and_so_may_be_it_does_not_approve(platform: Institutions) -> None:
    made = replace(OFFICER, certified_by=frozenset({SECOND_OFFICER.id or ""}))
    applied = await platform.applications.apply_for_access(made, make_access())
    with pytest.raises(Refused) as caught:
        await platform.applications.review(SECOND_OFFICER, applied.subject.id, ApplicationCommand.APPROVE)
    assert caught.value.refusals[0].code is RefusalCode.NOT_INDEPENDENT


async def test_a_reviewer_returns_but_does_not_approve(platform: Institutions) -> None:
    applied = await platform.applications.apply_for_access(OFFICER, make_access())
    with pytest.raises(Forbidden):
        await platform.applications.review(REVIEWER, applied.subject.id, ApplicationCommand.APPROVE)
    with pytest.raises(Refused) as caught:
        await platform.applications.review(REVIEWER, applied.subject.id, ApplicationCommand.RETURN)
    assert caught.value.refusals[0].code is RefusalCode.REASON_MISSING


async def test_the_story_of_an_opening_is_told_by_its_records(platform: Institutions) -> None:
    applications = platform.applications
    applied = (await applications.apply_for_access(REVIEWER, make_access())).subject
    await applications.review(OFFICER, applied.id, ApplicationCommand.RETURN, "the licence cannot be read")
    renamed = make_information(legal_name="东方测试证券有限责任公司")
    again = await applications.submit(REVIEWER, applied.id, Amendment(information=renamed))
    assert again.subject.status is ApplicationStatus.SUBMITTED
    await applications.review(OFFICER, applied.id, ApplicationCommand.TAKE_UP)
    done = await applications.review(OFFICER, applied.id, ApplicationCommand.APPROVE)
    assert done.subject.status is ApplicationStatus.EFFECTED
    participant = await platform.participant_store.find(applied.participant_id)
    assert participant is not None
    assert participant.status is ParticipantStatus.ACTIVE
    assert participant.legal_name == "东方测试证券有限责任公司"
    assert participant.acceptance is not None
    assert participant.acceptance.formed_at == participant.opened_at
    assert [grant.service for grant in participant.services] == [Service.ACCESS, Service.NOTICES]
    assert [record.kind for record in await platform.records_of(applied.id)] == [
        "application.submitted",
        "application.returned",
        "application.submitted",
        "application.under_review",
        "application.approved",
        "application.effected",
    ]
    assert [record.kind for record in await platform.records_of(participant.id)] == ["participant.opened"]


@pytest.mark.parametrize("accepted", [None, 1])
async def test_without_an_acceptance_of_the_agreement_in_force_it_does_not_open(
    platform: Institutions, accepted: int | None
) -> None:
    applied = await platform.applications.apply_for_access(REVIEWER, make_access(agreement_number=accepted))
    platform.agreements.in_force = FixedAgreement(2)
    with pytest.raises(Refused) as caught:
        await platform.applications.review(OFFICER, applied.subject.id, ApplicationCommand.APPROVE)
    assert caught.value.refusals[0].code is RefusalCode.ACCEPTANCE_MISSING
    assert caught.value.refusals[0].article == 7
    kept = await platform.application_store.find(applied.subject.id)
    assert kept is not None
    assert kept.status is ApplicationStatus.SUBMITTED
    participant = await platform.participant_store.find(applied.subject.participant_id)
    assert participant is not None
    assert participant.status is ParticipantStatus.PENDING


async def test_applying_accepts_only_the_version_in_force(platform: Institutions) -> None:
    assert await refused_to_apply(platform, make_access(agreement_number=7)) == {
        RefusalCode.ACCEPTANCE_MISSING: ("agreementNumber",)
    }


async def test_a_rejected_institution_may_apply_again_and_stays_one_participant(platform: Institutions) -> None:
    first = (await platform.applications.apply_for_access(REVIEWER, make_access())).subject
    await platform.applications.review(OFFICER, first.id, ApplicationCommand.REJECT, "no qualification")
    second = (await platform.applications.apply_for_access(REVIEWER, make_access(code="BRK007"))).subject
    assert second.participant_id == first.participant_id
    participant = await platform.participant_store.find_by_code("BRK007")
    assert participant is not None
    assert participant.id == first.participant_id


async def change(platform: Institutions, given: ChangeInput) -> tuple[str, str]:
    participant, administrator = await platform.open()
    applied = await platform.applications.change_information(caller_for(administrator), participant.id, given)
    return participant.id, applied.subject.id


async def test_registered_information_changes_through_a_reviewed_application_only(platform: Institutions) -> None:
    participant_id, application_id = await change(platform, make_change())
    before = await platform.participant_store.find(participant_id)
    assert before is not None
    assert before.trading_units == ()
    await platform.applications.review(OFFICER, application_id, ApplicationCommand.APPROVE)
    after = await platform.participant_store.find(participant_id)
    assert after is not None
    assert after.trading_units == ("36573",)
    (told,) = [each for each in await platform.records_of(participant_id) if "changed" in each.kind]
    assert '"fields":["trading_units"]' in told.content


async def test_a_change_of_name_is_a_rename(platform: Institutions) -> None:
    _, application_id = await change(platform, make_change(information=make_information(legal_name="新名证券")))
    application = await platform.application_store.find(application_id)
    assert application is not None
    assert application.type is ApplicationType.RENAME


@pytest.mark.parametrize(
    ("given", "code", "article"),
    [
        (make_change(information=make_information()), RefusalCode.NOTHING_CHANGED, 16),
        (make_change(information=make_information(OTHER_USCC)), RefusalCode.USCC_FIXED, 16),
        (make_change(applicant_uscc=OTHER_USCC), RefusalCode.APPLICANT_NOT_USER, 6),
        (make_change(effective_from=date(2020, 1, 1)), RefusalCode.EFFECTIVE_DATE_PAST, 16),
    ],
)
async def test_a_change_that_is_none_or_another_institutions_is_refused(
    platform: Institutions, given: ChangeInput, code: RefusalCode, article: int
) -> None:
    with pytest.raises(Refused) as caught:
        await change(platform, given)
    assert [(each.code, each.article) for each in caught.value.refusals] == [(code, article)]
    assert caught.value.refusals[0].field


async def test_one_application_at_a_time_is_handled(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    me = caller_for(administrator)
    await platform.applications.change_information(me, participant.id, make_change())
    with pytest.raises(Refused) as caught:
        await platform.applications.change_information(me, participant.id, make_change())
    assert caught.value.refusals[0].code is RefusalCode.APPLICATION_PENDING


async def test_a_change_takes_effect_on_its_day_and_history_tells_what_was_before(platform: Institutions) -> None:
    day = platform.clock.time.date() + timedelta(days=10)
    participant_id, application_id = await change(platform, make_change(effective_from=day))
    done = await platform.applications.review(OFFICER, application_id, ApplicationCommand.APPROVE)
    assert done.subject.status is ApplicationStatus.APPROVED
    assert await platform.applications.effect_due() == []
    today = platform.clock.time.date()
    platform.clock.time += timedelta(days=10)
    assert [each.id for each in await platform.applications.effect_due()] == [application_id]
    assert await platform.applications.effect_due() == []
    participant = await platform.participant_store.find(participant_id)
    assert participant is not None
    then = await platform.applications.information_on(OFFICER, participant, today)
    now = await platform.applications.information_on(OFFICER, participant, day)
    long_ago = await platform.applications.information_on(OFFICER, participant, date(2020, 1, 1))
    assert then is not None
    assert now is not None
    assert (then.trading_units, now.trading_units, long_ago) == ((), ("36573",), None)


async def test_closing_ends_permissions_sms_sessions_and_certificates_and_keeps_every_record(
    platform: Institutions,
) -> None:
    participant, administrator = await platform.open()
    me = caller_for(administrator)
    await platform.sms.subscribe(me, administrator.id, SmsTopic.NOTICE, None)
    certificate = await platform.certify(administrator)
    await platform.register(administrator, "000002")
    applied = await platform.applications.apply_for_closure(me, participant.id, CLOSURE)
    closing = await platform.participant_store.find(participant.id)
    assert closing is not None
    assert closing.status is ParticipantStatus.CLOSING
    before = await platform.records_of(administrator.id)
    await platform.applications.review(OFFICER, applied.subject.id, ApplicationCommand.APPROVE)
    gone = await platform.participant_store.find(participant.id)
    assert gone is not None
    assert (gone.status, gone.services) == (ParticipantStatus.CLOSED, ())
    assert not await platform.operator_store.standing(None, participant.id, "", 10)
    former = await platform.operator_store.find(administrator.id)
    assert former is not None
    assert (former.status, former.permissions) == (OperatorStatus.OFFBOARDED, ())
    assert former.sessions_end_at is not None
    assert [each.status for each in former.sms_subscriptions] == [SmsStatus.CANCELLED]
    ended = await platform.certificate_store.find(certificate.id)
    assert ended is not None
    assert (ended.state, ended.revocation_reason) == (CertificateState.REVOKED, "cessationOfOperation")
    assert (await platform.records_of(administrator.id))[: len(before)] == before


async def test_an_institution_that_closed_may_open_anew_under_another_code(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    applied = await platform.applications.apply_for_closure(caller_for(administrator), participant.id, CLOSURE)
    await platform.applications.review(OFFICER, applied.subject.id, ApplicationCommand.APPROVE)
    assert set(await refused_to_apply(platform, make_access())) == {RefusalCode.PARTICIPANT_CODE_TAKEN}
    anew, _ = await platform.open(code="BRK009")
    assert anew.id != participant.id


@pytest.mark.parametrize("withdraws", [True, False])
async def test_a_closing_that_comes_to_nothing_leaves_the_participant_as_it_was(
    platform: Institutions, *, withdraws: bool
) -> None:
    participant, administrator = await platform.open()
    me = caller_for(administrator)
    applied = await platform.applications.apply_for_closure(me, participant.id, CLOSURE)
    if withdraws:
        await platform.applications.withdraw(me, applied.subject.id)
    else:
        await platform.applications.review(OFFICER, applied.subject.id, ApplicationCommand.REJECT, "open positions")
    kept = await platform.participant_store.find(participant.id)
    assert kept is not None
    assert replace(kept, version=participant.version) == participant


async def test_another_participants_application_is_as_one_that_does_not_exist(platform: Institutions) -> None:
    _, application_id = await change(platform, make_change())
    _, stranger = await platform.open(OTHER_USCC, "BRK002")
    nothing = "live-app-01K9ZZZZZZZZZZZZZZZZZZZZZZ"
    told = []
    for each in (application_id, nothing):
        with pytest.raises(Refused) as caught:
            await platform.applications.withdraw(caller_for(stranger), each)
        told.append(caught.value.refusals)
    assert told[0] == told[1]
    assert await platform.applications.get_many(caller_for(stranger), [application_id, nothing]) == [None, None]
