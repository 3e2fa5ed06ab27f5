"""Asking whose certificate an OCSP request is about costs a query once, and none before the asker is admitted."""

from dataclasses import dataclass, field
from typing import cast

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from sandbox.scenarios.asked import Asked, asking
from sandbox.scenarios.catalogue import Place
from sandbox.scenarios.faults import Faults, FaultTable
from sandbox.scenarios.holders import Holders
from sandbox.scenarios.outcomes import Outcomes
from sandbox.storage.arrivals import ArrivalStore
from service.certificates import Certificate
from service.errors import RateLimited
from service.http.rate_limits import TokenBuckets
from service.revocation_status import Admit, OcspAnswer, RevocationStatus, admit_all
from tests.sandbox.scenarios.test_faults import then


@dataclass
class Held:
    participant_id: str | None


@dataclass
class Status:
    """A responder that knows the certificates given, and notes which it was asked for."""

    held: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def find_certificate(self, serial: str) -> Certificate | None:
        self.asked.append(serial)
        return cast("Certificate", Held(self.held[serial])) if serial in self.held else None

    async def answer(self, request: bytes, admit: Admit) -> OcspAnswer:
        admit()
        return OcspAnswer(b"answered", shareable=False)

    @property
    def responder(self) -> RevocationStatus:
        return cast("RevocationStatus", self)


def about(serial: int) -> bytes:
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(b"n" * 32, b"k" * 32, serial, SHA256())
    return builder.build().public_bytes(Encoding.DER)


async def test_whose_a_certificate_is_costs_one_query_however_often_it_is_asked():
    status, holders = Status({"A": "t", "B": "u"}), Holders(most=1)
    for _ in range(3):
        assert await holders.of(status.responder, about(10), admit_all) == "t"
    assert status.asked == ["A"]
    assert await holders.of(status.responder, about(11), admit_all) == "u"
    assert await holders.of(status.responder, about(10), admit_all) == "t"
    assert status.asked == ["A", "B", "A"]
    assert await holders.of(status.responder, about(12), admit_all) is None
    assert await holders.of(status.responder, b"no request", admit_all) is None


async def test_who_asks_the_responder_too_often_costs_no_query_and_is_counted_once_for_an_answer():
    status, buckets = Status(), TokenBuckets(per_minute=1, burst=2)
    faults = FaultTable(then, Faults(ocsp_try_later=50))
    outcomes = Outcomes(faults, {}, lambda: cast("ArrivalStore", None), then)

    async def ask() -> OcspAnswer:
        return await outcomes.answer_ocsp(status.responder, about(10), lambda: buckets.ensure_within("192.0.2.1"))

    with asking(Asked(Place.OCSP)):
        for _ in range(2):
            assert (await ask()).data == b"answered"
        with pytest.raises(RateLimited):
            await ask()
    assert status.asked == ["A", "A"]
