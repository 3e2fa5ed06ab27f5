"""Electronic keys over GraphQL: custody as records, and what a lost key takes with it (art. 13)."""

from collections.abc import AsyncIterator

import pytest

from tests.schema.counters import Counter, open_counter
from tests.service.certifying import make_csr, make_key

pytestmark = pytest.mark.wire

KEY = "electronicKey { id serial status operator { id } version }"


@pytest.fixture
async def counter(wire_uri: str) -> AsyncIterator[Counter]:
    async with open_counter(wire_uri) as counter:
        yield counter


async def test_a_key_goes_out_is_lost_with_its_certificates_and_comes_back(counter: Counter) -> None:
    of_it = {"participantId": counter.administrator.participant_id}
    out = {"serial": "SH0001", "model": "K5", **of_it}
    key = (await counter.act("registerElectronicKey", "reviewer", KEY, **out))["electronicKey"]
    assert (key["serial"], key["status"]) == ("SH0001", "ISSUED")
    assert await counter.refused("registerElectronicKey", "reviewer", **out) == "ELECTRONIC_KEY_SERIAL_TAKEN"
    this = {"electronicKeyId": key["id"]}
    used = await counter.act(
        "changeElectronicKey", "reviewer", KEY, **this, command="USE", operatorId=counter.administrator.id
    )
    assert used["electronicKey"]["operator"] == {"id": counter.administrator.id}

    request = {"profile": "LOGIN", "request": make_csr(make_key()), **this}
    asked = (await counter.act("requestCertificate", "admin", "certificate { id }", **request))["certificate"]
    issued = "certificate { state electronicKey { serial } }"
    made = await counter.act("approveCertificate", "officer", issued, certificateId=asked["id"])
    assert made["certificate"] == {"state": "ISSUED", "electronicKey": {"serial": "SH0001"}}

    assert await counter.refused("changeElectronicKey", "stranger", **this, command="LOSE") == (
        "ELECTRONIC_KEY_NOT_FOUND"
    )
    lost = await counter.act("changeElectronicKey", "admin", KEY, **this, command="LOSE")
    assert lost["electronicKey"]["status"] == "LOST"
    shown = await counter.data(
        "query ($id: ID!) { certificate(id: $id) { state holdReason } }", "admin", id=asked["id"]
    )
    assert shown["certificate"] == {"state": "HELD", "holdReason": "KEY_LOST"}

    listed = "{ electronicKeys(first: 5) { nodes { serial status } totalCount } }"
    own = (await counter.data(listed, "admin"))["electronicKeys"]
    assert own == {"nodes": [{"serial": "SH0001", "status": "LOST"}], "totalCount": 1}
    assert (await counter.data(listed, "stranger"))["electronicKeys"] == {"nodes": [], "totalCount": 0}
    back = await counter.act("changeElectronicKey", "reviewer", KEY, **this, command="RETURN")
    assert back["electronicKey"]["status"] == "RETURNED"
