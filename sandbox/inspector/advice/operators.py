"""On refusals about operators, registrars and their permissions."""

TEXTS = {
    "OPERATOR_NUMBER_INVALID": (
        "Send six digits, as text, with leading zeros: 000012.",
        "请以文本形式提交六位数字并保留前导零，如 000012。",
    ),
    "OPERATOR_NOT_FOUND": (
        "Take the id from `operators` of your own participant; an id is not a number.",
        "请从本用户的 `operators` 中取得标识；标识不同于操作员编号。",
    ),
    "OPERATOR_STATE": (
        "Read the operator's status and choose an act that it allows; who is offboarded stays so.",
        "请先查询操作员状态并选择该状态允许的操作；已离岗者不可恢复。",
    ),
    "OPERATOR_NUMBER_TAKEN": (
        "Choose a number that was never used, also not by somebody who has left.",
        "请选用从未使用过的编号，离岗人员的编号亦不可再用。",
    ),
    "PERMISSION_WILDCARD": (
        "List each permission that the operator's work needs, and no more.",
        "请逐项列出该操作员履职所需的权限。",
    ),
    "PERMISSION_UNKNOWN": (
        "Take the names from the enum `Permission` of the schema.",
        "请使用接口定义中枚举 `Permission` 的取值。",
    ),
    "PERMISSION_BEYOND_GRANTS": (
        "Ask the depository to grant the service that brings the permission, then assign it.",
        "请先向中国结算申请授予包含该权限的服务，再行分配。",
    ),
    "PERMISSION_BEYOND_ROLE": (
        "Give it to an operator in a role that may hold it, or register one.",
        "请将该权限授予角色允许的操作员，或另行登记此类操作员。",
    ),
    "OWN_PERMISSIONS": (
        "Let another administrator change them.",
        "请由另一名管理员变更。",
    ),
    "APPROVAL_NOT_AT_REGISTRATION": (
        "Register without it; then propose it with `changePermissions`, and let a second person confirm.",
        "登记时请勿包含该权限；登记后以 `changePermissions` 提议，并由第二人确认。",
    ),
    "ADMINISTRATOR_NOT_AT_REGISTRATION": (
        "Register in another role; then propose the appointment, and let a second person confirm.",
        "请先以其他角色登记，再提议任命，并由第二人确认。",
    ),
    "LAST_ADMINISTRATOR": (
        "Name another active operator as `successorId`, or register a second administrator before.",
        "请以 `successorId` 指定另一名在岗操作员接任，或先登记第二名管理员。",
    ),
    "SUCCESSOR_UNFIT": (
        "Name an active operator of the same participant, other than the one who leaves.",
        "请指定同一用户的另一名在岗操作员。",
    ),
    "SMS_ALREADY_SUBSCRIBED": (
        "Nothing is left to do; to change the number, unsubscribe and subscribe again.",
        "无需再办理；如需变更号码，请先退订再订阅。",
    ),
    "SMS_NOT_SUBSCRIBED": (
        "Nothing is left to do: the topic is not subscribed to.",
        "无需办理：该主题并未订阅。",
    ),
    "SMS_NOT_OWN": (
        "Let the operator subscribe with a login of their own.",
        "请由该操作员以其自身身份订阅。",
    ),
    "REGISTRAR_NUMBER_INVALID": (
        "Use 2 to 32 capital letters or digits.",
        "请使用 2 至 32 位大写字母或数字。",
    ),
    "REGISTRAR_NUMBER_TAKEN": (
        "Choose a number that was never used.",
        "请选用从未使用过的编号。",
    ),
    "REGISTRAR_ENDED": (
        "Ask for somebody who is on the staff; whoever comes back is added anew, under another number.",
        "请为在任工作人员申请；离任后返任者须以新编号重新登记。",
    ),
    "LAST_OFFICER": (
        "Add and certify another officer before.",
        "请先登记另一名主管并为其签发证书。",
    ),
    "REGISTRAR_NOT_FOUND": (
        "Take the id from a list that shows registrars; participants see none.",
        "请从工作人员列表中取得标识；用户无权查看该列表。",
    ),
}
