"""On refusals about the agreement, and about writing as such."""

TEXTS = {
    "AGREEMENT_NOT_FOUND": (
        "Ask `agreements` for the numbers there are, and name one of them.",
        "请先查询 `agreements` 取得现有协议编号，再予引用。",
    ),
    "AGREEMENT_PUBLISHED": (
        "Leave the published version as it is; a revision is imported under the next number.",
        "已发布的版本不可改动；修订文本请以下一编号导入。",
    ),
    "AGREEMENT_OUT_OF_ORDER": (
        "Publish versions in the order of their numbers, the next after the newest published one.",
        "请按编号顺序发布，仅可发布紧随最新已发布版本之后的版本。",
    ),
    "AGREEMENT_EFFECTIVE_TOO_EARLY": (
        "Choose a day on or after the one on which the version before took effect.",
        "生效日应不早于上一版本的生效日。",
    ),
    "AGREEMENT_NOT_DELIVERED": (
        "Wait until `consents` shows the version as delivered; deliveries follow publication within seconds.",
        "请待 `consents` 显示该版本已送达后再答复；发布后数秒内即送达。",
    ),
    "AGREEMENT_NOT_NEWEST": (
        "Read the newest version and answer that one.",
        "请阅读并答复最新版本。",
    ),
    "AGREEMENT_NOT_IN_FORCE": (
        "Accept the version in so many words with `acceptAgreement`, or wait for the day it takes effect.",
        "请以 `acceptAgreement` 明确同意，或待其生效日到来。",
    ),
    "AGREEMENT_REJECTED": (
        "Apply to close with `applyForClosure`; in the sandbox a reset takes the rejection back.",
        "请以 `applyForClosure` 申请终止服务；在测试环境中可通过重置恢复。",
    ),
    "CONSENT_STATE": (
        "Read the consent's status first: an answer once given stands.",
        "请先查询答复状态：已作出的答复不可更改。",
    ),
    "LEGACY_NOTICE_ENDED": (
        "Accept the agreement in force instead of the older notice.",
        "请同意现行协议，旧须知已不再适用。",
    ),
    "VERSION_CONFLICT": (
        "Read the object again, decide on what it is now, and send its `version` as `expectedVersion`.",
        "请重新查询该对象，据其现状决定，并以其 `version` 作为 `expectedVersion` 提交。",
    ),
    "IDEMPOTENCY_KEY_REUSED": (
        "Use a new key for each new intention; repeat a key only with the very same input.",
        "每项新业务应使用新的幂等键；仅在重发完全相同的输入时重复使用。",
    ),
    "SAME_PERSON": (
        "Let another operator of the required role do this step, with a login of their own.",
        "请由具备相应角色的另一名操作员以其自身身份办理。",
    ),
    "NOT_INDEPENDENT": (
        "Let somebody confirm whom the first person neither registered nor certified, nor was by them.",
        "请由与提交人之间不存在登记或办证关系的人员复核。",
    ),
    "PROPOSAL_NOT_FOUND": (
        "List `proposals` that wait; it may have been confirmed, have lapsed, or be another participant's.",
        "请查询待确认的 `proposals`；该提议可能已确认、已失效或不属于贵方。",
    ),
    "PROPOSAL_MISMATCH": (
        "Confirm with exactly the input that was proposed; `proposals` shows it.",
        "确认时的输入应与提议完全一致，可在 `proposals` 中查看。",
    ),
    "PROPOSAL_EXPIRED": (
        "Let the first person propose it again and the second confirm it in time.",
        "请由第一人重新提议，并由第二人及时确认。",
    ),
}
