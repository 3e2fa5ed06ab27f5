"""What each act asks of its caller: one table, from which the docs come and against which every path is tested.

Deny first: an act that is not in the table is nobody's, and the table names what is allowed, never what is forbidden.
Whose things they are is a second question: `service.access.may_see`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from service.access import Caller, CallerKind, OperatorRole, Permission, RegistrarRole
from service.errors import Forbidden, Unauthenticated
from service.refusals import RefusalCode, refuse


class Action(StrEnum):
    """Every act. A mutation's action is its GraphQL name in capitals."""

    # agreement
    PUBLISH_AGREEMENT = "PUBLISH_AGREEMENT"
    ACCEPT_AGREEMENT = "ACCEPT_AGREEMENT"
    REJECT_AGREEMENT = "REJECT_AGREEMENT"
    DELIVER_AGREEMENT = "DELIVER_AGREEMENT"
    READ_CONSENT = "READ_CONSENT"
    READ_DELIVERY = "READ_DELIVERY"  # how a revision fares with all participants
    # participants and their applications
    READ_PARTICIPANT = "READ_PARTICIPANT"
    READ_APPLICATION = "READ_APPLICATION"
    READ_TASK = "READ_TASK"
    READ_PROPOSAL = "READ_PROPOSAL"
    APPLY_FOR_ACCESS = "APPLY_FOR_ACCESS"
    SUBMIT_APPLICATION = "SUBMIT_APPLICATION"
    WITHDRAW_APPLICATION = "WITHDRAW_APPLICATION"
    REVIEW_APPLICATION = "REVIEW_APPLICATION"  # take up, return
    DECIDE_APPLICATION = "DECIDE_APPLICATION"  # approve, reject: the same mutation, a narrower circle
    CHANGE_INFORMATION = "CHANGE_INFORMATION"
    APPLY_FOR_CLOSURE = "APPLY_FOR_CLOSURE"
    EFFECT_APPLICATION = "EFFECT_APPLICATION"
    SUSPEND_PARTICIPANT = "SUSPEND_PARTICIPANT"
    RESUME_PARTICIPANT = "RESUME_PARTICIPANT"
    TERMINATE_PARTICIPANT = "TERMINATE_PARTICIPANT"
    GRANT_SERVICE = "GRANT_SERVICE"
    WITHDRAW_SERVICE = "WITHDRAW_SERVICE"
    RECORD_QUALIFICATION = "RECORD_QUALIFICATION"
    CLOSE_TASK = "CLOSE_TASK"
    # operators
    READ_OPERATOR = "READ_OPERATOR"
    READ_LEAST_PRIVILEGE = "READ_LEAST_PRIVILEGE"
    REVEAL_PERSONAL_DATA = "REVEAL_PERSONAL_DATA"
    REGISTER_OPERATOR = "REGISTER_OPERATOR"
    CHANGE_PERMISSIONS = "CHANGE_PERMISSIONS"
    FREEZE_OPERATOR = "FREEZE_OPERATOR"
    UNFREEZE_OPERATOR = "UNFREEZE_OPERATOR"
    OFFBOARD_OPERATOR = "OFFBOARD_OPERATOR"
    APPOINT_ADMINISTRATOR = "APPOINT_ADMINISTRATOR"
    SUBSCRIBE_SMS = "SUBSCRIBE_SMS"
    UNSUBSCRIBE_SMS = "UNSUBSCRIBE_SMS"
    # certificates
    READ_CERTIFICATE = "READ_CERTIFICATE"
    REGISTER_CERTIFICATE = "REGISTER_CERTIFICATE"
    REQUEST_CERTIFICATE = "REQUEST_CERTIFICATE"
    APPROVE_CERTIFICATE = "APPROVE_CERTIFICATE"
    RENEW_CERTIFICATE = "RENEW_CERTIFICATE"
    HOLD_CERTIFICATE = "HOLD_CERTIFICATE"
    RELEASE_CERTIFICATE = "RELEASE_CERTIFICATE"
    REVOKE_CERTIFICATE = "REVOKE_CERTIFICATE"
    REPORT_KEY_LOST = "REPORT_KEY_LOST"
    ACKNOWLEDGE_REMINDER = "ACKNOWLEDGE_REMINDER"
    KEEP_CALENDAR = "KEEP_CALENDAR"  # give out and withdraw the address of the participant's feed
    READ_ELECTRONIC_KEY = "READ_ELECTRONIC_KEY"
    REGISTER_ELECTRONIC_KEY = "REGISTER_ELECTRONIC_KEY"
    CHANGE_ELECTRONIC_KEY = "CHANGE_ELECTRONIC_KEY"
    # evidence
    READ_RECORD = "READ_RECORD"
    # registrars
    READ_REGISTRAR = "READ_REGISTRAR"
    ADD_REGISTRAR = "ADD_REGISTRAR"
    END_REGISTRAR = "END_REGISTRAR"
    # conformance
    CHECK_CONFORMANCE = "CHECK_CONFORMANCE"


