"""A revision of the agreement as a front end meets it: published, due, opened, accepted or rejected (art. 25)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from service.access import SYSTEM
from service.operators import Operator
from service.participants import Participant
from service.storage.database import Database
from tests.agreements import make_text
from tests.schema.serving import Served, open_served
from tests.service.institutions import OFFICER, OTHER_USCC, REVIEWER, Institutions, caller_for

pytestmark = pytest.mark.wire

REFUSALS = "refusals { code article field messageZh }"
CONSENT = "consent { id version agreementNumber status reason answer { kind } }"
DUE = "{ viewer { agreementDue { version status openedAt agreement { number } } } }"


@dataclass(frozen=True)
class Story:
    served: Served
    institutions: Institutions
    participant: Participant
    administrator: Operator

    async def act(self, mutation: str, token: str, **given: Any) -> Any:
        kind = mutation[0].upper() + mutation[1:]
        noun = "agreement { number status }" if mutation == "publishAgreement" else CONSENT
        text = f"""mutation ($input: {kind}Input!) {{
            it: {mutation}(input: $input, idempotencyKey: "{mutation}") {{ {noun} receipt {{ kind }} {REFUSALS} }} }}"""
        return (await self.served.data(text, token, input=given))["it"]

    async def revise(self) -> None:
        """Agreement 2: published by an officer, delivered by the job."""
        services = self.served.services
        await services.agreements.import_draft(
            SYSTEM, make_text(last="二。"), number=2, effective_from=date(2026, 1, 1)
        )
        published = await self.act("publishAgreement", "officer", number=2)
        assert published == {
            "agreement": {"number": 2, "status": "PUBLISHED"},
            "receipt": {"kind": "agreement.published"},
            "refusals": [],
        }
        assert await services.publications.deliver() == 2


@pytest.fixture
async def story(wire_database: Database) -> AsyncIterator[Story]:
    institutions = Institutions(wire_database)
    await institutions.publish(1)
    participant, administrator = await institutions.open()
    _, stranger = await institutions.open(OTHER_USCC, "ISS001")
    async with open_served(wire_database, institutions.clock) as served:
        served.callers.update(
            admin=caller_for(administrator), stranger=caller_for(stranger), officer=OFFICER, reviewer=REVIEWER
        )
        yield Story(served, institutions, participant, administrator)


async def test_a_revision_is_due_opened_and_accepted(story: Story) -> None:
    assert (await story.served.data(DUE, "admin"))["viewer"]["agreementDue"] is None
    await story.revise()
    due = (await story.served.data(DUE, "admin"))["viewer"]["agreementDue"]
    assert due == {"version": 1, "status": "DELIVERED", "openedAt": None, "agreement": {"number": 2}}
    again = (await story.served.data(DUE, "admin"))["viewer"]["agreementDue"]
    assert again["openedAt"] is not None
    done = await story.act("acceptAgreement", "admin", number=2, expectedVersion=1)
    assert done["refusals"] == []
    assert (done["consent"]["status"], done["consent"]["answer"]) == ("CONFIRMED", {"kind": "agreement.confirmed"})
    assert (await story.served.data(DUE, "admin"))["viewer"]["agreementDue"] is None
    bound = """query ($id: ID!) { participant(id: $id) { acceptance { agreementNumber manner }
        acceptances { agreementNumber manner } consents { agreementNumber status } } }"""
    participant = (await story.served.data(bound, "admin", id=story.participant.id))["participant"]
    assert participant["acceptance"] == {"agreementNumber": 2, "manner": "CONFIRMED"}
    assert [each["manner"] for each in participant["acceptances"]] == ["BY_APPLICATION", "CONFIRMED"]
    assert participant["consents"] == [{"agreementNumber": 2, "status": "CONFIRMED"}]


async def test_a_rejection_blocks_use_with_a_refusal_and_raises_a_task(story: Story) -> None:
    await story.revise()
    done = await story.act("rejectAgreement", "admin", number=2, reason="the fee")
    assert (done["consent"]["status"], done["consent"]["reason"]) == ("REJECTED", "the fee")
    register = """mutation { registerOperator(input: {operatorNumber: "000007", name: "王五", role: OPERATOR}) {
        operator { id } refusals { code article } } }"""
    refused = (await story.served.data(register, "admin"))["registerOperator"]
    assert refused == {"operator": None, "refusals": [{"code": "AGREEMENT_REJECTED", "article": 25}]}
    tasks = await story.served.data("{ tasks { nodes { kind participant { id } } } }", "officer")
    assert tasks["tasks"]["nodes"] == [{"kind": "AGREEMENT_REJECTED", "participant": {"id": story.participant.id}}]


async def test_an_answer_to_what_was_not_delivered_or_is_superseded_is_refused_in_the_payload(story: Story) -> None:
    superseded = await story.act("acceptAgreement", "admin", number=7)
    assert superseded["consent"] is None
    assert [(each["code"], each["article"]) for each in superseded["refusals"]] == [("AGREEMENT_NOT_FOUND", 25)]
    undelivered = await story.act("rejectAgreement", "admin", number=1)
    assert [(each["code"], each["field"]) for each in undelivered["refusals"]] == [
        ("AGREEMENT_NOT_DELIVERED", ["number"])
    ]


async def test_only_an_officer_publishes_and_only_the_depository_counts_deliveries(story: Story) -> None:
    await story.revise()
    publish = "mutation { publishAgreement(input: {number: 3}) { refusals { code } } }"
    for token in ("admin", "reviewer"):
        (error,) = (await story.served.ask(publish, token))["errors"]
        assert error["extensions"]["code"] == "FORBIDDEN"
    count = "{ agreement(number: 2) { deliveries { delivered opened confirmed deemedByUse rejected } } }"
    await story.act("acceptAgreement", "stranger", number=2)
    expected = {"delivered": 2, "opened": 0, "confirmed": 1, "deemedByUse": 0, "rejected": 0}
    assert (await story.served.data(count, "reviewer"))["agreement"]["deliveries"] == expected
    assert (await story.served.data(count, "admin"))["agreement"]["deliveries"] is None
    assert (await story.served.data(count))["agreement"]["deliveries"] is None


async def test_another_participants_consent_is_as_none(story: Story) -> None:
    await story.revise()
    done = await story.act("acceptAgreement", "stranger", number=2)
    query = "query ($id: ID!) { node(id: $id) { id ... on Consent { status participant { id } } } }"
    assert (await story.served.data(query, "admin", id=done["consent"]["id"]))["node"] is None
    seen = (await story.served.data(query, "stranger", id=done["consent"]["id"]))["node"]
    assert seen["status"] == "CONFIRMED"
