"""What counts of a tenant's records: those of the case alone, wherever the clock has been and whatever was reset."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from sandbox.conformance import people, seen
from tests.sandbox.clients.good import GoodClient
from tests.sandbox.conformance.following import begin_run, done, joined, read, states
from tests.sandbox.conformance.test_clients import served

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def http(wire_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    async with served(wire_uri, tmp_path_factory.mktemp("seen")) as opened:
        yield opened


async def reset(client: GoodClient) -> None:
    """As a client that goes on: with another run, and without the sessions that have ended."""
    await done(client, "reset")
    client.administrator.token = client.clerk.token = None
    await begin_run(client)


@pytest.mark.parametrize("ahead", ["30d", "1h"])
async def test_logins_of_a_former_epoch_are_none_of_the_case_even_when_its_time_comes(
    http: httpx.AsyncClient, ahead: str
):
    client = await joined(http)
    await done(client, f'advanceClock(by: "{ahead}")')
    await client.log_in_twice({})
    await reset(client)
    await client.control_run("beginConformanceCase", caseId="log-in")
    if ahead == "1h":  # the former logins are in the past of the case now, and its time is up
        await done(client, 'advanceClock(by: "2h")')
    else:
        await client.control_run("finishConformanceCase")
    assert states(await read(client)) == {"log-in": "FAILED"}
    await client.take("log-in", client.log_in_twice)
    assert states(await read(client)) == {"log-in": "PASSED"}


async def test_a_former_epochs_login_with_a_new_certificate_answers_no_revocation(http: httpx.AsyncClient):
    client = await joined(http)
    former = client.clerk
    await done(client, 'advanceClock(by: "30d")')
    await begin_run(client)
    await client.take("handle-revocation", client.handle_revocation)
    assert states(await read(client)) == {"handle-revocation": "PASSED"}
    client.clerk = former
    await reset(client)
    await client.control_run("beginConformanceCase", caseId="handle-revocation")
    await client.control_run("finishConformanceCase")
    assert states(await read(client)) == {"handle-revocation": "FAILED"}


@pytest.mark.parametrize("ahead", ["30d", "1h"])
async def test_what_went_wrong_in_a_former_epoch_spoils_no_case_of_this_one(http: httpx.AsyncClient, ahead: str):
    client = await joined(http)
    await client.control_run("abandonConformanceRun")
    await done(client, f'advanceClock(by: "{ahead}")')
    await begin_run(client)

    async def use(_: dict[str, str]) -> None:
        given = {"operatorId": client.administrator.operator, "topic": "NOTICE"}
        await client.act(client.administrator, "subscribeSms", given)

    await client.take("accept-revision", use)
    assert states(await read(client)) == {"accept-revision": "FAILED"}
    await reset(client)
    begun = await client.control_run("beginConformanceCase", caseId="accept-revision")
    await client.accept_revision({each["name"]: each["value"] for each in begun["current"]["facts"]})
    if ahead == "1h":
        await done(client, 'advanceClock(by: "2h")')
    else:
        await client.control_run("finishConformanceCase")
    assert states(await read(client)) == {"accept-revision": "PASSED"}


async def test_however_much_is_on_record_of_the_days_gone_ahead_the_cases_own_counts(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(seen, "BATCH", 2)
    monkeypatch.setattr(seen, "MOST_RECORDS", 4)
    client = await joined(http)
    await done(client, 'advanceClock(by: "1d")')
    await begin_run(client)
    for _ in range(3):
        await client.log_in_twice({})
    await client.take("log-in", client.log_in_twice)
    assert states(await read(client)) == {"log-in": "PASSED"}


async def test_more_of_the_day_to_come_than_a_run_can_hold_is_said_and_begins_no_case(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(seen, "MOST_BEFORE", 1)
    client = await joined(http)
    await done(client, 'advanceClock(by: "1h")')
    await client.log_in_twice({})
    await reset(client)
    with pytest.raises(RuntimeError, match="move the clock"):
        await client.control_run("beginConformanceCase", caseId="log-in")
    await done(client, 'advanceClock(by: "2h")')
    await client.take("log-in", client.log_in_twice)
    assert states(await read(client)) == {"log-in": "PASSED"}


async def test_operators_are_counted_to_the_last_however_many_there_are(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(people, "BATCH", 2)
    client = await joined(http)
    await client.take("page-through", client.page_through)
    assert states(await read(client)) == {"page-through": "PASSED"}
