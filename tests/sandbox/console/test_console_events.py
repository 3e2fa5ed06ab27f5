"""Events in the console: join, register the built-in receiver, fire, see it arrive, deliver it again."""

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


async def join(page: Page) -> None:
    await page.get_by_role("button", name="Join", exact=True).click()
    await expect(page.locator("#first-call")).to_be_visible(timeout=60_000)
    await page.get_by_role("button", name="ADMINISTRATOR").click()


async def test_who_has_no_tenant_is_led_to_joining(address: str) -> None:
    async with open_console(address) as (page, problems):
        await show(page, "events")
        await expect(page.get_by_role("link", name="Join first")).to_have_attribute("href", "#start")
        assert problems == []


@pytest.mark.parametrize("width", WIDTHS)
async def test_an_event_is_fired_arrives_verified_and_is_delivered_again_without_a_fault(
    address: str, width: int
) -> None:
    async with open_console(address, width) as (page, problems):
        await join(page)
        await show(page, "events")
        await page.get_by_label("Event types").fill("certificate.reminded, agreement")
        await page.get_by_role("button", name="Register").click()
        await expect(page.locator("code.secret")).to_contain_text("whsec_", timeout=15_000)
        await page.get_by_role("button", name="Fire an event").click()
        received = page.get_by_role("region", name="Received")
        await expect(received.get_by_text("VERIFIED")).to_have_count(1, timeout=30_000)
        delivered = page.get_by_role("region", name="Deliveries")
        await expect(delivered.get_by_text("DELIVERED")).to_have_count(1, timeout=30_000)
        await delivered.get_by_role("button", name="Deliver again").click()
        await expect(received.get_by_text("(came before)")).to_have_count(1, timeout=30_000)
        if AXE.exists():
            assert await faults_of(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await page.get_by_role("button", name="中文").click()
        await expect(page.get_by_role("heading", name="触发事件")).to_be_visible(timeout=15_000)
        assert problems == []
