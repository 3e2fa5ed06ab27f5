"""Who calls, and the closed catalogues of what a caller may hold: roles, services, permissions.

A permission reaches an operator in two steps: the depository grants a *service* to the participant (art. 2, 9), and the
participant's administrator gives the operator some of the *permissions* that service brings (art. 11). There is no
wildcard. Which act asks for what is one table, in `service.policy`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class CallerKind(StrEnum):
    ANONYMOUS = "ANONYMOUS"
    OPERATOR = "OPERATOR"  # of a participant (art. 11, 12)
    REGISTRAR = "REGISTRAR"  # staff of the depository
    SYSTEM = "SYSTEM"  # a command line on the depository's own machine, or a job of the service


class OperatorRole(StrEnum):
    """What an operator (操作员) is for. A role bounds the permissions its holder may be given (art. 11)."""

    ADMINISTRATOR = "ADMINISTRATOR"  # 管理员: operators, permissions, certificates; no business of its own
    OPERATOR = "OPERATOR"  # 经办: enters business
    REVIEWER = "REVIEWER"  # 复核: approves what another entered
    AUDITOR = "AUDITOR"  # 审计: reads


class RegistrarRole(StrEnum):
    """What a member of the depository's staff is for."""

    REVIEWER = "REVIEWER"  # files and examines applications
    OFFICER = "OFFICER"  # decides: approves, grants, suspends, terminates
    AUDITOR = "AUDITOR"  # reads


class Permission(StrEnum):
    """The closed catalogue of what an operator can be permitted."""

    PARTICIPANT_READ = "PARTICIPANT_READ"
    PARTICIPANT_CHANGE = "PARTICIPANT_CHANGE"  # apply to change information, to rename, to close (art. 16, 18)
    AGREEMENT_ACCEPT = "AGREEMENT_ACCEPT"  # confirm or reject a revision (art. 25)
    OPERATOR_READ = "OPERATOR_READ"
    OPERATOR_MANAGE = "OPERATOR_MANAGE"  # register, freeze, offboard (art. 11)
    PERMISSION_ASSIGN = "PERMISSION_ASSIGN"
    CERTIFICATE_READ = "CERTIFICATE_READ"
    CERTIFICATE_REQUEST = "CERTIFICATE_REQUEST"  # request and renew one's own (art. 14)
    CERTIFICATE_MANAGE = "CERTIFICATE_MANAGE"  # hold, release and revoke those of the participant (art. 13)
    CERTIFICATE_APPROVE = "CERTIFICATE_APPROVE"
    RECORD_READ = "RECORD_READ"
    SMS_SUBSCRIBE = "SMS_SUBSCRIBE"
    NOTICE_READ = "NOTICE_READ"
    SETTLEMENT_READ = "SETTLEMENT_READ"
    SETTLEMENT_SUBMIT = "SETTLEMENT_SUBMIT"
    SETTLEMENT_APPROVE = "SETTLEMENT_APPROVE"
    FILE_RECEIVE = "FILE_RECEIVE"
    FILE_SEND = "FILE_SEND"
    HOLDER_REGISTER_READ = "HOLDER_REGISTER_READ"
    HOLDER_REGISTER_APPLY = "HOLDER_REGISTER_APPLY"


class ServiceKind(StrEnum):
    """The two kinds of service that article 2 names."""

    BUSINESS_PROCESSING = "BUSINESS_PROCESSING"  # 业务处理
    DATA_EXCHANGE = "DATA_EXCHANGE"  # 数据交换


class Service(StrEnum):
    """What a participant can be granted (art. 2, 9)."""

    ACCESS = "ACCESS"  # 用户管理: granted with the opening, withdrawn with the closing
    NOTICES = "NOTICES"  # 通知与短信
    SETTLEMENT = "SETTLEMENT"  # 结算业务
    FILE_EXCHANGE = "FILE_EXCHANGE"  # 数据文件收发
    HOLDER_REGISTER = "HOLDER_REGISTER"  # 持有人名册


class ParticipantKind(StrEnum):
    """The institutions that use PROP; article 20 names the first two."""

    SETTLEMENT_PARTICIPANT = "SETTLEMENT_PARTICIPANT"  # 结算参与机构
    SECURITIES_ISSUER = "SECURITIES_ISSUER"  # 证券发行人
    OTHER = "OTHER"


class QualificationType(StrEnum):
    """The business qualification that a service presupposes (art. 20)."""

    SETTLEMENT = "SETTLEMENT"  # 结算业务资格
    ISSUER_REGISTRATION = "ISSUER_REGISTRATION"  # 证券登记


@dataclass(frozen=True, slots=True)
class ServiceTerms:
    """What a service is: its kind (art. 2), the permissions it brings, the qualification it presupposes (art. 20)."""

    kind: ServiceKind
    title: str
    title_zh: str
    permissions: frozenset[Permission]
    qualification: QualificationType | None = None


