"""The cockpit opens from disk in headless Chromium: no console error, no request to a network, pictures drawn."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
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
def city(clean_city: City, tmp_path_factory: pytest.TempPathFactory) -> City:
    """A copy of the clean city, to publish."""
    return clean_city.copy(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def site(city: City) -> Path:
    """The published page of a small city."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("CI installs Chromium; it is not on the PATH")
        pytest.skip("no Chromium on the PATH; install it to open the page (Debian: apt install chromium)")
    from dashboards.cockpit import write_site
    from warehouse.publish import publish

    publish(city.home, site_writer=write_site)
    return city.home.published / "site" / "index.html"


PAPER_WIDTH = 700
"""Of A4 less its margins, in CSS pixels."""
REDRAWN_MS, BUSY_MS = 400, 90_000
"""Time in which a page begins to draw again after its width changed; how long a busy machine may take for a page."""


@dataclass
class Opened:
    """A page in a browser, and what went wrong while it was open."""

    page: Any
    problems: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser(site: Path) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


def open_page(browser: Any, path: Path, width: int = 1440, height: int = 900, fragment: str = "") -> Opened:
    """Open a page from disk and note every console error and every request that is not to the disk."""
    opened = Opened(browser.new_page(viewport={"width": width, "height": height}))
    opened.page.on("console", lambda m: opened.problems.append(m.text) if m.type == "error" else None)
    opened.page.on("pageerror", lambda error: opened.problems.append(str(error)))
    opened.page.on("request", lambda r: None if r.url.startswith(("file:", "data:")) else opened.foreign.append(r.url))
    opened.page.goto(path.as_uri() + fragment, timeout=BUSY_MS)
    return opened


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)], ids=["desk", "phone"])
def test_the_first_page_opens_and_shows_its_pictures(site: Path, browser: Any, width: int, height: int) -> None:
    opened = open_page(browser, site, width, height)
    page = opened.page
    page.wait_for_selector("#pupils .js-plotly-plot .main-svg")
    assert page.locator("h1").inner_text() == "教育大数据驾驶舱"
    assert page.locator("#balanced .tile").count() == 18
    assert page.locator("#classes .js-plotly-plot .bars path").count() > 4
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
    page.close()
    assert (opened.problems, opened.foreign) == ([], [])


@pytest.mark.city
def test_every_page_opens_at_every_width(site: Path, browser: Any) -> None:
    pages = sorted(site.parent.glob("*.html"))
    needed = {
        "index",
        "enrolment",
        "balanced",
        "schools",
        "plan",
        "quality",
        "requirements",
        "indicators",
        "topic-scale",
    }
    assert needed <= {path.stem for path in pages}
    for path in pages:
        opened = open_page(browser, path)
        if path.stem == "requirements":
            assert opened.page.locator(".checklist tbody tr").count() >= 15 + 9
            assert opened.page.locator(".checklist td.not_collected").count() > 8
        elif path.stem not in ("index", "indicators"):
            opened.page.wait_for_selector("#p0 .main-svg")
            assert opened.page.locator("#table tbody tr").count() > 1, path.stem
            assert opened.page.locator("#p0 .bars path").count() > 1, path.stem
        for width in (1440, 390, 2560):
            opened.page.set_viewport_size({"width": width, "height": 900})
            opened.page.wait_for_timeout(REDRAWN_MS)
            fits = "document.documentElement.scrollWidth <= window.innerWidth + 1"
            opened.page.wait_for_function(fits, timeout=BUSY_MS)
            # It fits to stay: a page that is still drawing must not be caught in a lucky moment.
            opened.page.wait_for_timeout(REDRAWN_MS)
            assert opened.page.evaluate(fits), path.stem
        opened.page.close()
        assert (opened.problems, opened.foreign) == ([], []), path.stem


def test_pages_are_small_and_share_one_script(site: Path) -> None:
    for path in site.parent.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert len(text) < 400_000, path.name
        assert re.search(r"https?://", text) is None, path.name
    assert len(list(site.parent.glob("*.js"))) == 2


