"""GraphiQL: its files are those that were checked in, and a browser cut off from all other hosts can use it."""

import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest
from playwright.async_api import Browser, Page, Route, async_playwright, expect

from schema.app import STATIC
from schema.build import public_schema
from schema.graphiql import EXAMPLES, Example, render_page
from service.world import PRODUCTION
from tests.schema.making import TRIAL, make_app, open_client, serve

CHROMIUM = Path("/usr/bin/chromium")
VENDOR = STATIC / "vendor"
needs_chromium = pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium here: apt-get install chromium")


def test_every_file_of_others_has_the_bytes_that_were_checked_in() -> None:
    listed = dict(reversed(line.split()) for line in (VENDOR / "SHA256SUMS").read_text().splitlines())
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.iterdir()
        if path.suffix in {".js", ".css"}
    }
    assert found == listed


@pytest.mark.parametrize("name", ["graphiql.html", "graphiql.js", "graphiql.css"])
def test_our_own_files_name_no_other_host(name: str) -> None:
    assert re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z]", (STATIC / name).read_text()) == []


def test_each_world_has_its_own_banner_in_both_languages() -> None:
    production, trial = render_page(PRODUCTION).decode(), render_page(TRIAL).decode()
    assert 'class="binding"' in production
    assert "生产环境" in production
    assert 'class="unbinding"' in trial
    assert "测试环境" in trial
    assert "试验 only a trial &lt;&amp;&gt;" in trial


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
async def test_every_example_is_a_query_that_the_schema_and_its_limits_take(example: Example) -> None:
    async with open_client(make_app(schema=public_schema())) as client:
        body = {"query": example.query, "variables": orjson.loads(example.variables or "{}")}
        answer = (await client.post("/graphql", json=body)).json()
    refused = {"GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "QUERY_TOO_EXPENSIVE"}
    assert not refused & {error["extensions"]["code"] for error in answer.get("errors", ())}


def test_an_example_cannot_break_out_of_the_page() -> None:
    page = render_page(PRODUCTION, examples=[Example("x", '"><script>alert(1)</script>')]).decode()
    assert "<script>alert" not in page


async def test_a_browser_gets_the_page_and_others_do_not() -> None:
    async with open_client(make_app()) as client:
        page = await client.get("/graphql", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
        assert page.headers["content-type"].startswith("text/html")
        assert page.headers["x-prop-environment"] == "SANDBOX"
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "http" not in policy
        other = await client.get("/graphql")
        assert other.status_code == 400
        for path in set(re.findall(r'(?:src|href)="(/[^"]+)"', page.text)):
            assert (await client.get(path)).status_code == 200, path


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serve("make_app_with_personas") as url:
        yield url


@asynccontextmanager
async def open_page(address: str) -> AsyncIterator[tuple[Page, list[str]]]:
    """The page in a browser that reaches the service and nothing else; and what went wrong in it."""
    problems: list[str] = []

    async def only_ours(route: Route) -> None:
        if route.request.url.startswith((address, "data:")):
            await route.continue_()
        else:
            problems.append(f"asked for {route.request.url}")
            await route.abort()

    async with async_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser: Browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = await browser.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        await page.route("**/*", only_ours)
        await page.goto(f"{address}/graphql")
        await expect(page.locator(".graphiql-execute-button")).to_be_visible(timeout=30_000)
        yield page, problems
        await browser.close()


async def run(page: Page) -> None:
    await page.locator(".graphiql-execute-button").click()


@needs_chromium
@pytest.mark.browser
async def test_the_first_example_runs_and_the_page_says_which_world_it_is_in(address: str) -> None:
    async with open_page(address) as (page, problems):
        await expect(page.locator("#world")).to_contain_text("SANDBOX")
        await expect(page.locator("#world")).to_contain_text("测试环境")
        await expect(page.locator("#world")).to_be_in_viewport()
        assert await page.locator(".graphiql-tab").count() == len(EXAMPLES)
        await run(page)
        await expect(page.locator(".result-window")).to_contain_text('"kind": "ANONYMOUS"', timeout=15_000)
        assert problems == []


@needs_chromium
@pytest.mark.browser
async def test_the_documentation_is_read_from_the_schema(address: str) -> None:
    async with open_page(address) as (page, problems):
        await page.get_by_label("Show Documentation Explorer").click()
        await expect(page.locator(".graphiql-doc-explorer")).to_contain_text("Query", timeout=15_000)
        assert problems == []


@needs_chromium
@pytest.mark.browser
async def test_a_persona_fills_in_its_token(address: str) -> None:
    async with open_page(address) as (page, problems):
        await page.locator("#personas select").select_option(label="operator")
        await expect(page.locator("#personas")).to_have_attribute("aria-busy", "false", timeout=15_000)
        await run(page)
        await expect(page.locator(".result-window")).to_contain_text('"kind": "OPERATOR"', timeout=15_000)
        assert problems == []


@needs_chromium
@pytest.mark.browser
async def test_a_persona_that_is_not_let_in_says_why_and_leaves_no_token_behind(address: str) -> None:
    async with open_page(address) as (page, problems):
        await page.locator("#personas select").select_option(label="operator")
        await page.locator("#personas select").select_option(label="leaver")
        await expect(page.locator("#personas output")).to_have_text("This one has gone.")
        await run(page)
        await expect(page.locator(".result-window")).to_contain_text('"kind": "ANONYMOUS"', timeout=15_000)
        assert problems == []


@needs_chromium
@pytest.mark.browser
async def test_a_subscription_shows_its_last_event(address: str) -> None:
    async with open_page(address) as (page, problems):
        await page.locator(".graphiql-query-editor .CodeMirror").click()
        await page.keyboard.press("Control+A")
        await page.keyboard.insert_text("subscription Counting { count(to: 3) }")
        await expect(page.locator(".graphiql-tab").first).to_contain_text("Counting")  # the editor reads with a delay
        await run(page)
        await expect(page.locator(".result-window")).to_contain_text('"count": 2', timeout=15_000)
        assert problems == []
