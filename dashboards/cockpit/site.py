"""Writes the cockpit's pages, their one script, one style sheet and Plotly from a published DuckDB file."""

from __future__ import annotations

from datetime import date
from html import escape
from pathlib import Path

import duckdb
from plotly.offline import get_plotlyjs

import dashboards.cockpit.charts as charts
from dashboards.cockpit import frame, requirements
from dashboards.cockpit.data import CockpitData, read_cockpit_data
from dashboards.cockpit.definitions import definitions_body
from dashboards.cockpit.frame import Link
from dashboards.cockpit.script import ENLARGE, PAPER, SCRIPT
from dashboards.cockpit.style import STYLE
from dashboards.cockpit.topics import read_boards
from edu.clock import now

HOME, DEFINITIONS = "index.html", "indicators.html"


def write_site(database: Path, out: Path) -> None:
    """Write all pages of the published `database` into the folder `out` (made if missing).

    The pages need no network: Plotly's script, which its wheel carries, is written beside them once.
    """
    with duckdb.connect(str(database), read_only=True) as connection:
        data = read_cockpit_data(connection)
        boards = read_boards(connection)
        definitions = definitions_body(connection)
        checklist = requirements.requirements_body(connection)
    out.mkdir(parents=True, exist_ok=True)
    links = [Link(HOME, "概况"), *(Link(board.file, board.title) for board in boards)]
    links += [Link(requirements.FILE, requirements.TITLE)] * bool(checklist) + [Link(DEFINITIONS, "指标口径")]
    today = now().date()
    pages = {HOME: overview(data, links, today)}
    for board in boards:
        lead = f"{escape(board.lead)}"
        scripts = (frame.PLOTLY, frame.SCRIPT_FILE)
        pages[board.file] = frame.page(
            board.title, lead, board.body(), links, board.file, scripts=scripts, written_on=today
        )
    if checklist:
        pages[requirements.FILE] = frame.page(
            requirements.TITLE, requirements.LEAD, checklist, links, requirements.FILE, written_on=today
        )
    lead = "每项指标的分子、分母、范围、缺报处理、依据和有效期，取自指标登记表。"
    pages[DEFINITIONS] = frame.page("指标口径与依据", lead, definitions, links, DEFINITIONS, written_on=today)
    (out / frame.PLOTLY).write_text(get_plotlyjs(), encoding="utf-8")
    (out / frame.SCRIPT_FILE).write_text(SCRIPT + PAPER, encoding="utf-8")
    (out / frame.STYLE_FILE).write_text(STYLE, encoding="utf-8")
    for name, html in pages.items():
        (out / name).write_text(html, encoding="utf-8")


def overview(data: CockpitData, links: list[Link], written_on: date) -> str:
    """Return the first page: the city at a glance."""
    sections = "\n".join(
        [
            _headline(data),
            _section(
                "pupils",
                "scale.pupils",
                "各县(市、区)各学段在校生",
                f"{data.snapshot_label}时点，按学校所在地统计的在读学生数。",
                charts.pupils_figure(data),
                charts.pupils_table(data),
            ),
            _section(
                "classes",
                "scale.large_class_share",
                "班额分布",
                "按学籍名册逐班统计。大班额指 56 人及以上，超大班额指 66 人及以上。",
                charts.class_size_figure(data),
                charts.class_size_table(data),
            ),
            _section(
                "balanced",
                "balanced-cv",
                "义务教育优质均衡：校际差异系数",
                "每块为一个县级评估单位，按大致方位排列，不是地图。数字为七项资源配置指标中差异系数达标的项数"
                "(小学 ≤ 0.50，初中 ≤ 0.45)。开发区随所在县(市、区)评估。",
                charts.balanced_tiles(data),
                charts.balanced_table(data),
            ),
            _section(
                "coverage",
                "quality-coverage",
                "数据报送覆盖",
                "最近一期各数据集应报与已报单位数。未报的学校在统计中显示为缺失，不按零计。",
                charts.coverage_figure(data),
                charts.coverage_table(data),
            ),
        ]
    )
    sections += f"\n<script>{ENLARGE}{PAPER}</script>"
    lead = (
        f"{escape(data.school_year)} 学年 · {escape(data.snapshot_label)}时点 · 数据状态：{escape(data.status_label)}"
    )
    return frame.page(
        "教育大数据驾驶舱",
        lead,
        sections,
        links,
        HOME,
        scripts=(frame.PLOTLY,),
        is_inline=True,
        written_on=written_on,
    )


def _headline(data: CockpitData) -> str:
    cards = "\n".join(
        f'<li><span class="label">{escape(card.label)}</span>'
        f'<span class="value">{escape(card.text)}<small>{escape(card.unit)}</small></span>'
        f'<span class="note">{escape(card.note)} <a href="{DEFINITIONS}#{card.link}">口径</a></span></li>'
        for card in data.headline
    )
    return f'<section id="headline" aria-label="概况"><ul class="cards">\n{cards}\n</ul></section>'


def _section(key: str, link: str, title: str, note: str, picture: str, table: str) -> str:
    return f"""<section id="{key}" aria-labelledby="{key}-title">
<h2 id="{key}-title">{escape(title)}</h2>
<p class="note">{escape(note)} <a href="indicators.html#{link}">口径与依据</a></p>
{picture}
<details><summary>查看数据表</summary>
{table}
</details>
</section>"""
