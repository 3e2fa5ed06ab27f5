"""SMS subscriptions, over the wire: one's own to make, an administrator's to end."""

import pytest

from service.access import Permission
from service.operators import SmsStatus, SmsTopic
from service.refusals import RefusalCode, Refused
from service.storage.database import Database
from tests.service.institutions import Institutions, caller_for, sole

pytestmark = pytest.mark.wire


@pytest.fixture
def platform(wire_database: Database) -> Institutions:
    return Institutions(wire_database)


async def test_a_subscription_is_its_operators_own_and_an_administrator_may_only_end_it(
    platform: Institutions,
) -> None:
    _, administrator = await platform.open()
    clerk = await platform.register(administrator, "000002", permissions=[Permission.SMS_SUBSCRIBE])
    sms, me = platform.sms, caller_for(administrator)
    with pytest.raises(Refused) as caught:
        await sms.subscribe(me, clerk.id, SmsTopic.NOTICE, None)
    assert sole(caught) is RefusalCode.SMS_NOT_OWN
    await sms.subscribe(caller_for(clerk), clerk.id, SmsTopic.NOTICE, "139 0000 1111")
    with pytest.raises(Refused) as caught:
        await sms.subscribe(caller_for(clerk), clerk.id, SmsTopic.NOTICE, None)
    assert sole(caught) is RefusalCode.SMS_ALREADY_SUBSCRIBED
    done = await sms.unsubscribe(me, clerk.id, SmsTopic.NOTICE)
    assert done.subject.sms_subscriptions[0].status is SmsStatus.CANCELLED
    assert done.subject.sms_subscriptions[0].telephone.masked == "139****1111"
    with pytest.raises(Refused) as caught:
        await sms.unsubscribe(caller_for(clerk), clerk.id, SmsTopic.NOTICE)
    assert sole(caught) is RefusalCode.SMS_NOT_SUBSCRIBED
