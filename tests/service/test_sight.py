"""What the rules judge is what a deployment lets them see; what is stored, and what is read, stays as it is."""

from dataclasses import replace

import pytest

from service.certificates import CertificateState
from service.consents import ConsentStatus
from service.errors import Unauthenticated
from service.logins import Holder
from service.sight import AS_IT_IS, Sight
from tests.service.test_caller_of import HOLDER, NOW
from tests.service.test_consents import DELIVERED


def revoked(holder: Holder) -> Holder:
    return replace(holder, certificate=replace(holder.certificate, state=CertificateState.REVOKED))


def test_who_logs_in_is_judged_by_what_is_seen():
    seen = replace(HOLDER, seen=revoked)
    with pytest.raises(Unauthenticated, match="REVOKED"):
        seen.caller(NOW)
    assert seen.certificate.state is CertificateState.ISSUED
    assert seen == HOLDER


def test_without_more_everything_is_seen_as_it_is():
    consents = [DELIVERED, replace(DELIVERED, status=ConsentStatus.REJECTED)]
    assert AS_IT_IS.holder(HOLDER) is HOLDER
    assert AS_IT_IS.consents(consents, "x") is consents
    assert AS_IT_IS.version(7) == 7
    assert Sight() == AS_IT_IS
