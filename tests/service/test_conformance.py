"""Production and reports of conformance: what it takes, what it bans by them, and whom it opens (art. 17)."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from service.access import SYSTEM
from service.applications import ApplicationCommand
from service.conformance import ensure_passing
from service.conformance_reports import VALID_FOR, CaseResult, ConformanceReport, ReportVerdict, Sentence, compose
from service.errors import Forbidden
from service.evidence.errors import NotVerified
from service.evidence.records import Marks
from service.identifiers import Kind
from service.participants import ParticipantStatus
from service.pki.keys import facts_of
from service.pki.profiles import Profile
from service.refusals import RefusalCode, Refused
from service.settings_reading import SettingsError
from service.storage.certificate_keys import CertificateKeyStore
from service.storage.conformance import ConformanceStore
from service.storage.database import Database
from tests.explain import recorded_queries
from tests.service.institutions import OFFICER, REVIEWER, USCC, Institutions, make_access, sole
from tests.service.test_cli import on, prop
from tests.service.test_conformance_reports import KEY, KEYS, make_report, signed
from tests.settings import make_settings

MARKS = Marks("SANDBOX", binding=False, notice="not binding")
SPKI = "ab" * 32


def fresh(**changes: object) -> ConformanceReport:
    """A report of a run that has just ended."""
    now = datetime.now(UTC).replace(microsecond=0)
    return make_report(**{"begun_at": now - timedelta(minutes=2), "ended_at": now, "keys": (SPKI,)} | changes)


def jws(report: ConformanceReport) -> str:
    return signed(compose(report, MARKS))


FAILED = CaseResult("offboard-in-time", 11, Sentence("x", "x"), ReportVerdict.FAIL, 1)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"verdict": ReportVerdict.FAIL, "cases": (FAILED,)}, RefusalCode.CONFORMANCE_FAILED),
        ({"cases": (FAILED,)}, RefusalCode.CONFORMANCE_FAILED),  # whatever the verdict says of the whole
        ({"cases": ()}, RefusalCode.CONFORMANCE_FAILED),
        ({"ended_at": datetime.now(UTC) - VALID_FOR}, RefusalCode.CONFORMANCE_EXPIRED),
        ({"ended_at": datetime.now(UTC) + timedelta(days=1)}, RefusalCode.CONFORMANCE_EXPIRED),
    ],
)
def test_a_report_that_failed_or_is_not_of_these_ninety_days_is_refused(changes: dict[str, object], code: RefusalCode):
    with pytest.raises(Refused) as caught:
        ensure_passing(fresh(**changes), datetime.now(UTC))
    assert sole(caught) is code


def test_a_report_is_one_institutions_by_its_code_or_its_credit_code():
    report, now = fresh(), datetime.now(UTC)
    for whose in (None, report.participant_code, report.uscc):
        ensure_passing(report, now, whose=whose)
    with pytest.raises(Refused) as caught:
        ensure_passing(report, now, whose="OTHER1")
    assert sole(caught) is RefusalCode.CONFORMANCE_OF_ANOTHER


def test_a_key_of_the_sandbox_is_none_for_production():
    with pytest.raises(Refused) as caught:
        ensure_passing(fresh(), datetime.now(UTC), offered=["cd" * 32, SPKI])
    assert sole(caught) is RefusalCode.CONFORMANCE_KEY_SEEN


wire = pytest.mark.wire


@pytest.fixture
def platform(wire_database: Database) -> Institutions:
    return Institutions(wire_database, pinned=KEYS)


def fresh_for(platform: Institutions, **changes: object) -> ConformanceReport:
    """By the platform's clock."""
    return fresh(**{"ended_at": platform.acts.now(SYSTEM).replace(microsecond=0)} | changes)


async def approve(platform: Institutions) -> ParticipantStatus:
    applied = (await platform.applications.apply_for_access(REVIEWER, make_access())).subject
    await platform.applications.review(OFFICER, applied.id, ApplicationCommand.APPROVE)
    participant = await platform.participant_store.find(applied.participant_id)
    assert participant is not None
    return participant.status


