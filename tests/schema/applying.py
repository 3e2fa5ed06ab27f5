"""An institution that applies over GraphQL: what it hands in, and the mutations by which it is opened."""

from dataclasses import dataclass, field
from typing import Any

from service.storage.operators import OperatorStore
from tests.schema.serving import Served
from tests.service.institutions import USCC, caller_for

REFUSALS = "refusals { code article field message messageZh }"
APPLICATION = "application { id version type status participant { id status } reviews { decision reason } }"
PARTICIPANT = "participant { id version status services { service } sanction { ground rule { title } } }"
APPLYING = {
    "applyForAccess",
    "submitApplication",
    "withdrawApplication",
    "reviewApplication",
    "changeInformation",
    "applyForClosure",
}
RULE = {"kind": "BUSINESS_RULE", "title": "Settlement rules", "provision": "section 4"}
PAPERS = [
    {"kind": kind, "name": kind, "sha256": f"{place:064x}"}
    for place, kind in enumerate(("APPLICATION_FORM", "BUSINESS_LICENCE", "AUTHORIZATION"))
]


def information(uscc: str = USCC, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "SETTLEMENT_PARTICIPANT",
        "legalName": "东方测试证券股份有限公司",
        "uscc": uscc,
        "clearingNumbers": ["JS001"],
        "contacts": [
            {"kind": "BUSINESS", "name": "李四", "telephone": "13812341234", "email": "li@example.com"},
        ],
        **changes,
    }


def access(uscc: str = USCC, code: str = "BRK001", **changes: Any) -> dict[str, Any]:
    return {
        "participantCode": code,
        "applicantUscc": uscc,
        "information": information(uscc),
        "administrator": {"operatorNumber": "000001", "name": "张三", "telephone": "13812341234"},
        "materials": PAPERS,
        "truthDeclared": True,
        "agreementNumber": 1,
        **changes,
    }


@dataclass
class Story:
    served: Served
    opened: dict[str, str] = field(default_factory=dict)

    async def act(self, mutation: str, given: dict[str, Any], token: str, key: str | None = None) -> Any:
        title = mutation[0].upper() + mutation[1:]
        noun = APPLICATION if mutation in APPLYING else PARTICIPANT
        payload = f"{{ {noun} proposal {{ id }} receipt {{ kind }} {REFUSALS} }}"
        call = f"{mutation}(input: $input, idempotencyKey: $key) {payload}"
        text = f"mutation ($input: {title}Input!, $key: String) {{ it: {call} }}"
        return (await self.served.data(text, token, input=given, key=key))["it"]

    async def open(self, uscc: str, code: str) -> str:
        """The id of an opened participant whose administrator has the participant's code as a token."""
        if code in self.opened:
            return self.opened[code]
        application = (await self.act("applyForAccess", access(uscc, code), "reviewer"))["application"]
        asked = {"applicationId": application["id"], "decision": "APPROVE"}
        assert (await self.act("reviewApplication", asked, "officer"))["application"]["status"] == "EFFECTED"
        participant_id: str = application["participant"]["id"]
        await self.know_administrator(participant_id, code)
        self.opened[code] = participant_id
        return participant_id

    async def know_administrator(self, participant_id: str, token: str) -> None:
        administrator = await OperatorStore(self.served.services.database).find_by_number(participant_id, "000001")
        assert administrator is not None
        self.served.callers[token] = caller_for(administrator)
