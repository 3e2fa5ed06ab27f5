"""A client of PROP as a participant would write it, taken through the conformance suite: it does all things well."""

import base64
import json
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tests.sandbox.clients.speaking import (
    Login,
    LoginRefused,
    Refused,
    Speaker,
    ensure_only,
    new_key,
    request_for,
)

Facts = dict[str, str]
Way = Callable[[Facts], Awaitable[None]]
RUN = """{ id state percent facts { name value } current { id facts { name value } }
  cases { id state attempt findings { meeting advice adviceZh } } reports { form url } }"""


class GoodClient(Speaker):
    def __init__(self, http: httpx.AsyncClient) -> None:
        super().__init__(http)
        self.run: dict[str, Any] = {}

    # ---------------------------------------------------------------- the suite

    async def join(self, **more: object) -> None:
        made = {role: (new_key(), new_key()) for role in ("ADMINISTRATOR", "OPERATOR")}
        operators = [
            {"role": role, "login": request_for(login), "seal": request_for(seal)}
            for role, (login, seal) in made.items()
        ]
        joined = (await self.http.post("/sandbox/join", json={"operators": operators, **more})).json()
        self.secret, self.code = joined["secret"], joined["tenant"]["code"]
        self.endpoint = joined["token"]
        logins = {
            each["role"]: Login(each["id"], made[each["role"]][0], _login_pem(each["certificates"]))
            for each in joined["operators"]
            if each["certificates"]
        }
        self.administrator, self.clerk = logins["ADMINISTRATOR"], logins["OPERATOR"]

    async def conform(self) -> dict[str, Any]:
        """The whole suite; answers the run as it ended."""
        cases = (await self.control("{ conformanceCases { id } }"))["conformanceCases"]
        self.run = (await self.control(f"mutation {{ run: beginConformanceRun {RUN} }}"))["run"]
        ways = self.ways()
        for case in cases:
            await self.take(case["id"], ways[case["id"]])
        return await self.control_run("finishConformanceRun")

    async def take(self, case: str, way: Way) -> None:
        if case == "end-session":
            await self.query(self.clerk, "{ viewer { kind } }")  # so that there is a session to end
        begun = await self.control_run("beginConformanceCase", caseId=case)
        await way({each["name"]: each["value"] for each in begun["current"]["facts"]})
        await self.control_run("finishConformanceCase")

    def ways(self) -> dict[str, Way]:
        return {
            "log-in": self.log_in_twice,
            "read-agreement": self.read_agreement,
            "accept-revision": self.accept_revision,
            "page-through": self.page_through,
            "retry-idempotently": self.retry,
            "heed-rate-limit": self.heed_rate_limit,
            "resolve-conflict": self.resolve_conflict,
            "end-session": self.end_session,
            "renew-before-expiry": self.renew,
            "handle-revocation": self.handle_revocation,
            "offboard-in-time": self.offboard,
            "report-lost-key": self.report_lost_key,
            "keep-keys-apart": self.keep_keys_apart,
            "least-privilege": self.least_privilege,
            "verify-receipt": self.verify_receipts,
            "refuse-sandbox-receipt": self.refuse_sandbox_receipts,
        }

    # ---------------------------------------------------------------- the ways through its cases

    async def log_in_twice(self, _: Facts) -> None:
        for _ in range(2):
            await self.log_in(self.administrator)

    async def read_agreement(self, _: Facts) -> None:
        found = await self.query(
            self.administrator,
            """{ agreement { number contentHash ...Text } }
            fragment Text on Agreement { chapters { articles { number text } } }""",
        )
        assert found["agreement"]["chapters"]

    async def accept_revision(self, _: Facts) -> None:
        due = (await self.query(self.administrator, "{ viewer { agreementDue { agreementNumber } } }"))["viewer"]
        number = due["agreementDue"]["agreementNumber"]
        await self.query(self.administrator, "query ($n: Int!) { agreement(number: $n) { contentHash } }", n=number)
        await self.act(self.administrator, "acceptAgreement", {"number": number})

    async def page_through(self, facts: Facts) -> None:
        query = """query ($first: Int!, $after: Cursor) { operators(first: $first, after: $after) {
            nodes { id } pageInfo { hasNextPage endCursor } } }"""
        after, more = None, True
        while more:
            page = await self.query(self.administrator, query, first=int(facts["first"]), after=after)
            more, after = (page["operators"]["pageInfo"][each] for each in ("hasNextPage", "endCursor"))

    async def retry(self, facts: Facts) -> None:
        given = {"operatorNumber": facts["operatorNumber"], "name": "新进经办", "role": "OPERATOR", "permissions": []}
        key = secrets.token_urlsafe(16)
        for _ in range(2):  # the second time as if the answer had been lost
            await self.act(self.administrator, "registerOperator", given, key=key)

    async def heed_rate_limit(self, _: Facts) -> None:
        await self.query(self.administrator, "{ viewer { kind } }")

    async def resolve_conflict(self, facts: Facts) -> None:
        operator, version = facts["operator"], int(facts["version"])
        try:
            await self.act(self.administrator, "freezeOperator", {"operatorId": operator, "expectedVersion": version})
        except Refused as refused:
            ensure_only(refused, "VERSION_CONFLICT")
            read = "query ($id: ID!) { operator(id: $id) { version } }"
            version = (await self.query(self.administrator, read, id=operator))["operator"]["version"]
            await self.act(self.administrator, "freezeOperator", {"operatorId": operator, "expectedVersion": version})

    async def end_session(self, _: Facts) -> None:
        await self.query(self.clerk, "{ viewer { kind } }")

    async def renew(self, facts: Facts) -> None:
        self.clerk.use(facts["pem"])
        key = new_key()
        given = {"certificateId": facts["certificate"], "request": request_for(key)}
        renewed = await self.act(self.clerk, "renewCertificate", given, "certificate { pem }")
        self.clerk = Login(self.clerk.operator, key, renewed["certificate"]["pem"])
        await self.log_in(self.clerk)

    async def handle_revocation(self, _: Facts) -> None:
        self.clerk.token = None
        try:
            await self.log_in(self.clerk)
        except LoginRefused:
            key = new_key()
            given = {"profile": "LOGIN", "operatorId": self.clerk.operator, "request": request_for(key)}
            issued = await self.act(self.administrator, "requestCertificate", given, "certificate { pem }")
            self.clerk = Login(self.clerk.operator, key, issued["certificate"]["pem"])
            await self.log_in(self.clerk)

    async def offboard(self, facts: Facts) -> None:
        await self.act(self.administrator, "offboardOperator", {"operatorId": facts["operator"], "reason": "LEFT"})

    async def report_lost_key(self, facts: Facts) -> None:
        await self.act(self.administrator, "reportKeyLost", {"certificateId": facts["certificate"]})

    async def keep_keys_apart(self, facts: Facts) -> None:
        for profile in ("LOGIN", "SEAL"):
            given = {"profile": profile, "operatorId": facts["operator"], "request": request_for(new_key())}
            await self.act(self.administrator, "requestCertificate", given)

    async def least_privilege(self, facts: Facts) -> None:
        given = {"operatorId": facts["operator"], "permissions": ["SMS_SUBSCRIBE"]}
        await self.act(self.administrator, "changePermissions", given)

    async def verify_receipts(self, facts: Facts) -> None:
        await self.declare([self.judged(name, facts[name], await self.keys()) for name in sorted(facts)])

    async def refuse_sandbox_receipts(self, facts: Facts) -> None:
        await self.declare([self.judged(name, facts[name], await self.keys()) for name in sorted(facts)])

    def judged(self, name: str, receipt: str, keys: KeySet) -> dict[str, Any]:
        """What the signed bytes say, and whether this client's production would take it as evidence."""
        payload = receipt.split(".")[1]
        said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        try:
            genuine = bool(jws.deserialize_compact(receipt, keys, ["ES256"]))
        except (JoseError, ValueError):
            genuine = False
        accepted = genuine and said["environment"] == "PRODUCTION" and said["binding"] is True
        marks = {"environment": said["environment"], "binding": said["binding"]}
        return {"item": name, "genuine": genuine, "accepted": accepted, **marks}

    async def declare(self, declarations: list[dict[str, Any]]) -> None:
        query = f"""mutation ($id: ID!, $said: [ReceiptDeclaration!]!) {{
            run: declareReceipts(runId: $id, declarations: $said) {RUN} }}"""
        self.run = (await self.control(query, id=self.run["id"], said=declarations))["run"]

    async def control_run(self, mutation: str, **arguments: str) -> dict[str, Any]:
        types = "".join(f", ${name}: String!" for name in arguments)
        values = "".join(f", {name}: ${name}" for name in arguments)
        query = f"mutation ($id: ID!{types}) {{ run: {mutation}(runId: $id{values}) {RUN} }}"
        self.run = (await self.control(query, id=self.run["id"], **arguments))["run"]
        return self.run


def _login_pem(certificates: list[dict[str, str]]) -> str:
    return next(each["pem"] for each in certificates if each["profile"] == "LOGIN")
