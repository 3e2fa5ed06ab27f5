"""Reviews of operators, over the wire: what was really used, and who may have left something behind."""

from datetime import timedelta

import pytest

from service import operator_review_service
from service.access import Permission
from service.operator_reviews import LeaverConcern
from service.operators import SmsTopic
from service.storage.database import Database
from tests.service.institutions import Institutions, caller_for

pytestmark = pytest.mark.wire


@pytest.fixture
def platform(wire_database: Database) -> Institutions:
    return Institutions(wire_database)


async def test_the_least_privilege_review_shows_what_was_really_used(platform: Institutions) -> None:
    _, administrator = await platform.open()
    permissions = [Permission.OPERATOR_READ, Permission.RECORD_READ]
    clerk = await platform.register(administrator, "000002", permissions=permissions)
    for _ in range(3):
        await platform.operators.get_many(caller_for(clerk), [clerk.id])
    await platform.usage.flush()
    await platform.usage.flush()
    seen = await platform.operator_store.find(clerk.id)
    assert seen is not None
    assert seen.last_seen_at is not None
    assert seen.version == clerk.version
    (review,) = await platform.reviews.least_privilege(caller_for(administrator), [seen], 30)
    assert [(use.permission, use.times) for use in review.used] == [(Permission.OPERATOR_READ, 3)]
    assert review.unused == (Permission.RECORD_READ,)


async def test_the_leaver_report_names_who_may_have_left_something_behind(platform: Institutions) -> None:
    participant, administrator = await platform.open()
    me = caller_for(administrator)
    clerk = await platform.register(administrator, "000002", permissions=[Permission.SMS_SUBSCRIBE])
    await platform.sms.subscribe(caller_for(clerk), clerk.id, SmsTopic.NOTICE, None)
    await platform.permissions.change(me, clerk.id, [])
    frozen = await platform.register(administrator, "000003")
    await platform.certify(frozen)
    await platform.operators.freeze(me, frozen.id)
    report = await platform.reviews.leaver_report(me, participant.id)
    concerns = {finding.operator.id: finding.concerns for finding in report}
    assert concerns == {
        clerk.id: (LeaverConcern.SMS_WITHOUT_PERMISSIONS,),
        frozen.id: (LeaverConcern.FROZEN_WITH_CERTIFICATE,),
    }
    platform.clock.time += timedelta(days=100)
    idle = await platform.reviews.leaver_report(me, participant.id)
    assert all(LeaverConcern.LONG_IDLE in finding.concerns for finding in idle)
    assert len(idle) == 3


async def test_the_leaver_report_ends_where_it_says_and_then_tells_the_next(
    platform: Institutions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operator_review_service, "MOST_FINDINGS", 2)
    monkeypatch.setattr(operator_review_service, "_BATCH", 3)
    participant, administrator = await platform.open()
    me = caller_for(administrator)
    others = [await platform.register(administrator, f"10000{number}") for number in range(4)]
    platform.clock.time += timedelta(days=100)
    first = await platform.reviews.leaver_report(me, participant.id)
    assert [each.operator.id for each in first] == [administrator.id, others[0].id]
    for each in (administrator, others[0], others[1]):
        await platform.operator_store.saw(each.id, platform.clock.time)
    following = await platform.reviews.leaver_report(me, participant.id)
    assert [each.operator.id for each in following] == [others[2].id, others[3].id]