@dataclass(frozen=True, slots=True)
class Allowed:
    """Who may: operators of these roles holding `permission` (if one is named), registrars of these roles, the system.

    `second_person`: who submits does not approve. `anybody` admits callers who have not logged in.
    """

    operators: frozenset[OperatorRole] = frozenset()
    permission: Permission | None = None
    registrars: frozenset[RegistrarRole] = frozenset()
    system: bool = False
    second_person: bool = False
    anybody: bool = False


_ADMINISTRATOR = frozenset({OperatorRole.ADMINISTRATOR})
_CHECKERS = frozenset({OperatorRole.ADMINISTRATOR, OperatorRole.REVIEWER})
_ALL_OPERATORS = frozenset(OperatorRole)
_OFFICER = frozenset({RegistrarRole.OFFICER})
_COUNTER = frozenset({RegistrarRole.REVIEWER, RegistrarRole.OFFICER})
_ALL_REGISTRARS = frozenset(RegistrarRole)


def _read(permission: Permission) -> Allowed:
    return Allowed(_ALL_OPERATORS, permission, _ALL_REGISTRARS, system=True)


POLICY: Mapping[Action, Allowed] = MappingProxyType(
    {
        Action.PUBLISH_AGREEMENT: Allowed(registrars=_OFFICER, system=True),
        Action.ACCEPT_AGREEMENT: Allowed(_ADMINISTRATOR, Permission.AGREEMENT_ACCEPT),
        Action.REJECT_AGREEMENT: Allowed(_ADMINISTRATOR, Permission.AGREEMENT_ACCEPT),
        Action.DELIVER_AGREEMENT: Allowed(system=True),
        Action.READ_CONSENT: _read(Permission.PARTICIPANT_READ),
        Action.READ_DELIVERY: Allowed(registrars=_ALL_REGISTRARS, system=True),
        Action.READ_PARTICIPANT: _read(Permission.PARTICIPANT_READ),
        Action.READ_APPLICATION: _read(Permission.PARTICIPANT_READ),
        Action.READ_TASK: Allowed(registrars=_ALL_REGISTRARS, system=True),
        Action.READ_PROPOSAL: _read(Permission.OPERATOR_READ),
        Action.APPLY_FOR_ACCESS: Allowed(registrars=_COUNTER, system=True),
        Action.SUBMIT_APPLICATION: Allowed(_ADMINISTRATOR, Permission.PARTICIPANT_CHANGE, _COUNTER, system=True),
        Action.WITHDRAW_APPLICATION: Allowed(_ADMINISTRATOR, Permission.PARTICIPANT_CHANGE, _COUNTER, system=True),
        Action.REVIEW_APPLICATION: Allowed(registrars=_COUNTER),
        Action.DECIDE_APPLICATION: Allowed(registrars=_OFFICER, second_person=True),
        Action.CHANGE_INFORMATION: Allowed(_ADMINISTRATOR, Permission.PARTICIPANT_CHANGE, _COUNTER),
        Action.APPLY_FOR_CLOSURE: Allowed(_ADMINISTRATOR, Permission.PARTICIPANT_CHANGE, _COUNTER),
        Action.EFFECT_APPLICATION: Allowed(system=True),
        Action.SUSPEND_PARTICIPANT: Allowed(registrars=_OFFICER),
        Action.RESUME_PARTICIPANT: Allowed(registrars=_OFFICER),
        Action.TERMINATE_PARTICIPANT: Allowed(registrars=_OFFICER, second_person=True),
        Action.GRANT_SERVICE: Allowed(registrars=_OFFICER, system=True),
        Action.WITHDRAW_SERVICE: Allowed(registrars=_OFFICER),
        Action.RECORD_QUALIFICATION: Allowed(registrars=_COUNTER, system=True),
        Action.CLOSE_TASK: Allowed(registrars=_OFFICER),
        Action.READ_OPERATOR: _read(Permission.OPERATOR_READ),
        Action.READ_LEAST_PRIVILEGE: Allowed(
            frozenset({OperatorRole.ADMINISTRATOR, OperatorRole.AUDITOR}),
            Permission.OPERATOR_READ,
            _ALL_REGISTRARS,
            system=True,
        ),
        Action.REVEAL_PERSONAL_DATA: Allowed(_ADMINISTRATOR, Permission.OPERATOR_MANAGE, _COUNTER),
        Action.REGISTER_OPERATOR: Allowed(_ADMINISTRATOR, Permission.OPERATOR_MANAGE, system=True),
        Action.CHANGE_PERMISSIONS: Allowed(_ADMINISTRATOR, Permission.PERMISSION_ASSIGN, _OFFICER, second_person=True),
        Action.FREEZE_OPERATOR: Allowed(_ADMINISTRATOR, Permission.OPERATOR_MANAGE, _OFFICER),
        Action.UNFREEZE_OPERATOR: Allowed(_ADMINISTRATOR, Permission.OPERATOR_MANAGE, _OFFICER),
        Action.OFFBOARD_OPERATOR: Allowed(_ADMINISTRATOR, Permission.OPERATOR_MANAGE, _OFFICER, second_person=True),
        Action.APPOINT_ADMINISTRATOR: Allowed(
            _ADMINISTRATOR, Permission.PERMISSION_ASSIGN, _OFFICER, system=True, second_person=True
        ),
        Action.SUBSCRIBE_SMS: Allowed(_ALL_OPERATORS, Permission.SMS_SUBSCRIBE),
        Action.UNSUBSCRIBE_SMS: Allowed(_ALL_OPERATORS),  # nobody needs a permission to be left alone
        Action.READ_CERTIFICATE: _read(Permission.CERTIFICATE_READ),
        Action.REGISTER_CERTIFICATE: Allowed(_ADMINISTRATOR, Permission.CERTIFICATE_MANAGE, _OFFICER, system=True),
        Action.REQUEST_CERTIFICATE: Allowed(_ALL_OPERATORS, Permission.CERTIFICATE_REQUEST, _COUNTER, system=True),
        Action.APPROVE_CERTIFICATE: Allowed(_CHECKERS, Permission.CERTIFICATE_APPROVE, _OFFICER, second_person=True),
        Action.RENEW_CERTIFICATE: Allowed(_ALL_OPERATORS, Permission.CERTIFICATE_REQUEST, _COUNTER, system=True),
        Action.HOLD_CERTIFICATE: Allowed(_ADMINISTRATOR, Permission.CERTIFICATE_MANAGE, _OFFICER),
        Action.RELEASE_CERTIFICATE: Allowed(_ADMINISTRATOR, Permission.CERTIFICATE_MANAGE, _OFFICER),
        Action.REVOKE_CERTIFICATE: Allowed(_ADMINISTRATOR, Permission.CERTIFICATE_MANAGE, _OFFICER),
        Action.REPORT_KEY_LOST: Allowed(  # art. 13: nothing delays a loss report
            _ALL_OPERATORS, registrars=_COUNTER, system=True
        ),
        Action.ACKNOWLEDGE_REMINDER: Allowed(_ALL_OPERATORS, Permission.CERTIFICATE_REQUEST, _COUNTER),
        Action.KEEP_CALENDAR: Allowed(_ADMINISTRATOR, Permission.CERTIFICATE_MANAGE),
        Action.READ_ELECTRONIC_KEY: _read(Permission.CERTIFICATE_READ),
        Action.REGISTER_ELECTRONIC_KEY: Allowed(registrars=_COUNTER, system=True),
        Action.CHANGE_ELECTRONIC_KEY: Allowed(_ADMINISTRATOR, Permission.CERTIFICATE_MANAGE, _COUNTER),
        Action.READ_RECORD: _read(Permission.RECORD_READ),
        Action.READ_REGISTRAR: Allowed(registrars=_ALL_REGISTRARS, system=True),
        Action.ADD_REGISTRAR: Allowed(system=True),
        Action.END_REGISTRAR: Allowed(system=True),
        Action.CHECK_CONFORMANCE: Allowed(system=True),
    }
)


