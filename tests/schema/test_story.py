"""The life of an institution on the platform, told over HTTP as its people and the depository's live it."""

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from service.access import RegistrarRole
from service.evidence import receipts
from service.evidence.checkpoint import parse_verifier
from service.evidence.verify import verify_record
from service.storage.operators import OperatorStore
from service.storage.participants import ParticipantStore
from tests.databases import open_world
from tests.schema.hosting import Hosted, Person, open_hosted
from tests.schema.test_subscriptions import RECORDS
from tests.service.institutions import TELEPHONE, USCC
from tests.waiting import until

pytestmark = pytest.mark.wire

RECORD = "id kind at content hash receipt actor { kind id participantId certificate } participant { id }"
FIELDS = {"application": "id status participant { id }", "operator": "id status role permissions version"}
SUBJECTS = {
    "Application": "application",
    "Access": "application",
    "Closure": "application",
    "Participant": "participant",
}
PAPERS = [
    {"kind": kind, "name": kind.lower(), "sha256": f"{place:064x}"}
    for place, kind in enumerate(("APPLICATION_FORM", "BUSINESS_LICENCE", "AUTHORIZATION"))
]
INFORMATION = {
    "kind": "SETTLEMENT_PARTICIPANT",
    "legalName": "东方测试证券股份有限公司",
    "uscc": USCC,
    "clearingNumbers": ["JS001"],
    "contacts": [{"kind": "BUSINESS", "name": "李四", "telephone": TELEPHONE, "email": "li@example.com"}],
}
APPLICATION = {
    "participantCode": "BRK001",
    "applicantUscc": USCC,
    "information": INFORMATION,
    "administrator": {"operatorNumber": "000001", "name": "张三", "telephone": TELEPHONE},
    "materials": PAPERS,
    "truthDeclared": True,
    "agreementNumber": 1,
}
RULE = {"kind": "BUSINESS_RULE", "title": "Settlement rules", "provision": "section 4"}


@dataclass
class Step:
    """An act, by whom, and the receipt it was answered with."""

    by: Person
    receipt: dict[str, Any]


@dataclass
class Story:
    hosted: Hosted
    steps: list[Step] = field(default_factory=list)

    async def act(self, mutation: str, by: Person, **given: Any) -> dict[str, Any]:
        """The subject as it then is. Fails on a refusal; keeps the receipt."""
        noun = next((noun for end, noun in SUBJECTS.items() if mutation.endswith(end)), "operator")
        kind = mutation[0].upper() + mutation[1:]
        wanted = (
            f"{noun} {{ {FIELDS.get(noun, 'id status')} }} proposal {{ id }} receipt {{ {RECORD} }} refusals {{ code }}"
        )
        text = f"mutation ($input: {kind}Input!) {{ it: {mutation}(input: $input) {{ {wanted} }} }}"
        payload = (await self.hosted.data(text, by, input=given))["it"]
        assert payload["refusals"] == [], payload
        assert payload["receipt"], payload
        self.steps.append(Step(by, payload["receipt"]))
        subject: dict[str, Any] = {**payload[noun], "proposal": payload["proposal"]}
        return subject

    async def refused(self, mutation: str, by: Person, **given: Any) -> list[str]:
        kind = mutation[0].upper() + mutation[1:]
        text = f"mutation ($input: {kind}Input!) {{ it: {mutation}(input: $input) {{ refusals {{ code }} }} }}"
        payload = (await self.hosted.data(text, by, input=given))["it"]
        return [each["code"] for each in payload["refusals"]]

    async def person(self, operator_id: str) -> Person:
        """Somebody to be the operator: issued with a certificate."""
        database = self.hosted.services.database
        operator = await OperatorStore(database).find(operator_id)
        assert operator is not None
        participant = await ParticipantStore(database).find(operator.participant_id)
        assert participant is not None
        return await self.hosted.certify(participant, operator)


@pytest.fixture
async def story(wire_uri: str) -> AsyncIterator[Story]:
    async with open_world(wire_uri) as world, open_hosted(wire_uri, world) as hosted:
        await hosted.publish_agreement()
        yield Story(hosted)