def test_every_link_inside_leads_somewhere(site: Path) -> None:
    anchors = {
        path.name: set(re.findall(r'id="([^"]+)"', path.read_text(encoding="utf-8")))
        for path in site.parent.glob("*.html")
    }
    asked = set()
    for path in site.parent.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        asked |= set(re.findall(r'href="([^"#]+\.html)(?:#([^"]+))?"', text))
        asked |= {("indicators.html", link) for link in re.findall(r'"link":"([^"]+)"', text)}
    broken = [
        (page, anchor)
        for page, anchor in asked
        if not page.startswith("catalog/") and (page not in anchors or (anchor and anchor not in anchors[page]))
    ]
    assert broken == []


def test_filters_change_what_is_shown_and_are_kept_in_the_address(site: Path, browser: Any) -> None:
    opened = open_page(browser, site.parent / "topic-scale.html")
    page = opened.page
    page.select_option("#f-indicator", "scale.large_class_share")
    page.select_option("#f-stage", "junior")
    page.select_option("#f-area", "421002")
    assert page.locator("#table thead th").all_inner_texts() == ["县(市、区)", "初中"]
    assert page.locator("#table tr.picked th").inner_text() == "沙市区"
    assert page.locator("#facts a").get_attribute("href") == "indicators.html#scale.large_class_share"
    assert "大班额比例" in page.locator("#said").inner_text()
    again = open_page(browser, site.parent / "topic-scale.html", fragment="#" + page.url.split("#")[1])
    assert again.page.input_value("#f-stage") == "junior"
    assert again.page.input_value("#f-area") == "421002"
    again.page.close()
    page.close()
    assert (opened.problems, opened.foreign) == ([], [])


def test_keyboard_and_screen_reader(site: Path, browser: Any) -> None:
    page = open_page(browser, site.parent / "topic-scale.html").page
    page.wait_for_selector("#p0 .main-svg")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert {"f-indicator", "f-stage", "f-period", "f-area"} <= reached
    page.focus("#f-period")
    before = page.locator("#table caption").inner_text()
    page.keyboard.press("ArrowDown")
    assert page.locator("#table caption").inner_text() != before
    assert page.evaluate(
        "[...document.querySelectorAll('[role=img]')].every(e => e.closest('[hidden]') || e.getAttribute('aria-label'))"
    )
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    assert page.locator("h1").count() == 1
    page.close()


def test_print_leaves_out_what_paper_cannot_use(site: Path, browser: Any) -> None:
    page = open_page(browser, site.parent / "plan.html").page
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert not page.locator("#filters").is_visible()
    assert page.locator("#table").is_visible()
    page.close()


def test_colours_that_say_something_are_printed(site: Path, browser: Any) -> None:
    page = open_page(browser, site).page
    page.emulate_media(media="print")
    for place in (".tile:not(.zone)", ".legend span"):
        kept = f"getComputedStyle(document.querySelector('{place}')).printColorAdjust"
        assert page.evaluate(kept) == "exact", place
    page.close()


def test_the_checklist_fits_on_paper(site: Path, browser: Any) -> None:
    page = open_page(browser, site.parent / "requirements.html", PAPER_WIDTH, 1000).page
    page.emulate_media(media="print")
    assert page.evaluate(
        "[...document.querySelectorAll('table')].every(t => t.offsetWidth <= t.parentElement.offsetWidth + 1)"
    )
    page.close()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1440, 900), (3840, 2160)], ids=["phone", "desk", "wall"])
def test_no_picture_lies_over_what_follows(site: Path, browser: Any, width: int, height: int) -> None:
    for name in ("index", "topic-scale", "plan"):
        opened = open_page(browser, site.parent / f"{name}.html", width, height)
        opened.page.wait_for_selector(".js-plotly-plot .main-svg")
        opened.page.wait_for_timeout(REDRAWN_MS)
        assert opened.page.evaluate(
            "[...document.querySelectorAll('.js-plotly-plot .main-svg')].every(e => "
            "e.getBoundingClientRect().bottom <= e.closest('section').getBoundingClientRect().bottom + 1)"
        ), name
        opened.page.close()