def may(caller: Caller, action: Action) -> bool:
    """Whether the table allows the act to such a caller, whoever it concerns."""
    return why_not(caller, action) is None


def why_not(caller: Caller, action: Action) -> str | None:
    """The sentence that says what the caller lacks, or None if the act is allowed."""
    allowed = POLICY.get(action, Allowed())
    if allowed.anybody:
        return None
    match caller.kind:
        case CallerKind.ANONYMOUS:
            return f"{action} needs a login."
        case CallerKind.SYSTEM:
            return None if allowed.system else f"{action} is a person's to do."
        case CallerKind.REGISTRAR:
            return None if caller.role in allowed.registrars else _only(action, allowed.registrars, "registrars")
        case CallerKind.OPERATOR:
            return _what_an_operator_lacks(caller, action, allowed)


def _what_an_operator_lacks(caller: Caller, action: Action, allowed: Allowed) -> str | None:
    if caller.role not in allowed.operators or caller.participant_id is None:
        return _only(action, allowed.operators, "operators")
    if allowed.permission is not None and allowed.permission not in caller.permissions:
        return f"{action} needs the permission {allowed.permission}."
    return None


def _only(action: Action, roles: frozenset[OperatorRole] | frozenset[RegistrarRole], whose: str) -> str:
    named = " or ".join(sorted(roles))
    return f"{action} is for {whose} in the role {named}." if roles else f"{action} is not for {whose}."


