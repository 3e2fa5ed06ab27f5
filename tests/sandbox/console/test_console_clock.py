"""The clock in the console: join, move the time on, watch it go, see what it has brought."""

from collections.abc import Iterator

import pytest
from playwright.async_api import expect

from tests.sandbox.browsing import AXE, WIDTHS, faults_of, in_browser, open_console, show
from tests.sandbox.console.test_console_events import join
from tests.sandbox.starting import sandbox

pytestmark = in_browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with sandbox(tmp_path_factory.mktemp("console") / "data", "--port", "0") as (_, url):
        yield url


async def test_who_has_no_tenant_is_led_to_joining(address: str) -> None:
    async with open_console(address) as (page, problems):
        await show(page, "clock")
        await expect(page.get_by_role("link", name="Join first")).to_have_attribute("href", "#start")
        assert problems == []


@pytest.mark.parametrize("width", WIDTHS)
async def test_time_is_moved_on_and_what_it_brought_is_listed_without_a_fault(address: str, width: int) -> None:
    async with open_console(address, width) as (page, problems):
        await join(page)
        await show(page, "clock")
        await expect(page.get_by_text("None: the real time")).to_be_visible()
        await page.get_by_role("button", name="Advance 30 days").click()
        await expect(page.get_by_text("The clock has moved.")).to_be_visible(timeout=60_000)
        await page.get_by_role("button", name="Advance a year").click()
        listed = page.get_by_role("region", name="What time has brought")
        await expect(listed.get_by_text("A certificate has expired").first).to_be_visible(timeout=60_000)
        await expect(listed.get_by_text("Reminded of an end, days left · 90").first).to_be_visible()
        await expect(page.get_by_text("395", exact=True)).to_be_visible()
        await page.get_by_label("Move to (Shanghai time)").fill("2020-01-01T00:00")
        await page.get_by_role("button", name="Move there").click()
        await expect(page.get_by_role("alert")).to_contain_text("forward only", timeout=15_000)
        if AXE.exists():
            assert await faults_of(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await page.get_by_role("button", name="中文").click()
        await expect(page.get_by_role("heading", name="时间带来的事项")).to_be_visible(timeout=15_000)
        assert problems == []