@pytest.mark.parametrize("name", ["enrolment", "balanced", "plan", "topic-scale", "topic-teacher"])
def test_figures_beside_the_bars_are_whole_on_a_phone(site: Path, browser: Any, name: str) -> None:
    page = open_page(browser, site.parent / f"{name}.html", 390, 844).page
    page.wait_for_selector("#p0 .bartext")
    cut = page.evaluate(
        "[...document.querySelectorAll('.plot .bartext')].filter(t => t.getBoundingClientRect().right > "
        "t.closest('.main-svg').getBoundingClientRect().right).map(t => t.textContent)"
    )
    assert cut == []
    here = page.locator("nav [aria-current]").bounding_box()
    assert here["x"] >= 0
    assert here["x"] + here["width"] <= 390
    page.close()


def test_the_city_is_a_line_beside_shares_and_not_beside_totals(site: Path, browser: Any) -> None:
    page = open_page(browser, site.parent / "topic-vocational.html").page
    page.select_option("#f-indicator", "vocational.cooperation_projects")
    assert "全市值" not in page.locator("#facts").inner_text()
    assert page.locator("#p0 .shapelayer path").count() == 0
    # No county is squeezed by the total: the longest bar takes most of the room.
    widths = page.evaluate("[...document.querySelectorAll('#p0 .bars path')].map(b => b.getBoundingClientRect().width)")
    assert max(widths) > 0.6 * page.locator("#p0 .main-svg").first.bounding_box()["width"]
    page.goto((site.parent / "topic-digital.html").as_uri())
    page.select_option("#f-indicator", "digital.bandwidth")
    assert "全市值" in page.locator("#facts").inner_text()
    assert page.locator("#p0 .shapelayer path").count() == 1
    page.close()


def test_no_line_goes_through_a_figure(site: Path, browser: Any) -> None:
    """A limit lies below the figures beside the bars, which have a white edge, so that those near it can be read."""
    page = open_page(browser, site.parent / "balanced.html").page
    page.wait_for_selector("#p0 .bartext")
    order = (
        "(() => { const line = document.querySelector('#p0 .shapelayer path'), figure = document.querySelector('#p0 .bartext');"
        "return line.compareDocumentPosition(figure) & Node.DOCUMENT_POSITION_FOLLOWING; })()"
    )
    assert page.evaluate(order)
    assert page.evaluate("getComputedStyle(document.querySelector('#p0 .bartext')).paintOrder").startswith("stroke")
    page.close()


def test_every_page_says_when_it_was_published(site: Path) -> None:
    for path in site.parent.glob("*.html"):
        assert re.search(r"数据发布日期：20\d\d年\d{1,2}月\d{1,2}日", path.read_text(encoding="utf-8")), path.name


def test_figures_on_the_page_are_those_of_the_warehouse(site: Path, browser: Any, city: City) -> None:
    """Every shown figure of one indicator equals analysis; hidden ones show a star and nothing else."""
    page = open_page(browser, site.parent / "topic-scale.html").page
    page.select_option("#f-indicator", "scale.net_enrolment_rate")
    page.select_option("#f-stage", "junior")
    period = page.input_value("#f-period")
    shown = dict(
        zip(
            page.locator("#table tbody th").all_inner_texts(),
            page.locator("#table tbody td").all_inner_texts(),
            strict=True,
        )
    )
    page.close()
    with duckdb.connect(str(city.home.warehouse), read_only=True) as built:
        true = {
            name: (value, small)
            for name, value, small in built.execute(
                "select division_name, value, numerator between 1 and 4 or denominator - numerator between 1 and 4 "
                "from query.indicator where indicator_code = 'scale.net_enrolment_rate' and stage = 'junior' "
                "and breakdown = 'all' and area_level = 'county' and period = ?",
                [period],
            ).fetchall()
        }
    assert set(true) == set(shown) - {"全市"}
    for name, (value, small) in true.items():
        assert shown[name] == "*" if small else shown[name].rstrip("†✓✗ ") in (f"{value:.1f}", "*"), name
