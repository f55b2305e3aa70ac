"""Writes `index.html` and its script beside it from a published DuckDB file."""

from __future__ import annotations

from html import escape
from pathlib import Path

import duckdb
from plotly.offline import get_plotlyjs

import dashboards.cockpit.charts as charts
from dashboards.cockpit.data import CockpitData, read_cockpit_data
from dashboards.cockpit.style import STYLE

SCRIPT_NAME = "plotly.min.js"


def write_site(database: Path, out: Path) -> None:
    """Write the page of the published `database` into the folder `out` (made if missing).

    The page needs no network: Plotly's script, which its wheel carries, is written beside it once.
    """
    with duckdb.connect(str(database), read_only=True) as connection:
        data = read_cockpit_data(connection)
    out.mkdir(parents=True, exist_ok=True)
    (out / SCRIPT_NAME).write_text(get_plotlyjs(), encoding="utf-8")
    (out / "index.html").write_text(page(data), encoding="utf-8")


def page(data: CockpitData) -> str:
    """Return the whole page as HTML."""
    sections = "\n".join(
        [
            _headline(data),
            _section(
                "pupils",
                "各县(市、区)各学段在校生",
                f"{data.snapshot_label}时点,按学校所在地统计的在读学生数。",
                charts.pupils_figure(data),
                charts.pupils_table(data),
            ),
            _section(
                "classes",
                "班额分布",
                "按学籍名册逐班统计。大班额指 56 人及以上,超大班额指 66 人及以上。",
                charts.class_size_figure(data),
                charts.class_size_table(data),
            ),
            _section(
                "balanced",
                "义务教育优质均衡:校际差异系数",
                "每块为一个县级评估单位,按大致方位排列,不是地图。数字为七项资源配置指标中差异系数达标的项数"
                "(小学 ≤ 0.50,初中 ≤ 0.45)。开发区随所在县(市、区)评估。",
                charts.balanced_tiles(data),
                charts.balanced_table(data),
            ),
            _section(
                "coverage",
                "数据报送覆盖",
                "最近一期各数据集应报与已报单位数。未报的学校在统计中显示为缺失,不按零计。",
                charts.coverage_figure(data),
                charts.coverage_table(data),
            ),
        ]
    )
    return f"""<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>荆州教育大数据平台 · 驾驶舱</title>
<link rel="icon" href="data:,">
<style>{STYLE}</style>
<script src="{SCRIPT_NAME}"></script>
</head>
<body>
<header>
<p class="place">湖北省荆州市</p>
<h1>教育大数据驾驶舱</h1>
<p class="lead">{escape(data.school_year)} 学年 · {escape(data.snapshot_label)}时点 · 数据状态:{escape(data.status_label)}</p>
</header>
<main>
{sections}
</main>
<footer>
<p>人数较少的单元格按个人信息保护要求不予显示,图中留空,表中以 * 标记,不等于零。</p>
<p>指标口径:教督〔2017〕6号《县域义务教育优质均衡发展督导评估办法》;差异系数按学生数加权。
统计口径与字段说明见<a href="catalog/index.html">数据字典</a>。</p>
</footer>
</body>
</html>
"""


def _headline(data: CockpitData) -> str:
    cards = "\n".join(
        f'<li><span class="label">{escape(card.label)}</span>'
        f'<span class="value">{escape(card.text)}<small>{escape(card.unit)}</small></span>'
        f'<span class="note">{escape(card.note)}</span></li>'
        for card in data.headline
    )
    return f'<section id="headline" aria-label="概况"><ul class="cards">\n{cards}\n</ul></section>'


def _section(key: str, title: str, note: str, picture: str, table: str) -> str:
    return f"""<section id="{key}" aria-labelledby="{key}-title">
<h2 id="{key}-title">{escape(title)}</h2>
<p class="note">{escape(note)}</p>
{picture}
<details><summary>查看数据表</summary>
{table}
</details>
</section>"""
