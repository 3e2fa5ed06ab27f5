"""The whole life of a certificate, told by the records and by openssl at each step: they must say the same."""

import subprocess
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from service.certificate_requests import RequestInput
from service.certificates import Certificate, CertificateState, RevocationReason
from service.operators import Operator
from service.revocation_status import RevocationStatus
from service.storage.certificates import CertificateFilter
from service.storage.database import Database
from service.storage.revocations import RevocationStore
from tests.service.certifying import LOGIN, Certifying, openssl_request
from tests.service.institutions import OFFICER, REVIEWER, caller_for

pytestmark = pytest.mark.wire


def status_over(desk: Certifying) -> RevocationStatus:
    return RevocationStatus(
        desk.clock,
        desk.authority,
        certificates=desk.certificate_store,
        revocations=RevocationStore(desk.database),
        list_life=timedelta(days=1),
        ocsp_life=timedelta(hours=1),
    )


@dataclass
class Machine:
    """Somebody who knows the root, and otherwise what is served."""

    desk: Certifying
    status: RevocationStatus
    directory: Path

    def __post_init__(self) -> None:
        authority = self.desk.authority
        (self.directory / "root.pem").write_bytes(authority.root.public_bytes(Encoding.PEM))
        (self.directory / "issuing.pem").write_bytes(authority.issuing.certificate.public_bytes(Encoding.PEM))

    def openssl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["openssl", *arguments], cwd=self.directory, capture_output=True, text=True, check=False)

    async def look(self, certificate: Certificate) -> tuple[str, str, str]:
        """What `verify` with the list, the list itself, and OCSP say of a certificate."""
        await self.status.follow()
        (self.directory / "leaf.pem").write_text(certificate.pem or "")
        (self.directory / "list.der").write_bytes(self.status.current.data)
        return self.verify(), self.listed(certificate), await self.ocsp()

    def verify(self) -> str:
        at = str(int(self.desk.clock.time.timestamp()))
        assert self.openssl("crl", "-inform", "DER", "-in", "list.der", "-out", "list.pem").returncode == 0
        done = self.openssl(
            "verify", "-x509_strict", "-attime", at, "-crl_check", "-CRLfile", "list.pem", "-CAfile", "root.pem",
            "-untrusted", "issuing.pem", "leaf.pem",
        )  # fmt: skip
        if done.returncode == 0:
            return "good"
        return "revoked" if "certificate revoked" in done.stderr else done.stderr

    def listed(self, certificate: Certificate) -> str:
        checked = self.openssl("crl", "-in", "list.pem", "-noout", "-CAfile", "issuing.pem")
        assert "verify OK" in checked.stderr
        text = self.openssl("crl", "-in", "list.pem", "-noout", "-text").stdout
        digits = certificate.serial_number or ""
        in_octets = digits.rjust(len(digits) + len(digits) % 2, "0")  # as openssl writes it: no octet of zeros before
        _, found, after = text.partition(f"Serial Number: {in_octets}\n")
        if not found:
            return "absent"
        entry = after.partition("Serial Number:")[0]
        _, reason, told = entry.partition("X509v3 CRL Reason Code:")
        return told.split("\n")[1].strip() if reason else "no reason"

    async def ocsp(self) -> str:
        asked = self.openssl(
            "ocsp", "-issuer", "issuing.pem", "-cert", "leaf.pem", "-reqout", "request.der", "-no_nonce"
        )
        assert asked.returncode == 0, asked.stderr
        answer = await self.status.answer((self.directory / "request.der").read_bytes())
        (self.directory / "answer.der").write_bytes(answer.data)
        told = self.openssl(
            "ocsp", "-respin", "answer.der", "-issuer", "issuing.pem", "-cert", "leaf.pem", "-CAfile", "root.pem",
            "-verify_other", "issuing.pem", "-no_nonce", "-attime", str(int(self.desk.clock.time.timestamp())),
            "-validity_period", str(10**10),
        )  # fmt: skip
        assert "Response verify OK" in told.stderr, told.stderr
        first = told.stdout.splitlines()
        status = first[0].partition(":")[2].strip()
        reason = next((line.split(":")[1].strip() for line in first if "Reason:" in line), "")
        return f"{status} {reason}".strip()


@pytest.fixture
def desk(wire_database: Database) -> Certifying:
    return Certifying(wire_database)


@pytest.fixture
def machine(desk: Certifying, tmp_path: Path) -> Machine:
    return Machine(desk, status_over(desk), tmp_path)


