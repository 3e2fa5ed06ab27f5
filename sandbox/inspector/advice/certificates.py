"""On refusals about certificates, keys, reminders and calendars."""

TEXTS = {
    "CERTIFICATE_MALFORMED": (
        "Send the certificate as PEM, as the authority gave it.",
        "请以 PEM 格式提交证书原文。",
    ),
    "CERTIFICATE_REQUEST_MALFORMED": (
        "Send a PKCS#10 request in PEM: openssl req -new -key KEY -subj /CN=any.",
        "请提交 PEM 格式的 PKCS#10 申请，例如：openssl req -new -key KEY -subj /CN=any。",
    ),
    "CERTIFICATE_LIST_MALFORMED": (
        "Send the revocation list in DER or PEM, as its issuer published it.",
        "请以 DER 或 PEM 格式提交签发机构公布的吊销列表原文。",
    ),
    "CERTIFICATE_INPUT_TOO_LARGE": (
        "Send the one object that is asked for, and no bundle.",
        "请仅提交所需的单个对象，不要提交合集。",
    ),
    "CERTIFICATE_INPUT_NOT_ONE": (
        "Send exactly one whole PEM block, with its BEGIN and END lines.",
        "请仅提交一个完整的 PEM 块，包括 BEGIN 与 END 行。",
    ),
    "CERTIFICATE_PRIVATE_KEY_PASTED": (
        "Make a new key, keep it to yourself, and send the request (CSR) alone: that key is no longer secret.",
        "该密钥已不再保密：请生成新密钥并妥善保管，仅提交证书申请（CSR）。",
    ),
    "CERTIFICATE_ALGORITHM_UNSUPPORTED": (
        "Use EC P-256 or P-384, Ed25519, or RSA from 2048 bits.",
        "请使用 EC P-256 或 P-384、Ed25519，或 2048 位以上的 RSA。",
    ),
    "CERTIFICATE_POSSESSION_UNPROVEN": (
        "Sign the request with the private key of the public key that is in it.",
        "请使用申请中公钥所对应的私钥签名。",
    ),
    "CERTIFICATE_SIGNATURE_WEAK": (
        "Sign with SHA-256 or stronger.",
        "请使用 SHA-256 或更强的摘要算法签名。",
    ),
    "CERTIFICATE_KEY_NOT_ALLOWED": (
        "Make an EC P-256 key: openssl ecparam -genkey -name prime256v1.",
        "请生成 EC P-256 密钥，例如：openssl ecparam -genkey -name prime256v1。",
    ),
    "CERTIFICATE_KEY_WEAK": (
        "Make a new key with a current library.",
        "请使用现行密码库生成新密钥。",
    ),
    "CERTIFICATE_KEY_BLOCKED": (
        "Make a new key; a blocked one is never accepted again.",
        "请生成新密钥；已列入禁用的密钥不再接受。",
    ),
    "CERTIFICATE_FOREIGN_WORLD": (
        "Use a certificate of this world: the sandbox issues its own, production takes none of them.",
        "请使用本环境的证书：测试环境自行签发，且与生产环境互不通用。",
    ),
    "CERTIFICATE_POLICY_MISSING": (
        "Have it issued under the certificate policy that is named, by every authority of the chain.",
        "请由证书链上各机构按所列证书策略签发。",
    ),
    "CERTIFICATE_EXPIRED": (
        "Renew before the end next time (`renewCertificate`); now request a new one.",
        "今后请在到期前办理换发（`renewCertificate`）；现请重新申请。",
    ),
    "CERTIFICATE_NOT_YET_VALID": (
        "Wait for its first day, or check the clock that issued it.",
        "请待其生效日，或检查签发时的系统时钟。",
    ),
    "CERTIFICATE_LIFE_TOO_LONG": (
        "Have it issued for a shorter life.",
        "请缩短证书有效期后重新签发。",
    ),
    "CERTIFICATE_OUTLIVES_ISSUER": (
        "Have it end no later than its issuer does.",
        "证书到期日应不晚于签发机构证书的到期日。",
    ),
    "CERTIFICATE_ISSUER_UNKNOWN": (
        "Send the issuing authority's certificates as `chain`, or use an authority that is registered here.",
        "请在 `chain` 中提交签发机构证书，或使用本平台认可的签发机构。",
    ),
    "CERTIFICATE_ISSUER_EXPIRED": (
        "Have it issued by an authority that is within its validity.",
        "请由证书在有效期内的签发机构重新签发。",
    ),
    "CERTIFICATE_ISSUER_NOT_AUTHORITY": (
        "Have it issued by an authority, not by another holder's certificate.",
        "请由证书签发机构签发，而非由其他持有人的证书签发。",
    ),
    "CERTIFICATE_ROOT_NOT_TRUSTED": (
        "Send the whole chain, up to a root that this world trusts.",
        "请提交直至本环境受信任根的完整证书链。",
    ),
    "CERTIFICATE_CHAIN_INVALID": (
        "Check the order and the signatures of the chain: openssl verify says which one fails.",
        "请检查证书链的顺序及签名，可用 openssl verify 定位问题。",
    ),
    "CERTIFICATE_IS_AUTHORITY": (
        "Send the operator's own certificate, not that of the authority.",
        "请提交操作员证书，而非签发机构证书。",
    ),
    "CERTIFICATE_USAGE_WRONG": (
        "Request it for the profile it is to serve: LOGIN to log in, SEAL to seal.",
        "请按用途申请：登录用 LOGIN，签章用 SEAL。",
    ),
    "CERTIFICATE_HOLDER_UNREADABLE": (
        "Have it name one holder, by participant code and operator number.",
        "证书主体应以用户代码和操作员编号载明唯一持有人。",
    ),
    "CERTIFICATE_OF_ANOTHER_HOLDER": (
        "Register it for the operator it names, or have one issued for this operator.",
        "请为证书载明的操作员登记，或为本操作员另行签发。",
    ),
    "CERTIFICATE_LIST_STALE": (
        "Bring a revocation list whose next update is still to come.",
        "请提供尚未到更新时间的吊销列表。",
    ),
    "CERTIFICATE_NOT_FOUND": (
        "Take the id from `certificates` of your own participant; an id is no serial number.",
        "请从本用户的 `certificates` 中取得标识；标识不同于序列号。",
    ),
    "CERTIFICATE_STATE": (
        "Read the certificate's state and choose a step it allows; what is revoked stays revoked.",
        "请先查询证书状态并选择允许的操作；已吊销的证书不可恢复。",
    ),
    "CERTIFICATE_KEY_LOST": (
        "Make a new key, and request a certificate for it.",
        "请重新生成密钥，并申请新证书。",
    ),
    "CERTIFICATE_NOT_OWN": (
        "Let the holder do it, or an administrator of the participant.",
        "请由持有人本人或本用户的管理员办理。",
    ),
    "CERTIFICATE_ALREADY_HELD": (
        "Renew the certificate there is, with `renewCertificate`.",
        "请以 `renewCertificate` 换发现有证书。",
    ),
    "CERTIFICATE_REQUEST_PENDING": (
        "Wait until the first request is approved, or have it revoked.",
        "请待在办申请获批，或先撤销该申请。",
    ),
    "CERTIFICATE_KEY_OF_ANOTHER": (
        "Make a key of this holder's own.",
        "请为该持有人单独生成密钥。",
    ),
    "CERTIFICATE_KEY_OF_OTHER_PROFILE": (
        "Make two keys: one to log in with, one to seal with.",
        "登录与签章应分别使用不同的密钥。",
    ),
    "CERTIFICATE_KEY_REUSED": (
        "Make a new key for the renewal, or set `sameKey` if it is meant.",
        "请为换发生成新密钥；如确需沿用，请设置 `sameKey`。",
    ),
    "CERTIFICATE_KNOWN": (
        "Nothing is left to do: look for it in `certificates` by its fingerprint.",
        "无需重复登记：请在 `certificates` 中按指纹查询。",
    ),
    "CERTIFICATE_UNVERIFIED_TOO_MANY": (
        "Revoke one that is not needed any more, with `revokeCertificate`.",
        "请先以 `revokeCertificate` 吊销不再需要的一张。",
    ),
    "CERTIFICATE_NOT_EXTENDED": (
        "Renew with a certificate that ends later than the old one.",
        "换发的证书到期日应晚于原证书。",
    ),
    "CERTIFICATE_RENEWAL_TOO_EARLY": (
        "Renew when the window is open; `renewalWindow` of the certificate says when, and the test clock gets there.",
        "请在换发窗口期内办理；窗口期可在证书信息中查询，测试时钟可前移至该日。",
    ),
    "CERTIFICATE_RENEWED": (
        "Use its successor; the old one ends by itself.",
        "请使用换发后的证书；原证书将自动失效。",
    ),
    "CERTIFICATE_OF_OUTSIDE": (
        "Have its own authority renew it, then register the new one with `supersedesId`.",
        "请由原签发机构换发，再以 `supersedesId` 登记新证书。",
    ),
    "CERTIFICATE_AUTHORITY_MISSING": (
        "Register a certificate of an accepted authority instead.",
        "请登记由认可机构签发的证书。",
    ),
    "REVOCATION_REASON_MISSING": (
        "Send `reason`.",
        "请填写 `reason`。",
    ),
    "REVOCATION_REASON_NOT_YOURS": (
        "Choose a reason of the participant's: key compromise, superseded, cessation of operation.",
        "请选择用户可用的事由：密钥泄露、已被替换、停止使用。",
    ),
    "INVALIDITY_DATE_WRONG": (
        "Leave `invalidityDate` out, or send a past moment together with keyCompromise.",
        "请勿填写 `invalidityDate`，或仅在密钥泄露时填写过去的时点。",
    ),
    "ELECTRONIC_KEY_NOT_FOUND": (
        "Take the id from `electronicKeys` of your own participant.",
        "请从本用户的 `electronicKeys` 中取得标识。",
    ),
    "ELECTRONIC_KEY_STATE": (
        "Read the key's status, and choose a step it allows.",
        "请先查询电子钥匙状态，再选择允许的操作。",
    ),
    "ELECTRONIC_KEY_SERIAL_INVALID": (
        "Send the serial as it is printed: 4 to 32 letters and digits.",
        "请按标识提交序列号：4 至 32 位字母或数字。",
    ),
    "ELECTRONIC_KEY_SERIAL_TAKEN": (
        "Look for the key by its serial: it is registered.",
        "请按序列号查询：该电子钥匙已登记。",
    ),
    "REMINDER_NOT_FOUND": (
        "Take the id from `reminders` of your own participant.",
        "请从本用户的 `reminders` 中取得标识。",
    ),
    "CALENDAR_NOT_FOUND": (
        "Take the id from `calendars` of your own participant; a withdrawn one is gone.",
        "请从本用户的 `calendars` 中取得标识；已撤回的不再存在。",
    ),
}
