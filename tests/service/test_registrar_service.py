"""The depository's staff: added from its own machine alone, under a number that is used once."""

import pytest

from service.access import SYSTEM, Caller, CallerKind, OperatorRole, Permission, RegistrarRole
from service.errors import Forbidden, Unauthenticated
from service.refusals import RefusalCode, Refused
from service.registrar_service import RegistrarInput, RegistrarService
from service.registrars import RegistrarStatus
from service.storage.database import Database
from service.storage.registrars import RegistrarStore
from tests.service.institutions import OFFICER, Institutions

pytestmark = pytest.mark.wire

GIVEN = RegistrarInput("R001", "周敏", RegistrarRole.OFFICER)


@pytest.fixture
def platform(wire_database: Database) -> Institutions:
    return Institutions(wire_database)


@pytest.fixture
def registrars(platform: Institutions) -> RegistrarService:
    return RegistrarService(platform.acts, registrars=RegistrarStore(platform.database))


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
