"""The inspector in the console: from a refused request to why, running it again, and a link that opens for its own."""

from collections.abc import Iterator

import pytest
from playwright.async_api import Page, expect

from tests.sandbox.browsing import AXE, WIDTHS, faults_of, in_browser, open_console, show
from tests.sandbox.starting import sandbox

pytestmark = in_browser

ASK = """async (query) => {
  const { token } = JSON.parse(sessionStorage.getItem("prop.session"));
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  return (await fetch("/graphql", { method: "POST", headers, body: JSON.stringify({ query }) })).status;
}"""
TAKEN = """mutation Taken { registerOperator(input: {operatorNumber: "000001", name: "李四", role: OPERATOR}) {
  refusals { code } } }"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with sandbox(tmp_path_factory.mktemp("console") / "data", "--port", "0") as (_, url):
        yield url


async def join(page: Page) -> None:
    await page.get_by_role("button", name="Join", exact=True).click()
    await expect(page.locator("#first-call")).to_be_visible(timeout=60_000)
    await page.get_by_role("button", name="ADMINISTRATOR").click()


async def sound(page: Page) -> None:
    if AXE.exists():
        assert await faults_of(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", WIDTHS)
async def test_a_refused_request_is_found_explained_run_again_and_linked_to(address: str, width: int) -> None:
    async with open_console(address, width) as (page, problems):
        await join(page)
        for query in (TAKEN, "query Fine { viewer { kind } }"):
            await page.evaluate(ASK, query)
        await show(page, "inspector")
        listed = page.locator("#exchanges")
        await expect(listed.get_by_role("link", name="Fine")).to_be_visible(timeout=15_000)
        await sound(page)
        await page.get_by_label("Code").fill("OPERATOR_NUMBER_TAKEN")
        await page.get_by_label("Code").press("Enter")
        await expect(listed.get_by_role("link", name="Fine")).to_have_count(0, timeout=15_000)
        await listed.get_by_role("link", name="Taken").press("Enter")
        await expect(page.get_by_role("heading", name="Why was this refused")).to_be_visible(timeout=15_000)
        await expect(page.locator(".why")).to_contain_text("never used")
        await expect(page.locator("main")).not_to_contain_text("李四")
        await expect(page.get_by_text("Cannot be run again")).to_be_visible()
        await sound(page)
        await page.get_by_role("button", name="中文").click()
        await expect(page.get_by_role("heading", name="为何被拒绝")).to_be_visible(timeout=15_000)
        await expect(page.locator(".why")).to_contain_text("从未使用过")
        assert problems == []


async def test_it_is_run_again_with_the_login_of_the_tab(address: str) -> None:
    async with open_console(address) as (page, problems):
        await join(page)
        await page.evaluate(ASK, "query Again { viewer { kind } }")
        await show(page, "inspector")
        await page.get_by_role("link", name="Again").click()
        await page.get_by_role("button", name="Run again").click()
        await expect(page.locator("#replayed")).to_contain_text("the same answer", timeout=15_000)
        await page.get_by_role("link", name="Its own exchange").click()
        await expect(page.get_by_text("replay-")).to_be_visible(timeout=15_000)
        assert problems == []


async def test_a_link_opens_with_the_tenants_secret_and_no_other(address: str) -> None:
    async with open_console(address) as (page, _):
        await join(page)
        await page.evaluate(ASK, "query Shared { viewer { kind } }")
        await show(page, "inspector")
        await page.get_by_role("link", name="Shared").click()
        link = await page.get_by_label("Link").input_value()
        assert link.startswith(address)
        secret = await page.evaluate('JSON.parse(sessionStorage.getItem("prop.session")).secret')
        async with open_console(address) as (stranger, _):
            await join(stranger)
            await stranger.goto(link)
            await expect(stranger.get_by_text("There is no such exchange")).to_be_visible(timeout=15_000)
        async with open_console(address) as (colleague, _):
            await colleague.goto(link)
            await colleague.get_by_label("Tenant's secret").fill(secret)
            await colleague.get_by_role("button", name="Open").click()
            await expect(colleague.get_by_text("query Shared")).to_be_visible(timeout=15_000)
