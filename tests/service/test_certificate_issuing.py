"""Issuing that a crash interrupts: what was intended is finished, waits, or is abandoned."""

import pytest

from service.authority import Authority
from service.certificate_issuing import Outcome
from service.certificate_keys import BlockReason
from service.certificates import (
    CertificateState,
)
from service.errors import Unavailable
from service.pki.authority import Intent
from service.pki.parsing import CertificateFacts
from service.pki.signers import SigningKeyUnusable
from service.storage.database import Database
from tests.service.certifying import Certifying, ask
from tests.service.institutions import OFFICER, REVIEWER, caller_for

pytestmark = pytest.mark.wire


@pytest.fixture
def desk(wire_database: Database) -> Certifying:
    return Certifying(wire_database)


class Dying(Authority):
    """An authority whose signature is lost: the process dies, or the token does not answer."""

    def __init__(self, desk: Certifying, error: Exception) -> None:
        super().__init__(desk.ceremony.issuing, desk.ceremony.root, desk.ceremony.pins)
        self.error = error

    async def sign(self, intent: Intent) -> CertificateFacts:
        raise self.error


async def test_what_a_crash_left_between_intent_and_certificate_is_finished(desk: Certifying) -> None:
    _, administrator = await desk.open()
    asked = (await desk.requests.request(REVIEWER, ask(administrator))).subject
    whole, desk.issuing._authority = desk.issuing._authority, Dying(desk, ConnectionResetError())
    with pytest.raises(ConnectionResetError):
        await desk.requests.approve(OFFICER, asked.id)
    left = await desk.again(asked)
    assert left.state is CertificateState.REQUESTED
    assert left.intent is not None
    desk.issuing._authority = whole
    (found,) = await desk.issuing.finish_interrupted()
    assert (found.certificate_id, found.outcome) == (asked.id, Outcome.FINISHED)
    finished = await desk.again(asked)
    assert finished.state is CertificateState.ISSUED
    assert finished.serial_number == left.intent.serial_number
    assert await desk.issuing.finish_interrupted() == []


async def test_a_token_that_does_not_answer_leaves_the_intent_waiting(desk: Certifying) -> None:
    _, administrator = await desk.open()
    asked = (await desk.requests.request(REVIEWER, ask(administrator))).subject
    desk.issuing._authority = Dying(desk, SigningKeyUnusable("away"))
    with pytest.raises(Unavailable) as caught:
        await desk.requests.approve(OFFICER, asked.id)
    assert caught.value.extensions == {"certificateId": asked.id}
    (found,) = await desk.issuing.finish_interrupted()
    assert found.outcome is Outcome.WAITING
    desk.issuing._authority = desk.authority
    assert [each.outcome for each in await desk.issuing.finish_interrupted()] == [Outcome.FINISHED]


async def test_an_intent_whose_holder_was_frozen_meanwhile_is_abandoned(desk: Certifying) -> None:
    _, administrator = await desk.open()
    clerk = await desk.register(administrator, "000002")
    asked = (await desk.requests.request(REVIEWER, ask(clerk))).subject
    whole, desk.issuing._authority = desk.issuing._authority, Dying(desk, ConnectionResetError())
    with pytest.raises(ConnectionResetError):
        await desk.requests.approve(OFFICER, asked.id)
    await desk.operators.freeze(caller_for(administrator), clerk.id)
    desk.issuing._authority = whole
    assert [each.outcome for each in await desk.issuing.finish_interrupted()] == [Outcome.ABANDONED]
    assert (await desk.again(asked)).state is CertificateState.REQUESTED


async def test_an_intent_whose_key_was_blocked_meanwhile_is_abandoned(desk: Certifying) -> None:
    _, administrator = await desk.open()
    asked = (await desk.requests.request(REVIEWER, ask(administrator))).subject
    whole, desk.issuing._authority = desk.issuing._authority, Dying(desk, ConnectionResetError())
    with pytest.raises(ConnectionResetError):
        await desk.requests.approve(OFFICER, asked.id)
    await desk.database.transaction(
        lambda session: desk.key_store.block(session, asked.spki_sha256, BlockReason.COMPROMISED, desk.clock.time)
    )
    desk.issuing._authority = whole
    (found,) = await desk.issuing.finish_interrupted()
    assert found.outcome is Outcome.ABANDONED
    left = await desk.again(asked)
    assert (left.state, left.intent, left.approved_by) == (CertificateState.REQUESTED, None, None)
    assert "certificate.abandoned" in [each.kind for each in await desk.records_of(asked.id)]