SERVICES: Mapping[Service, ServiceTerms] = MappingProxyType(
    {
        Service.ACCESS: ServiceTerms(
            ServiceKind.BUSINESS_PROCESSING,
            "Administration of the participant's own access",
            "用户管理",
            frozenset(
                {
                    Permission.PARTICIPANT_READ,
                    Permission.PARTICIPANT_CHANGE,
                    Permission.AGREEMENT_ACCEPT,
                    Permission.OPERATOR_READ,
                    Permission.OPERATOR_MANAGE,
                    Permission.PERMISSION_ASSIGN,
                    Permission.CERTIFICATE_READ,
                    Permission.CERTIFICATE_REQUEST,
                    Permission.CERTIFICATE_MANAGE,
                    Permission.CERTIFICATE_APPROVE,
                    Permission.RECORD_READ,
                }
            ),
        ),
        Service.NOTICES: ServiceTerms(
            ServiceKind.DATA_EXCHANGE,
            "Notices, on the platform and by SMS",
            "通知与短信服务",
            frozenset({Permission.NOTICE_READ, Permission.SMS_SUBSCRIBE}),
        ),
        Service.SETTLEMENT: ServiceTerms(
            ServiceKind.BUSINESS_PROCESSING,
            "Settlement instructions",
            "结算业务",
            frozenset({Permission.SETTLEMENT_READ, Permission.SETTLEMENT_SUBMIT, Permission.SETTLEMENT_APPROVE}),
            QualificationType.SETTLEMENT,
        ),
        Service.FILE_EXCHANGE: ServiceTerms(
            ServiceKind.DATA_EXCHANGE,
            "Clearing files, received and sent",
            "数据文件收发",
            frozenset({Permission.FILE_RECEIVE, Permission.FILE_SEND}),
        ),
        Service.HOLDER_REGISTER: ServiceTerms(
            ServiceKind.BUSINESS_PROCESSING,
            "Registers of holders, for issuers",
            "持有人名册服务",
            frozenset({Permission.HOLDER_REGISTER_READ, Permission.HOLDER_REGISTER_APPLY}),
            QualificationType.ISSUER_REGISTRATION,
        ),
    }
)

SERVICES_AT_OPENING = (Service.ACCESS, Service.NOTICES)

APPROVING = frozenset({Permission.SETTLEMENT_APPROVE, Permission.CERTIFICATE_APPROVE})
"""Permissions to approve what another entered: who gives one is watched by a second person."""

_READING = frozenset(
    {
        Permission.PARTICIPANT_READ,
        Permission.OPERATOR_READ,
        Permission.CERTIFICATE_READ,
        Permission.RECORD_READ,
        Permission.NOTICE_READ,
        Permission.SETTLEMENT_READ,
        Permission.FILE_RECEIVE,
        Permission.HOLDER_REGISTER_READ,
    }
)
_FOR_EVERYBODY = frozenset({Permission.CERTIFICATE_REQUEST, Permission.SMS_SUBSCRIBE})

ROLE_CEILINGS: Mapping[OperatorRole, frozenset[Permission]] = MappingProxyType(
    {
        OperatorRole.ADMINISTRATOR: _FOR_EVERYBODY
        | SERVICES[Service.ACCESS].permissions
        | SERVICES[Service.NOTICES].permissions,
        OperatorRole.OPERATOR: _FOR_EVERYBODY
        | _READING
        | {Permission.SETTLEMENT_SUBMIT, Permission.FILE_SEND, Permission.HOLDER_REGISTER_APPLY},
        OperatorRole.REVIEWER: _FOR_EVERYBODY | _READING | APPROVING,
        OperatorRole.AUDITOR: _FOR_EVERYBODY | _READING,
    }
)
"""The most a role may hold: who administers does no business, who enters does not approve, who audits only reads."""


def permissions_of(services: Iterable[Service]) -> frozenset[Permission]:
    """Every permission that these services bring together."""
    return frozenset().union(*(SERVICES[service].permissions for service in services))


@dataclass(frozen=True, slots=True)
class Caller:
    """The one on whose behalf something is done. Built from a verified token, never from what a request claims.

    `id` names the operator or registrar; `participant_id` the institution whose act it is (art. 12);
    `certificate` is the SHA-256 fingerprint of the LOGIN certificate behind the token. `permissions` are an operator's
    own; a registrar has none and is judged by role. `registered_by` let the operator in; those in `certified_by`, of
    its own side, had a hand in its certificate and so perhaps in its key: none of them has a second person in it.
    """

    kind: CallerKind
    id: str | None = None
    participant_id: str | None = None
    role: OperatorRole | RegistrarRole | None = None
    certificate: str | None = None
    permissions: frozenset[Permission] = field(default=frozenset())
    registered_by: str | None = None
    certified_by: frozenset[str] = field(default=frozenset())


ANONYMOUS = Caller(CallerKind.ANONYMOUS)
SYSTEM = Caller(CallerKind.SYSTEM)


def may_see(caller: Caller, participant_id: str) -> bool:
    """Whether anything of this participant exists for the caller. Says nothing of which acts are allowed."""
    match caller.kind:
        case CallerKind.REGISTRAR | CallerKind.SYSTEM:
            return True
        case CallerKind.OPERATOR:
            return caller.participant_id == participant_id
        case CallerKind.ANONYMOUS:
            return False


def own_participant(caller: Caller) -> str | None:
    """The one participant a caller's queries are confined to; None for those who see all.

    Raises ValueError for a caller who sees none: ask `service.policy.ensure_may` first.
    """
    match caller.kind:
        case CallerKind.REGISTRAR | CallerKind.SYSTEM:
            return None
        case CallerKind.OPERATOR if caller.participant_id is not None:
            return caller.participant_id
        case _:
            raise ValueError("this caller sees no participant")
