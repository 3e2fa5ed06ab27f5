"""Certificates of outside authorities: what is let in, and every reason why not, each by its name."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from service.attempts import EACH
from service.authority import OutsideAuthorities
from service.certificate_issuing import pem_of
from service.certificate_keys import BlockReason
from service.certificate_registration import RegistrationInput
from service.certificates import CertificateSource, CertificateState
from service.operators import Operator
from service.pki.chain import ChainStatus
from service.pki.keys import facts_of
from service.records import Record
from service.refusals import RefusalCode, Refused
from service.storage.database import Database
from service.world import PRODUCTION
from tests.databases import NEIGHBOUR, open_wire_database
from tests.service.certifying import LOGIN, Certifying, Key, OutsideAuthority, ask, make_key
from tests.service.institutions import OFFICER, OTHER_USCC, REVIEWER, caller_for, sole
from tests.service.pki.authorities import TRYOUT, make_ceremony

pytestmark = pytest.mark.wire

URN = "urn:prop:production:participant:BRK001:operator:000001"


@pytest.fixture
def desk(wire_database: Database) -> Certifying:
    return Certifying(wire_database)


def given(operator: Operator, pem: str, **changes: object) -> RegistrationInput:
    return replace(RegistrationInput(LOGIN, operator.id, pem), **changes)  # type: ignore[arg-type]  # fields by name


async def refused(desk: Certifying, operator: Operator, pem: str, **changes: object) -> RefusalCode:
    with pytest.raises(Refused) as caught:
        await desk.registration.register(OFFICER, given(operator, pem, **changes))
    (refusal,) = caught.value.refusals
    assert refusal.message
    assert refusal.message_zh
    return refusal.code


@pytest.mark.parametrize("urn", [None, URN], ids=["by its subject", "by our URN"])
async def test_one_that_names_the_operator_and_leads_to_a_trusted_root_is_usable(
    desk: Certifying, urn: str | None
) -> None:
    _, administrator = await desk.open()
    pem = desk.outside.issue(urn=urn)
    done = await desk.registration.register(caller_for(administrator), given(administrator, pem))
    certificate = done.subject
    assert (certificate.state, certificate.source) == (CertificateState.ISSUED, CertificateSource.OUTSIDE)
    assert certificate.chain_verified is ChainStatus.VERIFIED
    assert await desk.certificates.obstacles_of(OFFICER, [certificate]) == [()]
    assert done.record is not None
    assert done.record.kind == "certificate.registered"


async def test_of_a_chain_the_certificates_are_kept_and_no_text_around_them(desk: Certifying) -> None:
    _, administrator = await desk.open()
    above = OutsideAuthority(desk.clock.time, "Somebody's Root").issue(authority=True)
    given_with_text = given(administrator, desk.outside.issue(), chain=f"a letter\n{above}")
    done = await desk.registration.register(OFFICER, given_with_text)
    assert done.subject.chain_pem == above


async def test_the_same_serial_of_one_issuer_is_not_registered_twice(desk: Certifying) -> None:
    _, administrator = await desk.open()
    pem = desk.outside.issue()
    await desk.registration.register(OFFICER, given(administrator, pem))
    assert await refused(desk, administrator, pem) is RefusalCode.CERTIFICATE_KNOWN
    assert await refused(desk, administrator, desk.outside.issue()) is RefusalCode.CERTIFICATE_KNOWN


async def test_a_private_key_beside_it_is_refused(desk: Certifying) -> None:
    _, administrator = await desk.open()
    key = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----\n"
    pasted = RefusalCode.CERTIFICATE_PRIVATE_KEY_PASTED
    assert await refused(desk, administrator, desk.outside.issue() + key) is pasted
    assert await refused(desk, administrator, desk.outside.issue(), chain=key) is pasted


async def test_one_that_expired_before_it_came_is_refused(desk: Certifying) -> None:
    _, administrator = await desk.open()
    pem = desk.outside.issue(not_before=desk.clock.time - timedelta(days=100), days=99)
    assert await refused(desk, administrator, pem) is RefusalCode.CERTIFICATE_EXPIRED


async def test_one_that_is_not_valid_yet_is_refused(desk: Certifying) -> None:
    _, administrator = await desk.open()
    pem = desk.outside.issue(not_before=desk.clock.time + timedelta(days=1))
    assert await refused(desk, administrator, pem) is RefusalCode.CERTIFICATE_NOT_YET_VALID


Issue = Callable[[OutsideAuthority], str]


@pytest.mark.parametrize(
    "issue",
    [
        lambda outside: outside.issue(code="OTH001"),
        lambda outside: outside.issue(number="000002"),
        lambda outside: outside.issue(urn=URN.replace("BRK001", "OTH001")),
        lambda outside: outside.issue(urn=URN.replace("000001", "000002")),
    ],
)
async def test_one_of_another_holder_is_refused_be_its_common_name_the_same(desk: Certifying, issue: Issue) -> None:
    _, administrator = await desk.open()
    code = await refused(desk, administrator, issue(desk.outside))
    assert code is RefusalCode.CERTIFICATE_OF_ANOTHER_HOLDER


async def crossings_of(desk: Certifying) -> list[Record]:
    return [each for each in await desk.records_of(OFFICER.id or "") if each.kind == "environment.crossed"]


async def test_one_of_the_other_world_is_refused_and_recorded(desk: Certifying) -> None:
    _, administrator = await desk.open()
    sandbox = make_ceremony(TRYOUT, desk.clock.time - timedelta(days=1)).issue(at=desk.clock.time)
    assert await refused(desk, administrator, pem_of(sandbox)) is RefusalCode.CERTIFICATE_FOREIGN_WORLD
    (crossing,) = await crossings_of(desk)
    assert sandbox.fingerprint in crossing.content


async def test_a_key_that_an_authority_of_the_other_world_certified_is_blocked(desk: Certifying) -> None:
    _, administrator = await desk.open()
    key, at = make_key(), desk.clock.time
    ceremony = make_ceremony(TRYOUT, at - timedelta(days=1))
    known = [ceremony.root, ceremony.issuing.certificate]
    desk.registration._outside = OutsideAuthorities(PRODUCTION, [desk.outside.root], known)
    sandbox = ceremony.issue(key=key, at=at, days=30)
    desk.pass_days(60)  # what is over by now was of the other world all the same
    assert await refused(desk, administrator, pem_of(sandbox)) is RefusalCode.CERTIFICATE_FOREIGN_WORLD
    await ensure_blocked(desk, administrator, key)


async def test_a_key_that_a_trusted_authority_certified_for_the_other_world_is_blocked(desk: Certifying) -> None:
    _, administrator = await desk.open()
    key, urn = make_key(), URN.replace("production", "sandbox")
    pem = desk.outside.issue(key=key, urn=urn)
    assert await refused(desk, administrator, pem) is RefusalCode.CERTIFICATE_FOREIGN_WORLD
    await ensure_blocked(desk, administrator, key)


async def ensure_blocked(desk: Certifying, operator: Operator, key: Key) -> None:
    with pytest.raises(Refused) as caught:
        await desk.requests.request(REVIEWER, ask(operator, key))
    assert sole(caught) is RefusalCode.CERTIFICATE_KEY_BLOCKED
    blocked = await desk.key_store.find(facts_of(key.public_key()).spki_sha256)
    assert blocked is not None
    assert blocked.block_reason is BlockReason.OF_THE_OTHER_WORLD


@pytest.mark.parametrize(
    "marked", [{"policy": PRODUCTION.neighbour.policy_oid}, {"urn": URN.replace("production", "sandbox")}]
)
async def test_no_key_is_blocked_by_who_writes_it_into_a_certificate_of_the_other_world(
    desk: Certifying, marked: dict[str, str]
) -> None:
    _, administrator = await desk.open()
    _, victim = await desk.open(OTHER_USCC, "ISS001")
    key = make_key()
    forged = OutsideAuthority(desk.clock.time, "Forger").issue(key=key, **marked)  # type: ignore[arg-type]  # by name
    namesake = OutsideAuthority(desk.clock.time).issue(key=key, **marked)  # type: ignore[arg-type]  # by name
    for pem in (forged, namesake):
        with pytest.raises(Refused) as caught:
            await desk.registration.register(caller_for(administrator), given(administrator, pem))
        assert sole(caught) is RefusalCode.CERTIFICATE_FOREIGN_WORLD
    assert await desk.key_store.find(facts_of(key.public_key()).spki_sha256) is None
    assert (await desk.issue(victim, key)).state is CertificateState.ISSUED


async def test_certificates_of_the_other_world_are_recorded_with_the_bound_of_all_crossings(desk: Certifying) -> None:
    _, administrator = await desk.open()
    forger = OutsideAuthority(desk.clock.time, "Forger")
    for serial in range(1, EACH + 5):
        pem = forger.issue(serial=serial, policy=PRODUCTION.neighbour.policy_oid)
        assert await refused(desk, administrator, pem) is RefusalCode.CERTIFICATE_FOREIGN_WORLD
    assert len(await crossings_of(desk)) == EACH


async def test_one_of_production_is_refused_in_the_other_world_as_well(wire_uri: str) -> None:
    async with open_wire_database(wire_uri, NEIGHBOUR) as database:
        desk = Certifying(database)
        _, administrator = await desk.open()
        live = make_ceremony(PRODUCTION, desk.clock.time - timedelta(days=1)).issue(key=make_key(), at=desk.clock.time)
        assert await refused(desk, administrator, pem_of(live)) is RefusalCode.CERTIFICATE_FOREIGN_WORLD
        assert await refused(desk, administrator, desk.outside.issue(urn=URN)) is RefusalCode.CERTIFICATE_FOREIGN_WORLD


async def test_a_key_that_is_used_here_is_not_blocked_by_who_shows_it_in_a_strangers_certificate(
    desk: Certifying,
) -> None:
    _, administrator = await desk.open()
    key = make_key()
    own = await desk.issue(administrator, key)
    forged = OutsideAuthority(desk.clock.time, "Forger").issue(key=key, policy=PRODUCTION.neighbour.policy_oid)
    assert await refused(desk, administrator, forged) is RefusalCode.CERTIFICATE_FOREIGN_WORLD
    kept = await desk.key_store.find(own.spki_sha256)
    assert kept is not None
    assert kept.blocked_at is None


async def test_a_root_that_nobody_configured_is_not_trusted(desk: Certifying) -> None:
    _, administrator = await desk.open()
    stranger = OutsideAuthority(desk.clock.time, "Somebody's Root")
    assert await refused(desk, administrator, stranger.issue()) in {
        RefusalCode.CERTIFICATE_ISSUER_UNKNOWN, RefusalCode.CERTIFICATE_ROOT_NOT_TRUSTED,
    }  # fmt: skip
    namesake = OutsideAuthority(desk.clock.time)  # the trusted root's name, another key
    assert await refused(desk, administrator, namesake.issue()) is RefusalCode.CERTIFICATE_ISSUER_UNKNOWN


async def test_an_authority_is_no_operator(desk: Certifying) -> None:
    _, administrator = await desk.open()
    pem = desk.outside.issue(authority=True)
    assert await refused(desk, administrator, pem) is RefusalCode.CERTIFICATE_IS_AUTHORITY


async def test_a_leaf_signs_no_certificates(desk: Certifying) -> None:
    _, administrator = await desk.open()
    leaf_key = make_key()
    leaf = desk.outside.issue(key=leaf_key)
    below = OutsideAuthority(desk.clock.time, key=leaf_key)
    below.name = "somebody"
    code = await refused(desk, administrator, below.issue(serial=9), chain=leaf)
    assert code in {RefusalCode.CERTIFICATE_ISSUER_UNKNOWN, RefusalCode.CERTIFICATE_ISSUER_NOT_AUTHORITY}


async def test_a_key_of_somebody_else_is_refused(desk: Certifying) -> None:
    _, administrator = await desk.open()
    clerk = await desk.register(administrator, "000002")
    key = make_key()
    await desk.issue(clerk, key)
    code = await refused(desk, administrator, desk.outside.issue(key=key))
    assert code is RefusalCode.CERTIFICATE_KEY_OF_ANOTHER


async def test_a_successor_must_end_after_the_one_it_supersedes(desk: Certifying) -> None:
    _, administrator = await desk.open()
    old = (await desk.registration.register(OFFICER, given(administrator, desk.outside.issue()))).subject
    again = desk.outside.issue(serial=8, days=300)
    assert await refused(desk, administrator, again) is RefusalCode.CERTIFICATE_ALREADY_HELD
    code = await refused(desk, administrator, again, supersedes_id=old.id)
    assert code is RefusalCode.CERTIFICATE_NOT_EXTENDED
    later = desk.outside.issue(serial=9, days=700)
    new = await desk.registration.register(OFFICER, given(administrator, later, supersedes_id=old.id))
    assert (await desk.again(old)).superseded_by_id == new.subject.id
    assert await desk.log_in(new.subject) == old.fingerprint


async def test_another_holders_certificate_is_not_superseded(desk: Certifying) -> None:
    _, administrator = await desk.open()
    clerk = await desk.register(administrator, "000002")
    other = await desk.issue(clerk)
    code = await refused(desk, administrator, desk.outside.issue(days=700), supersedes_id=other.id)
    assert code is RefusalCode.CERTIFICATE_NOT_FOUND


async def test_where_no_outside_authority_is_trusted_nothing_is_registered(wire_database: Database) -> None:
    desk = Certifying(wire_database)
    _, administrator = await desk.open()
    desk.registration._outside._verifiers.clear()
    code = await refused(desk, administrator, desk.outside.issue())
    assert code is RefusalCode.CERTIFICATE_ROOT_NOT_TRUSTED