async def test_an_institution_comes_works_and_goes_and_every_step_of_it_is_on_record(story: Story) -> None:
    hosted = story.hosted
    counter = await hosted.add_registrar("R1", RegistrarRole.REVIEWER)
    officer = await hosted.add_registrar("R2", RegistrarRole.OFFICER)
    second_officer = await hosted.add_registrar("R3", RegistrarRole.OFFICER)

    # It applies, its application is returned, handed in again, and approved by another person: it is open.
    application = await story.act("applyForAccess", counter, **APPLICATION)
    reviewing = {"applicationId": application["id"]}
    await story.act("reviewApplication", counter, **reviewing, decision="RETURN", reason="the licence is unreadable")
    renewed = [{**each, "sha256": f"{9:064x}"} for each in PAPERS[1:2]]
    await story.act("submitApplication", counter, **reviewing, materials=[PAPERS[0], *renewed, PAPERS[2]])
    opened = await story.act("reviewApplication", officer, **reviewing, decision="APPROVE")
    assert opened["status"] == "EFFECTED"
    participant_id = opened["participant"]["id"]
    of_it = {"participantId": participant_id}
    found = await hosted.data("{ operators(first: 5) { nodes { id operatorNumber role } } }", officer)
    (first,) = found["operators"]["nodes"]
    assert (first["operatorNumber"], first["role"]) == ("000001", "ADMINISTRATOR")

    # The depository grants it settlement, on its qualification.
    qualified = {"type": "SETTLEMENT", "status": "VALID", "since": "2020-01-01", "reference": "letter 1"}
    granted = await hosted.data(
        """mutation ($q: RecordQualificationInput!, $s: GrantServiceInput!) {
             q: recordQualification(input: $q) { refusals { code } receipt { id } }
             s: grantService(input: $s) { refusals { code } receipt { id } } }""",
        officer,
        q={**of_it, **qualified},
        s={**of_it, "service": "SETTLEMENT"},
    )
    assert [each["refusals"] for each in granted.values()] == [[], []]

    # Its administrator logs in, registers three people, lets one approve and appoints one: each with a second person.
    administrator = await story.person(first["id"])
    people = {}
    for number, role, permissions in (
        ("100001", "OPERATOR", ["RECORD_READ", "OPERATOR_READ"]),
        ("100002", "REVIEWER", ["SETTLEMENT_READ"]),
        ("100003", "OPERATOR", ["OPERATOR_READ"]),
    ):
        given = {"operatorNumber": number, "name": "王五", "role": role, "permissions": permissions}
        people[number] = await story.act("registerOperator", administrator, **given)
    await story.act(
        "changePermissions",
        administrator,
        operatorId=people["100001"]["id"],
        permissions=["RECORD_READ", "OPERATOR_READ", "SETTLEMENT_SUBMIT"],
    )
    approving = {"operatorId": people["100002"]["id"], "permissions": ["SETTLEMENT_READ", "SETTLEMENT_APPROVE"]}
    proposed = await story.act("changePermissions", administrator, **approving)
    assert proposed["permissions"] == ["SETTLEMENT_READ"]
    confirming = {**approving, "proposalId": proposed["proposal"]["id"]}
    assert await story.refused("changePermissions", administrator, **confirming) == ["SAME_PERSON"]
    confirmed = await story.act("changePermissions", officer, **confirming)
    assert set(confirmed["permissions"]) == {"SETTLEMENT_READ", "SETTLEMENT_APPROVE"}
    deputy = {"operatorId": people["100003"]["id"], "permissions": ["OPERATOR_MANAGE", "PARTICIPANT_READ"]}
    proposed = await story.act("appointAdministrator", administrator, **deputy)
    appointed = await story.act("appointAdministrator", officer, **deputy, proposalId=proposed["proposal"]["id"])
    assert appointed["role"] == "ADMINISTRATOR"

    # One leaves while a subscription of theirs is open: it ends within two seconds, and the token with it.
    clerk = await story.person(people["100001"]["id"])
    async with hosted.subscribed(clerk, RECORDS, filter={"kind": "participant"}) as subscribed:
        gone = await story.act("offboardOperator", administrator, operatorId=clerk.id, reason="LEFT")
        ended = time.monotonic()
        assert (gone["status"], gone["permissions"]) == ("OFFBOARDED", [])
        message = await subscribed.message(2)
        assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "UNAUTHENTICATED")
        with pytest.raises(ConnectionClosed):
            await subscribed.socket.recv()
        assert time.monotonic() - ended < 2
        assert subscribed.socket.close_code == 4401
    answer = await hosted.ask("{ viewer { kind } }", clerk)
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"

    # It is suspended and resumed; while it is suspended nobody of it is let in.
    await story.act("suspendParticipant", officer, **of_it, ground="AGREEMENT", rule=RULE, note="late")
    answer = await hosted.ask("{ operators(first: 1) { nodes { id } } }", administrator)
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    await story.act("resumeParticipant", officer, **of_it, note="settled")
    assert await hosted.data("{ operators(first: 1) { nodes { id } } }", administrator)

    # It closes: all access ends, every record stays.
    closing = await story.act(
        "applyForClosure", administrator, applicantUscc=USCC, materials=PAPERS, truthDeclared=True, reason="merged"
    )
    await story.act("reviewApplication", second_officer, applicationId=closing["id"], decision="APPROVE")
    answer = await hosted.ask("{ operators(first: 1) { nodes { id } } }", administrator)
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    data = await hosted.data("query ($id: ID!) { participant(id: $id) { status } }", officer, id=participant_id)
    assert data["participant"]["status"] == "CLOSED"

    await ensure_on_record(story, participant_id, officer)


async def ensure_on_record(story: Story, participant_id: str, reader: Person) -> None:
    """Every receipt is a record of the participant, in the order of the acts, by who acted. All verify offline."""
    for step in story.steps:
        actor = step.receipt["actor"]
        by_operator = step.by.id.startswith("live-op-")
        assert (actor["kind"], actor["id"]) == ("OPERATOR" if by_operator else "REGISTRAR", step.by.id)
        assert actor["participantId"] == (participant_id if by_operator else None)
        assert actor["certificate"] == step.by.certificate.fingerprint
        assert json.loads(step.receipt["content"])["participant"] == participant_id
    page = """query ($id: ID!) { records(last: 100, filter: {participantId: $id}) { nodes {
        id kind content hash receipt proof { index size hashes checkpoint } } } }"""
    nodes: list[dict[str, Any]] = []

    async def all_logged() -> bool:
        nodes[:] = (await story.hosted.data(page, reader, id=participant_id))["records"]["nodes"][::-1]
        return all(each["proof"] for each in nodes)

    await until(all_logged)
    told = [step.receipt["id"] for step in story.steps]
    assert [each["id"] for each in nodes if each["id"] in told] == told
    keys = receipts.parse_keys((await story.hosted.client.get("/.well-known/jwks.json")).content)
    log = parse_verifier((await story.hosted.client.get("/log/key")).text.strip())
    for node in nodes:
        file = {name: node[name] for name in ("content", "hash", "receipt", "proof")}
        verified = verify_record(json.dumps(file).encode(), world=story.hosted.services.world, keys=keys, log=log)
        assert verified.record["id"] == node["id"]
