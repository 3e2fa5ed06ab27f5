"""On what is wrong with a request before any rule of business looks at it, and on logins that are refused."""

ENDED = {  # on UNAUTHENTICATED, by the article that ended what the token stands on
    11: (
        "Look at the operator's status: a frozen one can be unfrozen; if only the session has ended, log in again.",
        "请查看操作员状态：冻结的可由管理员解冻，已离职的不可恢复；仅会话结束的，重新登录即可。",
    ),
    13: (
        "Log in with a LOGIN certificate that is ISSUED here; in place of a revoked one request another.",
        "请使用在本环境签发且有效的登录证书；证书被吊销的，请另行申请。",
    ),
    14: (
        "Renew a certificate while its renewal window is open; in place of one that has ended request another.",
        "请在证书到期前的换发期内办理换发；已到期的，请另行申请。",
    ),
    19: (
        "Nobody of a suspended or closed participant gets in: let the depository lift the suspension first.",
        "用户被暂停或已销户时其操作员均不可登录：请先由本公司解除暂停。",
    ),
}
TEXTS = {
    "UNAUTHENTICATED": (
        "Log in again: a token lives ten minutes, and ends at once with its certificate, operator or participant.",
        "请重新登录：令牌有效期为十分钟，且随证书、操作员或用户的终止立即失效。",
    ),
    "FORBIDDEN": (
        "Let an operator do it who holds what is named here, or have it given to this one.",
        "请由具备所列权限的操作员办理，或为该操作员授予该权限。",
    ),
    "BAD_USER_INPUT": (
        "Compare the field that is named with its type in /schema.graphql.",
        "请将所指字段与 /schema.graphql 中的类型对照。",
    ),
    "TEXT_TOO_LONG": (
        "Say it shorter, and hand in what is longer as a paper, known by its SHA-256.",
        "请精简文字；较长内容请作为申请材料提交，并附其 SHA-256。",
    ),
    "LIST_TOO_LONG": (
        "Send fewer at once, each of them once.",
        "请减少单次提交的项数，且勿重复。",
    ),
    "QUERY_TOO_EXPENSIVE": (
        "Ask for less at once: a smaller `first`, fewer nested lists; `extensions.cost` says what it costs.",
        "请减少单次查询量：减小 `first` 或减少嵌套列表；费用见 `extensions.cost`。",
    ),
    "RATE_LIMITED": (
        "Wait as long as Retry-After says, then go on more slowly.",
        "请按 Retry-After 所示时间等待后再以较低频率重试。",
    ),
    "ENVIRONMENT_MISMATCH": (
        "Use ids, tokens and certificates of this world only; those of production have no place here.",
        "请仅使用本环境的标识、令牌和证书；生产环境的不可在此使用。",
    ),
    "SERVICE_UNAVAILABLE": (
        "Try again after a moment, a mutation with the same idempotency key.",
        "请稍后重试；变更类请求请使用同一幂等键。",
    ),
    "INTERNAL_SERVER_ERROR": (
        "Report the `errorId` of the answer; the fault is not yours.",
        "请反馈应答中的 `errorId`；该错误非贵方所致。",
    ),
    "GRAPHQL_PARSE_FAILED": (
        "Mend the document's syntax at the place that the message names.",
        "请按提示位置修正请求文档的语法。",
    ),
    "GRAPHQL_VALIDATION_FAILED": (
        "Compare the document with /schema.graphql; generate types from it to catch this earlier.",
        "请将请求文档与 /schema.graphql 对照；建议据其生成类型以便提前发现。",
    ),
    "PERSISTED_QUERY_NOT_FOUND": (
        "Send the document once with its hash; from then on the hash will do.",
        "请先随摘要提交一次完整文档，其后仅需提交摘要。",
    ),
    "TRUSTED_DOCUMENT_REQUIRED": (
        "Use a document that is registered here, by its id.",
        "请以标识引用已登记的文档。",
    ),
    "BAD_REQUEST": (
        "Send a JSON object with `query`, and if need be `variables` and `operationName`.",
        "请提交包含 `query` 的 JSON 对象，必要时附 `variables` 与 `operationName`。",
    ),
    "NOT_FOUND": (
        "Check the path: GraphQL is at /graphql, the token endpoint at /oauth/token.",
        "请检查路径：GraphQL 位于 /graphql，令牌端点位于 /oauth/token。",
    ),
    "METHOD_NOT_ALLOWED": (
        "Use POST; a GET may only query.",
        "请使用 POST；GET 仅可用于查询。",
    ),
    "NOT_ACCEPTABLE": (
        "Accept application/graphql-response+json or application/json; for subscriptions text/event-stream.",
        "Accept 应为 application/graphql-response+json 或 application/json；订阅应为 text/event-stream。",
    ),
    "REQUEST_TIMEOUT": (
        "Send the body at once; the service waits for a few seconds only.",
        "请一次性发送请求体；服务端仅等待数秒。",
    ),
    "PAYLOAD_TOO_LARGE": (
        "Make the body smaller than 256 kB.",
        "请将请求体控制在 256 kB 以内。",
    ),
    "UNSUPPORTED_MEDIA_TYPE": (
        "Send Content-Type: application/json, uncompressed.",
        "请以 Content-Type: application/json 提交，且不压缩。",
    ),
    "HEADERS_TOO_LARGE": (
        "Send fewer and shorter headers.",
        "请减少请求头的数量和长度。",
    ),
    "URI_TOO_LONG": (
        "Send the document in the body of a POST.",
        "请将文档置于 POST 请求体中提交。",
    ),
    "invalid_client": (
        "Compare what the assertion said with the operator's id, the token endpoint and the time; sign each anew.",
        "请将此处所示断言内容与操作员标识、令牌端点及时间核对；每次登录均须以有效登录证书的私钥重新签名。",
    ),
    "invalid_request": (
        "Send the form fields of RFC 7523, each once, as application/x-www-form-urlencoded.",
        "请按 RFC 7523 以 application/x-www-form-urlencoded 提交各字段，每个字段仅一次。",
    ),
    "unsupported_grant_type": (
        "Send grant_type=client_credentials.",
        "请提交 grant_type=client_credentials。",
    ),
    "temporarily_unavailable": (
        "Wait as long as Retry-After says; keep a token for its ten minutes instead of logging in for each request.",
        "请按 Retry-After 等待；令牌十分钟内可重复使用，无需每次请求都登录。",
    ),
}
