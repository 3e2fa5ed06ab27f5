"""Each fault that a tenant sets, through HTTP: it befalls this tenant, as production would have it, and no other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from cryptography.x509 import ocsp

from sandbox.scenarios.faults import LATE_BY
from sandbox.webhooks.deliveries import Delivery
from tests.sandbox.acting import Party, Stage, open_stage, plain
from tests.sandbox.scenarios.test_scenario_channels import CALENDAR, REGISTER, deliveries_of, greeted, ocsp_request
from tests.schema.test_websockets import subscribe
from tests.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

WHO = "{ viewer { kind } operators(first: 1) { nodes { id } } }"
SHOWN = "{ latencyMs rateLimited unavailable droppedSockets duplicateEvents lateEvents ocspTryLater }"
SET = f"mutation ($input: FaultsInput!) {{ faults: setFaults(input: $input) {SHOWN} }}"
CLEAR = f"mutation {{ faults: clearFaults {SHOWN} }}"
NONE = dict.fromkeys(SHOWN.strip("{} ").split(), 0)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(wire_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    settings = {"SANDBOX_FAULT_SEED": "11"}
    async with open_stage(wire_uri, tmp_path_factory.mktemp("stage"), **settings) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def party(stage: Stage) -> Party:
    return await stage.join()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def neighbour(stage: Stage) -> Party:
    return await stage.join()


@asynccontextmanager
async def faulty(stage: Stage, party: Party, **faults: int) -> AsyncIterator[None]:
    assert (await stage.control(SET, party.secret, input=faults))["faults"] == {**NONE, **faults}
    try:
        yield
    finally:
        assert (await stage.control(CLEAR, party.secret))["faults"] == NONE


@pytest.mark.parametrize(
    ("fault", "name", "scenario", "status"),
    [("rateLimited", "rate_limited", "rate-limited", 429), ("unavailable", "unavailable", "unavailable", 503)],
)
async def test_requests_and_logins_fail_as_their_scenario_has_them_fail(  # noqa: PLR0917 - as they are named
    stage: Stage, party: Party, neighbour: Party, fault: str, name: str, scenario: str, status: int
):
    token, other = await stage.token(party.credential), await stage.token(neighbour.credential)
    async with faulty(stage, party, **{fault: 100}):
        failed, at_login = await stage.ask(WHO, token), await stage.log_in(party.credential)
        for each, told in ((failed, failed.json()["extensions"]["prop"]), (at_login, at_login.json())):
            assert each.status_code == status
            assert each.headers["x-prop-asked-for"] == f"fault {name}"
            assert told["askedFor"] == {"fault": name}
        assert plain(failed) == plain(await stage.ask(WHO, token, scenario))
        assert (await stage.ask(WHO, other)).status_code == 200
        assert (await stage.log_in(neighbour.credential)).status_code == 200
        assert (
            await stage.ask(WHO, token, "slow")
        ).status_code == 200  # who names a scenario gets that, and nothing more
    assert (await stage.ask(WHO, token)).status_code == 200


async def test_of_a_share_about_as_many_fail_and_the_others_are_answered(stage: Stage, party: Party):
    token = await stage.token(party.credential)
    async with faulty(stage, party, unavailable=30):
        answers = [await stage.ask("{ __typename }", token) for _ in range(60)]
    failed = [each for each in answers if each.status_code == 503]
    assert 5 <= len(failed) <= 40
    assert all("askedFor" in each.json()["extensions"]["prop"] for each in failed)
    assert all("askedFor" not in each.json()["extensions"]["prop"] for each in answers if each.status_code == 200)


async def test_answers_come_late_by_the_latency(stage: Stage, party: Party):
    token = await stage.token(party.credential)
    async with faulty(stage, party, latencyMs=400):
        answer = await stage.ask(WHO, token)
    assert answer.elapsed.total_seconds() >= 0.4
    assert answer.json()["extensions"]["prop"]["askedFor"] == {"fault": "latency_ms"}
    assert "errors" not in answer.json()


async def test_a_websocket_breaks_after_its_first_answer(stage: Stage, party: Party, neighbour: Party):
    async with faulty(stage, party, droppedSockets=100):
        broken, whole = [await greeted(stage, await stage.token(each.credential)) for each in (party, neighbour)]
        for socket in (broken, whole):
            assert (await socket.receive())["type"] == "connection_ack"
            await socket.send(subscribe(WHO))
            said = await socket.receive()
            assert said["type"] == "next"
            told = said["payload"]["extensions"]["prop"].get("askedFor")
            assert told == ({"fault": "dropped_sockets"} if socket is broken else None)
        closing = await broken.message()
        assert (closing["type"], closing["code"]) == ("websocket.close", 1012)
        assert closing["reason"].startswith("Asked for")
        await broken.task
        assert (await whole.receive())["type"] == "complete"
        await whole.leave()


async def test_the_ocsp_responder_says_try_later_of_the_tenants_own_certificates(
    stage: Stage, party: Party, neighbour: Party
):
    kind = {"content-type": "application/ocsp-request"}
    async with faulty(stage, party, ocspTryLater=100):
        statuses = []
        for each in (party, neighbour):
            answer = await stage.client.post("/pki/ocsp", content=ocsp_request(stage, each), headers=kind)
            statuses.append(ocsp.load_der_ocsp_response(answer.content).response_status)
            assert answer.headers.get("x-prop-asked-for") == ("fault ocsp_try_later" if each is party else None)
    assert statuses == [ocsp.OCSPResponseStatus.TRY_LATER, ocsp.OCSPResponseStatus.SUCCESSFUL]


async def test_the_inspector_says_of_each_exchange_what_was_asked_for(stage: Stage):
    own = await stage.join()
    token = await stage.token(own.credential)
    async with faulty(stage, own, unavailable=100):
        await stage.ask("query Faulty { __typename }", token)
        await stage.ask("query Named { viewer { kind } }", token, "permission-missing")
        socket = await greeted(stage, token, "conflict")
        assert (await socket.receive())["type"] == "connection_ack"
        await socket.send(subscribe("query Spoken { viewer { kind } }"))
        assert (await socket.receive())["type"] == "next"
        await socket.leave()
    await stage.ask("query Plain { viewer { kind } }", token)
    seen: dict[str, tuple[str | None, str | None]] = {}

    async def noted() -> bool:
        query = "{ exchanges(first: 20) { nodes { operationName scenario fault } } }"
        nodes = (await stage.control(query, own.secret))["exchanges"]["nodes"]
        seen.update({each["operationName"]: (each["scenario"], each["fault"]) for each in nodes})
        return {"Faulty", "Named", "Spoken", "Plain"} <= seen.keys()

    await until(noted, 30)
    assert (seen["Faulty"], seen["Named"]) == ((None, "unavailable"), ("permission-missing", None))
    assert (seen["Spoken"], seen["Plain"]) == (("conflict", None), (None, None))


@pytest.mark.parametrize("fault", ["duplicateEvents", "lateEvents"])
async def test_events_of_the_tenant_arrive_twice_or_late(stage: Stage, fault: str):
    own = await stage.join()
    token = await stage.token(own.credential)
    await stage.control(REGISTER, own.secret, url="http://127.0.0.1:9/hook")
    async with faulty(stage, own, **{fault: 100}):
        record_id = (await stage.ask(CALENDAR, token)).json()["data"]["giveOutCalendar"]["receipt"]["id"]
        found: list[Delivery] = []

        async def queued() -> bool:
            found[:] = await deliveries_of(stage, record_id)
            return bool(found)

        await until(queued, 30)
    assert len(found) == (2 if fault == "duplicateEvents" else 1)
    begun = found[0].attempts[0].at if found[0].attempts else found[0].next_attempt_at
    assert (begun - found[0].created_at >= LATE_BY) is (fault == "lateEvents")


@pytest.mark.parametrize("given", [{"lateEvents": 101}, {"latencyMs": 60_000}, {"rateLimited": 70, "unavailable": 70}])
async def test_what_is_no_share_is_refused(stage: Stage, party: Party, given: dict[str, int]):
    answer = (await stage.ask(SET, party.secret, path="/sandbox/graphql", input=given)).json()
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_nobody_sets_or_sees_faults_without_a_tenants_secret(stage: Stage):
    for query in (f"{{ faults {SHOWN} }}", CLEAR):
        answer = await stage.ask(query, None, path="/sandbox/graphql")
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_where_it_is_on_by_default_a_tenant_has_a_share_until_it_sets_none(wire_uri: str, tmp_path_factory):
    async with open_stage(wire_uri, tmp_path_factory.mktemp("stage"), SANDBOX_FAULT_SHARE="5") as shared:
        party = await shared.join()
        held = (await shared.control(f"{{ faults {SHOWN} }}", party.secret))["faults"]
        assert held == {**dict.fromkeys(NONE, 5), "latencyMs": 0}
        assert (await shared.control(SET, party.secret, input={}))["faults"] == NONE
        assert (await shared.control(CLEAR, party.secret))["faults"] == held