@wire
async def test_nobody_is_opened_without_a_report_that_was_checked(platform: Institutions):
    with pytest.raises(Refused) as caught:
        await approve(platform)
    (refusal,) = caught.value.refusals
    assert (refusal.code, refusal.article) == (RefusalCode.CONFORMANCE_MISSING, 17)
    held = await platform.participant_store.find_by_code("BRK001")
    assert held is not None
    assert held.status is ParticipantStatus.PENDING


@wire
@pytest.mark.parametrize("known_by", [{"participant_code": "OTHER1"}, {"uscc": "91990000MA0TEST10X"}])
async def test_with_a_report_of_the_code_or_the_credit_code_one_is_opened_on_it(
    platform: Institutions, known_by: dict[str, str]
):
    done = await platform.conformance.check(SYSTEM, jws(fresh_for(platform, **{"uscc": USCC} | known_by)))
    assert await approve(platform) is ParticipantStatus.ACTIVE
    (opened,) = await platform.records_of_kind("participant.opened")
    assert json.loads(opened.content)["content"]["conformance"] == done.subject.id
    (checked,) = await platform.records_of_kind("conformance.checked")
    assert checked.subject == done.subject.id


@wire
async def test_anothers_report_opens_nobody(platform: Institutions):
    await platform.conformance.check(
        SYSTEM, jws(fresh_for(platform, uscc="91990000MA0TEST10X", participant_code="OTHER1"))
    )
    with pytest.raises(Refused) as caught:
        await approve(platform)
    assert sole(caught) is RefusalCode.CONFORMANCE_MISSING


@wire
async def test_a_report_that_has_run_out_since_opens_nobody(platform: Institutions):
    ended = platform.acts.now(SYSTEM).replace(microsecond=0) - VALID_FOR + timedelta(days=1)
    await platform.conformance.check(SYSTEM, jws(fresh_for(platform, uscc=USCC, ended_at=ended)))
    kept = platform.conformance._checks
    check = await kept.find_latest("BRK001", USCC)
    assert check is not None
    await kept.replace(None, replace(check, valid_until=platform.acts.now(SYSTEM)))
    with pytest.raises(Refused) as caught:
        await approve(platform)
    assert sole(caught) is RefusalCode.CONFORMANCE_EXPIRED


@wire
async def test_a_report_is_taken_once_and_only_at_the_depositorys_machine(platform: Institutions):
    text = jws(fresh_for(platform))
    first = await platform.conformance.check(SYSTEM, text)
    again = await platform.conformance.check(SYSTEM, text + "\n")
    assert (again.subject, again.record) == (first.subject, None)
    with pytest.raises(Forbidden):
        await platform.conformance.check(OFFICER, text)
    forged = signed(compose(fresh_for(platform), MARKS), type(KEY).generate_key("P-256", auto_kid=True))
    with pytest.raises(NotVerified):
        await platform.conformance.check(SYSTEM, forged)


@wire
async def test_the_keys_of_a_report_are_certified_here_no_more(platform: Institutions, wire_database: Database):
    await platform.conformance.check(SYSTEM, jws(fresh_for(platform)))
    keys, now = CertificateKeyStore(wire_database), platform.acts.now(SYSTEM)
    with pytest.raises(Refused) as caught:
        await keys.claim(None, SPKI, "live-op-1", Profile.LOGIN, now)
    assert sole(caught) is RefusalCode.CERTIFICATE_KEY_BLOCKED


@wire
async def test_a_report_that_names_a_key_certified_here_is_refused_and_bans_nothing(
    platform: Institutions, wire_database: Database
):
    keys, now = CertificateKeyStore(wire_database), platform.acts.now(SYSTEM)
    await keys.claim(None, SPKI, "live-op-1", Profile.LOGIN, now)
    with pytest.raises(Refused) as caught:
        await platform.conformance.check(SYSTEM, jws(fresh_for(platform, keys=("01" * 32, SPKI))))
    assert sole(caught) is RefusalCode.CONFORMANCE_KEY_SEEN
    assert await keys.find("01" * 32) is None
    assert await platform.records_of_kind("conformance.checked") == []


