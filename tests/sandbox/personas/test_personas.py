"""Each persona shows what its description says, to a stock OAuth client over HTTP; and again after another start."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from joserfc.jwk import ECKey
from joserfc.util import urlsafe_b64encode
from starlette.applications import Starlette
from stdnum.cn import uscc

from sandbox.app import application
from sandbox.locks import hold_directory
from sandbox.personas.credentials import Credential, Credentials, personas_directory
from sandbox.personas.keeping import keeping_personas
from sandbox.personas.people import INSTITUTIONS, PERSONAS, Condition, operators_of
from sandbox.serving import prepare
from sandbox.settings import SandboxSettings, read_sandbox_settings
from sandbox.world import SANDBOX
from service.access import SYSTEM, OperatorRole, Permission
from service.authority import open_authority
from service.background import Jobs
from service.bootstrap import Services
from service.operators import OffboardReason
from service.pagination import BY_ID, PageRequest
from service.participants import granted_services
from service.pki.parsing import read_certificate
from service.pki.profiles import Profile, holder_of
from service.records import RecordFilter
from tests.databases import drop_databases

REFUSED = {
    "suspended-admin": "This participant is SUSPENDED.",
    "revoked-clerk": "This certificate is REVOKED.",
    "leaver": "This certificate is REVOKED.",
}
VIEWER = """{ viewer {
  kind environment binding permissions
  operator { operatorNumber role } participant { participantCode status } registrar { number role }
} }"""


def make_sandbox(directory: Path, uri: str) -> SandboxSettings:
    name = f"sandbox_{uuid4().hex[:12]}"
    return read_sandbox_settings(
        {
            "SANDBOX_DATA_DIR": str(directory),
            "SANDBOX_MONGO_URI": uri,
            "SANDBOX_DATABASE": name,
            "SANDBOX_EVIDENCE_DATABASE": f"{name}_evidence",
        }
    )


def drop(settings: SandboxSettings, uri: str) -> None:
    databases = {"database": settings.database}
    drop_databases(uri, dataclasses.replace(SANDBOX, **databases))


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory, wire_uri: str) -> Iterator[SandboxSettings]:
    """A sandbox whose personas no test changes."""
    settings = make_sandbox(tmp_path_factory.mktemp("sandbox"), wire_uri)
    asyncio.run(prepare(settings))
    yield settings
    drop(settings, wire_uri)


@pytest.fixture
def fresh(tmp_path: Path, wire_uri: str) -> Iterator[SandboxSettings]:
    settings = make_sandbox(tmp_path, wire_uri)
    yield settings
    drop(settings, wire_uri)


@asynccontextmanager
async def running(settings: SandboxSettings) -> AsyncIterator[tuple[Starlette, httpx.AsyncClient]]:
    app = application(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=settings.public_url) as client:
            yield app, client


def credential_of(settings: SandboxSettings, name: str) -> Credential:
    found = Credentials(personas_directory(settings.data_dir)).find(name)
    assert found is not None
    return found


async def log_in(settings: SandboxSettings, client: httpx.AsyncClient, name: str) -> str:
    """A token, by a client library that knows nothing of this service."""
    endpoint = f"{settings.public_url}/oauth/token"
    key = ECKey.import_key((personas_directory(settings.data_dir) / f"{name}.key").read_bytes())
    credential = credential_of(settings, name)
    thumbprint = urlsafe_b64encode(credential.certificate.fingerprint(hashes.SHA256())).decode()
    async with AsyncOAuth2Client(
        credential.client_id, key, token_endpoint_auth_method="private_key_jwt", transport=client._transport
    ) as oauth:
        oauth.register_client_auth_method(PrivateKeyJWT(endpoint, headers={"x5t#S256": thumbprint}, alg="ES256"))
        return str((await oauth.fetch_token(endpoint, grant_type="client_credentials"))["access_token"])


async def ask(client: httpx.AsyncClient, query: str, token: str | None) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    answer = (await client.post("/graphql", json={"query": query}, headers=headers)).json()
    assert "errors" not in answer, answer
    data: dict[str, Any] = answer["data"]
    return data


def test_every_persona_is_described_in_both_languages_and_every_credit_code_is_nobodys():
    for persona in PERSONAS.values():
        assert persona.shows.endswith(".")
        assert persona.shows_zh.endswith("。")
    for institution in INSTITUTIONS:
        assert uscc.is_valid(institution.uscc)
        assert institution.uscc[2:8] == "999999"
        first = operators_of(institution)[0]
        assert (first.role, first.number) == (OperatorRole.ADMINISTRATOR, "000001")
        assert len({each.number for each in operators_of(institution)}) == len(operators_of(institution))


@pytest.mark.wire
@pytest.mark.parametrize("name", sorted(PERSONAS.keys() - REFUSED.keys()))
async def test_a_persona_that_may_come_in_is_who_it_says(seeded: SandboxSettings, name: str):
    persona = PERSONAS[name]
    async with running(seeded) as (_, client):
        viewer = (await ask(client, VIEWER, await log_in(seeded, client, persona.name)))["viewer"]
    assert (viewer["environment"], viewer["binding"]) == ("SANDBOX", False)
    if persona.institution is None:
        assert viewer["kind"] == "REGISTRAR"
        assert viewer["registrar"] == {"number": persona.number, "role": persona.role.value}
        return
    assert viewer["kind"] == "OPERATOR"
    assert viewer["operator"] == {"operatorNumber": persona.number, "role": persona.role.value}
    assert viewer["participant"] == {"participantCode": persona.institution.code, "status": "ACTIVE"}
    assert sorted(viewer["permissions"]) == list(persona.permissions)


@pytest.mark.wire
@pytest.mark.parametrize(("name", "reason"), REFUSED.items())
async def test_a_persona_that_shows_an_end_is_refused_with_it(seeded: SandboxSettings, name: str, reason: str):
    async with running(seeded) as (_, client):
        with pytest.raises(OAuthError) as caught:
            await log_in(seeded, client, name)
        assert (caught.value.error, caught.value.description) == ("invalid_client", reason)
        from_page = await client.post(f"/sandbox/personas/{name}/token")
    assert (from_page.status_code, from_page.json()["error_description"]) == (401, reason)


@pytest.mark.wire
async def test_each_certificate_is_of_the_sandboxs_authority_and_names_its_persona(seeded: SandboxSettings):
    with open_authority(seeded, SANDBOX) as authority:
        assert authority is not None
        for persona in PERSONAS.values():
            credential = credential_of(seeded, persona.name)
            facts = read_certificate(credential.certificate)
            authority.verify(facts, Profile.LOGIN, datetime.now(UTC))
            code = f"participant:{persona.institution.code}:operator" if persona.institution else "registrar"
            assert str(holder_of(SANDBOX, facts)) == f"{code}:{persona.number}"
            assert facts.policies == (SANDBOX.policy_oid,)
            organization = credential.certificate.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
            assert [each.value for each in organization] == ["PROP SANDBOX - NOT BINDING"]
    files = list(personas_directory(seeded.data_dir).iterdir())
    assert len(files) == 3 * len(PERSONAS)
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


@pytest.mark.wire
async def test_the_expiring_certificate_has_three_days_left_and_its_renewal_window_is_open(seeded: SandboxSettings):
    certificate = credential_of(seeded, "expiring-clerk").certificate
    now, start, end = datetime.now(UTC), certificate.not_valid_before_utc, certificate.not_valid_after_utc
    assert (end - now).days == 3
    assert now > start + (end - start) * 2 / 3


@pytest.mark.wire
async def test_the_lost_qualification_left_an_open_task_and_the_participant_its_service(seeded: SandboxSettings):
    async with running(seeded) as (_, client):
        token = await log_in(seeded, client, "registrar-auditor")
        query = """{ participant(participantCode: "UNQ001") { status qualifications { status } services { service } }
          tasks(filter: {status: OPEN}) { nodes { kind participant { participantCode } } } }"""
        said = await ask(client, query, token)
    assert said["participant"]["status"] == "ACTIVE"
    assert said["participant"]["qualifications"] == [{"status": "TERMINATED"}]
    assert "SETTLEMENT" in {each["service"] for each in said["participant"]["services"]}
    task = {"kind": "QUALIFICATION_LOST", "participant": {"participantCode": "UNQ001"}}
    assert said["tasks"]["nodes"] == [task]


async def records_of(services: Services) -> list[tuple[str, str]]:
    page = await services.records.page(SYSTEM, RecordFilter(), PageRequest(BY_ID, 1000))
    return [(each.kind, each.id) for each in page.items if not each.kind.startswith("login")]


@pytest.mark.wire
async def test_every_step_is_on_record_and_two_persons_let_the_reviewer_approve(seeded: SandboxSettings):
    async with running(seeded) as (app, _):
        kinds = [kind for kind, _ in await records_of(app.state.services)]
        assert kinds.count("participant.opened") == len(INSTITUTIONS)
        assert kinds.count("operator.registered") == sum(1 for each in PERSONAS.values() if each.institution)
        assert kinds.count("registrar.added") == 3
        assert kinds.count("certificate.issued") == len(PERSONAS)
        assert kinds.count("operator.permissions.proposed") == kinds.count("operator.permissions.changed") == 1
        assert kinds.count("participant.suspended") == kinds.count("operator.offboarded") == 1
        services: Services = app.state.services
        for institution in INSTITUTIONS:
            participant = await services.participants.find_by_code(SYSTEM, institution.code)
            assert participant is not None
            assert set(institution.services) <= granted_services(participant)


def files_of(settings: SandboxSettings) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in personas_directory(settings.data_dir).iterdir()}


@pytest.mark.wire
async def test_a_second_start_finds_what_the_first_left(seeded: SandboxSettings):
    async with running(seeded) as (app, _):
        before, files = await records_of(app.state.services), files_of(seeded)
        await prepare(seeded)
        assert await records_of(app.state.services) == before
        assert files_of(seeded) == files


@pytest.mark.wire
async def test_what_its_users_changed_stays_and_what_broke_off_is_taken_up(fresh: SandboxSettings):
    await prepare(fresh)
    async with running(fresh) as (app, client):
        services: Services = app.state.services
        token = await log_in(fresh, client, "broker-admin")
        administrator = await services.tokens.authenticate(token)
        clerk = await services.tokens.authenticate(await log_in(fresh, client, "broker-clerk"))
        assert clerk.id is not None
        await services.operators.offboard(administrator, clerk.id, OffboardReason.LEFT)
        (personas_directory(fresh.data_dir) / "broker-auditor.json").unlink()  # as if the start had ended before it
        (personas_directory(fresh.data_dir) / "issuer-admin.key").unlink()
        await prepare(fresh)
        with pytest.raises(OAuthError):
            await log_in(fresh, client, "broker-clerk")
        for name in ("broker-auditor", "issuer-admin", "broker-reviewer"):
            assert await log_in(fresh, client, name)


@pytest.mark.wire
async def test_what_runs_out_is_issued_again_and_a_removed_permission_is_not_given_back(
    fresh: SandboxSettings, monkeypatch: pytest.MonkeyPatch
):
    await prepare(fresh)
    former = credential_of(fresh, "expiring-clerk").fingerprint
    lasting = credential_of(fresh, "broker-clerk").fingerprint
    async with running(fresh) as (app, client):
        services: Services = app.state.services
        administrator = await services.tokens.authenticate(await log_in(fresh, client, "broker-admin"))
        reviewer = await services.tokens.authenticate(await log_in(fresh, client, "broker-reviewer"))
        assert reviewer.id is not None
        kept = sorted(reviewer.permissions - {Permission.SETTLEMENT_APPROVE, Permission.CERTIFICATE_APPROVE})
        await services.permissions.change(administrator, reviewer.id, kept)
        monkeypatch.setattr("sandbox.serving.SystemClock", lambda: Later(timedelta(days=2)))
        await prepare(fresh)
        assert credential_of(fresh, "expiring-clerk").fingerprint != former
        assert credential_of(fresh, "broker-clerk").fingerprint == lasting
        assert (await services.operators.get_many(SYSTEM, [reviewer.id]))[0].permissions == tuple(kept)  # type: ignore[union-attr]  # it is there


@pytest.mark.wire
async def test_after_a_reset_all_personas_are_back_with_the_keys_they_had(fresh: SandboxSettings, wire_uri: str):
    await prepare(fresh)
    before = files_of(fresh)
    drop(fresh, wire_uri)
    await prepare(fresh)
    after = files_of(fresh)
    assert {name: after[name] for name in after if name.endswith(".key")} == {
        name: before[name] for name in before if name.endswith(".key")
    }
    async with running(fresh) as (_, client):
        for name in sorted(PERSONAS.keys() - REFUSED.keys()):
            assert await log_in(fresh, client, name)


@pytest.mark.wire
async def test_personas_are_looked_after_while_the_sandbox_runs_by_one_process_at_a_time(fresh: SandboxSettings):
    await prepare(fresh)
    about = personas_directory(fresh.data_dir) / "broker-auditor.json"
    async with (
        running(fresh) as (app, client),
        keeping_personas(Jobs(), app.state.services, fresh.data_dir, every=0.05),
    ):
        with hold_directory(fresh.data_dir):
            await asyncio.sleep(0.1)
            about.unlink()
            await asyncio.sleep(0.3)
            assert not about.exists()
        async with asyncio.timeout(20):
            while not about.exists():  # noqa: ASYNC110 - a file has no event
                await asyncio.sleep(0.05)
        assert await log_in(fresh, client, "broker-auditor")


@dataclasses.dataclass
class Later:
    by: timedelta

    def now(self, tenant: str | None = None) -> datetime:
        return datetime.now(UTC) + self.by


def test_personas_with_an_end_are_the_ones_that_are_refused():
    ended = {each.name for each in PERSONAS.values() if each.condition in {Condition.REVOKED, Condition.OFFBOARDED}}
    assert ended | {"suspended-admin"} == set(REFUSED)
