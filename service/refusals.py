"""What rules say no with: one table of codes, the article each stands for, and the sentence in English and Chinese.

A rule raises `Refused`; the GraphQL face puts its refusals into the payload. A code, once published, keeps its meaning.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class RefusalCode(StrEnum):
    # agreement
    AGREEMENT_NOT_FOUND = "AGREEMENT_NOT_FOUND"
    AGREEMENT_PUBLISHED = "AGREEMENT_PUBLISHED"
    AGREEMENT_OUT_OF_ORDER = "AGREEMENT_OUT_OF_ORDER"
    AGREEMENT_EFFECTIVE_TOO_EARLY = "AGREEMENT_EFFECTIVE_TOO_EARLY"
    AGREEMENT_NOT_DELIVERED = "AGREEMENT_NOT_DELIVERED"
    AGREEMENT_NOT_NEWEST = "AGREEMENT_NOT_NEWEST"
    AGREEMENT_NOT_IN_FORCE = "AGREEMENT_NOT_IN_FORCE"
    AGREEMENT_REJECTED = "AGREEMENT_REJECTED"
    CONSENT_STATE = "CONSENT_STATE"
    LEGACY_NOTICE_ENDED = "LEGACY_NOTICE_ENDED"
    # writing
    VERSION_CONFLICT = "VERSION_CONFLICT"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    TEXT_TOO_LONG = "TEXT_TOO_LONG"
    LIST_TOO_LONG = "LIST_TOO_LONG"
    SAME_PERSON = "SAME_PERSON"
    NOT_INDEPENDENT = "NOT_INDEPENDENT"
    PROPOSAL_NOT_FOUND = "PROPOSAL_NOT_FOUND"
    PROPOSAL_MISMATCH = "PROPOSAL_MISMATCH"
    PROPOSAL_EXPIRED = "PROPOSAL_EXPIRED"
    # numbers of institutions
    USCC_INVALID = "USCC_INVALID"
    LEI_INVALID = "LEI_INVALID"
    CLEARING_NUMBER_INVALID = "CLEARING_NUMBER_INVALID"
    TRADING_UNIT_INVALID = "TRADING_UNIT_INVALID"
    SECURITIES_CODE_INVALID = "SECURITIES_CODE_INVALID"
    PARTICIPANT_CODE_INVALID = "PARTICIPANT_CODE_INVALID"
    OPERATOR_NUMBER_INVALID = "OPERATOR_NUMBER_INVALID"
    TELEPHONE_INVALID = "TELEPHONE_INVALID"
    EMAIL_INVALID = "EMAIL_INVALID"
    NAME_INVALID = "NAME_INVALID"
    NUMBER_REPEATED = "NUMBER_REPEATED"
    # participants
    PARTICIPANT_NOT_FOUND = "PARTICIPANT_NOT_FOUND"
    PARTICIPANT_STATE = "PARTICIPANT_STATE"
    PARTICIPANT_NOT_ACTIVE = "PARTICIPANT_NOT_ACTIVE"
    PARTICIPANT_ALREADY_OPEN = "PARTICIPANT_ALREADY_OPEN"
    PARTICIPANT_CODE_TAKEN = "PARTICIPANT_CODE_TAKEN"
    APPLICANT_NOT_USER = "APPLICANT_NOT_USER"
    TRUTH_NOT_DECLARED = "TRUTH_NOT_DECLARED"
    MATERIAL_MISSING = "MATERIAL_MISSING"
    MATERIAL_INVALID = "MATERIAL_INVALID"
    CONTACT_MISSING = "CONTACT_MISSING"
    CLEARING_NUMBER_MISSING = "CLEARING_NUMBER_MISSING"
    SECURITIES_CODE_MISSING = "SECURITIES_CODE_MISSING"
    ACCEPTANCE_MISSING = "ACCEPTANCE_MISSING"
    DEPOSITORY_DECIDES = "DEPOSITORY_DECIDES"
    GROUND_MISSING = "GROUND_MISSING"
    GROUND_NOT_FOR_SUSPENSION = "GROUND_NOT_FOR_SUSPENSION"
    QUALIFICATION_MISSING = "QUALIFICATION_MISSING"
    QUALIFICATION_DATES = "QUALIFICATION_DATES"
    SERVICE_ALREADY_GRANTED = "SERVICE_ALREADY_GRANTED"
    SERVICE_NOT_GRANTED = "SERVICE_NOT_GRANTED"
    SERVICE_INDISPENSABLE = "SERVICE_INDISPENSABLE"
    TASK_NOT_FOUND = "TASK_NOT_FOUND"
    # applications
    APPLICATION_NOT_FOUND = "APPLICATION_NOT_FOUND"
    APPLICATION_STATE = "APPLICATION_STATE"
    APPLICATION_PENDING = "APPLICATION_PENDING"
    NOTHING_CHANGED = "NOTHING_CHANGED"
    USCC_FIXED = "USCC_FIXED"
    EFFECTIVE_DATE_PAST = "EFFECTIVE_DATE_PAST"
    EFFECTIVE_DATE_TOO_FAR = "EFFECTIVE_DATE_TOO_FAR"
    REASON_MISSING = "REASON_MISSING"
    # operators
    OPERATOR_NOT_FOUND = "OPERATOR_NOT_FOUND"
    OPERATOR_STATE = "OPERATOR_STATE"
    OPERATOR_NUMBER_TAKEN = "OPERATOR_NUMBER_TAKEN"
    PERMISSION_WILDCARD = "PERMISSION_WILDCARD"
    PERMISSION_UNKNOWN = "PERMISSION_UNKNOWN"
    PERMISSION_BEYOND_GRANTS = "PERMISSION_BEYOND_GRANTS"
    PERMISSION_BEYOND_ROLE = "PERMISSION_BEYOND_ROLE"
    OWN_PERMISSIONS = "OWN_PERMISSIONS"
    APPROVAL_NOT_AT_REGISTRATION = "APPROVAL_NOT_AT_REGISTRATION"
    ADMINISTRATOR_NOT_AT_REGISTRATION = "ADMINISTRATOR_NOT_AT_REGISTRATION"
    LAST_ADMINISTRATOR = "LAST_ADMINISTRATOR"
    SUCCESSOR_UNFIT = "SUCCESSOR_UNFIT"
    SMS_ALREADY_SUBSCRIBED = "SMS_ALREADY_SUBSCRIBED"
    SMS_NOT_SUBSCRIBED = "SMS_NOT_SUBSCRIBED"
    SMS_NOT_OWN = "SMS_NOT_OWN"
    # registrars
    REGISTRAR_NUMBER_INVALID = "REGISTRAR_NUMBER_INVALID"
    REGISTRAR_NUMBER_TAKEN = "REGISTRAR_NUMBER_TAKEN"
    REGISTRAR_ENDED = "REGISTRAR_ENDED"
    LAST_OFFICER = "LAST_OFFICER"
    # certificates
    CERTIFICATE_MALFORMED = "CERTIFICATE_MALFORMED"
    CERTIFICATE_REQUEST_MALFORMED = "CERTIFICATE_REQUEST_MALFORMED"
    CERTIFICATE_LIST_MALFORMED = "CERTIFICATE_LIST_MALFORMED"
    CERTIFICATE_INPUT_TOO_LARGE = "CERTIFICATE_INPUT_TOO_LARGE"
    CERTIFICATE_INPUT_NOT_ONE = "CERTIFICATE_INPUT_NOT_ONE"
    CERTIFICATE_PRIVATE_KEY_PASTED = "CERTIFICATE_PRIVATE_KEY_PASTED"
    CERTIFICATE_ALGORITHM_UNSUPPORTED = "CERTIFICATE_ALGORITHM_UNSUPPORTED"
    CERTIFICATE_POSSESSION_UNPROVEN = "CERTIFICATE_POSSESSION_UNPROVEN"
    CERTIFICATE_SIGNATURE_WEAK = "CERTIFICATE_SIGNATURE_WEAK"
    CERTIFICATE_KEY_NOT_ALLOWED = "CERTIFICATE_KEY_NOT_ALLOWED"
    CERTIFICATE_KEY_WEAK = "CERTIFICATE_KEY_WEAK"
    CERTIFICATE_KEY_BLOCKED = "CERTIFICATE_KEY_BLOCKED"
    CERTIFICATE_FOREIGN_WORLD = "CERTIFICATE_FOREIGN_WORLD"
    CERTIFICATE_POLICY_MISSING = "CERTIFICATE_POLICY_MISSING"
    CERTIFICATE_EXPIRED = "CERTIFICATE_EXPIRED"
    CERTIFICATE_NOT_YET_VALID = "CERTIFICATE_NOT_YET_VALID"
    CERTIFICATE_LIFE_TOO_LONG = "CERTIFICATE_LIFE_TOO_LONG"
    CERTIFICATE_OUTLIVES_ISSUER = "CERTIFICATE_OUTLIVES_ISSUER"
    CERTIFICATE_ISSUER_UNKNOWN = "CERTIFICATE_ISSUER_UNKNOWN"
    CERTIFICATE_ISSUER_EXPIRED = "CERTIFICATE_ISSUER_EXPIRED"
    CERTIFICATE_ISSUER_NOT_AUTHORITY = "CERTIFICATE_ISSUER_NOT_AUTHORITY"
    CERTIFICATE_ROOT_NOT_TRUSTED = "CERTIFICATE_ROOT_NOT_TRUSTED"
    CERTIFICATE_CHAIN_INVALID = "CERTIFICATE_CHAIN_INVALID"
    CERTIFICATE_IS_AUTHORITY = "CERTIFICATE_IS_AUTHORITY"
    CERTIFICATE_USAGE_WRONG = "CERTIFICATE_USAGE_WRONG"
    CERTIFICATE_HOLDER_UNREADABLE = "CERTIFICATE_HOLDER_UNREADABLE"
    CERTIFICATE_OF_ANOTHER_HOLDER = "CERTIFICATE_OF_ANOTHER_HOLDER"
    CERTIFICATE_LIST_STALE = "CERTIFICATE_LIST_STALE"
    CERTIFICATE_NOT_FOUND = "CERTIFICATE_NOT_FOUND"
    CERTIFICATE_STATE = "CERTIFICATE_STATE"
    CERTIFICATE_KEY_LOST = "CERTIFICATE_KEY_LOST"
    CERTIFICATE_NOT_OWN = "CERTIFICATE_NOT_OWN"
    CERTIFICATE_ALREADY_HELD = "CERTIFICATE_ALREADY_HELD"
    CERTIFICATE_REQUEST_PENDING = "CERTIFICATE_REQUEST_PENDING"
    CERTIFICATE_KEY_OF_ANOTHER = "CERTIFICATE_KEY_OF_ANOTHER"
    CERTIFICATE_KEY_OF_OTHER_PROFILE = "CERTIFICATE_KEY_OF_OTHER_PROFILE"
    CERTIFICATE_KEY_REUSED = "CERTIFICATE_KEY_REUSED"
    CERTIFICATE_KNOWN = "CERTIFICATE_KNOWN"
    CERTIFICATE_UNVERIFIED_TOO_MANY = "CERTIFICATE_UNVERIFIED_TOO_MANY"
    CERTIFICATE_NOT_EXTENDED = "CERTIFICATE_NOT_EXTENDED"
    CERTIFICATE_RENEWAL_TOO_EARLY = "CERTIFICATE_RENEWAL_TOO_EARLY"
    CERTIFICATE_RENEWED = "CERTIFICATE_RENEWED"
    CERTIFICATE_OF_OUTSIDE = "CERTIFICATE_OF_OUTSIDE"
    CERTIFICATE_AUTHORITY_MISSING = "CERTIFICATE_AUTHORITY_MISSING"
    REVOCATION_REASON_MISSING = "REVOCATION_REASON_MISSING"
    REVOCATION_REASON_NOT_YOURS = "REVOCATION_REASON_NOT_YOURS"
    INVALIDITY_DATE_WRONG = "INVALIDITY_DATE_WRONG"
    REGISTRAR_NOT_FOUND = "REGISTRAR_NOT_FOUND"
    ELECTRONIC_KEY_NOT_FOUND = "ELECTRONIC_KEY_NOT_FOUND"
    ELECTRONIC_KEY_STATE = "ELECTRONIC_KEY_STATE"
    ELECTRONIC_KEY_SERIAL_INVALID = "ELECTRONIC_KEY_SERIAL_INVALID"
    ELECTRONIC_KEY_SERIAL_TAKEN = "ELECTRONIC_KEY_SERIAL_TAKEN"
    REMINDER_NOT_FOUND = "REMINDER_NOT_FOUND"
    CALENDAR_NOT_FOUND = "CALENDAR_NOT_FOUND"
    CONFORMANCE_MISSING = "CONFORMANCE_MISSING"
    CONFORMANCE_NOT_PINNED = "CONFORMANCE_NOT_PINNED"
    CONFORMANCE_FAILED = "CONFORMANCE_FAILED"
    CONFORMANCE_EXPIRED = "CONFORMANCE_EXPIRED"
    CONFORMANCE_OF_ANOTHER = "CONFORMANCE_OF_ANOTHER"
    CONFORMANCE_KEY_SEEN = "CONFORMANCE_KEY_SEEN"


@dataclass(frozen=True, slots=True)
class Rule:
    """The article a code stands for (None where only technique asks for it) and its sentences, with {named} places."""

    article: int | None
    en: str
    zh: str


RULES: Mapping[RefusalCode, Rule] = MappingProxyType(
    {
        RefusalCode.AGREEMENT_NOT_FOUND: Rule(
            25, "There is no agreement number {number}.", "不存在第 {number} 号协议。"
        ),
        RefusalCode.AGREEMENT_PUBLISHED: Rule(
            25,
            "Agreement {number} is published and cannot be changed: import the revision under a new number.",
            "第 {number} 号协议已发布，不得更改：请以新编号导入修订版本。",
        ),
        RefusalCode.AGREEMENT_OUT_OF_ORDER: Rule(
            25,
            "Agreement {number} cannot be published: the newest published version is {newest}.",
            "第 {number} 号协议不能发布：最新发布的版本为 {newest}。",
        ),
        RefusalCode.AGREEMENT_EFFECTIVE_TOO_EARLY: Rule(
            25,
            "Agreement {number} would take effect on {effective}, before version {newest} did, on {newest_effective}.",
            "第 {number} 号协议的生效日 {effective} 早于第 {newest} 号协议的生效日 {newest_effective}。",
        ),
        RefusalCode.AGREEMENT_NOT_DELIVERED: Rule(
            25,
            "Agreement {number} has not been delivered to the participant: it is not accepted or rejected before.",
            "第 {number} 号协议尚未通过PROP送达该用户，不得视为同意或拒绝。",
        ),
        RefusalCode.AGREEMENT_NOT_NEWEST: Rule(
            25,
            "Agreement {number} is answered no more: the newest version is {newest}.",
            "第 {number} 号协议已有更新版本 {newest}，不再接受答复。",
        ),
        RefusalCode.AGREEMENT_NOT_IN_FORCE: Rule(
            25,
            "Agreement {number} takes effect on {effective}: use before that day is no consent to it.",
            "第 {number} 号协议自 {effective} 起生效，此前的使用不视为同意。",
        ),
        RefusalCode.AGREEMENT_REJECTED: Rule(
            25,
            "The participant has rejected agreement {number}: it uses PROP no more, and applies to close.",
            "用户不同意第 {number} 号协议：应停止使用PROP，并申请关闭。",
        ),
        RefusalCode.CONSENT_STATE: Rule(
            25,
            "The answer to this version is given: it is {status}, and cannot become otherwise ({command}).",
            "对该版本的答复已作出：状态为 {status}，不能办理：{command}。",
        ),
        RefusalCode.LEGACY_NOTICE_ENDED: Rule(
            29,
            "The older notice ended when agreement 1 took effect: it is accepted no more.",
            "《PROP联网及使用须知》自协议生效之日起终止，不再接受同意。",
        ),
        # writing
        RefusalCode.VERSION_CONFLICT: Rule(
            None,
            "This has changed since you read it: it is at version {found}, not {expected}.",
            "该对象已被更改：当前版本为 {found}，而非 {expected}。",
        ),
        RefusalCode.IDEMPOTENCY_KEY_REUSED: Rule(
            None, "This idempotency key was used with another input.", "该幂等键已用于其他输入。"
        ),
        RefusalCode.TEXT_TOO_LONG: Rule(
            None, "This has {found} characters; {longest} at most.", "此项有 {found} 个字符，最多 {longest} 个。"
        ),
        RefusalCode.LIST_TOO_LONG: Rule(
            None, "These are {found}; {most} at most.", "此项有 {found} 个，最多 {most} 个。"
        ),
        RefusalCode.SAME_PERSON: Rule(
            11,
            "{action} needs a second person: who submits does not approve.",
            "{action} 须由另一人复核：提交人不得自行批准。",
        ),
        RefusalCode.NOT_INDEPENDENT: Rule(
            11,
            "{action} needs a second person whom the first neither registered nor certified, nor the other way round.",
            "{action} 的复核人不得由提交人登记或为其办理证书，反之亦然。",
        ),
        RefusalCode.PROPOSAL_NOT_FOUND: Rule(
            11, "There is no such proposal waiting for a second person.", "不存在该待复核事项。"
        ),
        RefusalCode.PROPOSAL_MISMATCH: Rule(
            11, "What is confirmed is not what was proposed.", "确认内容与提交内容不一致。"
        ),
        RefusalCode.PROPOSAL_EXPIRED: Rule(
            11, "The proposal lapsed at {at}: propose again.", "该待复核事项已于 {at} 失效，请重新提交。"
        ),
        # numbers of institutions
        RefusalCode.USCC_INVALID: Rule(
            6,
            "{found} is not a unified social credit code: 18 characters with a check digit (GB 32100).",
            "{found} 不是有效的统一社会信用代码（GB 32100，18 位，含校验码）。",
        ),
        RefusalCode.LEI_INVALID: Rule(
            6,
            "{found} is not a legal entity identifier: 20 characters with check digits (ISO 17442).",
            "{found} 不是有效的法人识别编码（ISO 17442，20 位，含校验码）。",
        ),
        RefusalCode.CLEARING_NUMBER_INVALID: Rule(
            6,
            "{found} is not a clearing number: 1 to 8 letters and digits.",
            "{found} 不是有效的清算编号（1 至 8 位字母或数字）。",
        ),
        RefusalCode.TRADING_UNIT_INVALID: Rule(
            6, "{found} is not a trading unit: 5 letters or digits.", "{found} 不是有效的交易单元（5 位字母或数字）。"
        ),
        RefusalCode.SECURITIES_CODE_INVALID: Rule(
            6, "{found} is not a securities code: 6 digits.", "{found} 不是有效的证券代码（6 位数字）。"
        ),
        RefusalCode.PARTICIPANT_CODE_INVALID: Rule(
            6,
            "{found} is not a participant code: a letter and 2 to 7 letters or digits.",
            "{found} 不是有效的用户代码（1 位字母加 2 至 7 位字母或数字）。",
        ),
        RefusalCode.OPERATOR_NUMBER_INVALID: Rule(
            11, "{found} is not an operator number: 6 digits.", "{found} 不是有效的操作员编号（6 位数字）。"
        ),
        RefusalCode.TELEPHONE_INVALID: Rule(6, "This is not a telephone number that can be called.", "电话号码无效。"),
        RefusalCode.EMAIL_INVALID: Rule(6, "This is not an e-mail address.", "电子邮箱地址无效。"),
        RefusalCode.NAME_INVALID: Rule(
            6,
            "A name is 1 to {longest} characters, without control characters.",
            "名称须为 1 至 {longest} 个字符，且不含控制字符。",
        ),
        RefusalCode.NUMBER_REPEATED: Rule(6, "{found} is given twice.", "{found} 重复。"),
        # participants
        RefusalCode.PARTICIPANT_NOT_FOUND: Rule(9, "There is no such participant.", "不存在该用户。"),
        RefusalCode.PARTICIPANT_STATE: Rule(
            9, "A participant that is {status} cannot do this: {command}.", "用户状态为 {status}，不能办理：{command}。"
        ),
        RefusalCode.PARTICIPANT_NOT_ACTIVE: Rule(
            9,
            "The participant is {status}: it is not provided with the service.",
            "用户状态为 {status}，不予提供联网服务。",
        ),
        RefusalCode.PARTICIPANT_ALREADY_OPEN: Rule(
            6,
            "An institution with this credit code has been opened already, or is being opened.",
            "该统一社会信用代码的机构已开通或正在申请开通。",
        ),
        RefusalCode.PARTICIPANT_CODE_TAKEN: Rule(
            6, "The participant code {found} has been used.", "用户代码 {found} 已被使用。"
        ),
        RefusalCode.APPLICANT_NOT_USER: Rule(
            6,
            "One applies in one's own name: the applicant's credit code is not the user's.",
            "应以自身名义申请：申请人与用户的统一社会信用代码不一致。",
        ),
        RefusalCode.TRUTH_NOT_DECLARED: Rule(
            6,
            "The declaration that the information is true, accurate and complete is missing.",
            "缺少信息真实、准确、完整的声明。",
        ),
        RefusalCode.MATERIAL_MISSING: Rule(6, "The material {missing} is missing.", "缺少材料：{missing}。"),
        RefusalCode.MATERIAL_INVALID: Rule(
            6,
            "A material is named once and carries its SHA-256 in lower-case hex.",
            "材料不得重复，且须附小写十六进制 SHA-256 摘要。",
        ),
        RefusalCode.CONTACT_MISSING: Rule(6, "A business contact is missing.", "缺少业务联系人。"),
        RefusalCode.CLEARING_NUMBER_MISSING: Rule(
            6, "A settlement participant has a clearing number.", "结算参与机构须有清算编号。"
        ),
        RefusalCode.SECURITIES_CODE_MISSING: Rule(6, "An issuer has a securities code.", "证券发行人须有证券代码。"),
        RefusalCode.ACCEPTANCE_MISSING: Rule(
            7,
            "No acceptance of an agreement in force stands behind this opening.",
            "缺少对现行协议的同意记录，不得开通。",
        ),
        RefusalCode.DEPOSITORY_DECIDES: Rule(
            19,
            "Suspending, resuming and terminating are the depository's to decide; what it holds or froze, it releases.",
            "暂停、恢复和终止服务由中国结算决定；由其冻结的，由其解冻。",
        ),
        RefusalCode.GROUND_MISSING: Rule(
            19, "The ground of this decision, or the rule it rests on, is missing.", "缺少作出该决定的事由或依据。"
        ),
        RefusalCode.GROUND_NOT_FOR_SUSPENSION: Rule(
            20,
            "A lost qualification is a ground to terminate, not to suspend.",
            "业务资格终止是终止服务的事由，不是暂停服务的事由。",
        ),
        RefusalCode.QUALIFICATION_MISSING: Rule(
            20,
            "The service {service} presupposes the qualification {qualification}.",
            "服务 {service} 以具有业务资格 {qualification} 为前提。",
        ),
        RefusalCode.QUALIFICATION_DATES: Rule(
            20, "The qualification ends before it begins.", "业务资格的终止日期早于起始日期。"
        ),
        RefusalCode.SERVICE_ALREADY_GRANTED: Rule(
            9, "The service {service} is granted already.", "服务 {service} 已授权。"
        ),
        RefusalCode.SERVICE_NOT_GRANTED: Rule(
            9, "The service {service} is not granted to the participant.", "服务 {service} 未授权给该用户。"
        ),
        RefusalCode.SERVICE_INDISPENSABLE: Rule(
            9,
            "The service {service} comes with the opening and goes with the closing.",
            "服务 {service} 随开通授予、随关闭终止。",
        ),
        RefusalCode.TASK_NOT_FOUND: Rule(20, "There is no such open task.", "不存在该待办事项。"),
        # applications
        RefusalCode.APPLICATION_NOT_FOUND: Rule(6, "There is no such application.", "不存在该申请。"),
        RefusalCode.APPLICATION_STATE: Rule(
            6,
            "An application that is {status} cannot do this: {command}.",
            "申请状态为 {status}，不能办理：{command}。",
        ),
        RefusalCode.APPLICATION_PENDING: Rule(
            16, "Another application of this participant is being handled.", "该用户另有申请正在办理。"
        ),
        RefusalCode.NOTHING_CHANGED: Rule(16, "The application changes nothing.", "申请未作任何变更。"),
        RefusalCode.USCC_FIXED: Rule(
            16,
            "Another credit code is another institution: it applies for its own opening.",
            "统一社会信用代码变更即为另一机构，应另行申请开通。",
        ),
        RefusalCode.EFFECTIVE_DATE_PAST: Rule(
            16, "The change cannot take effect on {date}: that day is past.", "变更不得自 {date} 起生效：该日期已过。"
        ),
        RefusalCode.EFFECTIVE_DATE_TOO_FAR: Rule(
            16,
            "The change takes effect on {latest} at the latest: what waits longer is applied for later.",
            "变更最迟应自 {latest} 起生效；更晚生效的，请届时另行申请。",
        ),
        RefusalCode.REASON_MISSING: Rule(
            6, "To return or reject an application takes a reason.", "退回或拒绝申请须说明理由。"
        ),
        # operators
        RefusalCode.OPERATOR_NOT_FOUND: Rule(11, "There is no such operator.", "不存在该操作员。"),
        RefusalCode.OPERATOR_STATE: Rule(
            11, "An operator who is {status} cannot do this: {command}.", "操作员状态为 {status}，不能办理：{command}。"
        ),
        RefusalCode.OPERATOR_NUMBER_TAKEN: Rule(
            11,
            "The operator number {found} has been used; a number is never used again.",
            "操作员编号 {found} 已被使用；编号不得重复使用。",
        ),
        RefusalCode.PERMISSION_WILDCARD: Rule(
            11, "Permissions are named one by one: there is no wildcard.", "权限须逐项列明，不得使用通配符。"
        ),
        RefusalCode.PERMISSION_UNKNOWN: Rule(11, "{found} is not a permission.", "{found} 不是有效的权限。"),
        RefusalCode.PERMISSION_BEYOND_GRANTS: Rule(
            9,
            "{permissions}: beyond the services granted to the participant.",
            "{permissions}：超出用户获授权的服务范围。",
        ),
        RefusalCode.PERMISSION_BEYOND_ROLE: Rule(
            11,
            "{permissions}: not for an operator in the role {role}.",
            "{permissions}：不适用于角色为 {role} 的操作员。",
        ),
        RefusalCode.OWN_PERMISSIONS: Rule(11, "Nobody widens their own permissions.", "不得扩大本人权限。"),
        RefusalCode.APPROVAL_NOT_AT_REGISTRATION: Rule(
            11,
            "Permission to approve is given to a registered operator and confirmed by a second person: {permissions}.",
            "复核权限须在登记后另行授予并经另一人确认：{permissions}。",
        ),
        RefusalCode.ADMINISTRATOR_NOT_AT_REGISTRATION: Rule(
            11,
            "An administrator is registered in another role and then appointed, confirmed by a second person.",
            "管理员须先以其他角色登记，再行任命并经另一人确认。",
        ),
        RefusalCode.LAST_ADMINISTRATOR: Rule(
            11,
            "The last active administrator goes only when a successor is named.",
            "最后一名有效管理员须先指定继任者。",
        ),
        RefusalCode.SUCCESSOR_UNFIT: Rule(
            11,
            "The successor is another active operator of the same participant.",
            "继任者须为同一用户的另一名有效操作员。",
        ),
        RefusalCode.SMS_ALREADY_SUBSCRIBED: Rule(
            11, "The operator is subscribed to {topic} already.", "该操作员已订阅 {topic}。"
        ),
        RefusalCode.SMS_NOT_SUBSCRIBED: Rule(
            11, "The operator is not subscribed to {topic}.", "该操作员未订阅 {topic}。"
        ),
        RefusalCode.SMS_NOT_OWN: Rule(
            11,
            "A subscription is its operator's own; an administrator may only end it.",
            "短信由操作员本人订阅；管理员仅可退订。",
        ),
        # registrars
        RefusalCode.REGISTRAR_NUMBER_INVALID: Rule(
            12,
            "{found} is not a registrar's number: 2 to 32 capital letters or digits.",
            "{found} 不是有效的工作人员编号（2 至 32 位大写字母或数字）。",
        ),
        RefusalCode.REGISTRAR_NUMBER_TAKEN: Rule(
            12,
            "The registrar's number {found} has been used; a number is never used again.",
            "工作人员编号 {found} 已被使用；编号不得重复使用。",
        ),
        RefusalCode.REGISTRAR_ENDED: Rule(
            13,
            "Registrar {number} has left the staff: no certificate is issued to {number} any more.",
            "工作人员 {number} 已离任，不得再为其签发证书。",
        ),
        RefusalCode.LAST_OFFICER: Rule(
            12,
            "{number} is the last active officer: without one, nothing is decided any more.",
            "{number} 是最后一名在任主管；其离任后将无人可作决定。",
        ),
        RefusalCode.CERTIFICATE_MALFORMED: Rule(
            8, "This is not a well-formed certificate: {detail}.", "这不是格式正确的证书：{detail}。"
        ),
        RefusalCode.CERTIFICATE_REQUEST_MALFORMED: Rule(
            8, "This is not a well-formed certificate request: {detail}.", "这不是格式正确的证书申请：{detail}。"
        ),
        RefusalCode.CERTIFICATE_LIST_MALFORMED: Rule(
            8,
            "This is not a well-formed certificate revocation list: {detail}.",
            "这不是格式正确的证书吊销列表：{detail}。",
        ),
        RefusalCode.CERTIFICATE_INPUT_TOO_LARGE: Rule(
            8, "{size} bytes were given; at most {limit} are read.", "提交了 {size} 字节，最多读取 {limit} 字节。"
        ),
        RefusalCode.CERTIFICATE_INPUT_NOT_ONE: Rule(
            8,
            "Exactly one PEM block is expected, a whole {wanted}; blocks begun: {count}.",
            "应当恰好有一个完整的 {wanted} PEM 块；实际起始的块数为 {count}。",
        ),
        RefusalCode.CERTIFICATE_PRIVATE_KEY_PASTED: Rule(
            13,
            "This holds a private key. A private key never leaves its holder: consider it compromised, make a new one.",
            "内容含有私钥。私钥不得离开其持有人：请视其为已泄露，并重新生成密钥。",
        ),
        RefusalCode.CERTIFICATE_ALGORITHM_UNSUPPORTED: Rule(
            8, "{algorithm} can be shown here, but not verified.", "{algorithm} 在此可以显示，但无法验证。"
        ),
        RefusalCode.CERTIFICATE_POSSESSION_UNPROVEN: Rule(
            13, "The request is not signed with the key that it asks to certify.", "证书申请未由其所申请的密钥签名。"
        ),
        RefusalCode.CERTIFICATE_SIGNATURE_WEAK: Rule(
            8,
            "It is signed with {found}; SHA-256, SHA-384, SHA-512 and Ed25519 are accepted.",
            "其签名采用 {found}；可接受的是 SHA-256、SHA-384、SHA-512 和 Ed25519。",
        ),
        RefusalCode.CERTIFICATE_KEY_NOT_ALLOWED: Rule(
            8,
            "A {found} key is not accepted, but EC P-256 or P-384, Ed25519, RSA of 2048 to 4096 bits.",
            "不接受 {found} 密钥；可接受 EC P-256 或 P-384、Ed25519，以及 2048 至 4096 位 RSA。",
        ),
        RefusalCode.CERTIFICATE_KEY_WEAK: Rule(
            8, "The key is weak ({weakness}): make a new one.", "该密钥强度不足（{weakness}）：请重新生成密钥。"
        ),
        RefusalCode.CERTIFICATE_KEY_BLOCKED: Rule(
            13,
            "This key has been blocked: it was reported compromised, or must not be used here.",
            "该密钥已被封禁：已被报告泄露，或不得在此使用。",
        ),
        RefusalCode.CERTIFICATE_FOREIGN_WORLD: Rule(
            17,
            "This certificate belongs to the other world: production and sandbox do not meet.",
            "该证书属于另一环境：生产环境与测试环境互不相通。",
        ),
        RefusalCode.CERTIFICATE_POLICY_MISSING: Rule(
            8,
            "Neither the certificate nor an authority above it may lack the certificate policy {wanted}.",
            "证书及其上级机构证书均须含有证书策略 {wanted}。",
        ),
        RefusalCode.CERTIFICATE_EXPIRED: Rule(
            14, "The certificate expired at {not_after}.", "证书已于 {not_after} 到期。"
        ),
        RefusalCode.CERTIFICATE_NOT_YET_VALID: Rule(
            14, "The certificate is valid from {not_before} only.", "证书自 {not_before} 起方有效。"
        ),
        RefusalCode.CERTIFICATE_LIFE_TOO_LONG: Rule(
            14,
            "The certificate lives {days} days; at most {limit} are accepted.",
            "证书有效期为 {days} 天，最长接受 {limit} 天。",
        ),
        RefusalCode.CERTIFICATE_OUTLIVES_ISSUER: Rule(
            14,
            "The certificate would outlive its issuer, which ends at {issuer_ends}.",
            "证书有效期将超过其签发机构证书的到期时间 {issuer_ends}。",
        ),
        RefusalCode.CERTIFICATE_ISSUER_UNKNOWN: Rule(
            8, "No known authority has signed this certificate: {issuer}.", "没有已知的机构签发过该证书：{issuer}。"
        ),
        RefusalCode.CERTIFICATE_ISSUER_EXPIRED: Rule(
            14,
            "The authority that signed it is outside its validity: {issuer}.",
            "签发该证书的机构证书不在有效期内：{issuer}。",
        ),
        RefusalCode.CERTIFICATE_ISSUER_NOT_AUTHORITY: Rule(
            13,
            "It is signed by a certificate that may not sign certificates: {issuer}.",
            "其签发者无权签发证书：{issuer}。",
        ),
        RefusalCode.CERTIFICATE_ROOT_NOT_TRUSTED: Rule(
            8, "Its chain does not end at a root that is trusted here.", "其证书链未终止于此处信任的根证书。"
        ),
        RefusalCode.CERTIFICATE_CHAIN_INVALID: Rule(8, "Its chain is not valid: {detail}.", "其证书链无效：{detail}。"),
        RefusalCode.CERTIFICATE_IS_AUTHORITY: Rule(
            13, "This is the certificate of an authority, not of an operator.", "这是机构（CA）证书，不是操作员证书。"
        ),
        RefusalCode.CERTIFICATE_USAGE_WRONG: Rule(
            8,
            "The certificate is not for this use: {profile} asks for {wanted}.",
            "证书用途不符：{profile} 要求 {wanted}。",
        ),
        RefusalCode.CERTIFICATE_HOLDER_UNREADABLE: Rule(
            13, "The certificate does not name one holder of this service.", "证书未指明本服务的唯一持有人。"
        ),
        RefusalCode.CERTIFICATE_OF_ANOTHER_HOLDER: Rule(
            13, "The certificate is {found}'s, not {wanted}'s.", "证书属于 {found}，不属于 {wanted}。"
        ),
        RefusalCode.CERTIFICATE_LIST_STALE: Rule(
            14, "The revocation list was due to be replaced at {next_update}.", "吊销列表应于 {next_update} 更新。"
        ),
        RefusalCode.CERTIFICATE_NOT_FOUND: Rule(
            13,
            "There is no such certificate.",
            "不存在该证书。",
        ),
        RefusalCode.CERTIFICATE_STATE: Rule(
            13,
            "A certificate that is {state} cannot do this: {command}.",
            "证书状态为 {state}，不能办理：{command}。",
        ),
        RefusalCode.CERTIFICATE_KEY_LOST: Rule(
            13,
            "Its key was reported lost: the certificate is not released any more.",
            "其密钥已挂失，证书不再解冻。",
        ),
        RefusalCode.CERTIFICATE_NOT_OWN: Rule(
            13,
            "A certificate is asked for and renewed by its holder, or by an administrator for it.",
            "证书由持有人本人申请和换发，或由管理员代为办理。",
        ),
        RefusalCode.CERTIFICATE_ALREADY_HELD: Rule(
            14,
            "The holder has a usable {profile} certificate: renew it instead.",
            "持有人已有可用的 {profile} 证书：请办理换发。",
        ),
        RefusalCode.CERTIFICATE_REQUEST_PENDING: Rule(
            14,
            "A request for a {profile} certificate of this holder waits already.",
            "该持有人的 {profile} 证书申请正在办理。",
        ),
        RefusalCode.CERTIFICATE_KEY_OF_ANOTHER: Rule(
            13,
            "This key is known as another holder's: a key has one holder.",
            "该密钥已属于另一持有人：一个密钥只能有一个持有人。",
        ),
        RefusalCode.CERTIFICATE_KEY_OF_OTHER_PROFILE: Rule(
            13,
            "This key is known as a {known} key: a key to log in with is not one to seal with.",
            "该密钥已用于 {known}：登录密钥不得用作签章密钥。",
        ),
        RefusalCode.CERTIFICATE_KEY_REUSED: Rule(
            14,
            "A renewal takes a new key, unless the same one is asked for in so many words.",
            "换发须使用新密钥，除非明确要求沿用原密钥。",
        ),
        RefusalCode.CERTIFICATE_KNOWN: Rule(
            13,
            "A certificate of this issuer with the serial number {serial} is registered already.",
            "该签发机构序列号为 {serial} 的证书已登记。",
        ),
        RefusalCode.CERTIFICATE_UNVERIFIED_TOO_MANY: Rule(
            13,
            "The holder has {most} certificates that cannot be verified here: one ends before another is registered.",
            "该持有人已有 {most} 张无法在此验证的证书，须先终止其中之一，方可再登记。",
        ),
        RefusalCode.CERTIFICATE_NOT_EXTENDED: Rule(
            14,
            "The new certificate would end at {new}, not after the old one at {old}.",
            "新证书到期时间 {new} 不晚于原证书 {old}。",
        ),
        RefusalCode.CERTIFICATE_RENEWAL_TOO_EARLY: Rule(
            14,
            "The renewal window opens at {start}.",
            "换发期自 {start} 起。",
        ),
        RefusalCode.CERTIFICATE_RENEWED: Rule(
            14,
            "The certificate has been renewed already.",
            "该证书已换发。",
        ),
        RefusalCode.CERTIFICATE_OF_OUTSIDE: Rule(
            14,
            "This certificate is renewed by the authority that issued it; register its successor here.",
            "该证书由其签发机构换发；请在此登记新证书。",
        ),
        RefusalCode.CERTIFICATE_AUTHORITY_MISSING: Rule(
            13,
            "No issuing authority is configured here: certificates are not issued.",
            "此处未配置签发机构，不能签发证书。",
        ),
        RefusalCode.REVOCATION_REASON_MISSING: Rule(
            13,
            "To revoke a certificate takes a reason.",
            "吊销证书须说明原因。",
        ),
        RefusalCode.REVOCATION_REASON_NOT_YOURS: Rule(
            13,
            "The reason {reason} is not for this role to give.",
            "该角色不得使用吊销原因 {reason}。",
        ),
        RefusalCode.INVALIDITY_DATE_WRONG: Rule(
            13,
            "The invalidity date goes with keyCompromise alone, and is not in the future.",
            "失效日期仅用于密钥泄露，且不得晚于当前时间。",
        ),
        RefusalCode.REGISTRAR_NOT_FOUND: Rule(
            13,
            "There is no such registrar.",
            "不存在该登记人员。",
        ),
        RefusalCode.ELECTRONIC_KEY_NOT_FOUND: Rule(
            13,
            "There is no such electronic key.",
            "不存在该电子钥匙。",
        ),
        RefusalCode.ELECTRONIC_KEY_STATE: Rule(
            13,
            "An electronic key that is {status} cannot do this: {command}.",
            "电子钥匙状态为 {status}，不能办理：{command}。",
        ),
        RefusalCode.ELECTRONIC_KEY_SERIAL_INVALID: Rule(
            13,
            "A serial of an electronic key is 4 to 32 letters and digits.",
            "电子钥匙序列号须为 4 至 32 位字母或数字。",
        ),
        RefusalCode.ELECTRONIC_KEY_SERIAL_TAKEN: Rule(
            13,
            "An electronic key with the serial {found} is registered already.",
            "序列号为 {found} 的电子钥匙已登记。",
        ),
        RefusalCode.REMINDER_NOT_FOUND: Rule(
            14,
            "There is no such reminder.",
            "不存在该提醒。",
        ),
        RefusalCode.CALENDAR_NOT_FOUND: Rule(
            14,
            "There is no such calendar.",
            "不存在该日历。",
        ),
        # conformance
        RefusalCode.CONFORMANCE_MISSING: Rule(
            17,
            "No report of conformance of this institution has been checked: it runs the suite of the sandbox first.",
            "该机构尚无经核验的一致性测试报告：须先在测试环境完成一致性测试。",
        ),
        RefusalCode.CONFORMANCE_NOT_PINNED: Rule(
            17,
            "No keys of the sandbox are pinned here: a report cannot be verified.",
            "此处未设定测试环境公钥，无法核验一致性测试报告。",
        ),
        RefusalCode.CONFORMANCE_FAILED: Rule(
            17,
            "The report does not say that every case has passed: {cases}.",
            "报告未载明全部用例通过：{cases}。",
        ),
        RefusalCode.CONFORMANCE_EXPIRED: Rule(
            17,
            "The report was good until {until}: run the suite again.",
            "报告有效期至 {until}：请重新测试。",
        ),
        RefusalCode.CONFORMANCE_OF_ANOTHER: Rule(
            17,
            "The report is of {found}, not of {wanted}.",
            "报告属于 {found}，不属于 {wanted}。",
        ),
        RefusalCode.CONFORMANCE_KEY_SEEN: Rule(
            17,
            "This key was used in the sandbox, and is not one for production: {key}. Make a new one.",
            "该密钥曾在测试环境使用，不得用于生产环境：{key}。请生成新密钥。",
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """One no: the code, the path of the input field it concerns, and what fills the sentence's named places."""

    code: RefusalCode
    field: tuple[str, ...] = ()
    values: Mapping[str, object] = dataclasses.field(default_factory=dict)

    @property
    def article(self) -> int | None:
        return RULES[self.code].article

    @property
    def message(self) -> str:
        return RULES[self.code].en.format_map(self.values)

    @property
    def message_zh(self) -> str:
        return RULES[self.code].zh.format_map(self.values)


