"""Which keys are certified: whose, for what use, and none that is blocked or came with its private half."""

import asyncio
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from service.authority import read_blocked_keys
from service.bootstrap import services_over
from service.certificate_registration import RegistrationInput
from service.certificates import (
    CertificateState,
    RevocationReason,
)
from service.clock import SystemClock
from service.pki.signers import SigningKeyUnusable
from service.refusals import RefusalCode, Refused
from service.storage.certificates import CertificateFilter
from service.storage.database import Database
from tests.databases import open_wire_database
from tests.service.certifying import LOGIN, SEAL, Certifying, OutsideAuthority, ask, make_csr, make_key
from tests.service.institutions import OFFICER, OTHER_USCC, REVIEWER, sole
from tests.settings import make_settings

pytestmark = pytest.mark.wire


@pytest.fixture
def desk(wire_database: Database) -> Certifying:
    return Certifying(wire_database)


async def test_a_private_key_that_is_pasted_is_refused_and_kept_nowhere(
    desk: Certifying, caplog: pytest.LogCaptureFixture
) -> None:
    _, administrator = await desk.open()
    key = make_key()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for pasted in (pem, make_csr(key) + pem):
        with pytest.raises(Refused) as caught:
            await desk.requests.request(REVIEWER, ask(administrator, request=pasted))
        assert sole(caught) is RefusalCode.CERTIFICATE_PRIVATE_KEY_PASTED
        assert caught.value.refusals[0].field == ("request",)
        secret = pem.splitlines()[1]
        assert secret not in str(caught.value)
        assert secret not in caplog.text
        assert secret not in repr(ask(administrator, request=pasted))
    assert await desk.certificates.count(OFFICER, CertificateFilter()) == 0


async def test_a_request_that_does_not_prove_possession_is_refused(desk: Certifying) -> None:
    _, administrator = await desk.open()
    good = make_csr(make_key())
    lines = good.splitlines()
    spoilt = lines[-2][:-8] + ("AAAA" if lines[-2][-8:-4] != "AAAA" else "BBBB") + lines[-2][-4:]
    with pytest.raises(Refused) as caught:
        await desk.requests.request(REVIEWER, ask(administrator, request="\n".join([*lines[:-2], spoilt, lines[-1]])))
    assert sole(caught) in {
        RefusalCode.CERTIFICATE_POSSESSION_UNPROVEN, RefusalCode.CERTIFICATE_REQUEST_MALFORMED,
    }  # fmt: skip


async def test_a_small_key_is_refused(desk: Certifying) -> None:
    _, administrator = await desk.open()
    small = rsa.generate_private_key(65537, 1024)
    with pytest.raises(Refused) as caught:
        await desk.requests.request(REVIEWER, ask(administrator, small))  # type: ignore[arg-type]  # on purpose
    assert sole(caught) is RefusalCode.CERTIFICATE_KEY_NOT_ALLOWED


async def test_a_login_key_is_not_a_seal_key(desk: Certifying) -> None:
    _, administrator = await desk.open()
    key = make_key()
    await desk.issue(administrator, key)
    with pytest.raises(Refused) as caught:
        await desk.requests.request(REVIEWER, ask(administrator, key, profile=SEAL))
    assert sole(caught) is RefusalCode.CERTIFICATE_KEY_OF_OTHER_PROFILE


async def test_a_key_known_under_another_holder_is_refused(desk: Certifying) -> None:
    _, administrator = await desk.open()
    _, stranger = await desk.open(OTHER_USCC, "ISS001")
    key = make_key()
    await desk.issue(administrator, key)
    with pytest.raises(Refused) as caught:
        await desk.requests.request(REVIEWER, ask(stranger, key))
    assert sole(caught) is RefusalCode.CERTIFICATE_KEY_OF_ANOTHER


async def test_two_holders_who_claim_one_key_at_once_do_not_both_get_it(desk: Certifying) -> None:
    _, administrator = await desk.open()
    _, stranger = await desk.open(OTHER_USCC, "ISS001")
    key = make_key()
    answers = await asyncio.gather(
        desk.requests.request(REVIEWER, ask(administrator, key)),
        desk.requests.request(REVIEWER, ask(stranger, key)),
        return_exceptions=True,
    )
    assert len([each for each in answers if isinstance(each, BaseException)]) == 1


async def test_a_blocked_key_is_refused(desk: Certifying) -> None:
    _, administrator = await desk.open()
    key = make_key()
    certificate = await desk.issue(administrator, key)
    await desk.certificates.revoke(OFFICER, certificate.id, RevocationReason.KEY_COMPROMISE)
    with pytest.raises(Refused) as caught:
        await desk.requests.request(REVIEWER, ask(administrator, key))
    assert sole(caught) is RefusalCode.CERTIFICATE_KEY_BLOCKED


async def test_a_key_in_the_deployments_file_of_blocked_keys_is_refused_however_it_comes(
    wire_uri: str, tmp_path: Path
) -> None:
    key, outside = make_key(), OutsideAuthority(datetime.now(UTC))
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "blocked").write_text(f"# published\n\n  {hashlib.sha256(spki).hexdigest().upper()}  \n")
    (tmp_path / "outside.pem").write_bytes(outside.root.public_bytes(Encoding.PEM))
    files = {"blocked_keys_file": tmp_path / "blocked", "outside_root_certificates_file": tmp_path / "outside.pem"}
    async with open_wire_database(wire_uri) as database:
        desk = Certifying(database)
        _, administrator = await desk.open()
        services = services_over(database, make_settings(**files), SystemClock(), desk.authority)
        with pytest.raises(Refused) as caught:
            await services.certificate_requests.request(REVIEWER, ask(administrator, key))
        assert sole(caught) is RefusalCode.CERTIFICATE_KEY_WEAK
        given = RegistrationInput(LOGIN, administrator.id, outside.issue(key=key))
        with pytest.raises(Refused) as caught:
            await services.certificate_registration.register(OFFICER, given)
        assert sole(caught) is RefusalCode.CERTIFICATE_KEY_WEAK
        others = await services.certificate_requests.request(REVIEWER, ask(administrator))
        assert others.subject.state is CertificateState.REQUESTED


@pytest.mark.parametrize("line", ["ab" * 31, "no hash", "zz" * 32, f"{'ab' * 32} and more"])
def test_a_file_of_blocked_keys_that_is_half_understood_is_not_used(tmp_path: Path, line: str) -> None:
    (tmp_path / "blocked").write_text(f"{'cd' * 32}\n{line}\n")
    with pytest.raises(SigningKeyUnusable, match="not a SHA-256"):
        read_blocked_keys(tmp_path / "blocked")
    assert read_blocked_keys(None) == frozenset()
