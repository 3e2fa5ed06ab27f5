"""The table of who may do what: closed, deny first, two persons where it matters."""

import itertools

import pytest

from service.access import (
    ANONYMOUS,
    APPROVING,
    ROLE_CEILINGS,
    SERVICES,
    SYSTEM,
    Caller,
    CallerKind,
    OperatorRole,
    Permission,
    RegistrarRole,
    Service,
    may_see,
    own_participant,
    permissions_of,
)
from service.errors import Forbidden, Unauthenticated
from service.policy import POLICY, Action, ensure_may, ensure_second_person, may, policy_table
from service.refusals import RefusalCode, Refused


def make_operator(role: OperatorRole, *permissions: Permission) -> Caller:
    return Caller(CallerKind.OPERATOR, "live-op-1", "live-par-1", role, permissions=frozenset(permissions))


def make_registrar(role: RegistrarRole) -> Caller:
    return Caller(CallerKind.REGISTRAR, "live-reg-1", role=role)


def test_every_action_is_in_the_table() -> None:
    assert set(POLICY) == set(Action)


def test_every_permission_belongs_to_exactly_one_service() -> None:
    brought = [permission for terms in SERVICES.values() for permission in terms.permissions]
    assert sorted(brought) == sorted(Permission)


def test_whoever_is_not_logged_in_may_nothing() -> None:
    for action in Action:
        with pytest.raises(Unauthenticated):
            ensure_may(ANONYMOUS, action)


def test_an_operator_without_permissions_may_only_what_asks_for_none() -> None:
    free = {action for action, role in itertools.product(Action, OperatorRole) if may(make_operator(role), action)}
    assert free == {Action.UNSUBSCRIBE_SMS, Action.REPORT_KEY_LOST}


def test_a_role_that_is_not_named_is_refused_with_every_permission() -> None:
    for action, role in itertools.product(Action, OperatorRole):
        assert may(make_operator(role, *Permission), action) == (role in POLICY[action].operators)
    for action, registrar in itertools.product(Action, RegistrarRole):
        assert may(make_registrar(registrar), action) == (registrar in POLICY[action].registrars)


def test_an_auditor_changes_nothing() -> None:
    changing = {action for action in Action if not action.startswith("READ_")}
    own = {Action.SUBSCRIBE_SMS, Action.UNSUBSCRIBE_SMS, Action.REPORT_KEY_LOST} | {
        Action.REQUEST_CERTIFICATE,
        Action.RENEW_CERTIFICATE,
        Action.ACKNOWLEDGE_REMINDER,
    }
    assert not any(may(make_registrar(RegistrarRole.AUDITOR), action) for action in changing)
    assert {each for each in changing if may(make_operator(OperatorRole.AUDITOR, *Permission), each)} == own


def test_a_caller_of_one_kind_has_no_role_of_the_other() -> None:
    disguised = Caller(CallerKind.OPERATOR, "live-op-1", "live-par-1", RegistrarRole.OFFICER)
    assert not may(disguised, Action.SUSPEND_PARTICIPANT)
    with pytest.raises(Forbidden, match="ADMINISTRATOR"):
        ensure_may(disguised, Action.CHANGE_INFORMATION)


def test_an_operator_without_a_participant_may_nothing() -> None:
    homeless = Caller(
        CallerKind.OPERATOR, "live-op-1", None, OperatorRole.ADMINISTRATOR, permissions=frozenset(Permission)
    )
    assert not any(may(homeless, action) for action in Action)


def test_the_submitter_does_not_approve() -> None:
    officer = make_registrar(RegistrarRole.OFFICER)
    with pytest.raises(Refused) as caught:
        ensure_second_person(officer, Action.DECIDE_APPLICATION, officer.id)
    assert caught.value.refusals[0].code is RefusalCode.SAME_PERSON
    ensure_second_person(officer, Action.DECIDE_APPLICATION, "live-reg-2")
    ensure_second_person(officer, Action.SUSPEND_PARTICIPANT, officer.id)


def test_a_participant_sees_its_own_and_the_registrar_all() -> None:
    operator = make_operator(OperatorRole.OPERATOR)
    assert may_see(operator, "live-par-1")
    assert not may_see(operator, "live-par-2")
    assert not may_see(ANONYMOUS, "live-par-1")
    assert may_see(SYSTEM, "live-par-1")
    assert own_participant(operator) == "live-par-1"
    assert own_participant(make_registrar(RegistrarRole.AUDITOR)) is None
    with pytest.raises(ValueError, match="sees no participant"):
        own_participant(ANONYMOUS)


def test_who_enters_business_does_not_approve_it() -> None:
    assert not ROLE_CEILINGS[OperatorRole.OPERATOR] & APPROVING
    assert Permission.SETTLEMENT_SUBMIT not in ROLE_CEILINGS[OperatorRole.REVIEWER]
    assert Permission.SETTLEMENT_SUBMIT not in ROLE_CEILINGS[OperatorRole.ADMINISTRATOR]


def test_a_service_brings_its_permissions_and_no_others() -> None:
    assert permissions_of([]) == frozenset()
    assert permissions_of([Service.NOTICES]) == {Permission.NOTICE_READ, Permission.SMS_SUBSCRIBE}


def test_the_table_can_be_read() -> None:
    lines = policy_table().splitlines()
    assert len(lines) == len(Action) + 2
    assert "| TERMINATE_PARTICIPANT |  |  | OFFICER |  | yes |" in lines
