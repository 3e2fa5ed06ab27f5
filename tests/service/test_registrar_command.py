"""`prop registrar`: the first of the staff come in by the depository's own machine; their keys never leave theirs."""

import re
from pathlib import Path

import pytest
from cryptography import x509

from service.world import World
from tests.service.certifying import openssl_request
from tests.service.test_cli import on, prop

pytestmark = pytest.mark.wire


@pytest.fixture
def environ(wire_uri: str, wire_world: World, tmp_path: Path) -> dict[str, str]:
    """A production with a database and, after its ceremony, an authority."""
    environ = on(wire_uri, wire_world)
    assert prop("database", "init", **environ).exit_code == 0
    return environ | hold_ceremony(tmp_path)


def hold_ceremony(directory: Path, url: str = "https://prop.example.org") -> dict[str, str]:
    """`prop authority init`, and what is set after it: the root's fingerprint as the minutes have it."""
    for name in ("root", "issuing"):
        (directory / name).write_text(f"passphrase of the {name}\n")
        (directory / name).chmod(0o600)
    made = directory / "authority"
    held = prop(
        "authority", "init", str(made), "--url", url,
        "--root-passphrase-file", str(directory / "root"), "--issuing-passphrase-file", str(directory / "issuing"),
    )  # fmt: skip
    assert held.exit_code == 0, held.output
    return {
        "PROP_ISSUING_CERTIFICATE_FILE": str(made / "issuing.crt.pem"),
        "PROP_ISSUING_KEY_FILE": str(made / "issuing.key.pem"),
        "PROP_ISSUING_KEY_PASSPHRASE_FILE": str(directory / "issuing"),
        "PROP_ROOT_CERTIFICATES_FILE": str(made / "root.crt.pem"),
        "PROP_ROOT_REVOCATION_LIST_FILE": str(made / "root.crl"),
        "PROP_ROOT_FINGERPRINTS": held.stdout.splitlines()[0].split()[2].rstrip(","),
    }


def test_one_who_is_added_with_a_request_has_a_certificate_of_that_key(environ: dict[str, str], tmp_path: Path):
    openssl_request(tmp_path, "r1")
    files = ("--request", str(tmp_path / "r1.csr"), "--certificate", str(tmp_path / "r1.crt"))
    added = prop("registrar", "add", "R1", "Zhao Liu", "--role", "OFFICER", *files, **environ)
    assert added.exit_code == 0, added.output
    certificate = x509.load_pem_x509_certificate((tmp_path / "r1.crt").read_bytes())
    request = x509.load_pem_x509_csr((tmp_path / "r1.csr").read_bytes())
    assert certificate.public_key() == request.public_key()
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [each.value for each in names] == ["urn:prop:production:registrar:R1"]
    assert added.stdout.splitlines()[0].startswith("Added R1, OFFICER: live-reg-")
    again = prop("registrar", "certify", "R1", *files, **environ)
    assert (again.exit_code, "nothing is written over" in again.stderr) == (2, True)


def test_who_was_added_without_is_certified_later_and_once(environ: dict[str, str], tmp_path: Path):
    assert prop("registrar", "add", "R1", "Zhao Liu", "--role", "AUDITOR", **environ).exit_code == 0
    for name, status in (("first", 0), ("second", 1)):
        openssl_request(tmp_path, name)
        files = ("--request", str(tmp_path / f"{name}.csr"), "--certificate", str(tmp_path / f"{name}.crt"))
        done = prop("registrar", "certify", "R1", *files, **environ)
        assert (done.exit_code, (tmp_path / f"{name}.crt").exists()) == (status, status == 0)
    assert "[CERTIFICATE_ALREADY_HELD]" in done.stderr
    files = ("--request", str(tmp_path / "second.csr"), "--certificate", str(tmp_path / "second.crt"))
    unknown = prop("registrar", "certify", "R9", *files, **environ)
    assert (unknown.exit_code, unknown.stderr) == (1, "Error: There is no registrar R9.\n")


