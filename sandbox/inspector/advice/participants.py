"""On refusals about institutions: their numbers, their applications, their services."""

TEXTS = {
    "USCC_INVALID": (
        "Check the 18 characters and the last one, which is a check digit; I, O, S, V and Z do not occur.",
        "请核对 18 位字符及末位校验码；其中不使用 I、O、S、V、Z。",
    ),
    "LEI_INVALID": (
        "Check the 20 characters; the last two are check digits.",
        "请核对 20 位字符，末两位为校验码。",
    ),
    "CLEARING_NUMBER_INVALID": (
        "Send 1 to 8 letters and digits, such as JS001.",
        "请提交 1 至 8 位字母或数字，如 JS001。",
    ),
    "TRADING_UNIT_INVALID": (
        "Send five letters or digits, with leading zeros.",
        "请提交 5 位字母或数字，并保留前导零。",
    ),
    "SECURITIES_CODE_INVALID": (
        "Send six digits as text, with leading zeros.",
        "请以文本形式提交 6 位数字，并保留前导零。",
    ),
    "PARTICIPANT_CODE_INVALID": (
        "Begin with a letter and add 2 to 7 letters or digits.",
        "首位为字母，后接 2 至 7 位字母或数字。",
    ),
    "TELEPHONE_INVALID": (
        "Send it in the international form, +86 and the number.",
        "请以国际格式提交，即 +86 加号码。",
    ),
    "EMAIL_INVALID": (
        "Send one address, without a display name or spaces.",
        "请提交单个邮件地址，不含显示名称或空格。",
    ),
    "NAME_INVALID": (
        "Shorten the name, and take line breaks and control characters out of it.",
        "请缩短名称，并去除换行及控制字符。",
    ),
    "NUMBER_REPEATED": (
        "Name each number once.",
        "每个号码仅填写一次。",
    ),
    "PARTICIPANT_NOT_FOUND": (
        "Take the id from `viewer`: a participant sees and names itself only.",
        "请从 `viewer` 取得标识：用户仅可查询和引用自身。",
    ),
    "PARTICIPANT_STATE": (
        "Read the participant's status, and choose an act that it allows.",
        "请先查询用户状态，再选择该状态允许的操作。",
    ),
    "PARTICIPANT_NOT_ACTIVE": (
        "Wait until the participant is active: opened, and not suspended or ended.",
        "请待用户状态为正常：已开通且未被暂停或终止。",
    ),
    "PARTICIPANT_ALREADY_OPEN": (
        "Look for the institution's open application or participant; an institution is opened once.",
        "请查询该机构已有的申请或用户；同一机构仅可开通一次。",
    ),
    "PARTICIPANT_CODE_TAKEN": (
        "Choose another code; one that was used before is never given again.",
        "请另选代码；已使用的代码不再分配。",
    ),
    "APPLICANT_NOT_USER": (
        "Send your own institution's credit code as `applicantUscc`.",
        "`applicantUscc` 应为本机构的统一社会信用代码。",
    ),
    "TRUTH_NOT_DECLARED": (
        "Set `truthDeclared` to true, once it is.",
        "确认信息真实、准确、完整后，将 `truthDeclared` 设为 true。",
    ),
    "MATERIAL_MISSING": (
        "Add the material to `materials`, with the SHA-256 of its file.",
        "请在 `materials` 中补充该材料及其文件的 SHA-256 摘要。",
    ),
    "MATERIAL_INVALID": (
        "Name each material once, with 64 lower-case hex digits as `sha256`.",
        "每项材料仅列一次，`sha256` 为 64 位小写十六进制。",
    ),
    "CONTACT_MISSING": (
        "Add a contact of the kind BUSINESS to `contacts`.",
        "请在 `contacts` 中补充业务联系人（BUSINESS）。",
    ),
    "CLEARING_NUMBER_MISSING": (
        "Add at least one of `clearingNumbers`.",
        "请至少填写一个 `clearingNumbers`。",
    ),
    "SECURITIES_CODE_MISSING": (
        "Add at least one of `securitiesCodes`.",
        "请至少填写一个 `securitiesCodes`。",
    ),
    "ACCEPTANCE_MISSING": (
        "Name the agreement in force as `agreementNumber` in the application.",
        "请在申请中以 `agreementNumber` 注明所同意的现行协议。",
    ),
    "DEPOSITORY_DECIDES": (
        "Ask the depository; a participant can apply to close with `applyForClosure`.",
        "请联系中国结算；用户可自行以 `applyForClosure` 申请终止。",
    ),
    "GROUND_MISSING": (
        "Send both `ground` and `rule`.",
        "请同时提交 `ground` 与 `rule`。",
    ),
    "GROUND_NOT_FOR_SUSPENSION": (
        "Terminate on this ground, or suspend on another.",
        "以该事由应办理终止；如需暂停，请选用其他事由。",
    ),
    "QUALIFICATION_MISSING": (
        "Have the qualification recorded as valid first, then grant the service.",
        "请先登记有效的业务资格，再授予该服务。",
    ),
    "QUALIFICATION_DATES": (
        "Let `until` be on or after `since`.",
        "`until` 应不早于 `since`。",
    ),
    "SERVICE_ALREADY_GRANTED": (
        "Nothing is left to do: the service is granted.",
        "无需办理：该服务已授予。",
    ),
    "SERVICE_NOT_GRANTED": (
        "Ask the depository to grant the service, or name one that is.",
        "请向中国结算申请该服务，或选择已获授的服务。",
    ),
    "SERVICE_INDISPENSABLE": (
        "Leave it: it comes with the opening, and goes when the participant closes.",
        "请保留该服务：其随开通授予、随终止收回。",
    ),
    "TASK_NOT_FOUND": (
        "List `tasks` that are open; it may have been closed meanwhile.",
        "请查询未办结的 `tasks`；该任务可能已办结。",
    ),
    "APPLICATION_NOT_FOUND": (
        "Take the id from `applications` of your own participant.",
        "请从本用户的 `applications` 中取得标识。",
    ),
    "APPLICATION_STATE": (
        "Read the application's status, and choose a step that it allows.",
        "请先查询申请状态，再选择该状态允许的步骤。",
    ),
    "APPLICATION_PENDING": (
        "Wait for the other application, or withdraw it with `withdrawApplication`.",
        "请待在办申请办结，或以 `withdrawApplication` 撤回。",
    ),
    "NOTHING_CHANGED": (
        "Change at least one field against what is registered.",
        "请至少变更一项登记信息。",
    ),
    "USCC_FIXED": (
        "Leave the credit code as it is; another institution applies for itself.",
        "请保持信用代码不变；其他机构应自行申请开通。",
    ),
    "EFFECTIVE_DATE_PAST": (
        "Choose today, by the tenant's clock, or a later day; or leave the date out.",
        "请选择当日（以测试时钟为准）或之后的日期，或不填写。",
    ),
    "EFFECTIVE_DATE_TOO_FAR": (
        "Choose a day within 90 days of today, by the tenant's clock, and apply later for a later one.",
        "请选择自当日（以测试时钟为准）起 90 日内的日期；更晚生效的，请届时另行申请。",
    ),
    "REASON_MISSING": (
        "Say in `reason` what the applicant has to mend.",
        "请在 `reason` 中说明需补正的事项。",
    ),
    "CONFORMANCE_MISSING": (
        "Run the suite with `prop-sandbox conformance`, and bring the report that it ends with.",
        "请以 `prop-sandbox conformance` 完成测试，并提交其生成的报告。",
    ),
    "CONFORMANCE_NOT_PINNED": (
        "Ask the depository: its service lacks the sandbox's keys, and takes no report until it has them.",
        "请联系中国结算：其服务尚未设定测试环境公钥，设定前无法受理报告。",
    ),
    "CONFORMANCE_FAILED": (
        "Mend what the named cases show, run them again, and bring a report in which all have passed.",
        "请按所列用例整改并重新测试，提交全部通过的报告。",
    ),
    "CONFORMANCE_EXPIRED": (
        "Run the suite again and bring the new report while it is good.",
        "请重新测试，并在有效期内提交新报告。",
    ),
    "CONFORMANCE_OF_ANOTHER": (
        "Bring the report of your own institution's run.",
        "请提交本机构的测试报告。",
    ),
    "CONFORMANCE_KEY_SEEN": (
        "Make new keys for production: none that the sandbox has seen is taken there.",
        "请为生产环境另行生成密钥：测试环境使用过的密钥一律不予接受。",
    ),
}
