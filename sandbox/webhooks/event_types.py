"""The events there are: the kinds of records that concern participants, each with its article and an example.

Every record that concerns a tenant reaches its webhooks, listed here or not; what is listed can be fired too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from service.identifiers import Kind

_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_FINGERPRINT = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
_DAY = "2026-03-31T15:59:59Z"
_CERTIFICATE = {
    "profile": "LOGIN",
    "serial": "5f3a9c0d1e2b4a68",
    "issuer": "CN=PROP SANDBOX ISSUING CA,O=PROP SANDBOX - NOT BINDING",
    "fingerprint": _FINGERPRINT,
    "key": _HASH,
    "notAfter": _DAY,
    "supersedes": None,
}
_APPLICATION = {"type": "CHANGE", "applicant": "91310000MA1FL0000X", "materials": [_HASH], "truthDeclared": True}
_AGREEMENT = {"number": 2, "contentHash": _HASH}


@dataclass(frozen=True, slots=True)
class EventType:
    """One kind. `subject` is the kind of the id it is about; `content` what a record of this kind says."""

    name: str
    article: int
    zh: str
    en: str
    subject: Kind | None
    content: Mapping[str, Any] = field(default_factory=dict)
    for_all: bool = False  # concerns every participant


_TYPES = (
    EventType("participant.opened", 7, "参与人已开通", "A participant was opened", Kind.PARTICIPANT,
              {"agreement": 1, "agreementHash": _HASH, "services": ["ACCOUNT_QUERY"]}),
    EventType("participant.suspended", 19, "参与人被暂停", "A participant was suspended", Kind.PARTICIPANT,
              {"ground": "BREACH", "reference": "2026-17", "articles": [13]}),
    EventType("participant.resumed", 19, "参与人已恢复", "A participant was resumed", Kind.PARTICIPANT,
              {"reference": "2026-18"}),
    EventType("participant.termination.proposed", 19, "拟终止参与人", "A termination was proposed", Kind.PARTICIPANT,
              {"ground": "BREACH", "reference": "2026-19"}),
    EventType("participant.terminated", 19, "参与人被终止", "A participant was terminated", Kind.PARTICIPANT,
              {"ground": "BREACH", "reference": "2026-19", "application": None, "operators": 3, "certificates": 5}),
    EventType("participant.closed", 18, "参与人已关闭", "A participant was closed", Kind.PARTICIPANT,
              {"operators": 3, "certificates": 5}),
    EventType("participant.information.changed", 16, "登记信息已变更", "Registered information has changed",
              Kind.PARTICIPANT, {"fields": ["legalName"]}),
    EventType("participant.service.granted", 2, "服务已授予", "A service was granted", Kind.PARTICIPANT,
              {"service": "ACCOUNT_QUERY"}),
    EventType("participant.service.withdrawn", 9, "服务已收回", "A service was withdrawn", Kind.PARTICIPANT,
              {"service": "ACCOUNT_QUERY", "operators": 3}),
    EventType("participant.qualification.recorded", 20, "业务资格已登记", "A qualification was recorded",
              Kind.PARTICIPANT, {"type": "SETTLEMENT", "status": "LOST"}),
    EventType("application.submitted", 6, "申请已提交", "An application was submitted", Kind.APPLICATION, _APPLICATION),
    EventType("application.under_review", 6, "申请在审核", "An application is under review", Kind.APPLICATION,
              _APPLICATION),
    EventType("application.returned", 6, "申请被退回", "An application was returned", Kind.APPLICATION,
              {**_APPLICATION, "reason": "A material cannot be read."}),
    EventType("application.approved", 16, "申请已通过", "An application was approved", Kind.APPLICATION, _APPLICATION),
    EventType("application.rejected", 6, "申请被拒绝", "An application was rejected", Kind.APPLICATION,
              {**_APPLICATION, "reason": "The applicant is not the participant."}),
    EventType("application.effected", 16, "申请已生效", "An application took effect", Kind.APPLICATION, _APPLICATION),
    EventType("application.withdrawn", 6, "申请已撤回", "An application was withdrawn", Kind.APPLICATION, _APPLICATION),
    EventType("application.lapsed", 19, "申请已失效", "An application lapsed with its participant", Kind.APPLICATION,
              _APPLICATION),
    EventType("operator.registered", 11, "操作员已登记", "An operator was registered", Kind.OPERATOR,
              {"number": "0004", "role": "OPERATOR", "permissions": []}),
    EventType("operator.permissions.proposed", 11, "操作员权限拟变更", "A change of permissions was proposed",
              Kind.OPERATOR, {"before": [], "after": ["READ_OPERATORS"]}),
    EventType("operator.permissions.changed", 11, "操作员权限已变更", "An operator's permissions have changed",
              Kind.OPERATOR, {"before": [], "after": ["READ_OPERATORS"]}),
    EventType("operator.appointment.proposed", 11, "拟任命管理员", "An administrator is to be appointed", Kind.OPERATOR,
              {"before": [], "after": ["READ_OPERATORS"], "from": "OPERATOR", "proposal": None}),
    EventType("operator.appointed", 11, "管理员已任命", "An administrator was appointed", Kind.OPERATOR,
              {"before": [], "after": ["READ_OPERATORS"], "from": "OPERATOR", "proposal": None}),
    EventType("operator.frozen", 13, "操作员已冻结", "An operator was frozen", Kind.OPERATOR,
              {"by": "PARTICIPANT"}),
    EventType("operator.unfrozen", 13, "操作员已解冻", "An operator was unfrozen", Kind.OPERATOR, {}),
    EventType("operator.offboarded", 11, "操作员已离岗", "An operator was offboarded", Kind.OPERATOR,
              {"reason": "LEFT", "permissions": [], "sms": [], "certificates": [], "successor": None}),
    EventType("operator.succeeded", 11, "操作员已接任", "An operator took over from one who left", Kind.OPERATOR,
              {"leaver": None, "before": [], "after": []}),
    EventType("operator.sms.subscribed", 11, "短信已订阅", "An operator subscribed to SMS", Kind.OPERATOR,
              {"topic": "CERTIFICATE_EXPIRY"}),
    EventType("operator.sms.unsubscribed", 11, "短信已退订", "An operator unsubscribed from SMS", Kind.OPERATOR,
              {"topic": "CERTIFICATE_EXPIRY"}),
    EventType("certificate.requested", 14, "证书已申请", "A certificate was requested", Kind.CERTIFICATE, _CERTIFICATE),
    EventType("certificate.approved", 13, "证书已批准", "A certificate was approved", Kind.CERTIFICATE, _CERTIFICATE),
    EventType("certificate.intended", 13, "证书将签发", "A certificate is about to be issued", Kind.CERTIFICATE,
              _CERTIFICATE),
    EventType("certificate.issued", 13, "证书已签发", "A certificate was issued", Kind.CERTIFICATE, _CERTIFICATE),
    EventType("certificate.registered", 13, "外部证书已登记", "An outside certificate was registered",
              Kind.CERTIFICATE, _CERTIFICATE),
    EventType("certificate.abandoned", 13, "证书申请已放弃", "A certificate was not issued", Kind.CERTIFICATE,
              {"reason": "The request has lapsed."}),
    EventType("certificate.renewal", 14, "证书在换发", "A certificate is renewed", Kind.CERTIFICATE, _CERTIFICATE),
    EventType("certificate.superseded", 14, "证书已被替换", "A certificate was superseded", Kind.CERTIFICATE,
              {"by": None}),
    EventType("certificate.reminded", 14, "证书即将到期", "A certificate is about to expire", Kind.REMINDER,
              {"certificate": None, "tier": 14, "audience": ["OPERATOR", "ADMINISTRATOR"]}),
    EventType("certificate.reminder.acknowledged", 14, "到期提醒已确认", "A reminder was acknowledged", Kind.REMINDER,
              {"certificate": None, "tier": 14}),
    EventType("certificate.held", 13, "证书已暂停", "A certificate was held", Kind.CERTIFICATE, {"reason": "ASKED"}),
    EventType("certificate.released", 13, "证书已恢复", "A certificate was released", Kind.CERTIFICATE, _CERTIFICATE),
    EventType("certificate.key_lost", 13, "密钥遗失已报告", "The loss of a key was reported", Kind.CERTIFICATE, {}),
    EventType("certificate.revoked", 13, "证书已吊销", "A certificate was revoked", Kind.CERTIFICATE,
              {**_CERTIFICATE, "reason": "KEY_COMPROMISE", "invalidityDate": None}),
    EventType("electronic_key.issued", 13, "电子钥匙已发放", "An electronic key was given out", Kind.ELECTRONIC_KEY,
              {"serial": "EK-0001", "model": "EK-100"}),
    EventType("electronic_key.lost", 13, "电子钥匙遗失", "An electronic key was lost", Kind.ELECTRONIC_KEY,
              {"serial": "EK-0001", "held": []}),
    EventType("agreement.published", 25, "协议修订版已公布", "A revision of the agreement was published",
              Kind.AGREEMENT, {**_AGREEMENT, "effectiveFrom": "2026-04-01", "supersedes": 1, "endsNotice": None},
              for_all=True),
    EventType("agreement.delivered", 25, "协议修订版已送达", "A revision was delivered", Kind.CONSENT, _AGREEMENT),
    EventType("agreement.confirmed", 25, "协议修订版已确认", "A revision was confirmed", Kind.CONSENT, _AGREEMENT),
    EventType("agreement.deemed", 25, "继续使用视为同意", "Use went on: a revision counts as accepted", Kind.CONSENT,
              {**_AGREEMENT, "use": None}),
    EventType("agreement.rejected", 25, "协议修订版被拒绝", "A revision was rejected", Kind.CONSENT,
              {**_AGREEMENT, "reason": "example", "task": None}),
    EventType("calendar.given_out", 14, "到期日历已发放", "A calendar's address was given out", Kind.CALENDAR, {}),
    EventType("calendar.withdrawn", 14, "到期日历已收回", "A calendar's address was withdrawn", Kind.CALENDAR, {}),
    EventType("task.closed", 19, "待办已结束", "A task was closed", Kind.TASK, {"note": "done"}),
    EventType("login.accepted", 13, "登录成功", "Somebody logged in", Kind.OPERATOR, {"token": _HASH, "expires": _DAY}),
    EventType("login.refused", 13, "登录被拒", "A login was refused", Kind.OPERATOR,
              {"reason": "CERTIFICATE_REVOKED", "text": "The certificate is revoked.", "certificate": _FINGERPRINT}),
    EventType("access.refused", 9, "越权被拒", "An act without permission was refused", Kind.OPERATOR,
              {"action": "REGISTER_OPERATOR"}),
    EventType("environment.crossed", 17, "跨环境使用被拒", "Something of the other world was brought here",
              Kind.OPERATOR, {"thing": "certificate", "there": "PRODUCTION"}),
    EventType("incident.announced", 22, "平台故障通告", "An incident of the platform was announced", None,
              {"cause": "LINE", "effect": "DELAYED", "since": _DAY, "until": None}, for_all=True),
    EventType("incident.ended", 22, "平台故障结束", "An incident of the platform has ended", None,
              {"cause": "LINE", "effect": "DELAYED", "since": _DAY, "until": _DAY}, for_all=True),
)  # fmt: skip

EVENT_TYPES: Mapping[str, EventType] = MappingProxyType({each.name: each for each in _TYPES})

FOR_ALL = frozenset(each.name for each in _TYPES if each.for_all)
"""Records of these kinds concern no one participant: all are told."""