def test_who_leaves_is_ended_once_and_never_certified_again(environ: dict[str, str], tmp_path: Path):
    for number in ("R1", "R2"):
        assert prop("registrar", "add", number, "Zhao Liu", "--role", "OFFICER", **environ).exit_code == 0
    first, again = prop("registrar", "end", "R1", **environ), prop("registrar", "end", "R1", **environ)
    assert first.exit_code == 0, first.output
    assert re.fullmatch(r"Ended R1, OFFICER, at [-0-9]{10} [:0-9]{8} UTC: live-rec-\w{26}\n", first.stdout)
    assert (again.exit_code, "nothing was left to do" in again.stdout) == (0, True)
    openssl_request(tmp_path, "r1")
    files = ("--request", str(tmp_path / "r1.csr"), "--certificate", str(tmp_path / "r1.crt"))
    for command, code in (
        (("certify", "R1", *files), "REGISTRAR_ENDED"),
        (("end", "R2"), "LAST_OFFICER"),
    ):
        refused = prop("registrar", *command, **environ)
        assert (refused.exit_code, f"[{code}]" in refused.stderr) == (1, True), refused.output
    unknown = prop("registrar", "end", "R9", **environ)
    assert (unknown.exit_code, unknown.stderr) == (1, "Error: There is no registrar R9.\n")


def test_who_cannot_be_certified_is_not_added(environ: dict[str, str], tmp_path: Path):
    openssl_request(tmp_path, "r1")
    pasted = tmp_path / "pasted.pem"
    pasted.write_text((tmp_path / "r1.csr").read_text() + (tmp_path / "r1.key").read_text())
    for file, code in (
        (pasted, "CERTIFICATE_PRIVATE_KEY_PASTED"),
        (tmp_path / "root", "CERTIFICATE_REQUEST_MALFORMED"),
    ):
        files = ("--request", str(file), "--certificate", str(tmp_path / "r1.crt"))
        refused = prop("registrar", "add", "R1", "Zhao Liu", "--role", "OFFICER", *files, **environ)
        assert (refused.exit_code, f"[{code}]" in refused.stderr) == (1, True), refused.output
    assert prop("registrar", "add", "R1", "Zhao Liu", "--role", "OFFICER", **environ).exit_code == 0
    for lone in ("--request", "--certificate"):
        half = prop("registrar", "certify", "R1", lone, str(tmp_path / "r1.csr"), **environ)
        assert half.exit_code == 2


def test_nothing_is_done_where_the_certificate_cannot_be_written(environ: dict[str, str], tmp_path: Path):
    openssl_request(tmp_path, "r1")
    files = ("--request", str(tmp_path / "r1.csr"), "--certificate", str(tmp_path / "nowhere" / "r1.crt"))
    refused = prop("registrar", "add", "R1", "Zhao Liu", "--role", "OFFICER", *files, **environ)
    assert (refused.exit_code, "cannot be written: No such file or directory." in refused.stderr) == (2, True)
    assert prop("registrar", "add", "R1", "Zhao Liu", "--role", "OFFICER", **environ).exit_code == 0


def test_one_who_lost_the_key_is_certified_anew_with_nobody_else_there(environ: dict[str, str], tmp_path: Path):
    for name in ("lost", "new"):
        openssl_request(tmp_path, name)
    files = ("--request", str(tmp_path / "lost.csr"), "--certificate", str(tmp_path / "lost.crt"))
    assert prop("registrar", "add", "R1", "Zhao Liu", "--role", "OFFICER", *files, **environ).exit_code == 0
    files = ("--request", str(tmp_path / "new.csr"), "--certificate", str(tmp_path / "new.crt"))
    refused = prop("registrar", "certify", "R1", *files, **environ)
    assert "[CERTIFICATE_ALREADY_HELD]" in refused.stderr
    done = prop("registrar", "certify", "R1", "--lost", *files, **environ)
    assert done.exit_code == 0, done.output
    x509.load_pem_x509_certificate((tmp_path / "new.crt").read_bytes())
