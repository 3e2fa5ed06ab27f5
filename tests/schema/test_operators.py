"""Operators as a front end works with them: register, find, change, freeze, offboard; refusals in the payload."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from service.access import OperatorRole, Permission
from service.operators import Operator
from service.participants import Participant
from tests.databases import open_wire_database
from tests.schema.serving import Served, open_served
from tests.service.institutions import OFFICER, OTHER_USCC, Institutions, caller_for

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

OPERATOR = "{ id version operatorNumber name role status permissions telephone smsSubscriptions { topic status } }"
REFUSALS = "refusals { code article field message messageZh }"
PAYLOAD = f"{{ operator {OPERATOR} proposal {{ id status }} receipt {{ id kind hash }} {REFUSALS} }}"


@dataclass(frozen=True)
class Story:
    """A participant with its administrator, and a second participant that must stay unseen."""

    served: Served
    institutions: Institutions
    participant: Participant
    administrator: Operator
    stranger: Operator

    async def act(self, mutation: str, given: dict[str, Any], token: str = "admin", key: str | None = None) -> Any:
        kind = mutation[0].upper() + mutation[1:]
        call = f"{mutation}(input: $input, idempotencyKey: $key) {PAYLOAD}"
        text = f"mutation ($input: {kind}Input!, $key: String) {{ it: {call} }}"
        return (await self.served.data(text, token, input=given, key=key))["it"]

    async def crossed_by(self) -> list[str | None]:
        """Who brought something of the other world, in the order of time."""
        text = '{ records(first: 100, filter: { kind: "environment.crossed" }) { nodes { at id actor { id } } } }'
        found = (await self.served.data(text, "officer"))["records"]["nodes"]
        return [each["actor"]["id"] for each in sorted(found, key=lambda each: str(each["id"]))]

    async def register(self, number: str, **given: Any) -> Any:
        asked = {"operatorNumber": number, "name": "王五", "role": "OPERATOR", "permissions": [], **given}
        return (await self.act("registerOperator", asked))["operator"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def story(wire_uri: str) -> AsyncIterator[Story]:
    async with open_wire_database(wire_uri) as database:
        institutions = Institutions(database)
        participant, administrator = await institutions.open()
        _, stranger = await institutions.open(OTHER_USCC, "ISS001")
        async with open_served(database, institutions.clock) as served:
            served.callers.update(admin=caller_for(administrator), stranger=caller_for(stranger), officer=OFFICER)
            yield Story(served, institutions, participant, administrator, stranger)


async def test_an_operator_is_registered_with_a_receipt(story: Story) -> None:
    given = {
        "operatorNumber": "100001",
        "name": "王五",
        "role": "OPERATOR",
        "permissions": ["OPERATOR_READ"],
        "telephone": "13812341234",
    }
    payload = await story.act("registerOperator", given)
    assert payload["refusals"] == []
    assert payload["proposal"] is None
    operator = payload["operator"]
    assert (operator["operatorNumber"], operator["status"], operator["version"]) == ("100001", "ACTIVE", 1)
    assert operator["permissions"] == ["OPERATOR_READ"]
    assert operator["telephone"] == "138****1234"
    receipt = payload["receipt"]
    data = await story.served.data(
        """query ($id: ID!) { node(id: $id) { ... on Record {
             kind content hash receipt actor { kind id operator { name } } subject { id }
             participant { participantCode } environment binding proof { index } } } }""",
        "admin",
        id=receipt["id"],
    )
    record = data["node"]
    assert (record["kind"], record["hash"]) == ("operator.registered", receipt["hash"])
    assert json.loads(record["content"])["subject"] == operator["id"] == record["subject"]["id"]
    assert record["actor"] == {"kind": "OPERATOR", "id": story.administrator.id, "operator": {"name": "张三"}}
    assert record["participant"] == {"participantCode": "BRK001"}
    assert "1381234" not in record["content"]


async def test_every_fault_of_an_input_is_told_at_once_with_its_article_and_field(story: Story) -> None:
    given = {"operatorNumber": "12", "name": " ", "role": "OPERATOR", "permissions": ["SETTLEMENT_READ"]}
    payload = await story.act("registerOperator", given)
    assert payload["operator"] is None
    assert payload["receipt"] is None
    found = {each["code"]: each for each in payload["refusals"]}
    assert set(found) == {"OPERATOR_NUMBER_INVALID", "NAME_INVALID", "PERMISSION_BEYOND_GRANTS"}
    assert found["OPERATOR_NUMBER_INVALID"]["field"] == ["operatorNumber"]
    assert found["PERMISSION_BEYOND_GRANTS"]["article"] == 9
    assert all(each["message"] and each["messageZh"] for each in found.values())


async def test_a_key_answers_twice_as_it_did_first_and_acts_once(story: Story) -> None:
    given = {"operatorNumber": "100002", "name": "赵六", "role": "AUDITOR"}
    first = await story.act("registerOperator", given, key="once")
    assert await story.act("registerOperator", given, key="once") == first
    other = await story.act("registerOperator", {**given, "name": "钱七"}, key="once")
    assert [(each["code"], each["field"]) for each in other["refusals"]] == [
        ("IDEMPOTENCY_KEY_REUSED", ["idempotencyKey"])
    ]


async def test_who_read_an_older_version_is_told_so(story: Story) -> None:
    operator = await story.register("100003")
    given = {"operatorId": operator["id"], "expectedVersion": 1}
    frozen = await story.act("freezeOperator", given)
    assert (frozen["operator"]["status"], frozen["operator"]["version"]) == ("FROZEN", 2)
    again = await story.act("unfreezeOperator", given)
    assert (again["operator"], again["refusals"][0]["code"]) == (None, "VERSION_CONFLICT")
    assert again["refusals"][0]["field"] == ["expectedVersion"]
    thawed = await story.act("unfreezeOperator", {**given, "expectedVersion": 2})
    assert thawed["operator"]["status"] == "ACTIVE"


async def test_permission_to_approve_waits_for_a_second_person(story: Story) -> None:
    reviewer = await story.register("100004", role="REVIEWER")
    given = {"operatorId": reviewer["id"], "permissions": ["CERTIFICATE_APPROVE"]}
    proposed = await story.act("changePermissions", given)
    assert proposed["operator"]["permissions"] == []
    assert proposed["proposal"]["status"] == "WAITING"
    confirming = {**given, "proposalId": proposed["proposal"]["id"]}
    own = await story.act("changePermissions", confirming)
    assert own["refusals"][0]["code"] == "SAME_PERSON"
    done = await story.act("changePermissions", confirming, token="officer")
    assert done["operator"]["permissions"] == ["CERTIFICATE_APPROVE"]
    assert done["receipt"]["kind"] == "operator.permissions.changed"


async def test_offboarding_ends_permissions_and_sms_together_and_can_be_repeated(story: Story) -> None:
    operator = await story.register("100005", permissions=["SMS_SUBSCRIBE"], telephone="13812341234")
    stored = await story.institutions.operator_store.find(operator["id"])
    assert stored is not None
    story.served.callers["leaver"] = caller_for(stored)
    subscribed = await story.act("subscribeSms", {"operatorId": operator["id"], "topic": "NOTICE"}, token="leaver")
    assert subscribed["operator"]["smsSubscriptions"] == [{"topic": "NOTICE", "status": "ACTIVE"}]
    given = {"operatorId": operator["id"], "reason": "LEFT"}
    gone = (await story.act("offboardOperator", given))["operator"]
    assert (gone["status"], gone["permissions"]) == ("OFFBOARDED", [])
    assert gone["smsSubscriptions"] == [{"topic": "NOTICE", "status": "CANCELLED"}]
    again = await story.act("offboardOperator", given)
    assert (again["operator"], again["receipt"], again["refusals"]) == (gone, None, [])


async def test_an_operator_is_not_offboarded_in_the_name_of_its_participants_end(story: Story) -> None:
    operator = await story.register("100010")
    text = """mutation ($id: ID!) { offboardOperator(input: {operatorId: $id, reason: PARTICIPANT_CLOSED}) {
        operator { id } } }"""
    error = (await story.served.ask(text, "admin", id=operator["id"]))["errors"][0]
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", "reason")


async def test_history_is_filtered_by_kind_actor_and_time(story: Story) -> None:
    operator = await story.register("100011")
    await story.act("freezeOperator", {"operatorId": operator["id"]})
    await story.act("unfreezeOperator", {"operatorId": operator["id"]}, token="officer")
    text = """query ($id: ID!, $filter: RecordFilter) { operator(id: $id) { history(filter: $filter) {
        totalCount nodes { kind at actor { id } } } } }"""

    async def kinds(**wanted: Any) -> list[str]:
        found = await story.served.data(text, "admin", id=operator["id"], filter=wanted)
        return [each["kind"] for each in found["operator"]["history"]["nodes"]]

    assert await kinds() == ["operator.unfrozen", "operator.frozen", "operator.registered"]
    assert await kinds(kind="operator.frozen") == ["operator.frozen"]
    assert await kinds(actorId=OFFICER.id) == ["operator.unfrozen"]
    assert await kinds(until="2026-11-22T00:00:00Z") == []
    wanted = {"subjectId": story.administrator.id}
    answer = await story.served.ask(text, "admin", id=operator["id"], filter=wanted)
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_sms_of_others_may_only_be_ended(story: Story) -> None:
    operator = await story.register("100006")
    asked = {"operatorId": operator["id"], "topic": "NOTICE"}
    assert (await story.act("subscribeSms", asked))["refusals"][0]["code"] == "SMS_NOT_OWN"
    assert (await story.act("unsubscribeSms", asked))["refusals"][0]["code"] == "SMS_NOT_SUBSCRIBED"


async def test_operators_are_filtered_ordered_and_counted(story: Story) -> None:
    for number, name in (("200002", "甲乙"), ("200001", "乙甲"), ("200003", "丙")):
        await story.register(number, name=name, role="AUDITOR", permissions=["RECORD_READ"])
    text = """query ($filter: OperatorFilter, $order: OperatorOrder) {
        operators(filter: $filter, order: $order) { totalCount nodes { operatorNumber } } }"""

    async def numbers(order: str | None = "NUMBER", **wanted: Any) -> list[str]:
        found = (await story.served.data(text, "admin", filter=wanted, order=order))["operators"]
        assert found["totalCount"] == len(found["nodes"])
        return [each["operatorNumber"] for each in found["nodes"]]

    three = ["200001", "200002", "200003"]
    assert await numbers(permission="RECORD_READ", role="AUDITOR") == three
    assert await numbers("REGISTERED", permission="RECORD_READ", role="AUDITOR") == ["200002", "200001", "200003"]
    assert await numbers(None, permission="RECORD_READ", role="AUDITOR") == ["200002", "200001", "200003"]
    assert await numbers("LATEST", permission="RECORD_READ", role="AUDITOR") == ["200003", "200001", "200002"]
    assert await numbers(text="甲") == ["200001", "200002"]
    assert await numbers(text="200003") == ["200003"]
    assert await numbers(status="OFFBOARDED", role="AUDITOR") == []
    assert await numbers(participantId=story.stranger.participant_id) == []
    assert "000001" in await numbers(telephone="138 1234 1234", role="ADMINISTRATOR")


async def test_least_privilege_says_what_was_never_used(story: Story) -> None:
    operator = await story.register("100007", permissions=["OPERATOR_READ", "RECORD_READ"])
    stored = await story.institutions.operator_store.find(operator["id"])
    assert stored is not None
    story.served.callers["reader"] = caller_for(stored)
    await story.served.data("{ operators(first: 1) { nodes { id } } }", "reader")
    await story.served.services.usage.flush()
    data = await story.served.data(
        """query ($id: ID!) { operator(id: $id) { leastPrivilege(days: 7) {
             days granted unused used { permission times } } lastSeenAt telephoneInClear } }""",
        "admin",
        id=operator["id"],
    )
    review = data["operator"]["leastPrivilege"]
    assert review["used"] == [{"permission": "OPERATOR_READ", "times": 1}]
    assert review["unused"] == ["RECORD_READ"]
    assert data["operator"]["lastSeenAt"] is not None


async def test_numbers_in_clear_are_for_those_who_need_them(story: Story) -> None:
    operator = await story.register("100008", telephone="13812341234", permissions=["OPERATOR_READ"])
    stored = await story.institutions.operator_store.find(operator["id"])
    assert stored is not None
    story.served.callers["plain"] = caller_for(stored)
    text = "query ($id: ID!) { operator(id: $id) { telephone telephoneInClear } }"
    for token, whose, shown in (
        ("admin", operator["id"], "+8613812341234"),
        ("plain", operator["id"], "+8613812341234"),  # its own
        ("plain", story.administrator.id, None),
    ):
        found = (await story.served.data(text, token, id=whose))["operator"]
        assert found == {"telephone": "138****1234", "telephoneInClear": shown}


@pytest.mark.parametrize("mutation", ["freezeOperator", "unfreezeOperator"])
async def test_another_participants_operator_is_refused_as_one_that_is_not_there(story: Story, mutation: str) -> None:
    nobody = "live-op-01K9ZZZZZZZZZZZZZZZZZZZZZZ"
    answers = [await story.act(mutation, {"operatorId": each}) for each in (story.stranger.id, nobody)]
    assert answers[0] == answers[1]
    assert answers[0]["refusals"][0]["code"] == "OPERATOR_NOT_FOUND"


async def test_ids_of_the_other_world_are_refused_by_name(story: Story) -> None:
    theirs = "sbx-op-01K9ZZZZZZZZZZZZZZZZZZZZZZ"
    asked = (
        (f'{{ operator(id: "{theirs}") {{ id }} }}', "admin"),
        (f'{{ node(id: "{theirs}") {{ id }} }}', None),
        (f'{{ operators(filter: {{ participantId: "{theirs}" }}) {{ totalCount }} }}', "admin"),
        (f'mutation {{ freezeOperator(input: {{ operatorId: "{theirs}" }}) {{ refusals {{ code }} }} }}', "admin"),
    )
    crossed_before = await story.crossed_by()
    for text, token in asked:
        error = (await story.served.ask(text, token))["errors"][0]
        assert error["extensions"]["code"] == "ENVIRONMENT_MISMATCH"
        assert (error["extensions"]["here"], error["extensions"]["there"]) == ("PRODUCTION", "SANDBOX")
    me = story.administrator.id
    assert await story.crossed_by() == [*crossed_before, me, None, me, me]


async def test_many_ids_of_the_other_world_at_once_are_one_crossing(story: Story) -> None:
    ids = ", ".join('"sbx-op-01K9ZZZZZZZZZZZZZZZZZZZZZZ"' for _ in range(50))
    crossed_before = await story.crossed_by()
    await story.served.ask(f"{{ nodes(ids: [{ids}]) {{ id }} }}", "admin")
    assert await story.crossed_by() == [*crossed_before, story.administrator.id]


async def test_what_a_caller_may_not_see_is_null_and_not_an_error(story: Story) -> None:
    operator = await story.register("100009", permissions=["OPERATOR_READ"])
    stored = await story.institutions.operator_store.find(operator["id"])
    assert stored is not None
    assert stored.role is OperatorRole.OPERATOR
    assert stored.permissions == (Permission.OPERATOR_READ,)
    story.served.callers["narrow"] = caller_for(stored)
    relations = "participant { id } leastPrivilege { days } history { totalCount }"
    text = f"query ($id: ID!) {{ operator(id: $id) {{ name {relations} }} }}"
    found = (await story.served.data(text, "narrow", id=operator["id"]))["operator"]
    assert found == {"name": "王五", "participant": None, "leastPrivilege": None, "history": None}
