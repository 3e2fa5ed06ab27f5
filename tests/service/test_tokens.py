"""Login by certificate and the tokens it gives: every way in that must be shut, over the wire and over HTTP."""

import asyncio
import json
from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey
from joserfc.util import urlsafe_b64decode, urlsafe_b64encode

from service.access import CallerKind, OperatorRole, Permission
from service.assertions import AssertionRefused, Reason
from service.attempts import TOGETHER
from service.errors import EnvironmentMismatch, Unauthenticated
from service.keys import TOKEN_LIFETIME
from service.storage.database import Database
from tests.service.logins import ED25519, ENDPOINT, EVERYBODY, ISSUER, P256, RSA, START, Desk, Persona, records_of
from tests.service.records import KEYS, PARTICIPANT, make_keys

pytestmark = pytest.mark.wire


@pytest.fixture
def desk(wire_database: Database) -> Desk:
    return Desk(wire_database)


async def reason_of(login: Awaitable[object]) -> Reason:
    with pytest.raises(AssertionRefused) as caught:
        await login
    return caught.value.reason


async def make_token(desk: Desk, persona: Persona = P256, jti: str = "first") -> str:
    return (await desk.tokens.login(persona.sign(persona.claims(desk.clock.time, jti=jti)))).token


def resign(token: str, **changes: Any) -> str:
    """A token of the service's own making, signed by its own key, with other claims."""
    claims = json.loads(urlsafe_b64decode(token.split(".")[1].encode()))
    return KEYS.sign_token({name: value for name, value in (claims | changes).items() if value != "absent"})


@pytest.mark.parametrize("persona", EVERYBODY, ids=lambda persona: persona.algorithm)
async def test_a_login_gives_a_token_for_the_holder_as_it_is_now(desk: Desk, persona: Persona) -> None:
    token = await make_token(desk, persona)
    caller = await desk.tokens.authenticate(token)
    assert (caller.kind, caller.id, caller.participant_id) == (CallerKind.OPERATOR, persona.id, PARTICIPANT)
    assert (caller.role, caller.permissions) == (OperatorRole.ADMINISTRATOR, frozenset({Permission.OPERATOR_READ}))
    assert caller.certificate == persona.digest.hex()


async def test_a_token_says_what_a_gateway_needs_and_verifies_by_the_key_set(desk: Desk) -> None:
    token = await make_token(desk)
    read = jwt.decode(token, KeySet.import_key_set(dict(desk.tokens.key_set())), ["ES256"])  # type: ignore[arg-type]  # a JWKS
    claims = dict(read.claims)
    assert claims.pop("jti")
    moment = int(START.timestamp())
    assert claims == {
        "iss": ISSUER,
        "aud": ISSUER,
        "sub": P256.id,
        "client_id": P256.id,
        "participant": PARTICIPANT,
        "env": "PRODUCTION",
        "iat": moment,
        "exp": moment + 600,
        "cnf": {"x5t#S256": urlsafe_b64encode(P256.digest).decode()},
    }


async def test_an_assertion_is_spent_once_even_by_twenty_at_the_same_time(desk: Desk) -> None:
    text = P256.sign()
    results = await asyncio.gather(*(desk.tokens.login(text) for _ in range(20)), return_exceptions=True)
    refused = [each for each in results if isinstance(each, AssertionRefused)]
    assert len(refused) == 19
    assert {each.reason for each in refused} == {Reason.REPLAYED}
    await desk.records.attempts.settle(everything=True)
    records = await records_of(desk)
    assert [kind for kind, _ in records].count("login.accepted") == 1
    assert sum(content.get("count", 1) for kind, content in records if kind == "login.refused") == 19


async def test_two_certificates_may_use_the_same_jti(desk: Desk) -> None:
    assert await make_token(desk, P256, "same") != await make_token(desk, RSA, "same")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": int(START.timestamp())}, Reason.TIME),
        ({"iat": int(START.timestamp()) - 60}, Reason.TIME),
        ({"iat": int(START.timestamp()) - 86_400, "exp": int(START.timestamp()) + 86_400}, Reason.TIME),
        ({"iat": int(START.timestamp()) + 6}, Reason.TIME),
        ({"aud": "https://elsewhere.example/oauth/token"}, Reason.AUDIENCE),
        ({"aud": ENDPOINT + "/"}, Reason.AUDIENCE),
        ({"aud": [ENDPOINT, "https://elsewhere.example"]}, Reason.AUDIENCE),
        ({"sub": "live-op-01K9ZZZZZZZZZZZZZZZZZZZZZB"}, Reason.SUBJECT),
        ({"iss": "live-op-01K9ZZZZZZZZZZZZZZZZZZZZZB"}, Reason.SUBJECT),
        ({"jti": "x" * 10_000}, Reason.MALFORMED),
        ({"jti": "x" * 200}, Reason.MALFORMED),
    ],
)
async def test_a_signed_assertion_with_wrong_claims_is_refused(
    desk: Desk, changes: dict[str, Any], reason: Reason
) -> None:
    assert await reason_of(desk.tokens.login(P256.sign(P256.claims(**changes)))) is reason


