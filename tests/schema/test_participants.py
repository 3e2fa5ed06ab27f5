"""An institution's life over GraphQL: it applies, is returned, opened, granted, suspended, resumed, terminated."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest
import pytest_asyncio

from service.access import SYSTEM, Caller, CallerKind, RegistrarRole
from service.agreement_digest import read_digest
from tests.databases import open_wire_database
from tests.schema.applying import PAPERS, RULE, Story, access, information
from tests.schema.serving import open_served
from tests.service.institutions import OFFICER, OTHER_USCC, REVIEWER, SECOND_OFFICER, USCC
from tests.service.records import SteppingClock

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def story(wire_uri: str) -> AsyncIterator[Story]:
    async with (
        open_wire_database(wire_uri) as database,
        open_served(database, SteppingClock()) as served,
    ):
        digest, agreements = read_digest(), served.services.agreements
        await agreements.import_draft(
            SYSTEM,
            digest.chinese_data,
            number=1,
            effective_from=date(2026, 1, 1),
            english=digest.english_data,
            is_digest=True,
        )
        await served.services.publications.publish(SYSTEM, 1)
        served.callers.update(reviewer=REVIEWER, officer=OFFICER, officer2=SECOND_OFFICER)
        yield Story(served)


def codes(payload: dict[str, Any]) -> list[str]:
    return [each["code"] for each in payload["refusals"]]


async def test_an_institution_applies_is_returned_applies_again_and_is_opened_by_another(story: Story) -> None:
    applied = await story.act("applyForAccess", access(), "reviewer")
    assert (applied["application"]["status"], applied["receipt"]["kind"]) == ("SUBMITTED", "application.submitted")
    application = applied["application"]["id"]
    returned = await story.act(
        "reviewApplication", {"applicationId": application, "decision": "RETURN", "reason": "seal"}, "officer"
    )
    assert returned["application"]["reviews"] == [{"decision": "RETURN", "reason": "seal"}]
    again = {"applicationId": application, "expectedVersion": returned["application"]["version"], "materials": PAPERS}
    assert (await story.act("submitApplication", again, "reviewer"))["application"]["status"] == "SUBMITTED"
    approve = {"applicationId": application, "decision": "APPROVE"}
    own = await story.act("reviewApplication", approve, "officer")
    assert own["application"]["status"] == "EFFECTED"
    assert own["application"]["participant"]["status"] == "ACTIVE"
    participant_id = own["application"]["participant"]["id"]
    await story.know_administrator(participant_id, "BRK001")
    story.opened["BRK001"] = participant_id
    data = await story.served.data(
        """{ viewer { participant { acceptance { agreementNumber manner formedAt contentHash } services { service }
               contacts { name telephone email inClear { name telephone email } } history { nodes { kind } } } } }""",
        "BRK001",
    )
    found = data["viewer"]["participant"]
    assert found["acceptance"]["agreementNumber"] == 1
    assert (found["acceptance"]["manner"], len(found["acceptance"]["contentHash"])) == ("BY_APPLICATION", 64)
    assert found["acceptance"]["formedAt"] is not None
    assert {each["service"] for each in found["services"]} == {"ACCESS", "NOTICES"}
    (contact,) = found["contacts"]
    assert (contact["name"], contact["telephone"], contact["email"]) == ("李*", "138****1234", "l***@example.com")
    assert contact["inClear"] == {"name": "李四", "telephone": "+8613812341234", "email": "li@example.com"}
    assert [each["kind"] for each in found["history"]["nodes"]] == [
        "application.effected",
        "operator.registered",
        "participant.opened",
        "application.approved",
        "application.submitted",
        "application.returned",
        "application.submitted",
    ]


async def test_who_submitted_does_not_approve(story: Story) -> None:
    applied = await story.act("applyForAccess", access(OTHER_USCC, "ISS009"), "officer")
    application = applied["application"]["id"]
    payload = await story.act("reviewApplication", {"applicationId": application, "decision": "APPROVE"}, "officer")
    assert (payload["application"], codes(payload)) == (None, ["SAME_PERSON"])
    withdrawn = await story.act("withdrawApplication", {"applicationId": application}, "officer")
    assert withdrawn["application"]["status"] == "WITHDRAWN"


async def test_an_application_is_refused_with_everything_that_is_wrong(story: Story) -> None:
    wrong = access("91350100M000100Y4Z", "1", truthDeclared=False, materials=[])
    payload = await story.act("applyForAccess", wrong, "reviewer")
    assert payload["application"] is None
    found = {each["code"]: each for each in payload["refusals"]}
    assert {"USCC_INVALID", "PARTICIPANT_CODE_INVALID"} <= set(found)
    assert [each["field"] for each in payload["refusals"] if each["code"] == "USCC_INVALID"] == [
        ["applicantUscc"],
        ["information", "uscc"],
    ]
    assert all(each["article"] == 6 and each["message"] and each["messageZh"] for each in found.values())
    bare = await story.act(
        "applyForAccess", access(OTHER_USCC, "ISS001", truthDeclared=False, materials=[]), "reviewer"
    )
    assert codes(bare) == ["TRUTH_NOT_DECLARED", *["MATERIAL_MISSING"] * 3]


async def test_registered_information_changes_through_a_reviewed_application_only(story: Story) -> None:
    participant_id = await story.open(USCC, "BRK001")
    given = {
        "applicantUscc": USCC,
        "information": information(tradingUnits=["36573"]),
        "materials": PAPERS,
        "truthDeclared": True,
    }
    asked = await story.act("changeInformation", given, "BRK001")
    assert (asked["application"]["type"], asked["application"]["status"]) == ("INFO_CHANGE", "SUBMITTED")
    again = await story.act("changeInformation", given, "BRK001")
    assert codes(again) == ["APPLICATION_PENDING"]
    text = """query ($id: ID!) { participant(id: $id) { tradingUnits applications(first: 1) { totalCount nodes {
        before { tradingUnits } after { tradingUnits contacts { inClear { name } } } } } } }"""
    before = (await story.served.data(text, "BRK001", id=participant_id))["participant"]
    assert before["tradingUnits"] == []
    assert before["applications"]["nodes"][0]["after"] == {"tradingUnits": ["36573"], "contacts": [{"inClear": None}]}
    approve = {"applicationId": asked["application"]["id"], "decision": "APPROVE"}
    await story.act("reviewApplication", approve, "officer")
    after = (await story.served.data(text, "BRK001", id=participant_id))["participant"]
    assert after["tradingUnits"] == ["36573"]
    assert after["applications"]["totalCount"] == 2


async def test_what_was_registered_on_a_day_is_told(story: Story) -> None:
    participant_id = await story.open(USCC, "BRK001")
    text = "query ($id: ID!, $day: Date!) { participant(id: $id) { informationOn(day: $day) { legalName } } }"
    for day, expected in (("2026-11-21", None), ("2026-11-22", {"legalName": "东方测试证券股份有限公司"})):
        found = (await story.served.data(text, "BRK001", id=participant_id, day=day))["participant"]
        assert found["informationOn"] == expected


async def test_a_lost_qualification_raises_a_task_and_ends_nothing(story: Story) -> None:
    participant_id = await story.open(USCC, "BRK001")
    word = {
        "participantId": participant_id,
        "type": "SETTLEMENT",
        "status": "VALID",
        "since": "2026-01-01",
        "reference": "letter 1",
    }
    refused = await story.act("grantService", {"participantId": participant_id, "service": "SETTLEMENT"}, "officer")
    assert codes(refused) == ["QUALIFICATION_MISSING"]
    await story.act("recordQualification", word, "officer")
    granted = await story.act("grantService", {"participantId": participant_id, "service": "SETTLEMENT"}, "officer")
    assert {"service": "SETTLEMENT"} in granted["participant"]["services"]
    lost = await story.act("recordQualification", {**word, "status": "TERMINATED", "reference": "letter 2"}, "officer")
    assert lost["participant"]["status"] == "ACTIVE"
    listed = """{ tasks(filter: {status: OPEN}) { totalCount
        nodes { id kind reference participant { participantCode } } } }"""
    (task,) = (await story.served.data(listed, "officer"))["tasks"]["nodes"]
    assert (task["kind"], task["reference"]) == ("QUALIFICATION_LOST", "letter 2")
    assert task["participant"] == {"participantCode": "BRK001"}
    found = await story.served.data(
        """{ lost: participants(filter: {qualification: SETTLEMENT, qualificationStatus: TERMINATED}) { totalCount }
             valid: participants(filter: {qualification: SETTLEMENT, qualificationStatus: VALID}) { totalCount } }""",
        "officer",
    )
    assert (found["lost"]["totalCount"], found["valid"]["totalCount"]) == (1, 0)
    close = """mutation ($id: ID!) { closeTask(input: {taskId: $id, note: "kept"}) {
        task { status note } refusals { code } } }"""
    done = (await story.served.data(close, "officer", id=task["id"]))["closeTask"]
    assert done == {"task": {"status": "CLOSED", "note": "kept"}, "refusals": []}
    assert (await story.served.data(listed, "officer"))["tasks"]["totalCount"] == 0
    gone = {"participantId": participant_id, "service": "SETTLEMENT"}
    assert {"service": "SETTLEMENT"} not in (await story.act("withdrawService", gone, "officer"))["participant"][
        "services"
    ]


async def test_the_depository_suspends_on_a_ground_and_resumes(story: Story) -> None:
    participant_id = await story.open(USCC, "BRK001")
    bare = await story.act("suspendParticipant", {"participantId": participant_id}, "officer")
    assert codes(bare) == ["GROUND_MISSING"]
    decision = {"participantId": participant_id, "ground": "AGREEMENT", "rule": RULE, "note": "late"}
    suspended = await story.act("suspendParticipant", decision, "officer")
    assert suspended["participant"]["status"] == "SUSPENDED"
    assert suspended["participant"]["sanction"] == {"ground": "AGREEMENT", "rule": {"title": "Settlement rules"}}
    own = await story.act("resumeParticipant", {"participantId": participant_id}, "BRK001")
    assert (codes(own), own["refusals"][0]["article"]) == (["DEPOSITORY_DECIDES"], 19)
    resumed = await story.act("resumeParticipant", {"participantId": participant_id}, "officer")
    assert (resumed["participant"]["status"], resumed["participant"]["sanction"]) == ("ACTIVE", None)


async def test_termination_takes_two_officers(story: Story) -> None:
    participant_id = await story.open(OTHER_USCC, "ISS002")
    decision = {"participantId": participant_id, "ground": "LAW", "rule": RULE}
    proposed = await story.act("terminateParticipant", decision, "officer")
    assert proposed["participant"]["status"] == "ACTIVE"
    waiting = """query ($id: ID!) { proposals(filter: {participantId: $id, status: WAITING}) {
        totalCount nodes { id action proposedBy subject { id } } } }"""
    (proposal,) = (await story.served.data(waiting, "officer2", id=participant_id))["proposals"]["nodes"]
    assert proposal["id"] == proposed["proposal"]["id"]
    assert (proposal["action"], proposal["subject"]) == ("TERMINATE_PARTICIPANT", {"id": participant_id})
    confirming = {**decision, "proposalId": proposal["id"]}
    assert codes(await story.act("terminateParticipant", confirming, "officer")) == ["SAME_PERSON"]
    other = await story.act("terminateParticipant", {**confirming, "note": "another"}, "officer2")
    assert codes(other) == ["PROPOSAL_MISMATCH"]
    done = await story.act("terminateParticipant", confirming, "officer2")
    assert done["participant"]["status"] == "TERMINATED"
    assert (await story.served.data(waiting, "officer2", id=participant_id))["proposals"]["totalCount"] == 0
    left = await story.served.data(
        "query ($id: ID!) { participant(id: $id) { operators { nodes { status offboardReason permissions } } } }",
        "officer",
        id=participant_id,
    )
    assert left["participant"]["operators"]["nodes"] == [
        {"status": "OFFBOARDED", "offboardReason": "PARTICIPANT_TERMINATED", "permissions": []}
    ]


async def test_participants_are_found_by_code_text_and_time(story: Story) -> None:
    participant_id = await story.open(USCC, "BRK001")
    text = """query ($filter: ParticipantFilter, $order: ParticipantOrder) {
        participants(filter: $filter, order: $order) { totalCount nodes { id } } }"""

    async def found(order: str | None = "CODE", **wanted: Any) -> int:
        page = (await story.served.data(text, "officer", filter=wanted, order=order))["participants"]
        assert page["totalCount"] == len(page["nodes"])
        return len(page["nodes"]) if {"id": participant_id} in page["nodes"] else 0

    assert await found(text="brk0") == await found(uscc=USCC) == 1
    assert await found("NAME", text="测试证券", status="ACTIVE") == 1
    assert await found(None, text="brk0") == 1
    assert await found("LATEST", kind="SECURITIES_ISSUER") == 0
    assert await found("APPLIED", appliedFrom="2026-11-22T00:00:00Z", appliedBefore="2026-11-23T00:00:00Z") >= 1
    assert await found(appliedBefore="2026-11-22T00:00:00Z") == 0
    by_code = await story.served.data('{ participant(participantCode: "BRK001") { id } }', "officer")
    assert by_code == {"participant": {"id": participant_id}}
    for arguments in ("", f'(id: "{participant_id}", participantCode: "BRK001")'):
        answer = await story.served.ask(f"{{ participant{arguments} {{ id }} }}", "officer")
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_the_viewer_is_told_what_is_missing_and_why(story: Story) -> None:
    await story.open(USCC, "BRK001")
    text = """{ viewer { environment binding kind role permissions actions operator { operatorNumber }
        participant { participantCode } registrar { id }
        missingPermissions { permission reason service why whyZh } } }"""
    viewer = (await story.served.data(text, "BRK001"))["viewer"]
    assert (viewer["kind"], viewer["role"], viewer["operator"]) == (
        "OPERATOR",
        "ADMINISTRATOR",
        {"operatorNumber": "000001"},
    )
    assert viewer["participant"] == {"participantCode": "BRK001"}
    assert "REGISTER_OPERATOR" in viewer["actions"]
    assert "SUSPEND_PARTICIPANT" not in viewer["actions"]
    missing = {each["permission"]: each for each in viewer["missingPermissions"]}
    assert not set(missing) & set(viewer["permissions"])
    assert missing["SETTLEMENT_SUBMIT"]["reason"] == "ROLE"
    assert all(each["why"] and each["whyZh"] for each in missing.values())
    nobody = (await story.served.data(text))["viewer"]
    assert (nobody["kind"], nobody["permissions"], nobody["actions"]) == ("ANONYMOUS", [], [])
    assert (nobody["operator"], nobody["participant"], nobody["registrar"]) == (None, None, None)


async def test_the_catalogues_are_open_to_all(story: Story) -> None:
    data = await story.served.data(
        """{ platform { services { service kind titleZh permissions qualification }
             permissions { permission service roles } } }"""
    )
    services = {each["service"]: each for each in data["platform"]["services"]}
    assert services["SETTLEMENT"]["qualification"] == "SETTLEMENT"
    assert services["SETTLEMENT"]["kind"] == "BUSINESS_PROCESSING"
    permissions = {each["permission"]: each for each in data["platform"]["permissions"]}
    assert permissions["SETTLEMENT_APPROVE"] == {
        "permission": "SETTLEMENT_APPROVE",
        "service": "SETTLEMENT",
        "roles": ["REVIEWER"],
    }
    brought = {each for service in services.values() for each in service["permissions"]}
    assert brought == set(permissions)


async def test_closing_ends_all_access_and_keeps_every_record(story: Story) -> None:
    """The last of the stories: what was opened for them all closes here."""
    participant_id = await story.open(USCC, "BRK001")
    given = {"applicantUscc": USCC, "materials": PAPERS, "truthDeclared": True, "reason": "merged"}
    asked = await story.act("applyForClosure", given, "BRK001")
    assert asked["application"]["participant"]["status"] == "CLOSING"
    approve = {"applicationId": asked["application"]["id"], "decision": "APPROVE"}
    done = await story.act("reviewApplication", approve, "officer")
    assert done["application"]["participant"]["status"] == "CLOSED"
    auditor = Caller(CallerKind.REGISTRAR, "live-reg-01K9ZZZZZZZZZZZZZZZZZZZZZD", role=RegistrarRole.AUDITOR)
    story.served.callers["auditor"] = auditor
    data = await story.served.data(
        """query ($id: ID!) { records(filter: {participantId: $id}, last: 100) { totalCount nodes { kind } }
             participant(id: $id) { services { service } operators { nodes { status } } } }""",
        "auditor",
        id=participant_id,
    )
    assert data["participant"] == {"services": [], "operators": {"nodes": [{"status": "OFFBOARDED"}]}}
    kinds = [each["kind"] for each in data["records"]["nodes"]]
    assert kinds[0] == "application.effected"
    assert "participant.closed" in kinds
    assert kinds[-1] == "application.submitted"
