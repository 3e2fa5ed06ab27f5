"""Conformance in the console: begin a run, take a case, see why it failed, finish the run, fetch its report."""

from collections.abc import Iterator

import pytest
from playwright.async_api import Page, expect

from tests.sandbox.browsing import AXE, WIDTHS, faults_of, in_browser, open_console, show
from tests.sandbox.starting import sandbox

pytestmark = in_browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with sandbox(tmp_path_factory.mktemp("console") / "data", "--port", "0") as (_, url):
        yield url


async def ensure_sound(page: Page) -> None:
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if AXE.exists():
        assert await faults_of(page) == []


@pytest.mark.parametrize("width", WIDTHS)
async def test_a_case_is_begun_watched_and_finished_and_the_run_ends_with_a_report(address: str, width: int) -> None:
    async with open_console(address, width) as (page, problems):
        await page.get_by_role("button", name="Join", exact=True).click()
        await expect(page.locator("#first-call")).to_be_visible(timeout=60_000)
        await page.get_by_role("button", name="ADMINISTRATOR").click()
        await show(page, "conformance")
        await page.get_by_role("button", name="Begin a run").click()
        await page.get_by_role("button", name="Begin: verify-receipt").click()
        case = page.get_by_role("region", name="Tell a genuine receipt")
        await expect(case).to_contain_text("receiptA", timeout=15_000)
        await expect(case).to_contain_text("The genuine receipt was not recognised")
        await ensure_sound(page)
        await case.get_by_role("button", name="Finish the case").click()
        row = page.get_by_role("row", name="verify-receipt")
        await expect(row.get_by_text("FAILED")).to_be_visible(timeout=15_000)
        await expect(row).to_contain_text("The genuine receipt was not recognised")
        await page.get_by_role("button", name="Finish the run").click()
        async with page.expect_download(timeout=30_000) as downloading:
            await page.get_by_role("button", name="PDF").click()
        assert (await (await downloading.value).path()).read_bytes().startswith(b"%PDF")
        await ensure_sound(page)
        await page.get_by_role("button", name="中文").click()
        await expect(page.get_by_role("button", name="开始一次测试")).to_be_visible(timeout=15_000)
        assert problems == []