@pytest.mark.parametrize("audience", [ENDPOINT, ISSUER, [ENDPOINT]])
async def test_the_audience_is_the_token_endpoint_or_the_issuer(desk: Desk, audience: Any) -> None:
    assert await desk.tokens.login(P256.sign(P256.claims(aud=audience)))


async def test_a_clock_five_seconds_ahead_is_forgiven(desk: Desk) -> None:
    assert await desk.tokens.login(P256.sign(P256.claims(iat=int(START.timestamp()) + 5)))


async def test_no_algorithm_and_the_public_key_as_a_secret_are_refused(desk: Desk) -> None:
    parts = P256.sign(alg="none").split(".")[:2]
    assert await reason_of(desk.tokens.login(".".join([*parts, ""]))) is Reason.MALFORMED
    assert await reason_of(desk.tokens.login(P256.sign(alg="none"))) is Reason.ALGORITHM
    header = P256.header(alg="HS256")
    confused = jwt.encode(header, P256.claims(), OctKey.import_key(P256.public_key.hex()), ["HS256"])
    assert await reason_of(desk.tokens.login(confused)) is Reason.ALGORITHM


async def test_another_key_another_certificate_and_no_certificate_are_refused(desk: Desk) -> None:
    thief = replace(RSA, name=P256.name)
    assert await reason_of(desk.tokens.login(thief.sign(alg="PS256"))) is Reason.ALGORITHM
    stranger = replace(P256, name="nobody")
    unknown = await reason_of(desk.tokens.login(stranger.sign()))
    assert unknown is Reason.CERTIFICATE_UNKNOWN
    assert await reason_of(desk.tokens.login(P256.sign(**{"x5t#S256": None}))) is Reason.CERTIFICATE_NOT_NAMED


async def test_the_answer_does_not_tell_an_unknown_certificate_from_a_wrong_signature(desk: Desk) -> None:
    texts = set()
    for persona in (replace(P256, name="nobody"), replace(P256, name=RSA.name), replace(ED25519, name=P256.name)):
        with pytest.raises(AssertionRefused) as caught:
            await desk.tokens.login(persona.sign())
        texts.add(str(caught.value))
    assert len(texts) == 1


async def test_who_may_not_act_gets_no_token_and_is_told_why(desk: Desk) -> None:
    desk.holders.change(P256, obstacle="This certificate is HELD.")
    with pytest.raises(AssertionRefused, match="HELD") as caught:
        await desk.tokens.login(P256.sign())
    assert caught.value.reason is Reason.NOT_ADMITTED


@pytest.mark.parametrize(
    "changes",
    [
        {"obstacle": "This operator is OFFBOARDED."},
        {"sessions_end_at": START + timedelta(seconds=1)},
        {"id": "live-op-01K9ZZZZZZZZZZZZZZZZZZZZZB"},
        {"participant_id": None},
    ],
)
async def test_a_live_token_dies_with_what_it_stands_on(desk: Desk, changes: dict[str, Any]) -> None:
    token = await make_token(desk)
    await desk.tokens.authenticate(token)
    desk.holders.change(P256, **changes)
    desk.tokens.forget(P256.holder.fingerprint)
    with pytest.raises(Unauthenticated):
        await desk.tokens.authenticate(token)


async def test_what_was_read_before_it_was_to_be_forgotten_is_not_remembered(desk: Desk) -> None:
    token = await make_token(desk)
    reading, go_on = asyncio.Event(), asyncio.Event()
    stale, find = desk.holders.holders[P256.holder.fingerprint], desk.holders.find_holder

    async def find_slowly(certificate_fingerprint: str) -> object:
        reading.set()
        await go_on.wait()
        return stale

    desk.holders.find_holder = find_slowly
    slow = asyncio.create_task(desk.tokens.authenticate(token))
    await reading.wait()
    desk.holders.find_holder = find
    desk.holders.change(P256, participant_id="live-par-another")
    desk.tokens.forget()
    go_on.set()
    await slow
    with pytest.raises(Unauthenticated):
        await desk.tokens.authenticate(token)


