"""The cockpit opens from disk in headless Chromium: no console error, no request to a network, pictures drawn."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tests_city import City

pytestmark = pytest.mark.browser
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def site(clean_city: City, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published page of a small city."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("CI installs Chromium; it is not on the PATH")
        pytest.skip("no Chromium on the PATH; install it to open the page (Debian: apt install chromium)")
    from dashboards.cockpit import write_site
    from warehouse.publish import publish

    city = clean_city.copy(tmp_path_factory.mktemp("page"))
    publish(city.home, site_writer=write_site)
    return city.home.published / "site" / "index.html"


@pytest.mark.parametrize(("width", "height"), [(1366, 900), (390, 844)], ids=["desk", "phone"])
def test_the_page_opens_and_shows_its_pictures(site: Path, width: int, height: int) -> None:
    from playwright.sync_api import sync_playwright

    problems: list[str] = []
    foreign: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": width, "height": height})
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "request",
            lambda request: (
                foreign.append(request.url)
                if not request.url.startswith("file:") and not request.url.startswith("data:")
                else None
            ),
        )
        page.goto(site.as_uri())
        page.wait_for_selector("#pupils .js-plotly-plot .main-svg")
        assert page.locator("h1").inner_text() == "教育大数据驾驶舱"
        assert page.locator("#balanced .tile").count() == 18
        assert page.locator("#classes .js-plotly-plot .bars path").count() > 4
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
        browser.close()
    assert problems == []
    assert foreign == []
