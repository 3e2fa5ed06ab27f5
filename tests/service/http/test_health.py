"""Health: /healthz says that the process runs, /readyz that it can serve; neither waits for what hangs."""

import asyncio
import time
from collections.abc import Mapping

import httpx
import pytest
from starlette.applications import Starlette

from service.errors import Unavailable
from service.http.health import Check, Readiness, health_routes
from service.world import PRODUCTION


async def get(path: str, checks: Mapping[str, Check]) -> httpx.Response:
    app = Starlette(routes=health_routes(PRODUCTION, checks))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://prop") as client:
        return await client.get(path)


async def good() -> None:
    """A check that finds nothing wrong."""


async def away() -> None:
    raise Unavailable("The database does not answer.")


async def broken() -> None:
    raise RuntimeError("mongodb://user:password@host")


async def deaf() -> None:
    for _ in range(40):
        try:
            await asyncio.sleep(0.1)
        except asyncio.CancelledError:
            continue


async def test_healthz_needs_nothing_but_the_process():
    answer = await get("/healthz", {"database": away})
    assert answer.status_code == 200
    assert answer.json() == {"status": "alive", "environment": "PRODUCTION", "binding": True}


async def test_readyz_is_green_when_every_check_is():
    answer = await get("/readyz", {"database": good, "evidence": good})
    assert (answer.status_code, answer.json()["checks"]) == (200, {"database": "ok", "evidence": "ok"})
    assert answer.headers["cache-control"] == "no-store"


async def test_readyz_is_red_when_one_check_is_and_tells_only_what_is_written_for_callers():
    answer = await get("/readyz", {"database": away, "evidence": good, "other": broken})
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "The database does not answer.", "evidence": "ok", "other": "failed"}


async def test_what_was_never_checked_is_not_ready():
    assert (await get("/readyz", {})).status_code == 503


@pytest.mark.parametrize("check", [lambda: asyncio.sleep(60), deaf])
async def test_a_check_that_hangs_is_not_waited_for(check: Check):
    began = time.monotonic()
    report = await Readiness({"database": check}, timeout=0.05).report()
    assert time.monotonic() - began < 1
    assert report.checks == {"database": "no answer in 0.05 s"}


async def test_a_thousand_askers_cost_one_check_and_a_stale_answer_another():
    asked = 0

    async def count() -> None:
        nonlocal asked
        asked += 1

    readiness = Readiness({"database": count}, fresh=0.05)
    await asyncio.gather(*(readiness.report() for _ in range(1000)))
    assert asked == 1
    await asyncio.sleep(0.06)
    await readiness.report()
    assert asked == 2


async def test_an_asker_who_leaves_does_not_take_the_answer_from_the_others():
    readiness = Readiness({"database": lambda: asyncio.sleep(0.05)})
    leaving, staying = (asyncio.create_task(readiness.report()) for _ in range(2))
    await asyncio.sleep(0.01)
    leaving.cancel()
    assert (await staying).ready