async def test_a_change_that_nobody_told_of_is_seen_after_two_seconds_and_not_asked_for_before(desk: Desk) -> None:
    token = await make_token(desk)
    asked = desk.holders.asked
    for _ in range(5):
        await desk.tokens.authenticate(token)
    assert desk.holders.asked == asked + 1
    desk.holders.change(P256, obstacle="This operator is FROZEN.")
    desk.monotonic = 0.9
    await desk.tokens.authenticate(token)
    desk.monotonic = 1.0
    with pytest.raises(Unauthenticated):
        await desk.tokens.authenticate(token)


async def test_a_token_lives_ten_minutes(desk: Desk) -> None:
    token = await make_token(desk)
    desk.clock.time = START + TOKEN_LIFETIME - timedelta(seconds=1)
    assert await desk.tokens.authenticate(token)
    desk.clock.time = START + TOKEN_LIFETIME
    with pytest.raises(Unauthenticated):
        await desk.tokens.authenticate(token)


async def test_a_token_that_is_not_ours_in_any_part_is_refused(desk: Desk) -> None:
    token = await make_token(desk)
    assert await desk.tokens.authenticate(resign(token))
    others = make_keys()
    claims = json.loads(urlsafe_b64decode(token.split(".")[1].encode()))
    forged = [
        others.sign_token(claims),
        resign(token, iss="https://elsewhere.example"),
        resign(token, aud="https://elsewhere.example"),
        resign(token, env="STAGING"),
        resign(token, participant="absent"),
        resign(token, admin=True),
        P256.sign(claims),
        KEYS.sign_record(json.dumps(claims).encode()),
        token + "A",
        token[:-4],
        "",
        "a.b.c",
        token * 20,
        f"{token.split('.')[0]}.{token.split('.')[1]}.",
        "é.é.é",
    ]
    for each in forged:
        with pytest.raises(Unauthenticated):
            await desk.tokens.authenticate(each)


async def test_what_is_of_the_other_world_is_named_as_such_and_recorded(desk: Desk) -> None:
    foreign = replace(P256, id="sbx-op-01K9ZZZZZZZZZZZZZZZZZZZZZA")
    token = await make_token(desk)
    tries = [desk.tokens.login(foreign.sign()), desk.tokens.authenticate(resign(token, env="SANDBOX"))]
    for attempt in tries:
        with pytest.raises(EnvironmentMismatch) as caught:
            await attempt
        assert caught.value.extensions["here"] == "PRODUCTION"
        assert caught.value.extensions["there"] == "SANDBOX"
    recorded = [content for kind, content in await records_of(desk) if kind == "environment.crossed"]
    assert recorded == [
        {"thing": "client assertion", "there": "SANDBOX"},
        {"thing": "access token", "there": "SANDBOX"},
    ]


async def test_a_flood_of_crossings_is_refused_one_by_one_and_recorded_for_the_first(desk: Desk) -> None:
    token = resign(await make_token(desk), env="SANDBOX")
    for _ in range(100):
        with pytest.raises(EnvironmentMismatch):
            await desk.tokens.authenticate(token)
    assert [kind for kind, _ in await records_of(desk)].count("environment.crossed") == TOGETHER
    await desk.records.attempts.settle(everything=True)
    _, counted = (await records_of(desk))[-1]
    assert (counted["count"], counted["of"]) == (100 - TOGETHER, {"access token": 100 - TOGETHER})


async def test_every_login_is_recorded_with_its_reason_and_without_the_assertion(desk: Desk) -> None:
    good, bad = P256.sign(), P256.sign(P256.claims(aud="https://elsewhere.example", jti="secret-jti"))
    await desk.tokens.login(good)
    await reason_of(desk.tokens.login(bad))
    await reason_of(desk.tokens.login("nonsense"))
    records = await records_of(desk)
    assert [(kind, content.get("reason")) for kind, content in records] == [
        ("login.accepted", None),
        ("login.refused", "AUDIENCE"),
        ("login.refused", "MALFORMED"),
    ]
    text = json.dumps(records)
    assert all(part not in text for each in (good, bad) for part in each.split("."))
    assert "secret-jti" not in text
