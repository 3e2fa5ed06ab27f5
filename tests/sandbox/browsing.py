"""The console in a headless browser that reaches the sandbox alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, Route, async_playwright, expect

from tests.sandbox.starting import ROOT

CHROMIUM = Path("/usr/bin/chromium")
AXE = ROOT / "tests" / "audits" / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = (1280, 390)
in_browser = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium here: apt-get install chromium"),
]


@asynccontextmanager
async def open_console(address: str, width: int = 1280) -> AsyncIterator[tuple[Page, list[str]]]:
    """The first page, and what goes wrong in the browser."""
    problems: list[str] = []

    async def only_ours(route: Route) -> None:
        if route.request.url.startswith((address, "data:", "blob:")):
            await route.continue_()
        else:
            problems.append(f"asked for {route.request.url}")
            await route.abort()

    async with async_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        # Only the tests' own tool needs more than the page's policy: axe is put in from outside.
        page = await browser.new_page(viewport={"width": width, "height": 900}, locale="en-GB", bypass_csp=True)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        await page.route("**/*", only_ours)
        await page.goto(address)
        await expect(page.locator("#personas")).to_be_visible(timeout=30_000)
        yield page, problems
        await browser.close()


async def log_in(page: Page, persona: str = "broker-admin") -> None:
    await page.get_by_role("button", name=f"Log in: {persona}", exact=True).click()
    await expect(page.locator("#who")).to_contain_text(persona, timeout=15_000)


async def show(page: Page, view: str) -> None:
    await page.evaluate("view => { location.hash = view; }", view)
    await expect(page.locator(f'#nav a[href="#{view}"]')).to_have_attribute("aria-current", "page")
    await expect(page.locator("main [role=status]", has_text="Working")).to_have_count(0, timeout=15_000)


async def faults_of(page: Page) -> list[str]:
    """What axe finds serious or critical."""
    await page.add_script_tag(path=AXE)
    found: dict[str, Any] = await page.evaluate("axe.run()")
    return [
        f"{each['id']}: {node['html'][:120]}"
        for each in found["violations"]
        if each["impact"] in {"serious", "critical"}
        for node in each["nodes"]
    ]
