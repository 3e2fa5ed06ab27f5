"""Where machines ask: each page has its type, may be cached as it says, and is what openssl reads."""

import base64
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from starlette.applications import Starlette

from service.authority import CHAIN_PATH, ISSUER_PATH, LIST_PATH, OCSP_PATH, ROOT_LIST_PATH, ROOT_PATH
from service.certificates import Certificate, RevocationReason
from service.http.certificates import certificate_routes
from service.pki.ocsp import MALFORMED_REQUEST, UNAUTHORIZED
from service.revocation_status import RevocationStatus
from service.storage.database import Database
from service.storage.revocations import RevocationStore
from tests.service.certifying import Certifying
from tests.service.institutions import OFFICER
from tests.service.pki.authorities import make_ceremony

pytestmark = pytest.mark.wire
OCSP_REQUEST = {"Content-Type": "application/ocsp-request"}


class Served:
    def __init__(self, desk: Certifying) -> None:
        self.desk = desk
        self.status = RevocationStatus(
            desk.clock,
            desk.authority,
            certificates=desk.certificate_store,
            revocations=RevocationStore(desk.database),
            list_life=timedelta(days=1),
            ocsp_life=timedelta(hours=1),
        )
        app = Starlette(routes=certificate_routes(lambda: self.status))
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://pki.example")


@pytest.fixture
async def served(wire_database: Database) -> AsyncIterator[Served]:
    served = Served(Certifying(wire_database))
    async with served.client:
        yield served


async def issued(served: Served) -> Certificate:
    _, administrator = await served.desk.open()
    return await served.desk.issue(administrator)


def question(certificate: Certificate, issuer: x509.Certificate, nonce: bytes | None = None) -> bytes:
    leaf = x509.load_pem_x509_certificate((certificate.pem or "").encode())
    builder = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, hashes.SHA1())
    if nonce:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


async def test_the_authoritys_certificates_are_there_for_an_hour(served: Served) -> None:
    authority = served.desk.authority
    for path, media_type, data in (
        (ISSUER_PATH, "application/pkix-cert", authority.issuing.certificate.public_bytes(Encoding.DER)),
        (ROOT_PATH, "application/pkix-cert", authority.root.public_bytes(Encoding.DER)),
        (CHAIN_PATH, "application/pem-certificate-chain", authority.chain_pem.encode()),
    ):
        answer = await served.client.get(path)
        assert (answer.status_code, answer.content) == (200, data)
        assert answer.headers["content-type"].startswith(media_type)
        assert answer.headers["cache-control"] == "public, max-age=3600"
        again = await served.client.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    assert (await served.client.get(ROOT_LIST_PATH)).status_code == 404, "none was configured"


async def test_the_list_is_served_with_its_number_and_not_again_to_who_has_it(served: Served) -> None:
    early = await served.client.get(LIST_PATH)
    assert (early.status_code, early.headers["retry-after"]) == (503, "1")
    certificate = await issued(served)
    await served.status.follow()
    first = await served.client.get(LIST_PATH)
    assert first.headers["content-type"] == "application/pkix-crl"
    assert first.headers["etag"] == '"1"'
    same = await served.client.get(LIST_PATH, headers={"If-None-Match": '"1"'})
    assert same.status_code == 304
    await served.desk.certificates.revoke(OFFICER, certificate.id, RevocationReason.PRIVILEGE_WITHDRAWN)
    await served.status.follow()
    second = await served.client.get(LIST_PATH, headers={"If-None-Match": '"1"'})
    assert second.status_code == 200
    parsed = x509.load_der_x509_crl(second.content)
    entry = parsed.get_revoked_certificate_by_serial_number(int(certificate.serial_number or "0", 16))
    assert entry is not None
    assert parsed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 2


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_ocsp_answers_by_either_method(served: Served, method: str) -> None:
    certificate = await issued(served)
    asked = question(certificate, served.desk.authority.issuing.certificate)

    async def ask() -> httpx.Response:
        if method == "POST":
            return await served.client.post(OCSP_PATH, content=asked, headers=OCSP_REQUEST)
        return await served.client.get(f"{OCSP_PATH}/{base64.b64encode(asked).decode().replace('+', '%2B')}")

    answer = await ask()
    assert answer.headers["content-type"] == "application/ocsp-response"
    assert answer.headers["cache-control"].startswith("public" if method == "GET" else "no-store")
    assert ocsp.load_der_ocsp_response(answer.content).certificate_status is ocsp.OCSPCertStatus.GOOD
    await served.desk.certificates.hold(OFFICER, certificate.id)
    await served.status.follow()
    told = ocsp.load_der_ocsp_response((await ask()).content)
    assert told.certificate_status is ocsp.OCSPCertStatus.REVOKED
    assert told.revocation_reason is x509.ReasonFlags.certificate_hold


async def test_a_nonce_comes_back_and_its_answer_is_nobody_elses(served: Served) -> None:
    certificate = await issued(served)
    asked = question(certificate, served.desk.authority.issuing.certificate, b"n" * 16)
    path = f"{OCSP_PATH}/{base64.b64encode(asked).decode()}"
    answer = await served.client.get(path.replace("+", "%2B"))
    told = ocsp.load_der_ocsp_response(answer.content)
    assert told.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == b"n" * 16
    assert answer.headers["cache-control"] == "no-store"


async def test_what_is_no_request_gets_an_ocsp_error(served: Served) -> None:
    certificate = await issued(served)
    stranger = make_ceremony()
    for content, expected in (
        (b"", MALFORMED_REQUEST),
        (b"x" * 10_000, MALFORMED_REQUEST),
        (question(certificate, stranger.issuing.certificate), UNAUTHORIZED),
    ):
        answer = await served.client.post(OCSP_PATH, content=content, headers=OCSP_REQUEST)
        assert (answer.status_code, answer.content) == (200, expected)
    assert (await served.client.get(f"{OCSP_PATH}/%%%")).content == MALFORMED_REQUEST
    assert (await served.client.post(OCSP_PATH, content=b"x")).status_code == 415


async def test_without_an_authority_there_is_nothing_to_tell(wire_database: Database) -> None:
    app = Starlette(routes=certificate_routes(lambda: None))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://pki.example") as client:
        for path in (LIST_PATH, ISSUER_PATH, ROOT_PATH, CHAIN_PATH):
            assert (await client.get(path)).status_code == 404
