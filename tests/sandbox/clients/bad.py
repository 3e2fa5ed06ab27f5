"""The good client with ten faults, each of which can be switched on: mistakes that integrations really make."""

import httpx

from tests.sandbox.clients.good import Facts, GoodClient, Way
from tests.sandbox.clients.speaking import LoginRefused, Refused, ensure_only, new_key, request_for

FAULTS = frozenset(
    {
        "log-in",  # one assertion for two logins
        "accept-revision",  # goes on using PROP instead of answering
        "page-through",  # takes the first page for the list
        "retry-idempotently",  # a new key for each attempt
        "heed-rate-limit",  # asks again at once
        "resolve-conflict",  # drops the expected version, and overwrites
        "handle-revocation",  # knocks with the revoked certificate again and again
        "offboard-in-time",  # freezes who has left
        "keep-keys-apart",  # one key for both uses
        "refuse-sandbox-receipt",  # does not look at the marks
    }
)


class BadClient(GoodClient):
    """`faults` are the cases in which it goes wrong."""

    def __init__(self, http: httpx.AsyncClient, faults: frozenset[str] = FAULTS) -> None:
        super().__init__(http)
        wrong = {
            "log-in": self.replay_an_assertion,
            "accept-revision": self.act_without_an_answer,
            "page-through": self.read_one_page,
            "retry-idempotently": self.retry_under_new_keys,
            "heed-rate-limit": self.hurry,
            "resolve-conflict": self.overwrite,
            "handle-revocation": self.keep_knocking,
            "offboard-in-time": self.freeze_the_leaver,
            "keep-keys-apart": self.share_a_key,
            "refuse-sandbox-receipt": self.accept_what_is_signed,
        }
        self._wrong = {name: wrong[name] for name in faults}

    def ways(self) -> dict[str, Way]:
        return super().ways() | self._wrong

    async def replay_an_assertion(self, _: Facts) -> None:
        assertion = self.administrator.assertion(self.endpoint)
        for _ in range(2):
            try:
                await self.log_in_with(self.administrator, assertion)
            except LoginRefused:
                await self.log_in(self.administrator)

    async def act_without_an_answer(self, facts: Facts) -> None:
        try:
            given = {"operatorId": self.administrator.operator, "topic": "CERTIFICATE_EXPIRY"}
            await self.act(self.administrator, "subscribeSms", given)
            await self.act(self.administrator, "acceptAgreement", {"number": int(facts["number"])})
        except Refused as refused:
            ensure_only(refused, "CONSENT_STATE")

    async def read_one_page(self, facts: Facts) -> None:
        query = "query ($first: Int!) { operators(first: $first) { nodes { id } } }"
        await self.query(self.administrator, query, first=int(facts["first"]))

    async def retry_under_new_keys(self, facts: Facts) -> None:
        given = {"operatorNumber": facts["operatorNumber"], "name": "新进经办", "role": "OPERATOR", "permissions": []}
        await self.act(self.administrator, "registerOperator", given)
        try:
            await self.act(self.administrator, "registerOperator", given)
        except Refused as refused:
            ensure_only(refused, "OPERATOR_NUMBER_TAKEN")

    async def hurry(self, _: Facts) -> None:
        headers = {"authorization": f"Bearer {self.administrator.token}"}
        for _ in range(3):
            await self.http.post("/graphql", json={"query": "{ viewer { kind } }"}, headers=headers)
        await self.query(self.administrator, "{ viewer { kind } }")

    async def overwrite(self, facts: Facts) -> None:
        operator = facts["operator"]
        try:
            given = {"operatorId": operator, "expectedVersion": int(facts["version"])}
            await self.act(self.administrator, "freezeOperator", given)
        except Refused:
            await self.query(self.administrator, "query ($id: ID!) { operator(id: $id) { version } }", id=operator)
            await self.act(self.administrator, "freezeOperator", {"operatorId": operator})

    async def keep_knocking(self, facts: Facts) -> None:
        self.clerk.token = None
        for _ in range(5):
            try:
                await self.log_in(self.clerk)
            except LoginRefused:
                continue
        await self.handle_revocation(facts)

    async def freeze_the_leaver(self, facts: Facts) -> None:
        await self.act(self.administrator, "freezeOperator", {"operatorId": facts["operator"]})

    async def share_a_key(self, facts: Facts) -> None:
        key = new_key()
        for profile in ("LOGIN", "SEAL"):
            given = {"profile": profile, "operatorId": facts["operator"], "request": request_for(key)}
            try:
                await self.act(self.administrator, "requestCertificate", given)
            except Refused as refused:
                ensure_only(refused, "CERTIFICATE_KEY_OF_OTHER_PROFILE")

    async def accept_what_is_signed(self, facts: Facts) -> None:
        keys = await self.keys()
        judged = [self.judged(name, facts[name], keys) for name in sorted(facts)]
        await self.declare([each | {"accepted": each["genuine"], "binding": each["genuine"]} for each in judged])
