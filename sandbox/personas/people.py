"""The people of the sandbox, as data: who each is, and what of PROP can be tried as this one.

All names and numbers are made up. The credit codes have the region 999999, which is nobody's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from service.access import (
    APPROVING,
    ROLE_CEILINGS,
    SERVICES_AT_OPENING,
    OperatorRole,
    ParticipantKind,
    Permission,
    RegistrarRole,
    Service,
    permissions_of,
)


class Standing(StrEnum):
    """What became of an institution after it was opened."""

    GOOD = "GOOD"
    SUSPENDED = "SUSPENDED"  # art. 19
    STALE = "STALE"  # art. 25: opened under the agreement's former edition, and has not answered the newest
    UNQUALIFIED = "UNQUALIFIED"  # art. 20: the qualification is gone, the depository has not decided yet


class Condition(StrEnum):
    """How a persona's access is."""

    GOOD = "GOOD"
    EXPIRING = "EXPIRING"  # the certificate ends in three days, whenever one looks
    REVOKED = "REVOKED"  # the certificate was revoked
    OFFBOARDED = "OFFBOARDED"  # the operator left (art. 11)


@dataclass(frozen=True, slots=True, kw_only=True)
class Institution:
    """A participant to be: what it applies with, what it is granted."""

    code: str
    uscc: str
    kind: ParticipantKind
    legal_name: str
    legal_name_en: str
    clearing_numbers: tuple[str, ...] = ()
    trading_units: tuple[str, ...] = ()
    securities_codes: tuple[str, ...] = ()
    services: tuple[Service, ...] = ()
    standing: Standing = Standing.GOOD

    @property
    def permissions(self) -> frozenset[Permission]:
        """All that its services bring."""
        return permissions_of((*SERVICES_AT_OPENING, *self.services))


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """One who can be logged in as, or who shows why not. `number` is the operator's, or the registrar's."""

    name: str
    shows: str
    shows_zh: str
    number: str
    person: str
    role: OperatorRole | RegistrarRole
    institution: Institution | None = None  # None: staff of the depository
    withheld: frozenset[Permission] = frozenset()
    condition: Condition = Condition.GOOD

    @property
    def permissions(self) -> tuple[Permission, ...]:
        """All that institution and role allow, but what is withheld; a registrar is judged by role."""
        if self.institution is None or not isinstance(self.role, OperatorRole):
            return ()
        return tuple(sorted((self.institution.permissions & ROLE_CEILINGS[self.role]) - self.withheld))


BROKER = Institution(
    code="BRK001",
    uscc="91999999MA0BRK017H",
    kind=ParticipantKind.SETTLEMENT_PARTICIPANT,
    legal_name="沙盒湖畔证券股份有限公司",
    legal_name_en="Sandbox Lakeside Securities Co., Ltd.",
    clearing_numbers=("SBX001",),
    trading_units=("36501", "36502"),
    services=(Service.SETTLEMENT, Service.FILE_EXCHANGE),
)
ISSUER = Institution(
    code="ISS001",
    uscc="91999999MA0NQA04XC",
    kind=ParticipantKind.SECURITIES_ISSUER,
    legal_name="沙盒青竹科技股份有限公司",
    legal_name_en="Sandbox Bamboo Technology Co., Ltd.",
    securities_codes=("999001",),
    services=(Service.HOLDER_REGISTER,),
)
SUSPENDED = Institution(
    code="SUS001",
    uscc="91999999MA0XXU025K",
    kind=ParticipantKind.SETTLEMENT_PARTICIPANT,
    legal_name="沙盒远山证券有限责任公司",
    legal_name_en="Sandbox Far Hills Securities Co., Ltd.",
    clearing_numbers=("SBX002",),
    services=(Service.SETTLEMENT,),
    standing=Standing.SUSPENDED,
)
UNQUALIFIED = Institution(
    code="UNQ001",
    uscc="91999999MA0XUN038A",
    kind=ParticipantKind.SETTLEMENT_PARTICIPANT,
    legal_name="沙盒石桥证券有限责任公司",
    legal_name_en="Sandbox Stone Bridge Securities Co., Ltd.",
    clearing_numbers=("SBX003",),
    services=(Service.SETTLEMENT,),
    standing=Standing.UNQUALIFIED,
)
STALE = Institution(
    code="STL001",
    uscc="91999999MA0XT000LM",
    kind=ParticipantKind.SETTLEMENT_PARTICIPANT,
    legal_name="沙盒旧港证券有限责任公司",
    legal_name_en="Sandbox Old Harbour Securities Co., Ltd.",
    clearing_numbers=("SBX004",),
    services=(Service.SETTLEMENT,),
    standing=Standing.STALE,
)
INSTITUTIONS = (STALE, BROKER, ISSUER, SUSPENDED, UNQUALIFIED)
STALE_INSTITUTIONS = tuple(each for each in INSTITUTIONS if each.standing is Standing.STALE)

