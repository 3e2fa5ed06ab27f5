"""Jobs beside the requests: what goes wrong in them is tried again, and one that ends all the same is told of."""

import asyncio
import logging

import pytest
from pymongo.errors import AutoReconnect, ServerSelectionTimeoutError

from service import background
from service.background import Jobs, repeat
from service.errors import Unavailable
from service.http.health import Readiness


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "RETRY_SECONDS", 0.0)


async def until(jobs: Jobs, word: str) -> Unavailable:
    """What /readyz is told, as soon as it has the word."""
    async with asyncio.timeout(30):
        while True:
            try:
                await jobs.ensure_running()
            except Unavailable as error:
                if word in error.message:
                    return error
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    "error",
    [
        AutoReconnect("db.internal:27017: connection closed"),
        ServerSelectionTimeoutError("db.internal:27017: timed out"),
        Unavailable("The database does not answer."),
        KeyError("a mistake of ours"),
    ],
)
async def test_whatever_a_job_raises_it_goes_on(error: Exception, caplog: pytest.LogCaptureFixture):
    done, times = asyncio.Event(), 0

    async def work() -> None:
        nonlocal times
        times += 1
        if times < 3:
            raise error
        done.set()

    jobs = Jobs()
    async with jobs.running({"work": repeat(work, 0.0)}), asyncio.timeout(30):
        await done.wait()
        await jobs.ensure_running()
    failures = [each for each in caplog.records if each.name == "service.background"]
    assert [(each.__dict__["job"], each.__dict__["reason"]) for each in failures] == [
        ("work", type(error).__name__)
    ] * 2
    ours = isinstance(error, KeyError)
    assert all(each.levelno == (logging.ERROR if ours else logging.WARNING) for each in failures)
    assert all(bool(each.exc_info) is ours for each in failures)  # an outage names the server's address: no trace
    assert "db.internal" not in caplog.text


async def test_a_job_that_ends_is_told_at_once_and_by_its_name(caplog: pytest.LogCaptureFixture):
    async def broken() -> None:
        raise RuntimeError("what was not thought of")

    async def cancelled() -> None:
        raise asyncio.CancelledError

    async def over() -> None:
        """Done, where nothing should ever be."""

    jobs = Jobs()
    endless = repeat(lambda: asyncio.sleep(0), 0.0)
    async with jobs.running({"sound": endless}):
        await jobs.ensure_running()
        async with jobs.running({"broken": broken(), "cancelled": cancelled(), "over": over()}):
            error = await until(jobs, "over")
            assert "broken, cancelled, over" in error.message
            assert "sound" not in error.message
            report = await Readiness({"jobs": jobs.ensure_running}).report()
            assert not report.ready
            assert "broken" in report.checks["jobs"]
            assert "thought of" not in report.checks["jobs"]
            told = [each for each in caplog.records if each.getMessage() == "a job ended"]
            assert sorted(each.__dict__["job"] for each in told) == ["broken", "cancelled", "over"]
        await jobs.ensure_running()


async def test_at_the_end_jobs_are_cancelled_and_what_fails_then_is_told(caplog: pytest.LogCaptureFixture):
    begun = asyncio.Event()

    async def keeper() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            raise AutoReconnect("gone")

    jobs = Jobs()
    async with jobs.running({"quiet": asyncio.Event().wait(), "keeper": keeper()}):
        await begun.wait()
    assert [each.__dict__["job"] for each in caplog.records if each.getMessage() == "a job ended"] == ["keeper"]
    await jobs.ensure_running()
