"""The depository's staff: added from its own machine alone, under a number that is used once."""

import asyncio
import json

import pytest

from service.access import SYSTEM, Caller, CallerKind, OperatorRole, Permission, RegistrarRole
from service.certificate_requests import RequestInput
from service.certificates import CertificateState
from service.errors import Forbidden, Unauthenticated
from service.logins import Logins
from service.refusals import RefusalCode, Refused
from service.registrar_service import RegistrarInput, RegistrarService
from service.registrars import RegistrarStatus
from service.storage.database import Database
from service.storage.registrars import RegistrarStore
from service.storage.revocations import RevocationStore
from tests.service.certifying import LOGIN, Certifying, make_csr, make_key
from tests.service.institutions import OFFICER, Institutions

pytestmark = pytest.mark.wire

GIVEN = RegistrarInput("R001", "周敏", RegistrarRole.OFFICER)


@pytest.fixture
def platform(wire_database: Database) -> Institutions:
    return Institutions(wire_database)


@pytest.fixture
def registrars(platform: Institutions) -> RegistrarService:
    return RegistrarService(
        platform.acts, registrars=RegistrarStore(platform.database), certificates=platform.certificate_store
    )


async def test_one_who_is_added_is_found_active_and_recorded(
    platform: Institutions, registrars: RegistrarService
) -> None:
    done = await registrars.add(SYSTEM, GIVEN)
    assert (done.subject.number, done.subject.role) == ("R001", RegistrarRole.OFFICER)
    assert done.subject.status is RegistrarStatus.ACTIVE
    assert await registrars.find_by_number(OFFICER, "R001") == done.subject
    assert await registrars.get_many(OFFICER, ["none", done.subject.id]) == [None, done.subject]
    (record,) = await platform.records_of(done.subject.id)
    assert record.kind == "registrar.added"
    assert "周敏" not in record.content


async def test_nobody_adds_a_registrar_from_outside(registrars: RegistrarService) -> None:
    operator = Caller(
        CallerKind.OPERATOR, "live-op-1", "live-par-1", OperatorRole.ADMINISTRATOR, permissions=frozenset(Permission)
    )
    for caller in (OFFICER, operator):
        with pytest.raises(Forbidden):
            await registrars.add(caller, GIVEN)
    with pytest.raises(Unauthenticated):
        await registrars.add(Caller(CallerKind.ANONYMOUS), GIVEN)


async def test_a_registrars_number_is_never_used_again(registrars: RegistrarService) -> None:
    await registrars.add(SYSTEM, GIVEN)
    with pytest.raises(Refused) as caught:
        await registrars.add(SYSTEM, RegistrarInput("R001", "吴强", RegistrarRole.AUDITOR))
    assert [each.code for each in caught.value.refusals] == [RefusalCode.REGISTRAR_NUMBER_TAKEN]


@pytest.mark.parametrize("number", ["", "R", "r001", "R 01", "R" * 33, "编号"])
async def test_a_number_that_no_certificate_can_name_is_refused_with_all_other_faults(
    registrars: RegistrarService, number: str
) -> None:
    with pytest.raises(Refused) as caught:
        await registrars.add(SYSTEM, RegistrarInput(number, " ", RegistrarRole.AUDITOR))
    codes = {each.code for each in caught.value.refusals}
    assert codes == {RefusalCode.REGISTRAR_NUMBER_INVALID, RefusalCode.NAME_INVALID}


# --- who leaves


@pytest.fixture
def certifying(wire_database: Database) -> Certifying:
    return Certifying(wire_database)


def codes_of(error: pytest.ExceptionInfo[Refused]) -> list[RefusalCode]:
    return [each.code for each in error.value.refusals]


async def test_who_leaves_loses_status_sessions_and_certificates_in_one_act(certifying: Certifying) -> None:
    leaver, certificate = await certifying.certified_registrar("R001")
    _, others = await certifying.certified_registrar("R002")
    done = await certifying.registrars.end(SYSTEM, leaver.id)
    assert done.record is not None
    assert (done.subject.status, done.subject.version) == (RegistrarStatus.ENDED, leaver.version + 1)
    assert done.subject.sessions_end_at == done.subject.ended_at is not None
    assert await certifying.registrar_store.find(leaver.id) == done.subject
    after = await certifying.again(certificate)
    assert (after.state, after.revocation_reason) == (CertificateState.REVOKED, "affiliationChanged")
    assert (await certifying.again(others)).state is CertificateState.ISSUED
    listed = [each async for some in RevocationStore(certifying.database).since(after.issuer, 0) for each in some]
    assert [each.serial_number for each in listed] == [certificate.serial_number]
    record = (await certifying.records_of(leaver.id))[-1]
    assert (record.kind, record.id, record.participant_id) == ("registrar.ended", done.record.id, None)
    said = json.loads(record.content)["content"]
    assert said == {"number": "R001", "role": "OFFICER", "certificates": [certificate.id]}


