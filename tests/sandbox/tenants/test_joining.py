"""What joining takes and what it refuses, on a real database; and numbers that are made up, in form."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from sandbox.bootstrap import Ground, Sandbox, sandbox_over
from sandbox.clock import TenantClock
from sandbox.personas.credentials import request_of
from sandbox.settings import SandboxSettings
from sandbox.tenants.joining import parse_join
from sandbox.tenants.made_up import new_code, new_uscc
from sandbox.tenants.records import digest_of, new_secret
from service.access import SYSTEM, Permission, Service
from service.certificates import CertificateProfile
from service.errors import BadInput, RateLimited, Unauthenticated
from service.institution_numbers import parse_participant_code, parse_uscc
from service.pagination import BY_ID, PageRequest
from service.participants import ParticipantStatus, granted_services
from service.pki.errors import CertificateError
from service.records import RecordFilter
from service.refusals import Refused
from tests.sandbox.opening import join, key_request, opened_sandbox, prepared_settings

wire = pytest.mark.wire


@pytest.fixture
async def sandbox(wire_uri: str, tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with prepared_settings(wire_uri, tmp_path) as settings, opened_sandbox(settings) as opened:
        yield opened


@wire
async def test_who_joins_is_open_qualified_and_able_to_enter_and_to_approve(sandbox: Sandbox):
    joined = await join(sandbox, name="首航证券", code="HANG01")
    services = sandbox.services
    participant = await services.participants.find(SYSTEM, joined.tenant.id)
    assert participant is not None
    assert (participant.status, participant.legal_name) == (ParticipantStatus.ACTIVE, "首航证券")
    assert {Service.SETTLEMENT, Service.FILE_EXCHANGE} <= set(granted_services(participant))
    assert participant.acceptance is not None
    held = {each.operator.role.value: set(each.operator.permissions) for each in joined.operators}
    assert Permission.SETTLEMENT_SUBMIT in held["OPERATOR"] - held["REVIEWER"]
    assert Permission.SETTLEMENT_APPROVE in held["REVIEWER"] - held["OPERATOR"]
    certificates = {each.profile: each for each in joined.operators[0].certificates}
    assert set(certificates) == set(CertificateProfile)
    page = await services.records.page(SYSTEM, RecordFilter(participant_id=participant.id), PageRequest(BY_ID, 100))
    kinds = [each.kind for each in page.items]
    assert {"participant.opened", "operator.registered", "certificate.issued"} <= set(kinds)
    deciding = [each.actor.id for each in page.items if each.kind.startswith("application.")]
    assert len(set(deciding)) >= 2, "who files does not decide"


@wire
async def test_the_secret_opens_its_tenant_and_nothing_else_does(sandbox: Sandbox):
    joined = await join(sandbox)
    assert (await sandbox.tenant_of(joined.secret)).id == joined.tenant.id
    assert joined.secret not in repr(joined)
    kept = await sandbox.tenants.find(joined.tenant.id)
    assert joined.secret not in str(kept)
    for wrong in (new_secret(), joined.secret[:-1], "", "sbx_secret_", joined.tenant.id):
        with pytest.raises(Unauthenticated):
            await sandbox.tenant_of(wrong)


@wire
async def test_a_code_that_is_taken_and_a_key_that_is_anothers_are_refused(sandbox: Sandbox):
    request = key_request()
    taken = {"operators": [{"role": "ADMINISTRATOR", "login": request}], "code": "TAKEN1"}
    await sandbox.joining.join(parse_join(taken), "192.0.2.1")
    with pytest.raises(Refused, match="TAKEN1"):
        await join(sandbox, code="TAKEN1")
    with pytest.raises(Refused):
        await sandbox.joining.join(parse_join(taken | {"code": "OTHER1"}), "192.0.2.1")


@wire
async def test_one_key_for_two_uses_and_a_weak_one_leave_no_tenant_behind(sandbox: Sandbox):
    before = await sandbox.tenants.count_standing()
    weak = request_of(ec.generate_private_key(ec.SECP256K1()))
    with pytest.raises(CertificateError):
        await sandbox.joining.join(parse_join({"operators": [{"role": "ADMINISTRATOR", "login": weak}]}), "192.0.2.1")
    request = key_request()
    twice = {"operators": [{"role": "ADMINISTRATOR", "login": request, "seal": request}]}
    with pytest.raises(BadInput, match="its own key"):
        await sandbox.joining.join(parse_join(twice), "192.0.2.1")
    assert await sandbox.tenants.count_standing() == before


@wire
async def test_no_more_join_than_the_quota_of_an_address_and_of_the_sandbox(sandbox: Sandbox):
    few: SandboxSettings = sandbox.settings.model_copy(update={"tenants_per_address": 1, "tenants": 2})
    narrow = sandbox_over(sandbox.services, few, sandbox.clock, sandbox.faults, Ground(few, sandbox.clock).serve)
    await join(narrow)
    with pytest.raises(RateLimited, match="this address"):
        await join(narrow)
    await join(narrow, "192.0.2.2")
    with pytest.raises(RateLimited, match="full"):
        await join(narrow, "192.0.2.3")


@wire
async def test_those_who_join_at_once_do_not_exceed_the_quota_together(sandbox: Sandbox):
    few: SandboxSettings = sandbox.settings.model_copy(update={"tenants_per_address": 2})
    narrow = sandbox_over(sandbox.services, few, sandbox.clock, sandbox.faults, Ground(few, sandbox.clock).serve)
    answers = await asyncio.gather(*(join(narrow) for _ in range(5)), return_exceptions=True)
    assert [type(each) for each in answers if isinstance(each, BaseException)] == [RateLimited] * 3
    assert await sandbox.tenants.count_standing() == 2


@wire
async def test_who_fails_to_join_leaves_its_place_to_others(sandbox: Sandbox):
    few: SandboxSettings = sandbox.settings.model_copy(update={"tenants_per_address": 1})
    narrow = sandbox_over(sandbox.services, few, sandbox.clock, sandbox.faults, Ground(few, sandbox.clock).serve)
    request = key_request()
    twice = {"operators": [{"role": "ADMINISTRATOR", "login": request, "seal": request}]}
    for _ in range(2):
        with pytest.raises(BadInput, match="its own key"):
            await narrow.joining.join(parse_join(twice), "192.0.2.1")
    await join(narrow)


@given(
    st.one_of(
        st.none(),
        st.integers(),
        st.text(),
        st.dictionaries(
            st.sampled_from(["name", "code", "operators", "more"]),
            st.one_of(st.none(), st.text(), st.lists(st.dictionaries(st.text(), st.text())), st.integers()),
        ),
    )
)
def test_whatever_is_no_joining_is_bad_input(given: object):
    with pytest.raises(BadInput):
        parse_join(given)


@pytest.mark.parametrize(
    "operators",
    [
        [],
        [{"role": "ADMINISTRATOR"}],
        [{"role": "OPERATOR", "login": "x"}],
        [{"role": "AUDITOR", "login": "x"}, {"role": "ADMINISTRATOR", "login": "x"}],
        [{"role": "ADMINISTRATOR", "login": "x"}] * 2,
        [{"role": "ADMINISTRATOR", "login": "x" * 8_193}],
        [{"role": "ADMINISTRATOR", "login": "x", "key": "x"}],
    ],
)
def test_operators_come_once_each_with_the_administrator_among_them(operators: list[dict[str, str]]):
    with pytest.raises(BadInput):
        parse_join({"operators": operators})


def test_what_was_pasted_by_mistake_is_not_said_back():
    with pytest.raises(BadInput) as caught:
        parse_join({"operators": [{"role": "ADMINISTRATOR", "login": "-----BEGIN PRIVATE KEY-----" + "s" * 9_000}]})
    assert "PRIVATE" not in str(caught.value) + str(caught.value.extensions)


def test_made_up_numbers_have_the_form_of_real_ones_and_belong_to_no_region():
    for _ in range(200):
        uscc, code = new_uscc(), new_code()
        assert parse_uscc(uscc) == uscc
        assert uscc[2:8] == "990000"
        assert parse_participant_code(code) == code


def test_secrets_differ_and_are_kept_as_digests():
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(len(digest_of(each)) == 64 for each in secrets)


def test_a_clock_that_nobody_moved_is_the_real_one():
    before = datetime.now(UTC)
    assert before <= TenantClock().now("sbx-par-x") <= datetime.now(UTC)