def ensure_may(caller: Caller, action: Action) -> None:
    """Raises Unauthenticated or Forbidden, with what is lacking. Does not ask whose thing it is."""
    reason = why_not(caller, action)
    if reason is None:
        return
    if caller.kind is CallerKind.ANONYMOUS:
        raise Unauthenticated(reason)
    raise Forbidden(reason, action=action.value)


def ensure_second_person(
    caller: Caller, action: Action, submitted_by: str | None, certified_by: Iterable[str] = ()
) -> None:
    """Raises Refused where the policy asks for two persons and the caller is not a second one (art. 11).

    Not a second person is the submitter (SAME_PERSON); nor one whom the submitter registered, nor where one hand may
    hold the keys of both: the one certified the other, or a third certified both (NOT_INDEPENDENT). `certified_by`: the
    submitter's. The system is no person, so what it submitted any person may approve.
    """
    if not POLICY[action].second_person or submitted_by is None or caller.id is None:
        return
    if caller.id == submitted_by:
        raise refuse(RefusalCode.SAME_PERSON, action=action.value)
    hands = {submitted_by, *certified_by} & {caller.id, *caller.certified_by}
    if hands or caller.registered_by == submitted_by:
        raise refuse(RefusalCode.NOT_INDEPENDENT, action=action.value)


def policy_table() -> str:
    """The table as Markdown, for the docs."""
    lines = ["| act | operators | permission | registrars | system | two persons |", "|---|---|---|---|---|---|"]
    for action, allowed in POLICY.items():
        cells = (
            action.value,
            "everybody" if allowed.anybody else ", ".join(sorted(allowed.operators)),
            allowed.permission or "",
            ", ".join(sorted(allowed.registrars)),
            "yes" if allowed.system else "",
            "yes" if allowed.second_person else "",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
