"""The inspector in the console: from a refused request to why, running it again, and a link that opens for its own."""

from collections.abc import Iterator

import pytest
from playwright.async_api import Page, expect

from tests.sandbox.browsing import AXE, WIDTHS, faults_of, in_browser, log_in, open_console, show
from tests.sandbox.starting import sandbox

pytestmark = in_browser

ASK = """async (query) => {
  const { token } = JSON.parse(sessionStorage.getItem("prop.session"));
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  return (await fetch("/graphql", { method: "POST", headers, body: JSON.stringify({ query }) })).status;
}"""
TAKEN = """mutation Taken { registerOperator(input: {operatorNumber: "000001", name: "李四", role: OPERATOR}) {
  refusals { code } } }"""

END = """() => {
  const kept = JSON.parse(sessionStorage.getItem("prop.session"));
  sessionStorage.setItem("prop.session", JSON.stringify({ ...kept, secret: "sbx_secret_" + "x".repeat(43) }));
}"""


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


async def test_a_secret_that_is_not_taken_is_brought_once_and_said_to_be_none(address: str) -> None:
    brought = []
    async with open_console(address) as (page, _):
        page.on("request", lambda each: brought.append(each.url) if each.url.endswith("/sandbox/graphql") else None)
        await show(page, "inspector")
        await page.get_by_label("Tenant's secret").fill("sbx_secret_" + "x" * 43)
        await page.get_by_role("button", name="Open").click()
        await expect(page.get_by_role("alert")).to_contain_text("no tenant with this secret", timeout=15_000)
        await expect(page.get_by_label("Tenant's secret")).to_be_visible()
        assert len(brought) == 1


async def test_a_secret_that_has_ended_leaves_the_login_of_the_tab(address: str) -> None:
    async with open_console(address) as (page, _):
        await join(page)
        await page.evaluate(END)
        await page.reload()
        await show(page, "inspector")
        await expect(page.get_by_label("Tenant's secret")).to_be_visible(timeout=15_000)
        await expect(page.locator("#who")).to_contain_text("ADMINISTRATOR")


async def test_who_comes_in_as_a_persona_is_no_tenant_any_more_and_the_other_way_round(address: str) -> None:
    async with open_console(address) as (page, problems):
        await join(page)
        secret = await page.evaluate('JSON.parse(sessionStorage.getItem("prop.session")).secret')
        await show(page, "start")
        await log_in(page)
        await show(page, "certificates")
        await show(page, "inspector")
        await page.get_by_label("Tenant's secret").fill(secret)
        await page.get_by_role("button", name="Open").click()
        await expect(page.locator("#exchanges")).to_be_visible(timeout=15_000)
        await expect(page.locator("#who")).to_have_text("Not logged in")
        assert problems == []