async def requested(desk: Certifying, operator: Operator, directory: Path, name: str) -> Certificate:
    given = RequestInput(LOGIN, openssl_request(directory, name), operator_id=operator.id)
    asked = await desk.requests.request(REVIEWER, given)
    return (await desk.requests.approve(OFFICER, asked.subject.id)).subject


async def test_openssl_agrees_with_the_records_from_request_to_revocation(
    desk: Certifying, machine: Machine, tmp_path: Path
) -> None:
    _, administrator = await desk.open()
    caller = caller_for(administrator)
    old = await requested(desk, administrator, tmp_path, "first")
    assert await machine.look(old) == ("good", "absent", "good")

    await desk.certificates.hold(OFFICER, old.id)
    assert await machine.look(old) == ("revoked", "Certificate Hold", "revoked certificateHold")
    await desk.certificates.release(OFFICER, old.id)
    assert await machine.look(old) == ("good", "absent", "good")

    desk.pass_days(300)
    done = await desk.requests.renew(caller, old.id, openssl_request(tmp_path, "second"))
    new = done.subject
    assert await machine.look(old) == ("good", "absent", "good"), "the overlap"
    assert await machine.look(new) == ("good", "absent", "good")

    await desk.log_in(new)
    assert (await desk.again(old)).state is CertificateState.SUPERSEDED
    assert await machine.look(old) == ("revoked", "Superseded", "revoked superseded")
    assert await machine.look(new) == ("good", "absent", "good")

    await desk.certificates.report_lost(caller, new.id)
    assert await machine.look(new) == ("revoked", "Certificate Hold", "revoked certificateHold")
    await desk.certificates.revoke(
        OFFICER, new.id, RevocationReason.KEY_COMPROMISE, invalidity_date=desk.clock.time - timedelta(hours=5)
    )
    assert await machine.look(new) == ("revoked", "Key Compromise", "revoked keyCompromise")
    text = machine.openssl("crl", "-in", "list.pem", "-noout", "-text").stdout
    assert "Invalidity Date" in text


async def test_the_number_of_the_list_grows_by_one_and_only_with_a_change_or_half_a_life(
    desk: Certifying, machine: Machine
) -> None:
    _, administrator = await desk.open()
    certificate = await desk.issue(administrator)
    await machine.status.follow()
    assert machine.status.current.number == 1
    await machine.status.follow()
    assert machine.status.current.number == 1
    await desk.certificates.hold(OFFICER, certificate.id)
    await machine.status.follow()
    assert machine.status.current.number == 2
    desk.clock.time += timedelta(hours=13)
    await machine.status.follow()
    assert machine.status.current.number == 3
    assert machine.status.current.next_update > desk.clock.time + timedelta(hours=23)


async def test_two_processes_make_one_list_and_serve_the_same(desk: Certifying) -> None:
    _, administrator = await desk.open()
    certificate = await desk.issue(administrator)
    await desk.certificates.hold(OFFICER, certificate.id)
    one, two = status_over(desk), status_over(desk)
    await one.follow()
    await two.follow()
    assert one.current.data == two.current.data
    await desk.certificates.release(OFFICER, certificate.id)
    await two.follow()
    await one.follow()
    assert one.current.data == two.current.data
    assert one.current.number == 2


async def test_what_has_expired_leaves_the_list(desk: Certifying, machine: Machine) -> None:
    _, administrator = await desk.open()
    certificate = await desk.issue(administrator)
    await desk.certificates.revoke(OFFICER, certificate.id, RevocationReason.PRIVILEGE_WITHDRAWN)
    await machine.status.follow()
    with_it = len(machine.status.current.data)
    desk.pass_days(400)
    await machine.status.follow()
    assert len(machine.status.current.data) < with_it


async def test_an_answer_is_kept_until_the_certificate_changes(desk: Certifying, machine: Machine) -> None:
    _, administrator = await desk.open()
    certificate = await desk.issue(administrator)
    await machine.look(certificate)
    asked = (machine.directory / "request.der").read_bytes()
    first = await machine.status.answer(asked)
    assert first.shareable
    assert (await machine.status.answer(asked)).data == first.data
    await desk.certificates.hold(OFFICER, certificate.id)
    await machine.status.follow()
    assert (await machine.status.answer(asked)).data != first.data


async def test_one_that_was_never_issued_is_unknown(desk: Certifying, machine: Machine) -> None:
    _, administrator = await desk.open()
    certificate = await desk.issue(administrator)
    await desk.certificate_store.collection.delete_one({"_id": certificate.id})
    (machine.directory / "leaf.pem").write_text(certificate.pem or "")
    assert await machine.ocsp() == "unknown"
    assert await desk.certificates.count(OFFICER, CertificateFilter()) == 0
