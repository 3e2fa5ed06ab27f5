"""Each scenario through HTTP: what it shows is what the same thing, really brought about, is answered with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from sandbox.scenarios.catalogue import SCENARIOS, SLOW_SECONDS, Place
from service.consents import Consent, ConsentStatus
from service.http.scenario_header import RefuseTestScenarios
from service.storage.agreements import AGREEMENTS
from service.storage.certificates import CERTIFICATES
from service.storage.consents import ConsentStore
from service.storage.operators import OPERATORS
from service.storage.participants import PARTICIPANTS
from service.world import PRODUCTION
from tests.sandbox.acting import HEADER, Party, Stage, open_stage, plain
from tests.schema.making import make_app, open_client

WHO = "{ viewer { kind permissions } operators(first: 1) { nodes { id } } }"
PAST, FUTURE = datetime(2001, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(wire_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with open_stage(wire_uri, tmp_path_factory.mktemp("stage"), SANDBOX_TENANTS_PER_ADDRESS="100") as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def party(stage: Stage) -> Party:
    return await stage.join()


@asynccontextmanager
async def really(stage: Stage, declared: Any, record_id: str, **fields: object) -> AsyncIterator[None]:
    """The stored document so, for as long as the context is open."""
    collection = stage.services.database.collection(declared)
    before = await collection.find_one({"_id": record_id})
    await collection.update_one({"_id": record_id}, {"$set": fields})
    stage.services.tokens.forget()
    try:
        yield
    finally:
        await collection.replace_one({"_id": record_id}, before)
        stage.services.tokens.forget()


async def place_of(stage: Stage, party: Party, whose: str) -> tuple[Any, str]:
    """The document that a change of a certificate, an operator or a participant is made to."""
    if whose == "operator":
        return OPERATORS, party.credential.client_id
    if whose == "participant":
        return PARTICIPANTS, party.id
    found = await stage.services.database.collection(CERTIFICATES).find_one(
        {"fingerprint": party.credential.fingerprint}
    )
    return CERTIFICATES, found["_id"]


ENDED = {
    "certificate-revoked": ("certificate", {"state": "REVOKED"}),
    "certificate-held": ("certificate", {"state": "HELD"}),
    "certificate-expired": ("certificate", {"notBefore": PAST, "notAfter": PAST + timedelta(days=1)}),
    "operator-frozen": ("operator", {"status": "FROZEN"}),
    "operator-offboarded": ("operator", {"status": "OFFBOARDED"}),
    "session-ended": ("operator", {"sessionsEndAt": FUTURE}),
    "participant-suspended": ("participant", {"status": "SUSPENDED"}),
    "participant-terminated": ("participant", {"status": "TERMINATED"}),
    "permission-missing": ("operator", {"permissions": []}),
}


@pytest.mark.wire
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("scenario", ENDED)
async def test_who_has_ended_is_refused_exactly_as_if_it_were_so(stage: Stage, party: Party, scenario: str):
    whose, fields = ENDED[scenario]
    token = await stage.token(party.credential)
    asked = [await stage.ask(WHO, token, scenario), await stage.log_in(party.credential, scenario)]
    declared, record_id = await place_of(stage, party, whose)
    async with really(stage, declared, record_id, **fields):
        real = [await stage.ask(WHO, token), await stage.log_in(party.credential)]
    assert plain(asked[0]) == plain(real[0])
    assert asked[0].json()["errors"][0]["extensions"]["code"] == SCENARIOS[scenario].answer
    assert asked[0].json()["extensions"]["prop"]["askedFor"] == {"scenario": scenario}
    if Place.TOKEN in SCENARIOS[scenario].places:
        assert plain(asked[1]) == plain(real[1])
        assert asked[1].status_code == 401
        assert asked[1].json()["askedFor"] == {"scenario": scenario}
    else:
        assert asked[1].status_code == real[1].status_code == 200
    for each in asked:
        assert each.headers["x-prop-asked-for"] == f"scenario {scenario}"
    after = await stage.ask(WHO, token)
    assert after.status_code == 200
    assert "errors" not in after.json()
    assert "askedFor" not in after.json()["extensions"]["prop"]


FREEZE = """mutation ($id: ID!, $version: Int) { freezeOperator(input: {operatorId: $id, expectedVersion: $version}) {
  refusals { code message messageZh article field } operator { version } } }"""
CALENDAR = "mutation { giveOutCalendar(input: {}) { refusals { code message messageZh article field } } }"
ANSWER = """mutation ($number: Int!) { acceptAgreement(input: {number: $number}) {
  refusals { code message messageZh article field } } }"""


@pytest.mark.wire
@pytest.mark.asyncio(loop_scope="module")
async def test_a_conflict_is_the_one_of_a_mutation_that_came_too_late(stage: Stage, party: Party):
    token, operator_id = await stage.token(party.credential), party.credential.client_id
    operators = stage.services.database.collection(OPERATORS)
    version = (await operators.find_one({"_id": operator_id}))["version"]
    asked = await stage.ask(FREEZE, token, "conflict", id=operator_id, version=version)
    async with really(stage, OPERATORS, operator_id, version=version + 1):
        real = await stage.ask(FREEZE, token, id=operator_id, version=version)
    assert plain(asked) == plain(real)
    refusal = asked.json()["data"]["freezeOperator"]["refusals"][0]
    assert (refusal["code"], refusal["field"]) == ("VERSION_CONFLICT", ["expectedVersion"])
    assert (await operators.find_one({"_id": operator_id}))["version"] == version


@pytest.mark.wire
@pytest.mark.asyncio(loop_scope="module")
async def test_a_stale_agreement_is_the_one_that_has_a_successor(stage: Stage, party: Party):
    token = await stage.token(party.credential)
    asked = await stage.ask(ANSWER, token, "agreement-stale", number=2)
    agreements = stage.services.database.collection(AGREEMENTS)
    first = await agreements.find_one({"number": 2})
    await agreements.insert_one({**first, "_id": "sbx-agr-01K9ZZZZZZZZZZZZZZZZZZZZZZ", "number": 3})
    try:
        real = await stage.ask(ANSWER, token, number=2)
    finally:
        await agreements.delete_one({"number": 3})
    assert plain(asked) == plain(real)
    refusal = asked.json()["data"]["acceptAgreement"]["refusals"][0]
    assert (refusal["code"], refusal["article"], refusal["field"]) == ("AGREEMENT_NOT_NEWEST", 25, ["number"])
    assert "更新版本 3" in refusal["messageZh"]


@pytest.mark.wire
@pytest.mark.asyncio(loop_scope="module")
async def test_a_rejected_agreement_ends_use_as_a_rejection_does(stage: Stage):
    party = await stage.join()
    token = await stage.token(party.credential)
    asked = await stage.ask(CALENDAR, token, "agreement-rejected")
    at = stage.services.clock.now().replace(microsecond=0)
    consent = Consent(
        id="sbx-con-1",
        version=1,
        participant_id=party.id,
        agreement_number=2,
        content_hash="0" * 64,
        effective_from=at.date(),
        status=ConsentStatus.REJECTED,
        delivered_at=at,
        delivery_record="",
        answered_at=at,
    )
    store = ConsentStore(stage.services.database)
    await store.insert(None, consent)
    real = await stage.ask(CALENDAR, token)
    await store.collection.delete_one({"_id": consent.id})
    assert plain(asked) == plain(real)
    assert asked.json()["data"]["giveOutCalendar"]["refusals"][0]["code"] == "AGREEMENT_REJECTED"
    assert asked.json()["data"]["giveOutCalendar"]["refusals"][0]["article"] == 25
    assert (await stage.ask(CALENDAR, token)).json()["data"]["giveOutCalendar"]["refusals"] == []


@pytest.mark.wire
@pytest.mark.asyncio(loop_scope="module")
async def test_too_many_requests_are_told_to_wait_as_the_bucket_tells_them(stage: Stage, party: Party):
    token = await stage.token(party.credential)
    asked = await stage.ask(WHO, token, "rate-limited")
    real = asked
    for _ in range(1_000):
        real = await stage.ask("{ __typename }", token)
        if real.status_code == 429:
            break
    assert plain(asked) == plain(real)
    assert asked.status_code == 429
    assert asked.headers["retry-after"] == "1"
    assert asked.json()["errors"][0]["extensions"]["limit"] == {"name": "requests_per_minute", "limit": 600}
    at_login = await stage.log_in(party.credential, "rate-limited")
    assert (at_login.status_code, at_login.json()["error"]) == (429, "temporarily_unavailable")
    assert int(at_login.headers["retry-after"]) >= 1


@pytest.mark.wire
@pytest.mark.asyncio(loop_scope="module")
async def test_an_unavailable_service_answers_503_and_when_to_try_again(stage: Stage):
    credential = stage.persona("broker-admin")
    asked = await stage.ask(WHO, await stage.token(credential), "unavailable")
    assert (asked.status_code, asked.headers["retry-after"]) == (503, "1")
    error = asked.json()["errors"][0]
    assert error["extensions"]["code"] == "SERVICE_UNAVAILABLE"
    assert error["message"] == "The database does not answer at the moment."
    assert (await stage.ask("{ platform { name } }", None, "unavailable")).status_code == 503
    at_login = await stage.log_in(credential, "unavailable")
    assert (at_login.status_code, at_login.json()["error"]) == (503, "temporarily_unavailable")


@pytest.mark.wire
@pytest.mark.asyncio(loop_scope="module")
async def test_a_slow_answer_is_the_usual_one_late(stage: Stage):
    token = await stage.token(stage.persona("broker-admin"))
    usual, slow = await stage.ask(WHO, token), await stage.ask(WHO, token, "slow")
    assert slow.elapsed.total_seconds() >= SLOW_SECONDS
    assert plain(slow) == plain(usual)


@pytest.mark.wire
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("path", ["/graphql", "/oauth/token", "/pki/ocsp", "/sandbox/graphql", "/", "/nowhere"])
async def test_an_unknown_name_is_refused_everywhere_with_the_list(stage: Stage, path: str):
    answer = await stage.client.post(path, headers={HEADER: "certificate-lost"})
    assert answer.status_code == 400
    said = answer.json()["errors"][0]["extensions"]
    assert (said["code"], said["scenarios"]) == ("BAD_USER_INPUT", list(SCENARIOS))
    assert answer.json()["extensions"]["prop"]["environment"] == answer.headers["x-prop-environment"] == "SANDBOX"


@pytest.mark.wire
@pytest.mark.asyncio(loop_scope="module")
async def test_the_scenarios_are_listed_over_http_and_in_the_control_schema_alike(stage: Stage):
    listed = (await stage.client.get("/sandbox/scenarios")).json()["scenarios"]
    query = "{ scenarios { name shows showsZh places answer article } }"
    asked = (await stage.ask(query, None, path="/sandbox/graphql")).json()["data"]["scenarios"]
    assert listed == asked
    assert [each["name"] for each in listed] == list(SCENARIOS)


def test_every_scenario_says_what_it_shows_in_both_languages_and_where():
    for each in SCENARIOS.values():
        assert each.shows.endswith(".")
        assert each.shows_zh.endswith("。")
        assert each.places


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_production_refuses_every_one_of_them_and_records_it(scenario: str):
    recorded: list[str] = []

    async def record(thing: str, _: str) -> None:
        recorded.append(thing)

    app = make_app(PRODUCTION)
    async with open_client(app):
        transport = httpx.ASGITransport(RefuseTestScenarios(app, PRODUCTION, record))
        async with httpx.AsyncClient(transport=transport, base_url="http://prop.test") as client:
            answer = await client.post("/graphql", json={"query": "{ __typename }"}, headers={HEADER: scenario})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "ENVIRONMENT_MISMATCH"
    assert recorded == ["test scenario"]