async def test_who_left_is_not_let_in_and_no_session_of_its_lasts(certifying: Certifying) -> None:
    leaver, certificate = await certifying.certified_registrar("R001")
    await certifying.certified_registrar("R002")
    stores = (certifying.certificate_store, certifying.operator_store, certifying.participant_store)
    logins = Logins(*stores, certifying.registrar_store)
    caller = await logins.get_caller(certificate.fingerprint or "", certifying.clock.time)
    assert caller.id == leaver.id
    await certifying.registrars.end(SYSTEM, leaver.id)
    with pytest.raises(Unauthenticated):
        await logins.get_caller(certificate.fingerprint or "", certifying.clock.time, certifying.clock.time)
    with pytest.raises(Unauthenticated):
        await certifying.database.transaction(lambda session: logins.readmit(caller, session, certifying.clock.time))


async def test_whoever_left_is_certified_no_more_and_no_number_is_used_again(
    certifying: Certifying,
) -> None:
    leaver, _ = await certifying.certified_registrar("R001")
    officer, _ = await certifying.certified_registrar("R002")
    await certifying.registrars.end(SYSTEM, leaver.id)
    for caller in (SYSTEM, Caller(CallerKind.REGISTRAR, officer.id, role=RegistrarRole.OFFICER)):
        given = RequestInput(LOGIN, make_csr(make_key()), registrar_id=leaver.id)
        with pytest.raises(Refused) as caught:
            await certifying.requests.request(caller, given)
        assert codes_of(caught) == [RefusalCode.REGISTRAR_ENDED]
    with pytest.raises(Refused) as caught:
        await certifying.registrars.add(SYSTEM, RegistrarInput("R001", "周敏", RegistrarRole.OFFICER))
    assert codes_of(caught) == [RefusalCode.REGISTRAR_NUMBER_TAKEN]


async def test_whoever_left_already_leaves_no_second_record(registrars: RegistrarService) -> None:
    await registrars.add(SYSTEM, RegistrarInput("R001", "周敏", RegistrarRole.OFFICER))
    leaver = (await registrars.add(SYSTEM, RegistrarInput("R002", "吴强", RegistrarRole.OFFICER))).subject
    first, second = await registrars.end(SYSTEM, leaver.id), await registrars.end(SYSTEM, leaver.id)
    assert (first.subject, first.record is None, second.record) == (second.subject, False, None)


async def test_the_last_officer_stays_and_others_of_the_staff_do_not_count(registrars: RegistrarService) -> None:
    officer = (await registrars.add(SYSTEM, RegistrarInput("R001", "周敏", RegistrarRole.OFFICER))).subject
    auditor = (await registrars.add(SYSTEM, RegistrarInput("R002", "吴强", RegistrarRole.AUDITOR))).subject
    with pytest.raises(Refused) as caught:
        await registrars.end(SYSTEM, officer.id)
    assert codes_of(caught) == [RefusalCode.LAST_OFFICER]
    assert (await registrars.end(SYSTEM, auditor.id)).subject.status is RegistrarStatus.ENDED
    await registrars.add(SYSTEM, RegistrarInput("R003", "郑凯", RegistrarRole.OFFICER))
    assert (await registrars.end(SYSTEM, officer.id)).subject.status is RegistrarStatus.ENDED


async def test_of_two_officers_who_are_ended_at_once_one_stays(registrars: RegistrarService) -> None:
    both = [
        (await registrars.add(SYSTEM, RegistrarInput(number, "周敏", RegistrarRole.OFFICER))).subject
        for number in ("R001", "R002")
    ]
    done = await asyncio.gather(*(registrars.end(SYSTEM, each.id) for each in both), return_exceptions=True)
    (refused,) = (each for each in done if isinstance(each, BaseException))
    assert isinstance(refused, Refused)
    assert [each.code for each in refused.refusals] == [RefusalCode.LAST_OFFICER]


async def test_nobody_ends_a_registrar_from_outside_nor_one_that_is_not_there_nor_as_it_was(
    registrars: RegistrarService,
) -> None:
    added = (await registrars.add(SYSTEM, GIVEN)).subject
    await registrars.add(SYSTEM, RegistrarInput("R002", "吴强", RegistrarRole.OFFICER))
    with pytest.raises(Forbidden):
        await registrars.end(OFFICER, added.id)
    for registrar_id, version, code in (
        ("live-reg-01K9ZZZZZZZZZZZZZZZZZZZZZZ", None, RefusalCode.REGISTRAR_NOT_FOUND),
        (added.id, 7, RefusalCode.VERSION_CONFLICT),
    ):
        with pytest.raises(Refused) as caught:
            await registrars.end(SYSTEM, registrar_id, expected_version=version)
        assert codes_of(caught) == [code]
    assert (await registrars.end(SYSTEM, added.id, expected_version=1)).subject.status is RegistrarStatus.ENDED
