"""Scenarios without a single answer: on a WebSocket, in an event stream, from the OCSP responder, in webhooks."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from sandbox.scenarios.catalogue import Arrival
from sandbox.scenarios.faults import LATE_BY
from sandbox.storage.arrivals import ArrivalStore
from sandbox.storage.deliveries import DeliveryStore
from sandbox.webhooks.deliveries import Delivery
from tests.sandbox.acting import HEADER, Party, Stage, open_stage
from tests.schema.test_websockets import Socket, subscribe
from tests.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

WHO = "{ viewer { kind } operators(first: 1) { nodes { id } } }"
FOLLOW = "subscription { recordAdded { id } }"
PROTOCOL = ["graphql-transport-ws"]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(wire_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with open_stage(wire_uri, tmp_path_factory.mktemp("stage")) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def party(stage: Stage) -> Party:
    return await stage.join()


async def greeted(stage: Stage, token: str, scenario: str | None = None, header: str | None = None) -> Socket:
    """A WebSocket that is open, with a scenario in its first message or in the handshake."""
    headers = {"authorization": f"Bearer {token}", **({HEADER.lower(): header} if header else {})}
    socket = Socket(stage.app, headers, PROTOCOL)
    assert (await socket.message())["type"] == "websocket.accept"
    await socket.send({"type": "connection_init", "payload": {HEADER: scenario} if scenario else {}})
    return socket


@pytest.mark.parametrize("where", ["scenario", "header"])
async def test_on_a_websocket_it_befalls_each_operation(stage: Stage, party: Party, where: Any):
    token = await stage.token(party.credential)
    socket = await greeted(stage, token, **{where: "permission-missing"})
    assert (await socket.receive())["type"] == "connection_ack"
    for number in ("1", "2"):
        await socket.send(subscribe(WHO, number))
        said = await socket.receive()
        assert said["type"] == "next"
        assert said["payload"]["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        assert said["payload"]["extensions"]["prop"]["askedFor"] == {"scenario": "permission-missing"}
        assert (await socket.receive())["type"] == "complete"
    await socket.leave()


async def test_a_websocket_of_somebody_who_has_ended_is_closed_as_in_production(stage: Stage, party: Party):
    socket = await greeted(stage, await stage.token(party.credential), "certificate-revoked")
    assert await socket.closed() == 4403
    await socket.task


async def test_a_websocket_that_names_no_scenario_there_is_is_refused(stage: Stage, party: Party):
    token = await stage.token(party.credential)
    socket = await greeted(stage, token, "certificate-lost")
    assert await socket.closed() == 4400
    await socket.task
    handshake = Socket(stage.app, {HEADER.lower(): "certificate-lost"}, PROTOCOL, {"websocket.http.response": {}})
    start, body = await handshake.message(), await handshake.message()
    assert (start["status"], json.loads(body["body"])["errors"][0]["extensions"]["code"]) == (400, "BAD_USER_INPUT")


async def test_an_event_stream_is_refused_before_it_begins(stage: Stage, party: Party):
    headers = {"authorization": f"Bearer {await stage.token(party.credential)}", "accept": "text/event-stream"}
    for scenario, status in (("participant-suspended", 401), ("rate-limited", 429), ("unavailable", 503)):
        answer = await stage.client.post("/graphql", json={"query": FOLLOW}, headers={**headers, HEADER: scenario})
        assert answer.status_code == status
        assert answer.json()["extensions"]["prop"]["askedFor"] == {"scenario": scenario}


def ocsp_request(stage: Stage, party: Party) -> bytes:
    authority = stage.services.authority
    assert authority is not None
    issuer: x509.Certificate = authority.issuing.certificate
    builder = ocsp.OCSPRequestBuilder().add_certificate(party.credential.certificate, issuer, hashes.SHA256())
    return builder.build().public_bytes(Encoding.DER)


async def test_the_ocsp_responder_says_try_later_and_says_good_without(stage: Stage, party: Party):
    asked = {"content": ocsp_request(stage, party)}
    kind = {"content-type": "application/ocsp-request"}
    later = await stage.client.post("/pki/ocsp", **asked, headers={**kind, HEADER: "ocsp-try-later"})
    assert ocsp.load_der_ocsp_response(later.content).response_status is ocsp.OCSPResponseStatus.TRY_LATER
    assert (later.status_code, later.headers["cache-control"]) == (200, "no-store")
    assert later.headers["x-prop-asked-for"] == "scenario ocsp-try-later"
    good = ocsp.load_der_ocsp_response((await stage.client.post("/pki/ocsp", **asked, headers=kind)).content)
    assert good.certificate_status is ocsp.OCSPCertStatus.GOOD


REGISTER = "mutation ($url: String!) { registerWebhook(input: {url: $url}) { webhook { id } } }"
CALENDAR = "mutation { giveOutCalendar(input: {}) { refusals { code } receipt { id } } }"


async def deliveries_of(stage: Stage, record_id: str) -> list[Delivery]:
    event_id = record_id.replace("-rec-", "-evt-")
    store = DeliveryStore(stage.services.database)
    return await store.list_by({"eventId": event_id}, 10)


@pytest.mark.parametrize(
    ("scenario", "arrival"), [("duplicate-delivery", Arrival.TWICE), ("late-delivery", Arrival.LATE)]
)
async def test_the_events_of_one_request_alone_reach_webhooks_twice_or_late(
    stage: Stage, scenario: str, arrival: Arrival
):
    party = await stage.join()
    token = await stage.token(party.credential)
    await stage.control(REGISTER, party.secret, url="http://127.0.0.1:9/hook")
    ids = []
    for named in (scenario, None):
        answer = (await stage.ask(CALENDAR, token, named)).json()["data"]["giveOutCalendar"]
        assert answer["refusals"] == []
        ids.append(answer["receipt"]["id"])
    assert await ArrivalStore(stage.services.database).of(ids) == {ids[0]: arrival}

    async def queued() -> bool:
        return bool(await deliveries_of(stage, ids[1]))

    await until(queued, 30)
    marked, usual = [await deliveries_of(stage, each) for each in ids]
    assert len(usual) == 1
    assert len(marked) == (2 if arrival is Arrival.TWICE else 1)
    assert len({(each.event_id, each.body) for each in marked}) == 1
    first_tries = {
        (each.attempts[0].at if each.attempts else each.next_attempt_at) - each.created_at for each in marked
    }
    assert all((span >= LATE_BY) is (arrival is Arrival.LATE) for span in first_tries)
