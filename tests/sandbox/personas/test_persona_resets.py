"""What anybody changed of the shared personas is put back over HTTP, and from the command line; nobody else's is."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from authlib.integrations.base_client import OAuthError
from click.testing import CliRunner

from sandbox.cli import main
from sandbox.personas import resets
from sandbox.personas.people import PERSONAS
from sandbox.serving import prepare
from sandbox.settings import SandboxSettings
from service.bootstrap import Services
from service.storage.certificates import CERTIFICATES
from service.storage.operators import OPERATORS
from tests.sandbox.opening import key_request
from tests.sandbox.personas.test_personas import REFUSED, ask, credential_of, drop, log_in, make_sandbox, running
from tests.sandbox.starting import sandbox as started

DUE = "{ viewer { agreementDue { status agreementNumber } participant { acceptance { agreementNumber } } } }"
PEOPLE = (
    """{ participant(participantCode: "BRK001") { operators(first: 20) { nodes { id operatorNumber status } } } }"""
)
MINE = "{ certificates(first: 20) { nodes { id fingerprint state daysLeft renewalWindow { standing } } } }"
REFUSALS = "refusals { code }"
ACCEPT = f"mutation ($input: AcceptAgreementInput!) {{ done: acceptAgreement(input: $input) {{ {REFUSALS} }} }}"
OFFBOARD = f"mutation ($input: OffboardOperatorInput!) {{ done: offboardOperator(input: $input) {{ {REFUSALS} }} }}"
REVOKE = f"mutation ($input: RevokeCertificateInput!) {{ done: revokeCertificate(input: $input) {{ {REFUSALS} }} }}"
RENEW = f"""mutation ($input: RenewCertificateInput!) {{ done: renewCertificate(input: $input) {{
  certificate {{ state daysLeft }} {REFUSALS} }} }}"""
RESET = "mutation { resetPersonas { objects } }"


@pytest.fixture
def fresh(tmp_path: Path, wire_uri: str) -> Iterator[SandboxSettings]:
    settings = make_sandbox(tmp_path, wire_uri)
    yield settings
    drop(settings, wire_uri)


async def act(client: httpx.AsyncClient, token: str, mutation: str, **given: object) -> dict[str, Any]:
    headers, body = {"authorization": f"Bearer {token}"}, {"query": mutation, "variables": {"input": given}}
    answer = (await client.post("/graphql", json=body, headers=headers)).json()
    assert "errors" not in answer, answer
    done: dict[str, Any] = answer["data"]["done"]
    assert done["refusals"] == []
    return done


async def reset(client: httpx.AsyncClient) -> int:
    answer = (await client.post("/sandbox/graphql", json={"query": RESET})).json()
    assert "errors" not in answer, answer
    return int(answer["data"]["resetPersonas"]["objects"])


async def comes_in(settings: SandboxSettings, client: httpx.AsyncClient) -> set[str]:
    found = set()
    for name in PERSONAS:
        with suppress(OAuthError):
            assert await log_in(settings, client, name)
            found.add(name)
    return found


@pytest.mark.wire
async def test_one_is_behind_with_the_agreement_accepts_it_and_is_behind_again_after_a_reset(fresh: SandboxSettings):
    await prepare(fresh)
    behind = {"agreementDue": {"status": "DELIVERED", "agreementNumber": 2}}
    async with running(fresh) as (_, client):
        token = await log_in(fresh, client, "stale-admin")
        accepted = {"participant": {"acceptance": {"agreementNumber": 1}}}
        assert (await ask(client, DUE, token))["viewer"] == behind | accepted
        others = (await ask(client, DUE, await log_in(fresh, client, "broker-admin")))["viewer"]
        assert others == {"agreementDue": None, "participant": {"acceptance": {"agreementNumber": 2}}}
        await act(client, token, ACCEPT, number=2)
        assert (await ask(client, DUE, token))["viewer"]["agreementDue"] is None
        assert await reset(client) > 0
        token = await log_in(fresh, client, "stale-admin")
        assert (await ask(client, DUE, token))["viewer"] == behind | accepted


@pytest.mark.wire
async def test_whoever_was_let_go_renewed_or_revoked_is_back_and_a_tenant_is_as_it_was(fresh: SandboxSettings):
    """Takes some seconds: fifteen logins, twice."""
    await prepare(fresh)
    async with running(fresh) as (app, client):
        keys = [{"role": "ADMINISTRATOR", "login": key_request()}]
        tenant = (await client.post("/sandbox/join", json={"operators": keys})).json()["tenant"]["id"]

        async def theirs() -> list[object]:
            database, found = app.state.services.database, list[object]()
            for declared in (OPERATORS, CERTIFICATES):
                found += await database.collection(declared).find({"participantId": tenant}).sort("_id", 1).to_list(99)
            return found

        before = await theirs()
        admin = await log_in(fresh, client, "broker-admin")
        people = (await ask(client, PEOPLE, admin))["participant"]["operators"]["nodes"]
        clerk = next(each for each in people if each["operatorNumber"] == PERSONAS["broker-clerk"].number)
        await act(client, admin, OFFBOARD, operatorId=clerk["id"], reason="LEFT")
        ending = await log_in(fresh, client, "expiring-clerk")
        fingerprint = credential_of(fresh, "expiring-clerk").fingerprint
        mine = (await ask(client, MINE, ending))["certificates"]["nodes"]
        old = next(each for each in mine if each["fingerprint"] == fingerprint)
        assert (old["daysLeft"], old["renewalWindow"]["standing"]) == (3, "OPEN")
        done = await act(client, ending, RENEW, certificateId=old["id"], request=key_request())
        assert (done["certificate"]["state"], done["certificate"]["daysLeft"]) == ("ISSUED", 364)
        for name in ("registrar-auditor", "broker-deputy"):
            officer = await log_in(fresh, client, "registrar-officer")
            lost = credential_of(fresh, name).fingerprint
            known = await app.state.services.database.collection(CERTIFICATES).find_one({"fingerprint": lost})
            await act(client, officer, REVOKE, certificateId=known["_id"], reason="KEY_COMPROMISE")
        gone = {"broker-clerk", "registrar-auditor", "broker-deputy"}
        assert await comes_in(fresh, client) == PERSONAS.keys() - REFUSED.keys() - gone
        assert await reset(client) > 0
        assert await comes_in(fresh, client) == PERSONAS.keys() - REFUSED.keys()
        fingerprint = credential_of(fresh, "expiring-clerk").fingerprint
        token = await log_in(fresh, client, "expiring-clerk")
        mine = (await ask(client, MINE, token))["certificates"]["nodes"]
        (now,) = [each for each in mine if each["fingerprint"] == fingerprint]
        assert (now["state"], now["daysLeft"], now["renewalWindow"]["standing"]) == ("ISSUED", 3, "OPEN")
        assert await theirs() == before


@pytest.mark.wire
async def test_personas_are_not_reset_as_often_as_one_likes(fresh: SandboxSettings):
    await prepare(fresh)
    async with running(fresh) as (_, client):
        answers = [(await client.post("/sandbox/graphql", json={"query": RESET})).json() for _ in range(8)]
        codes = [each["errors"][0]["extensions"]["code"] for each in answers if "errors" in each]
    assert set(codes) == {"RATE_LIMITED"}
    assert len(codes) < 8


async def test_a_reset_ends_well_though_who_asked_is_gone_and_had_little_time(monkeypatch: pytest.MonkeyPatch):
    begun, go_on, bound = asyncio.Event(), asyncio.Event(), ContextVar("bound", default=False)
    seen = []

    async def reset_slowly(services: Services, data_dir: Path) -> int:
        begun.set()
        await go_on.wait()
        seen.append(bound.get())
        return 1

    monkeypatch.setattr(resets, "reset_personas", reset_slowly)
    bound.set(True)  # as the deadline of a request is
    asked = resets.PersonaResets(cast("Services", None), Path())
    caller = asyncio.create_task(asked.reset("192.0.2.1"))
    await begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go_on.set()
    await asked.aclose()
    assert seen == [False]


@pytest.mark.process
@pytest.mark.wire
def test_the_command_lists_the_personas_and_resets_those_of_the_running_sandbox(tmp_path: Path):
    directory = tmp_path / "data"
    with started(directory, "--port", "0") as (_, url):
        done = CliRunner().invoke(main, ["personas", "--reset", "--json", "--url", url])
        assert done.exit_code == 0, done.output
        assert json.loads(done.output)["objects"] >= 0
    listed = CliRunner().invoke(main, ["personas", "--json"])
    assert [each["name"] for each in json.loads(listed.output)] == list(PERSONAS)
    refused = CliRunner().invoke(main, ["personas", "--reset", "--url", url])
    assert (refused.exit_code, "No sandbox answers" in refused.output) == (1, True)
