"""OCSP under load: strangers cannot make the authority sign without end, nor keep certificates and lists waiting."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from pymongo.errors import ServerSelectionTimeoutError
from starlette.applications import Starlette

from service import revocation_status
from service.authority import OCSP_PATH
from service.certificates import Certificate
from service.http.certificates import certificate_routes
from service.http.rate_limits import TokenBuckets
from service.pki.ocsp import TRY_LATER
from service.revocation_status import UNKNOWN_LIFE, RevocationStatus
from service.storage.database import Database
from service.storage.revocations import RevocationStore
from tests.service.certifying import Certifying

pytestmark = pytest.mark.wire

BURST = 5
MOST_SIGNING = 2
GOOD, UNKNOWN = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.UNKNOWN


class Watch:
    """A clock that stands until it is moved."""

    def __init__(self, time: datetime) -> None:
        self.time = time

    def now(self, tenant: str | None = None) -> datetime:
        return self.time


class Asked:
    """A responder, how often it looked a certificate up, and clients at two addresses."""

    def __init__(self, desk: Certifying, monkeypatch: pytest.MonkeyPatch) -> None:
        self.desk, self.looked_up = desk, 0
        self.watch = Watch(desk.clock.time)
        self.status = RevocationStatus(
            self.watch,
            desk.authority,
            certificates=desk.certificate_store,
            revocations=RevocationStore(desk.database),
            list_life=timedelta(days=1),
            ocsp_life=timedelta(hours=1),
            most_signing=MOST_SIGNING,
        )
        find = self.status.find_certificate

        async def counting(serial: str) -> Certificate | None:
            self.looked_up += 1
            return await find(serial)

        monkeypatch.setattr(self.status, "find_certificate", counting)
        buckets = TokenBuckets(per_minute=1, burst=BURST)
        app = Starlette(routes=certificate_routes(lambda: self.status, limiter=buckets))
        self.here, self.elsewhere = (
            httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(address, 1)), base_url="http://pki.example")
            for address in ("192.0.2.1", "192.0.2.2")
        )

    async def issue(self) -> int:
        """The serial number of a new certificate."""
        _, administrator = await self.desk.open()
        return int((await self.desk.issue(administrator)).serial_number or "", 16)

    def question(self, serial: int, nonce: bytes | None = None) -> bytes:
        issuer = self.desk.authority.issuing.certificate
        name_hash = hashlib.sha1(issuer.subject.public_bytes(), usedforsecurity=False).digest()
        # RFC 6960, 4.1.1: of the bits of the key alone, which is what RFC 5280's first method digests too.
        key_hash = x509.SubjectKeyIdentifier.from_public_key(issuer.public_key()).digest
        builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(name_hash, key_hash, serial, hashes.SHA1())
        if nonce:
            builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
        return builder.build().public_bytes(Encoding.DER)

    async def ask(
        self, serial: int, nonce: bytes | None = None, client: httpx.AsyncClient | None = None
    ) -> httpx.Response:
        kind = {"Content-Type": "application/ocsp-request"}
        return await (client or self.here).post(OCSP_PATH, content=self.question(serial, nonce), headers=kind)

    async def status_of(self, serial: int) -> ocsp.OCSPCertStatus:
        return ocsp.load_der_ocsp_response((await self.ask(serial)).content).certificate_status


@pytest.fixture
async def asked(wire_database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Asked]:
    asked = Asked(Certifying(wire_database), monkeypatch)
    async with asked.here, asked.elsewhere:
        yield asked


async def test_an_address_that_has_too_much_signed_is_told_to_try_later_and_others_are_not(asked: Asked) -> None:
    serial = await asked.issue()
    assert await asked.status_of(serial) is GOOD
    answers = [await asked.ask(serial, b"%016d" % number) for number in range(BURST + 3)]
    assert [answer.content == TRY_LATER for answer in answers] == [False] * (BURST - 1) + [True] * 4
    assert answers[-1].status_code == 200
    assert answers[-1].headers["retry-after"] == "60"
    assert answers[-1].headers["cache-control"] == "no-store"
    assert asked.looked_up == BURST, "what is refused costs no query"
    assert await asked.status_of(serial) is GOOD, "an answer that is kept is for everybody"
    assert (await asked.ask(serial, b"n" * 16, asked.elsewhere)).content != TRY_LATER


async def test_few_answers_wait_for_the_key_at_a_time(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    serial, sign = await asked.issue(), asked.desk.authority.on_signing_thread
    waiting, free = 0, asyncio.Event()

    async def sign_slowly(work: Callable[[], Any]) -> Any:
        nonlocal waiting
        waiting += 1
        await free.wait()
        return await sign(work)

    with monkeypatch.context() as slow:
        slow.setattr(asked.desk.authority, "on_signing_thread", sign_slowly)
        async with asyncio.timeout(30):
            first = [asyncio.create_task(asked.ask(serial, b"%016d" % number)) for number in range(MOST_SIGNING)]
            while waiting < MOST_SIGNING:  # noqa: ASYNC110 - the last of them has no event of its own
                await asyncio.sleep(0.01)
            late = await asked.ask(serial, b"n" * 16)
            assert late.content == TRY_LATER
            assert waiting == MOST_SIGNING
            free.set()
            assert TRY_LATER not in [answer.content for answer in await asyncio.gather(*first)]
    assert await asked.status_of(serial) is GOOD


async def test_an_unknown_number_is_looked_up_once_and_known_a_second_after_its_certificate(asked: Asked) -> None:
    serial = await asked.issue()
    kept = asked.desk.certificate_store.collection
    document = await kept.find_one({})
    assert document is not None
    await kept.delete_one({"_id": document["_id"]})
    for _ in range(3):
        assert await asked.status_of(serial) is UNKNOWN
    assert asked.looked_up == 1
    await kept.insert_one(document)
    asked.watch.time += UNKNOWN_LIFE
    assert await asked.status_of(serial) is GOOD


async def test_made_up_numbers_do_not_push_out_answers_about_real_ones(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocation_status, "KEPT_ANSWERS", 1)
    serial = await asked.issue()
    assert await asked.status_of(serial) is GOOD
    for number in range(1, BURST):
        assert await asked.status_of(serial + number) is UNKNOWN
    assert await asked.status_of(serial) is GOOD
    assert asked.looked_up == BURST


async def test_while_the_database_is_away_the_answer_is_to_try_later(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: str) -> None:
        raise ServerSelectionTimeoutError("db.internal:27017: timed out")

    monkeypatch.setattr(asked.status, "find_certificate", away)
    answer = await asked.ask(7)
    assert (answer.status_code, answer.content) == (200, TRY_LATER)