class Refused(Exception):
    """A business rule said no. Carries every refusal found, in the order of the input's fields."""

    def __init__(self, *refusals: Refusal) -> None:
        super().__init__("; ".join(refusal.message for refusal in refusals))
        self.refusals = refusals


def refuse(code: RefusalCode, *path: str, **values: object) -> Refused:
    """The exception for a single refusal: `raise refuse(CODE, "input", "uscc", found="...")`."""
    return Refused(Refusal(code, path, values))


class Findings:
    """Collects refusals, so that all that is wrong is told at once."""

    def __init__(self) -> None:
        self._found: list[Refusal] = []

    def add(self, code: RefusalCode, *path: str, **values: object) -> None:
        self._found.append(Refusal(code, path, values))

    def attempt(self, parse: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """What `parse` answers; None, and its refusals kept, where it refuses."""
        try:
            return parse(*args, **kwargs)
        except Refused as refused:
            self._found.extend(refused.refusals)
            return None

    def raise_any(self) -> None:
        """Raises Refused with everything found, if anything was."""
        if self._found:
            raise Refused(*self._found)


def codes_of_article(number: int) -> tuple[RefusalCode, ...]:
    """The codes an article stands behind: the contract and the code point at each other."""
    return tuple(code for code, rule in RULES.items() if rule.article == number)