_REGISTRARS = (
    Persona(
        name="registrar-reviewer",
        shows="Staff of the depository who files and examines applications, and decides none.",
        shows_zh="登记结算机构经办人员：受理、审查申请，不作决定。",
        number="R001",
        person="程一",
        role=RegistrarRole.REVIEWER,
    ),
    Persona(
        name="registrar-officer",
        shows="Staff of the depository who decides: approves, grants services, suspends, terminates.",
        shows_zh="登记结算机构审批人员：批准、授权、暂停、终止。",
        number="R002",
        person="程二",
        role=RegistrarRole.OFFICER,
    ),
    Persona(
        name="registrar-auditor",
        shows="Staff of the depository who sees everything and changes nothing.",
        shows_zh="登记结算机构审计人员：可查阅全部，不可更改。",
        number="R003",
        person="程三",
        role=RegistrarRole.AUDITOR,
    ),
)
# The first of an institution is the administrator it applies with; the second of the broker confirms what the first
# proposes. A further one goes to the end: numbers are never used again.
_OPERATORS = (
    Persona(
        name="broker-admin",
        shows="The administrator of a broker in good standing: operators, permissions, certificates.",
        shows_zh="正常证券公司的管理员：管理操作员、权限、证书。",
        number="000001",
        person="湖一",
        role=OperatorRole.ADMINISTRATOR,
        institution=BROKER,
    ),
    Persona(
        name="broker-deputy",
        shows="The broker's second administrator: confirms what broker-admin proposes.",
        shows_zh="该证券公司的另一名管理员：复核 broker-admin 提出的事项。",
        number="000002",
        person="湖二",
        role=OperatorRole.ADMINISTRATOR,
        institution=BROKER,
        withheld=APPROVING,
    ),
    Persona(
        name="broker-clerk",
        shows="Enters the broker's business, and approves nothing.",
        shows_zh="该证券公司的经办：录入业务，不可复核。",
        number="000003",
        person="湖三",
        role=OperatorRole.OPERATOR,
        institution=BROKER,
        withheld=frozenset({Permission.RECORD_READ}),
    ),
    Persona(
        name="broker-reviewer",
        shows="Approves what the clerk entered; that permission was proposed and confirmed by two administrators.",
        shows_zh="该证券公司的复核：复核经办录入的业务；该权限经两名管理员提出并确认。",
        number="000004",
        person="湖四",
        role=OperatorRole.REVIEWER,
        institution=BROKER,
    ),
    Persona(
        name="broker-auditor",
        shows="Reads all of the broker's, and changes nothing.",
        shows_zh="该证券公司的审计：可查阅本机构全部信息，不可更改。",
        number="000005",
        person="湖五",
        role=OperatorRole.AUDITOR,
        institution=BROKER,
    ),
    Persona(
        name="leaver",
        shows="Left the broker: permissions, SMS and certificate ended together, and the login is refused.",
        shows_zh="已离职操作员：权限、短信、证书一并终止，登录被拒绝。",
        number="000006",
        person="湖六",
        role=OperatorRole.OPERATOR,
        institution=BROKER,
        condition=Condition.OFFBOARDED,
    ),
    Persona(
        name="expiring-clerk",
        shows="Has a certificate that ends in three days: the one to try renewal with.",
        shows_zh="证书总是三天后到期：用于测试换发。",
        number="000007",
        person="湖七",
        role=OperatorRole.OPERATOR,
        institution=BROKER,
        condition=Condition.EXPIRING,
    ),
    Persona(
        name="revoked-clerk",
        shows="Has a certificate that was revoked: the login is refused.",
        shows_zh="证书已被吊销：登录被拒绝。",
        number="000008",
        person="湖八",
        role=OperatorRole.OPERATOR,
        institution=BROKER,
        condition=Condition.REVOKED,
    ),
    Persona(
        name="issuer-admin",
        shows="The administrator of a securities issuer, which may ask for registers of its holders.",
        shows_zh="证券发行人的管理员：可申请持有人名册。",
        number="000001",
        person="竹一",
        role=OperatorRole.ADMINISTRATOR,
        institution=ISSUER,
    ),
    Persona(
        name="suspended-admin",
        shows="The administrator of a suspended participant: the login is refused until it is resumed.",
        shows_zh="被暂停用户的管理员：恢复之前登录被拒绝。",
        number="000001",
        person="山一",
        role=OperatorRole.ADMINISTRATOR,
        institution=SUSPENDED,
    ),
    Persona(
        name="unqualified-admin",
        shows="The administrator of a participant that lost its qualification: let in until the depository decides.",
        shows_zh="已丧失业务资格的用户的管理员：在登记结算机构作出决定之前仍可登录。",
        number="000001",
        person="桥一",
        role=OperatorRole.ADMINISTRATOR,
        institution=UNQUALIFIED,
    ),
    Persona(
        name="stale-admin",
        shows="The administrator of one that has not accepted the newest agreement: its next use is consent.",
        shows_zh="尚未接受最新协议的用户的管理员：可确认、可拒绝；继续使用即视为同意。",
        number="000001",
        person="港一",
        role=OperatorRole.ADMINISTRATOR,
        institution=STALE,
    ),
)
PERSONAS: Mapping[str, Persona] = MappingProxyType({each.name: each for each in (*_OPERATORS, *_REGISTRARS)})
REGISTRARS: tuple[Persona, ...] = _REGISTRARS


def handed_out(*, registrars: bool) -> tuple[Persona, ...]:
    """Those of whom a token is there for the asking; `registrars`: of the depository's staff, too."""
    return tuple(each for each in PERSONAS.values() if registrars or each.institution is not None)


def operators_of(institution: Institution) -> tuple[Persona, ...]:
    """Its personas, the first administrator first."""
    return tuple(each for each in _OPERATORS if each.institution is institution)
