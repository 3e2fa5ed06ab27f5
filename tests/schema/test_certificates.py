"""Certificates over GraphQL: found by all that people know of them, with every reason why one is not usable."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from service.certificates import Certificate
from tests.schema.counters import Counter, open_counter
from tests.service.certifying import SEAL, make_csr, make_key
from tests.service.institutions import OFFICER

pytestmark = pytest.mark.wire

FOUND = "query ($filter: CertificateFilter) { certificates(first: 9, filter: $filter) { nodes { id } totalCount } }"


@pytest.fixture
async def counter(wire_uri: str) -> AsyncIterator[Counter]:
    async with open_counter(wire_uri) as counter:
        yield counter


async def two(counter: Counter) -> tuple[Certificate, Certificate]:
    """The administrator's for logging in, near its end, and the stranger's for seals, fresh."""
    first = await counter.desk.issue(counter.administrator)
    counter.desk.pass_days(300)
    return first, await counter.desk.issue(counter.stranger, profile=SEAL)


def colons(text: str | None) -> str:
    """As certificates are shown by most programs."""
    text = (text or "").upper().rjust(len(text or "") + len(text or "") % 2, "0")
    return ":".join(text[place : place + 2] for place in range(0, len(text), 2))


async def test_the_depository_finds_them_by_all_that_people_know(counter: Counter) -> None:
    first, second = await two(counter)
    both = [first.id, second.id]
    for wanted, ids in (
        ({}, both),
        ({"validity": "EXPIRING"}, [first.id]),
        ({"validity": "VALID"}, [second.id]),
        ({"validity": "EXPIRED"}, []),
        ({"validity": "NOT_YET_VALID"}, []),
        ({"expiresWithinDays": 64}, [first.id]),
        ({"expiresWithinDays": 0}, []),
        ({"profile": "SEAL"}, [second.id]),
        ({"state": "ISSUED"}, both),
        ({"state": "HELD"}, []),
        ({"operatorId": counter.stranger.id}, [second.id]),
        ({"participantId": first.participant_id}, [first.id]),
        ({"issuer": first.issuer}, both),
        ({"fingerprint": colons(first.fingerprint)}, [first.id]),
        ({"serialNumber": colons(second.serial_number)}, [second.id]),
        ({"validity": "EXPIRING", "expiresWithinDays": 10}, []),
    ):
        found = (await counter.data(FOUND, "officer", filter=wanted))["certificates"]
        assert ([each["id"] for each in found["nodes"]], found["totalCount"]) == (ids, len(ids)), wanted


async def test_a_participant_finds_its_own_whatever_it_asks_for(counter: Counter) -> None:
    first, second = await two(counter)
    assert first.participant_id != second.participant_id
    for wanted in ({}, {"issuer": second.issuer}):
        found = (await counter.data(FOUND, "admin", filter=wanted))["certificates"]
        assert [each["id"] for each in found["nodes"]] == [first.id]
    for wanted in ({"participantId": second.participant_id}, {"fingerprint": second.fingerprint}):
        assert (await counter.data(FOUND, "admin", filter=wanted))["certificates"] == {"nodes": [], "totalCount": 0}
    unordered = "{ certificates(order: null) { nodes { id } } }"
    assert await counter.data(unordered, "admin") == {"certificates": {"nodes": [{"id": first.id}]}}
    one = "query ($f: String!, $id: ID!) { a: certificate(fingerprint: $f) { id } b: node(id: $id) { id } }"
    assert await counter.data(one, "admin", f=second.fingerprint, id=second.id) == {"a": None, "b": None}


@pytest.mark.parametrize("wanted", [{"expiresWithinDays": -1}, {"expiresWithinDays": 399}, {"serialNumber": "xyz"}])
async def test_a_filter_that_means_nothing_is_an_error_that_names_it(counter: Counter, wanted: dict[str, Any]) -> None:
    answer = await counter.served.ask(FOUND, "officer", filter=wanted)
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_one_is_found_by_exactly_one_name(counter: Counter) -> None:
    first, _ = await two(counter)
    query = """query ($id: ID, $serial: String, $fingerprint: String) {
        certificate(id: $id, serialNumber: $serial, fingerprint: $fingerprint) { id } }"""
    named = {"id": first.id, "serial": colons(first.serial_number), "fingerprint": colons(first.fingerprint)}
    for name, value in named.items():
        assert (await counter.data(query, "admin", **{name: value}))["certificate"] == {"id": first.id}
    assert (await counter.data(query, "admin", serial="AB"))["certificate"] is None
    for given in ({}, {"id": first.id, "serial": "AB"}):
        answer = await counter.served.ask(query, "admin", **given)
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


FACTS = """query ($id: ID!) { certificate(id: $id) {
    state validity usable obstacles daysLeft renewalWindow { start end standing why whyZh }
    pem chainPem operator { operatorNumber } participant { participantCode } supersedes { id } } }"""


async def test_dates_are_told_beside_the_state_with_every_reason_why_not(counter: Counter) -> None:
    first, _ = await two(counter)
    shown = (await counter.data(FACTS, "admin", id=first.id))["certificate"]
    window = shown.pop("renewalWindow")
    assert (window["standing"], bool(window["why"]), bool(window["whyZh"])) == ("OPEN", True, True)
    assert window["start"] < window["end"]
    assert (shown["validity"], shown["usable"], shown["obstacles"], shown["daysLeft"]) == ("EXPIRING", True, [], 64)
    assert shown["operator"] == {"operatorNumber": "000001"}
    leaf = x509.load_pem_x509_certificate(shown["pem"].encode())
    issuing, root = x509.load_pem_x509_certificates(shown["chainPem"].encode())
    leaf.verify_directly_issued_by(issuing)
    issuing.verify_directly_issued_by(root)
    await counter.desk.certificates.hold(OFFICER, first.id)
    counter.desk.pass_days(70)
    shown = (await counter.data(FACTS, "officer", id=first.id))["certificate"]
    assert (shown["state"], shown["validity"], shown["usable"]) == ("HELD", "EXPIRED", False)
    assert shown["obstacles"] == ["HELD", "EXPIRED"]
    assert shown["renewalWindow"]["standing"] == "ENDED"
    assert shown["daysLeft"] < 0


async def test_what_a_rule_refuses_is_told_with_its_field_and_quotes_no_secret(counter: Counter) -> None:
    key = make_key()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    payload = await counter.act("requestCertificate", "admin", "certificate { id }", profile="LOGIN", request=pem)
    (refusal,) = payload["refusals"]
    assert (refusal["code"], refusal["field"]) == ("CERTIFICATE_PRIVATE_KEY_PASTED", ["request"])
    assert (payload["certificate"], payload["receipt"], refusal["article"]) == (None, None, 13)
    assert pem.splitlines()[1] not in str(payload)
    asked = await counter.act(
        "requestCertificate", "admin", "certificate { id }", profile="LOGIN", request=make_csr(key)
    )
    given = {"certificateId": asked["certificate"]["id"]}
    assert await counter.refused("approveCertificate", "officer", **given, expectedVersion=9) == "VERSION_CONFLICT"
    assert (await counter.act("approveCertificate", "officer", "", **given))["receipt"][
        "kind"
    ] == "certificate.approved"
    assert await counter.refused("revokeCertificate", "officer", **given) == "REVOCATION_REASON_MISSING"
    assert await counter.refused("holdCertificate", "stranger", **given) == "CERTIFICATE_NOT_FOUND"
    early = {**given, "request": make_csr(make_key())}
    assert await counter.refused("renewCertificate", "admin", **early) == "CERTIFICATE_RENEWAL_TOO_EARLY"


async def test_an_outside_certificate_is_registered_and_what_it_supersedes_shown(counter: Counter) -> None:
    desk = counter.desk
    given = {"profile": "LOGIN", "operatorId": counter.administrator.id}
    first = desk.outside.issue(serial=8, days=300)
    facts = "certificate { id source chainVerified usable supersedes { id } }"
    old = (await counter.act("registerCertificate", "admin", facts, **given, certificate=first))["certificate"]
    assert (old["source"], old["chainVerified"], old["usable"]) == ("OUTSIDE", "VERIFIED", True)
    later = {**given, "supersedesId": old["id"]}
    short = desk.outside.issue(serial=9, days=200)
    assert await counter.refused("registerCertificate", "admin", **later, certificate=short) == (
        "CERTIFICATE_NOT_EXTENDED"
    )
    second = desk.outside.issue(serial=10, days=365)
    new = (await counter.act("registerCertificate", "admin", facts, **later, certificate=second))["certificate"]
    assert new["supersedes"] == {"id": old["id"]}
    assert await counter.refused("registerCertificate", "admin", **given, certificate=second) == "CERTIFICATE_KNOWN"


async def test_a_loss_reported_by_its_holder_holds_at_once(counter: Counter) -> None:
    certificate = await counter.desk.issue(counter.administrator)
    given = {"certificateId": certificate.id}
    facts = "certificate { state holdReason heldAt usable }"
    lost = (await counter.act("reportKeyLost", "admin", facts, **given))["certificate"]
    assert (lost["state"], lost["holdReason"], lost["usable"]) == ("HELD", "KEY_LOST", False)
    assert lost["heldAt"] is not None
