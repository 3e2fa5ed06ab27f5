"""The token endpoint over HTTP: stock clients, forms, refusals, and what others read about it (RFC 6749, RFC 8414)."""

from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.util import urlsafe_b64encode
from starlette.applications import Starlette

from service.http.rate_limits import TokenBuckets
from service.http.tokens import ASSERTION_TYPE, token_routes
from service.storage.database import Database
from tests.service.logins import ENDPOINT, ISSUER, P256, Desk, records_of
from tests.service.records import KEYS

pytestmark = pytest.mark.wire


@pytest.fixture
def desk(wire_database: Database) -> Desk:
    return Desk(wire_database)


def make_app(desk: Desk, burst: int = 1000) -> Starlette:
    attempts = TokenBuckets(per_minute=1, burst=burst)
    return Starlette(routes=token_routes(desk.database.world, lambda: desk.tokens, attempts))


def make_client(desk: Desk, burst: int = 1000) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(make_app(desk, burst)), base_url=ISSUER)


def make_form(text: str, **changes: str) -> dict[str, str]:
    form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "client_assertion": text}
    return form | changes


async def test_a_stock_oauth_client_logs_in(desk: Desk) -> None:
    desk.clock.time = datetime.now(UTC)
    inner = make_client(desk)
    thumbprint = urlsafe_b64encode(P256.digest).decode()
    async with (
        inner,
        AsyncOAuth2Client(
            P256.id, P256.jwk, token_endpoint_auth_method="private_key_jwt", transport=inner._transport
        ) as client,
    ):
        client.register_client_auth_method(PrivateKeyJWT(ENDPOINT, headers={"x5t#S256": thumbprint}, alg="ES256"))
        for _ in range(2):
            token = await client.fetch_token(ENDPOINT, grant_type="client_credentials")
            assert (await desk.tokens.authenticate(token["access_token"])).id == P256.id
            assert token["token_type"] == "Bearer"


async def test_the_answer_is_never_stored_and_carries_the_marks(desk: Desk) -> None:
    async with make_client(desk) as client:
        good = await client.post("/oauth/token", data=make_form(P256.sign()))
        bad = await client.post("/oauth/token", data=make_form("nonsense"))
    assert (good.status_code, bad.status_code) == (200, 401)
    assert good.json()["expires_in"] == 600
    assert bad.json()["error"] == "invalid_client"
    assert "www-authenticate" in bad.headers
    for answer in (good, bad):
        assert answer.headers["cache-control"] == "no-store"
        assert (answer.json()["environment"], answer.json()["binding"]) == ("PRODUCTION", True)


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        (make_form("x", grant_type="password"), "unsupported_grant_type"),
        (make_form("x", client_assertion_type="urn:other"), "invalid_client"),
        ({"grant_type": "client_credentials"}, "invalid_client"),
        ({"grant_type": "client_credentials", "client_secret": "x"}, "invalid_client"),
    ],
)
async def test_a_request_of_another_form_gets_the_error_of_rfc_6749(
    desk: Desk, form: dict[str, str], error: str
) -> None:
    async with make_client(desk) as client:
        answer = await client.post("/oauth/token", data=form or {"scope": "all"})
        assert answer.json()["error"] == error
        assert 400 <= answer.status_code < 402


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"grant_type=client_credentials&grant_type=client_credentials", None, 400),
        (b"\xff\xfe", None, 400),
        (b"&".join(b"a%d=1" % number for number in range(50)), None, 400),
        (b"a=" + b"x" * 20_000, None, 413),
        (b"{}", "application/json", 400),
        (b"", "", 400),
    ],
)
async def test_a_body_that_is_no_form_is_refused(
    desk: Desk, body: bytes, content_type: str | None, status: int
) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded" if content_type is None else content_type}
    async with make_client(desk) as client:
        answer = await client.post("/oauth/token", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (status, "invalid_request")


async def test_a_foreign_assertion_is_answered_with_both_sides(desk: Desk) -> None:
    foreign = replace(P256, id="sbx-op-01K9ZZZZZZZZZZZZZZZZZZZZZA")
    async with make_client(desk) as client:
        answer = (await client.post("/oauth/token", data=make_form(foreign.sign()))).json()
    assert (answer["code"], answer["here"], answer["there"]) == ("ENVIRONMENT_MISMATCH", "PRODUCTION", "SANDBOX")


async def test_one_address_may_try_only_so_often(desk: Desk) -> None:
    async with make_client(desk, burst=2) as client:
        answers = [await client.post("/oauth/token", data=make_form("nonsense")) for _ in range(3)]
    assert [each.status_code for each in answers] == [401, 401, 429]
    assert int(answers[2].headers["retry-after"]) >= 1
    assert len(await records_of(desk)) == 2


async def test_the_metadata_lead_to_the_endpoint_and_the_keys(desk: Desk) -> None:
    async with make_client(desk) as client:
        metadata = (await client.get("/.well-known/oauth-authorization-server")).json()
        keys = (await client.get(metadata["jwks_uri"])).json()
    assert (metadata["issuer"], metadata["token_endpoint"]) == (ISSUER, ENDPOINT)
    assert "none" not in metadata["token_endpoint_auth_signing_alg_values_supported"]
    assert keys["keys"][0]["kid"] == KEYS.current.kid
    assert all("d" not in key for key in keys["keys"])


async def test_logins_from_one_ipv6_network_are_counted_together(desk: Desk) -> None:
    app, codes = make_app(desk, burst=1), []
    for address in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"):
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app, client=(address, 1)), base_url=ISSUER
        ) as client:
            codes.append((await client.post("/oauth/token", data=make_form("nonsense"))).status_code)
    assert codes == [401, 429, 401]
