"""Webhooks through the control endpoint and the built-in receiver, over HTTP, as a tenant and as a stranger."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.app import application
from sandbox.webhooks.event_types import EVENT_TYPES
from sandbox.webhooks.payload import EventPayload
from sandbox.webhooks.receivers import KEPT, LONGEST, receiver_pattern
from sandbox.webhooks.signatures import signed_headers
from tests.sandbox.opening import administrator, prepared_settings

pytestmark = pytest.mark.wire

JOIN = "mutation ($input: JoinInput!) { join(input: $input) { secret } }"
REGISTER = """mutation ($input: WebhookInput!) { registerWebhook(input: $input) {
  secret webhook { id url state topics } snippets { file text } } }"""
RECEIVER = "{ receiver { url manner received { verdict again webhookId answered body } } }"
BODY = b'{"type":"certificate.issued"}'


@pytest.fixture
async def client(wire_uri: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with prepared_settings(wire_uri, tmp_path) as settings:
        app = application(settings)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as opened,
        ):
            yield opened


async def ask(client: httpx.AsyncClient, query: str, secret: str | None = None, **variables: object) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {secret}"} if secret else {}
    answer = await client.post("/sandbox/graphql", json={"query": query, "variables": variables}, headers=headers)
    return dict(answer.json())


async def joined(client: httpx.AsyncClient) -> str:
    return str((await ask(client, JOIN, input=administrator()))["data"]["join"]["secret"])


async def receiver(client: httpx.AsyncClient, secret: str) -> dict[str, Any]:
    return dict((await ask(client, RECEIVER, secret))["data"]["receiver"])


async def test_the_receiver_verifies_as_a_client_should(client: httpx.AsyncClient):
    secret = await joined(client)
    url = (await receiver(client, secret))["url"]
    assert receiver_pattern("http://127.0.0.1:8000").fullmatch(url)
    made = (await ask(client, REGISTER, secret, input={"url": url, "topics": ["nothing"]}))["data"]["registerWebhook"]
    assert made["secret"].startswith("whsec_")
    assert made["secret"] not in "".join(each["text"] for each in made["snippets"])
    now = datetime.now(UTC)
    good = signed_headers([made["secret"]], "m1", now, BODY)
    old = signed_headers([made["secret"]], "m2", now - timedelta(minutes=6), BODY)
    for headers, status in ((good, 204), (good, 204), (old, 401), ({}, 401), (good | {"webhook-id": "m3"}, 401)):
        assert (await client.post(url, content=BODY, headers=headers)).status_code == status
    came = (await receiver(client, secret))["received"]
    assert [(each["verdict"], each["again"]) for each in reversed(came)] == [
        ("VERIFIED", False),
        ("VERIFIED", True),
        ("TOO_OLD", False),
        ("INCOMPLETE", False),
        ("WRONG_SIGNATURE", False),
    ]
    assert came[-1]["body"] == BODY.decode()


async def test_the_receiver_answers_as_it_is_told_keeps_a_hundred_and_takes_nothing_too_long(client: httpx.AsyncClient):
    secret = await joined(client)
    url = (await receiver(client, secret))["url"]
    for manner, status in (("ERROR", 500), ("GONE", 410), ("OK", 401)):
        told = await ask(client, "mutation ($m: Manner!) { setReceiver(manner: $m) { manner } }", secret, m=manner)
        assert told["data"]["setReceiver"] == {"manner": manner}
        assert (await client.post(url, content=BODY)).status_code == status
    assert (await client.post(url, content=b"x" * (LONGEST + 1))).status_code == 413
    for number in range(KEPT):
        await client.post(url, content=BODY, headers={"webhook-id": str(number)})
    came = (await receiver(client, secret))["received"]
    assert len(came) == KEPT
    assert came[0]["webhookId"] == str(KEPT - 1)


async def test_an_address_that_was_never_given_out_is_not_there(client: httpx.AsyncClient):
    url = (await receiver(client, await joined(client)))["url"]
    guesses = (url[:-1] + ("0" if url[-1] != "0" else "1"), url.rsplit("/", 1)[0] + "/x", url.partition(".")[0])
    for guess in guesses:
        assert (await client.post(guess, content=BODY)).status_code in {404, 405}
    assert (await client.get(url)).status_code == 405


async def test_a_stranger_and_another_tenant_rule_nothing_here(client: httpx.AsyncClient):
    mine, other = await joined(client), await joined(client)
    url = (await receiver(client, mine))["url"]
    webhook = (await ask(client, REGISTER, mine, input={"url": url}))["data"]["registerWebhook"]["webhook"]["id"]
    operations = [
        f'mutation {{ {name}(id: "{webhook}") {rest} }}'
        for name, rest in (
            ("rotateWebhookSecret", "{ secret }"),
            ("enableWebhook", "{ id }"),
            ("disableWebhook", "{ id }"),
            ("removeWebhook", ""),
            ("redeliver", "{ id }"),
        )
    ]
    for operation in operations:
        assert (await ask(client, operation, other))["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    for operation in (
        *operations,
        "{ webhooks { id } }",
        "{ deliveries { id } }",
        RECEIVER,
        'mutation { fireEvent(type: "x") { id } }',
    ):
        assert (await ask(client, operation))["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    seen = await ask(client, f'{{ webhooks {{ id }} deliveries(webhook: "{webhook}") {{ id }} }}', other)
    assert seen["data"] == {"webhooks": [], "deliveries": []}


async def test_the_events_are_listed_for_everybody_with_an_article_and_an_example(client: httpx.AsyncClient):
    listed = (await ask(client, "{ eventTypes { name article zh en forAll example } }"))["data"]["eventTypes"]
    assert [each["name"] for each in listed] == list(EVENT_TYPES)
    assert all(EventPayload.model_validate_json(each["example"]).type == each["name"] for each in listed)
    schema = (await client.get("/sandbox/webhook-payload.schema.json")).json()
    assert set(schema["properties"]) == set(EventPayload.model_fields)
    assert all(each.get("description") for each in schema["$defs"]["Data"]["properties"].values() if "$ref" not in each)


async def test_of_twelve_webhooks_registered_at_once_ten_stay(client: httpx.AsyncClient):
    secret = await joined(client)
    url = (await receiver(client, secret))["url"]
    answers = await asyncio.gather(*(ask(client, REGISTER, secret, input={"url": url}) for _ in range(12)))
    refused = [each["errors"][0]["extensions"]["code"] for each in answers if "errors" in each]
    assert refused == ["BAD_USER_INPUT"] * 2
    kept = (await ask(client, "{ webhooks { id } }", secret))["data"]["webhooks"]
    assert len(kept) == 10
    await ask(client, f'mutation {{ removeWebhook(id: "{kept[4]["id"]}") }}', secret)
    assert "errors" not in await ask(client, REGISTER, secret, input={"url": url})
