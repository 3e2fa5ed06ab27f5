"""The suite run by two clients over HTTP: a good one passes all; a bad one fails exactly where it is bad."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from sandbox.app import application
from sandbox.conformance.cases import all_cases
from tests.sandbox.clients.bad import FAULTS, BadClient
from tests.sandbox.clients.good import GoodClient
from tests.sandbox.opening import prepared_settings

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]


@asynccontextmanager
async def served(uri: str, directory: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with prepared_settings(uri, directory) as settings:
        app = application(settings)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://sandbox.test", timeout=60) as opened,
        ):
            yield opened


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def http(wire_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    async with served(wire_uri, tmp_path_factory.mktemp("clients")) as opened:
        yield opened


async def test_a_good_client_passes_every_case(http: httpx.AsyncClient):
    client = GoodClient(http)
    await client.join()
    run = await client.conform()
    unmet = {each["id"]: [f["advice"] for f in each["findings"] if f["meeting"] != "HELD"] for each in run["cases"]}
    assert {name: advice for name, advice in unmet.items() if advice} == {}
    assert [each["id"] for each in run["cases"]] == [each.id for each in all_cases()]
    assert (run["state"], run["percent"]) == ("PASSED", 100)


async def test_a_client_with_ten_faults_fails_exactly_those_ten_and_is_told_what_to_do(http: httpx.AsyncClient):
    client = BadClient(http)
    await client.join()
    run = await client.conform()
    assert len(FAULTS) == 10
    assert {each["id"] for each in run["cases"] if each["state"] != "PASSED"} == FAULTS
    assert run["state"] == "FAILED"
    for each in run["cases"]:
        said = [finding for finding in each["findings"] if finding["meeting"] != "HELD"]
        assert bool(said) == (each["id"] in FAULTS)
        assert all(len(finding["advice"].split()) > 5 and finding["adviceZh"] for finding in said)
