"""`prop-sandbox token` and what stands around it, against a sandbox that runs; and GraphiQL as a persona."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result
from playwright.async_api import Page, async_playwright, expect

from sandbox.cli import main
from sandbox.personas.people import PERSONAS
from tests.databases import free_port
from tests.sandbox.starting import ROOT, clean_environment, start

CHROMIUM = "/usr/bin/chromium"
KIND = {"query": "{ viewer { kind operator { operatorNumber } } }"}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[str]]]:
    """A sandbox's directory, and the lines of its start up to the ready one."""
    directory = tmp_path_factory.mktemp("sandbox")
    process = start("serve", "--port", "0", errors=directory / "log", SANDBOX_DATA_DIR=str(directory / "data"))
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if line.strip().startswith("-d "):
            break
    try:
        yield directory / "data", lines
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


def run(directory: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), env={"SANDBOX_DATA_DIR": str(directory)})


def address_in(directory: Path) -> str:
    return (directory / "address").read_text()


@pytest.mark.process
def test_token_prints_a_token_that_is_good_and_nothing_else(started: tuple[Path, list[str]]):
    directory, _ = started
    command = [sys.executable, "-m", "sandbox", "token", "broker-clerk"]
    environ = clean_environment(SANDBOX_DATA_DIR=str(directory))
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    (token,) = done.stdout.splitlines()
    headers = {"authorization": f"Bearer {token}"}
    answer = httpx.post(f"{address_in(directory)}/graphql", json=KIND, headers=headers).json()
    assert answer["data"]["viewer"] == {"kind": "OPERATOR", "operator": {"operatorNumber": "000003"}}


@pytest.mark.process
def test_the_start_ends_with_a_call_that_runs_as_printed(started: tuple[Path, list[str]]):
    _, lines = started
    printed = "\n".join(lines[next(place for place, line in enumerate(lines) if "curl" in line) :])
    done = subprocess.run(["bash", "-c", printed], capture_output=True, text=True, check=False, timeout=60)
    assert json.loads(done.stdout)["data"]["viewer"] == {"environment": "SANDBOX", "kind": "OPERATOR"}


@pytest.mark.process
def test_a_refused_login_says_what_the_service_said(started: tuple[Path, list[str]]):
    directory, _ = started
    done = run(directory, "token", "revoked-clerk")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "The login is refused (401 invalid_client): This certificate is REVOKED.\n"


@pytest.mark.process
def test_where_no_sandbox_answers_is_said(started: tuple[Path, list[str]]):
    directory, _ = started
    nowhere = f"http://127.0.0.1:{free_port()}"
    done = run(directory, "token", "broker-admin", "--url", nowhere)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"No sandbox answers at {nowhere} (")
    assert done.stderr.endswith("): start it with `prop-sandbox serve`.\n")
    done = run(directory, "token", "broker-admin", "--url", "file:///etc/hostname")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "is no address" in done.stderr


def test_an_unknown_persona_is_told_who_there_is(tmp_path: Path):
    done = run(tmp_path, "token", "nobody")
    assert (done.exit_code, done.stdout) == (2, "")
    assert all(name in done.stderr for name in PERSONAS)


def test_before_the_first_start_there_is_no_key_and_nothing_is_made(tmp_path: Path):
    done = run(tmp_path / "data", "token", "broker-admin")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.endswith("start the sandbox first, with `prop-sandbox serve`.\n")
    assert not (tmp_path / "data").exists()


def test_personas_lists_each_with_what_it_shows(tmp_path: Path):
    done = run(tmp_path / "data", "personas")
    assert done.exit_code == 0
    for persona in PERSONAS.values():
        assert any(line.startswith(f"{persona.name} ") and persona.shows in line for line in done.stdout.splitlines())
        assert persona.shows_zh in done.stdout


@asynccontextmanager
async def open_page(address: str) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = await browser.new_page()
        await page.goto(f"{address}/graphql")
        await expect(page.locator(".graphiql-execute-button")).to_be_visible(timeout=30_000)
        yield page
        await browser.close()


@pytest.mark.process
@pytest.mark.browser
@pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"there is no {CHROMIUM}")
async def test_choosing_a_persona_in_graphiql_logs_in_and_a_refused_one_says_why(started: tuple[Path, list[str]]):
    directory, _ = started
    async with open_page(address_in(directory)) as page:
        select, result = page.locator("#personas select"), page.locator(".result-window")
        await expect(select.locator("option")).to_have_text(["(nobody 未登录)", *PERSONAS])
        for name, kind in (("broker-admin", "OPERATOR"), ("registrar-officer", "REGISTRAR")):
            await select.select_option(label=name)
            await expect(page.locator("#personas")).to_have_attribute("aria-busy", "false")
            await page.locator(".graphiql-execute-button").click()
            await expect(result).to_contain_text(f'"kind": "{kind}"', timeout=15_000)
        await select.select_option(label="suspended-admin")
        await expect(page.locator("#personas output")).to_have_text("This participant is SUSPENDED.")
        await page.locator(".graphiql-execute-button").click()
        await expect(result).to_contain_text('"kind": "ANONYMOUS"', timeout=15_000)
