"""The console in a browser that reaches the sandbox alone: every page, both languages, two widths, no fault."""

from collections.abc import Iterator

import pytest
from playwright.async_api import expect

from tests.sandbox.browsing import AXE, WIDTHS, faults_of, in_browser, log_in, open_console, show
from tests.sandbox.starting import sandbox

VIEWS = (
    "start",
    "agreement",
    "participant",
    "operators",
    "certificates",
    "records",
    "clock",
    "events",
    "scenarios",
    "conformance",
    "inspector",
)

pytestmark = in_browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with sandbox(tmp_path_factory.mktemp("console") / "data", "--port", "0") as (_, url):
        yield url


@pytest.mark.parametrize("width", WIDTHS)
async def test_every_page_renders_for_a_persona_without_a_fault(address: str, width: int) -> None:
    if not AXE.exists():
        pytest.skip("`make test` installs axe-core")
    async with open_console(address, width) as (page, problems):
        await log_in(page)
        for view in VIEWS:
            await show(page, view)
            await expect(page.locator("main .error")).to_have_count(0)
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{view} is too wide"
            assert await faults_of(page) == [], view
        assert problems == []


async def test_each_page_says_in_both_languages_that_nothing_binds(address: str) -> None:
    async with open_console(address) as (page, _):
        for name in ("中文", "English"):
            await expect(page.locator("#banner")).to_contain_text("测试数据仅用于测试")
            await expect(page.locator("#banner")).to_contain_text("Test data serves testing only")
            await page.get_by_role("button", name=name).click()


async def test_the_language_is_chosen_once_and_kept(address: str) -> None:
    async with open_console(address) as (page, _):
        await page.get_by_role("button", name="中文").click()
        await expect(page.locator("h1")).to_have_text("开始")
        await page.reload()
        await expect(page.locator("h1")).to_have_text("开始")
        assert await page.evaluate("document.documentElement.lang") == "zh"


async def test_a_search_marks_the_words_it_found_in_the_agreement(address: str) -> None:
    async with open_console(address) as (page, _):
        await show(page, "agreement")
        await page.get_by_role("searchbox").fill("测试产生的数据")
        await page.get_by_role("searchbox").press("Enter")
        await expect(page.locator("mark").first).to_have_text("测试产生的数据", timeout=15_000)


async def test_a_login_that_is_refused_says_why_beside_the_button(address: str) -> None:
    async with open_console(address) as (page, _):
        card = page.locator("li", has_text="revoked-clerk")
        await card.get_by_role("button").click()
        await expect(card.get_by_role("alert")).to_be_visible(timeout=15_000)
        await expect(page.locator("#who")).to_have_text("Not logged in")


async def test_who_has_logged_in_finds_the_token_in_graphiql_and_who_has_logged_out_does_not(address: str) -> None:
    async with open_console(address) as (page, _):
        await log_in(page)
        for logged_in in (True, False):
            await page.get_by_role("link", name="GraphiQL").click()
            async with page.expect_request(lambda each: "viewer" in (each.post_data or "")) as asked:
                await page.locator(".graphiql-execute-button").click()
            assert (await (await asked.value).header_value("authorization") is not None) is logged_in
            await page.goto(address)
            if logged_in:
                await page.locator("#who button").click()


async def test_without_a_login_a_page_of_ones_own_leads_to_the_start(address: str) -> None:
    async with open_console(address) as (page, problems):
        await show(page, "operators")
        await expect(page.get_by_role("link", name="Log in first")).to_have_attribute("href", "#start")
        assert problems == []


async def test_joining_ends_with_a_first_call_made_by_keys_of_the_browser(address: str) -> None:
    async with open_console(address) as (page, problems):
        await page.get_by_label("Name").fill("控制台试用证券有限公司")
        await page.get_by_role("button", name="Join", exact=True).click()
        await expect(page.locator("#first-call")).to_contain_text("控制台试用证券有限公司", timeout=60_000)
        await expect(page.locator("#first-call")).to_contain_text('"status": "ACTIVE"')
        await expect(page.locator("details")).to_have_count(4)
        async with page.expect_download() as downloading:
            await page.get_by_role("button", name="Download keys and certificates").click()
        kept = (await (await downloading.value).path()).read_text()
        assert kept.count("BEGIN PRIVATE KEY") == kept.count("BEGIN CERTIFICATE") == 6
        assert problems == []


async def test_a_scenario_is_tried_and_faults_are_set_and_cleared(address: str) -> None:
    async with open_console(address) as (page, problems):
        await page.get_by_role("button", name="Join", exact=True).click()
        await expect(page.locator("#first-call")).to_be_visible(timeout=60_000)
        await page.get_by_role("button", name="ADMINISTRATOR").click()
        await show(page, "scenarios")
        await page.get_by_role("button", name="Copy: certificate-revoked").click()
        await expect(page.get_by_text("Copied: X-PROP-Test-Scenario: certificate-revoked")).to_be_visible()
        assert problems == []
        await page.get_by_role("button", name="Try: participant-suspended").click()
        await expect(page.locator("#trial")).to_contain_text("HTTP 401", timeout=15_000)
        await expect(page.locator("#trial")).to_contain_text("This participant is SUSPENDED.")
        await page.get_by_label("Events delivered late").fill("7")
        await page.get_by_role("button", name="Set", exact=True).click()
        await expect(page.get_by_text("These faults hold from now on.")).to_be_visible(timeout=15_000)
        await page.reload()
        await expect(page.get_by_label("Events delivered late")).to_have_value("7", timeout=15_000)
        if AXE.exists():
            assert await faults_of(page) == []
        await page.get_by_role("button", name="Clear", exact=True).click()
        await expect(page.get_by_text("No faults.")).to_be_visible(timeout=15_000)
        await expect(page.get_by_label("Events delivered late")).to_have_value("0")
