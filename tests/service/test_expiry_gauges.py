"""The gauges of the time to expiry: what an alert stands on before anybody is locked out."""

import math
from datetime import timedelta

import pytest

from service.expiry_gauges import ExpiryGauges
from service.http.metrics import REGISTRY, Meter
from service.storage.database import Database
from tests.service.certifying import SEAL, Certifying
from tests.service.http.test_metrics import exposition
from tests.service.institutions import OFFICER, OTHER_USCC

pytestmark = pytest.mark.wire
TIERS = (30, 7, 0)


def gauge(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"world": "production"} | labels)


def expiring(days: int) -> float | None:
    return gauge("prop_certificates_expiring", days=str(days))


async def test_the_ends_that_are_near_are_counted_by_tier_and_the_next_one_timed(wire_database: Database) -> None:
    desk = Certifying(wire_database)
    gauges = ExpiryGauges(desk.clock, Meter(wire_database.world), desk.certificate_store, desk.authority, TIERS)
    _, administrator = await desk.open()
    _, stranger = await desk.open(OTHER_USCC, "ISS001")
    await gauges.measure()
    assert gauge("prop_expiry_seconds", what="certificate") == math.inf, "there is none to end"
    first = await desk.issue(administrator)
    desk.pass_days(10)
    await desk.issue(stranger, profile=SEAL)
    desk.pass_days(350)
    await gauges.measure()
    left = first.not_after - desk.clock.time
    assert gauge("prop_expiry_seconds", what="certificate") == left.total_seconds()
    assert [expiring(days) for days in TIERS] == [2, 1, 0]
    issuing = desk.authority.issuing.certificate.not_valid_after_utc - desk.clock.time
    assert gauge("prop_expiry_seconds", what="issuing") == issuing.total_seconds()
    root = desk.authority.root.not_valid_after_utc - desk.clock.time
    assert gauge("prop_expiry_seconds", what="root") == root.total_seconds()
    await desk.certificates.hold(OFFICER, first.id)
    await gauges.measure()
    assert [expiring(days) for days in TIERS] == [1, 0, 0], "what is held is not counted"
    text = (await exposition()).text
    assert 'prop_certificates_expiring{days="30",world="production"} 1.0' in text
    assert 'prop_expiry_seconds{what="root",world="production"}' in text
    desk.clock.time += timedelta(days=30 * 365)
    await gauges.measure()
    assert (gauge("prop_expiry_seconds", what="root") or 0) < 0
