"""Whose certificates are: who leaves takes them along, whatever comes at the same moment."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from service.access import SYSTEM, RegistrarRole
from service.certificate_holders import CertificateHolder
from service.certificate_registration import RegistrationInput
from service.certificate_requests import RequestInput
from service.operators import OffboardReason, Operator
from service.refusals import RefusalCode, Refused
from service.registrar_service import RegistrarInput
from service.storage.database import Database
from tests.service.certifying import LOGIN, Certifying, ask, make_csr, make_key
from tests.service.institutions import OFFICER, REVIEWER, caller_for, sole

pytestmark = pytest.mark.wire


@pytest.fixture
def desk(wire_database: Database) -> Certifying:
    return Certifying(wire_database)


def meanwhile(desk: Certifying, monkeypatch: pytest.MonkeyPatch, act: Callable[[], Awaitable[object]]) -> None:
    """Once, when a transaction has looked at the holder and not written yet, another act is done."""
    get_for, acts = desk.holders.get_for, [act]

    async def overtaken(*given: Any) -> CertificateHolder:
        found = await get_for(*given)
        if acts:
            await acts.pop()()
        return found

    monkeypatch.setattr(desk.holders, "get_for", overtaken)


async def request(desk: Certifying, clerk: Operator) -> None:
    await desk.requests.request(REVIEWER, ask(clerk))


async def register(desk: Certifying, clerk: Operator) -> None:
    pem = desk.outside.issue(number=clerk.operator_number)
    await desk.registration.register(OFFICER, RegistrationInput(LOGIN, clerk.id, pem))


@pytest.mark.parametrize("come_by_one", [request, register])
async def test_no_certificate_that_comes_while_its_holder_leaves_stays(
    desk: Certifying, monkeypatch: pytest.MonkeyPatch, come_by_one: Callable[[Certifying, Operator], Awaitable[None]]
) -> None:
    _, administrator = await desk.open()
    clerk = await desk.register(administrator, "000002")
    admin = caller_for(administrator)
    meanwhile(desk, monkeypatch, lambda: desk.operators.offboard(admin, clerk.id, OffboardReason.LEFT))
    with pytest.raises(Refused) as caught:
        await come_by_one(desk, clerk)
    assert sole(caught) is RefusalCode.OPERATOR_STATE
    assert await desk.certificate_store.standing_of({"operatorId": clerk.id}) == []


async def test_no_successor_that_comes_while_its_holder_leaves_stays(
    desk: Certifying, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, administrator = await desk.open()
    clerk = await desk.register(administrator, "000002")
    old = await desk.issue(clerk)
    desk.pass_days(300)
    admin = caller_for(administrator)
    meanwhile(desk, monkeypatch, lambda: desk.operators.offboard(admin, clerk.id, OffboardReason.LEFT))
    with pytest.raises(Refused) as caught:
        await desk.requests.renew(REVIEWER, old.id, make_csr(make_key()))
    assert sole(caught) is RefusalCode.OPERATOR_STATE
    assert await desk.certificate_store.standing_of({"operatorId": clerk.id}) == []


async def test_no_certificate_that_comes_while_a_registrar_leaves_stays(
    desk: Certifying, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = RegistrarInput("R001", "Zhao Liu", RegistrarRole.AUDITOR)
    registrar = (await desk.registrars.add(SYSTEM, given)).subject
    meanwhile(desk, monkeypatch, lambda: desk.registrars.end(SYSTEM, registrar.id))
    with pytest.raises(Refused) as caught:
        await desk.requests.request(SYSTEM, RequestInput(LOGIN, make_csr(make_key()), registrar_id=registrar.id))
    assert sole(caught) is RefusalCode.REGISTRAR_ENDED
    assert await desk.certificate_store.standing_of({"registrarId": registrar.id}) == []
