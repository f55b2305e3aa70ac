"""The catalogue in a real browser without a network: searching finds a field and leads to its row."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from test_cockpit_page import CHROMIUM, FLAGS

from dashboards.catalog import read_content, write_pages
from edu.codes import seed_rows
from edu.paths import Home

pytestmark = pytest.mark.browser


def test_searching_finds_a_field_and_leads_to_it(edu_home: Home, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("CI installs Chromium; it is not on the PATH")
        pytest.skip("no Chromium on the PATH; install it to open the page (Debian: apt install chromium)")
    from warehouse.catalog import catalog_rows
    from warehouse.transform import _invoke

    (edu_home.logs / "dbt").mkdir(parents=True)
    _invoke(edu_home, edu_home.warehouse, "all", ["parse"], None)
    manifest = json.loads((edu_home.logs / "dbt" / "target" / "manifest.json").read_text(encoding="utf-8"))
    write_pages(read_content(edu_home, manifest, catalog_rows(manifest), seed_rows("code_set")), tmp_path)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        asked: list[str] = []
        errors: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto((tmp_path / "index.html").as_uri())
        page.fill("#q", "是否大班额")
        first = page.locator("#found a").first
        assert first.inner_text().startswith("是否大班额")
        assert not page.locator("#all").is_visible()
        first.click()
        assert page.url.endswith("#is_large")
        assert page.locator("tr#is_large").is_visible()
        assert page.locator("svg.lineage").is_visible()
        width = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        browser.close()
    assert width[0] <= width[1]
    assert errors == []
    assert [url for url in asked if not url.startswith("file:")] == []