@wire
async def test_checks_are_found_by_an_index(wire_uri: str, wire_database: Database):
    async with recorded_queries(wire_uri, wire_database) as queries:
        kept = ConformanceStore(queries.database)
        await kept.find_latest("BRK001", USCC)
        await kept.find_by_report("00")
        await queries.assert_indexed(sorted_in_memory=True)


@wire
async def test_without_pinned_keys_no_report_is_asked_for_and_none_is_taken(wire_database: Database):
    platform = Institutions(wire_database)
    assert await approve(platform) is ParticipantStatus.ACTIVE
    with pytest.raises(Refused) as caught:
        await platform.conformance.check(SYSTEM, jws(fresh_for(platform)))
    assert sole(caught) is RefusalCode.CONFORMANCE_NOT_PINNED


# ---------------------------------------------------------------- the command


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    report, jwks = tmp_path / "report.jws", tmp_path / "jwks.json"
    report.write_text(jws(fresh()))
    jwks.write_text(json.dumps(KEYS.as_dict(private=False)))
    return str(report), str(jwks)


def test_the_command_verifies_a_report_offline_with_nothing_but_the_pinned_keys(files: tuple[str, str]):
    report, jwks = files
    result = prop("conformance", "check", report, "--jwks", jwks, "--participant", "BRK001")
    assert result.exit_code == 0, result.output
    assert "BRK001" in result.output
    assert "PASS" in result.output
    wrong = prop("conformance", "check", report, "--jwks", jwks, "--participant", "OTHER1")
    assert wrong.exit_code == 1
    assert "[CONFORMANCE_OF_ANOTHER]" in wrong.output


def test_the_command_refuses_a_request_for_a_key_of_the_sandbox(files: tuple[str, str], tmp_path: Path):
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateSigningRequestBuilder(subject_name=x509.Name([]))
    request = tmp_path / "request.pem"
    request.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    command = ("conformance", "check", files[0], "--jwks", files[1], "--offered", str(request))
    assert prop(*command).exit_code == 0
    Path(files[0]).write_text(jws(fresh(keys=(facts_of(key.public_key()).spki_sha256,))))
    refused = prop(*command)
    assert (refused.exit_code, "[CONFORMANCE_KEY_SEEN]" in refused.output) == (1, True)


def test_the_command_says_that_a_signature_is_not_the_sandboxs(files: tuple[str, str], tmp_path: Path):
    stranger = tmp_path / "stranger.json"
    stranger.write_text(json.dumps({"keys": [type(KEY).generate_key("P-256", auto_kid=True).as_dict(private=False)]}))
    result = prop("conformance", "check", files[0], "--jwks", str(stranger))
    assert result.exit_code == 1
    assert "Traceback" not in result.output


@wire
def test_the_command_records_a_report_for_an_opening_to_stand_on(
    files: tuple[str, str], wire_database: Database, wire_uri: str
):
    environ = on(wire_uri, wire_database.world) | {"PROP_CONFORMANCE_KEYS_FILE": files[1]}
    for said in ("Recorded: live-cnf-", "Recorded already: live-cnf-"):
        result = prop("conformance", "check", files[0], "--record", **environ)
        assert result.exit_code == 0, result.output
        assert said in result.output


def test_settings_take_public_keys_alone(tmp_path: Path):
    file = tmp_path / "keys.json"
    for text in ("{}", json.dumps({"keys": [KEY.as_dict(private=True)]})):
        file.write_text(text)
        with pytest.raises(SettingsError, match="PROP_CONFORMANCE_KEYS_FILE"):
            make_settings(conformance_keys_file=file)
    with pytest.raises(SettingsError, match="PROP_CONFORMANCE_KEYS_FILE"):
        make_settings(conformance_keys_file=tmp_path / "nothing")


def test_ids_of_checks_are_told_apart():
    assert Kind.CONFORMANCE.value == "cnf"
