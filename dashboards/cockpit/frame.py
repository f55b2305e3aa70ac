"""The frame of every page: head, navigation, foot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape

from dashboards.cockpit.script import NAVIGATE

PLOTLY, SCRIPT_FILE, STYLE_FILE = "plotly.min.js", "cockpit.js", "cockpit.css"


@dataclass(frozen=True)
class Link:
    """A place in the navigation."""

    href: str
    title: str


def page(
    title: str,
    lead: str,
    body: str,
    links: Sequence[Link],
    here: str,
    *,
    scripts: Sequence[str] = (),
    is_inline: bool = False,
    written_on: date,
) -> str:
    """Return a whole page.

    Args:
        title: its heading.
        lead: what it is about, as HTML.
        body: its sections, as HTML.
        links: the navigation.
        here: its own file.
        scripts: files beside it.
        is_inline: whether they are needed at once.
        written_on: the day on which the figures were published.
    """
    nav = "".join(
        f'<li><a href="{link.href}"{" aria-current=page" if link.href == here else ""}>{escape(link.title)}</a></li>'
        for link in links
    )
    loaded = "".join(f'<script src="{name}"{"" if is_inline else " defer"}></script>' for name in scripts)
    return f"""<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · 荆州教育大数据平台</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{STYLE_FILE}">
{loaded}
</head>
<body>
<a class="skip" href="#main">跳到正文</a>
<header>
<p class="place">湖北省荆州市 · 教育大数据驾驶舱</p>
<h1>{escape(title)}</h1>
<p class="lead">{lead}</p>
</header>
<nav aria-label="各页"><ul>{nav}</ul></nav>
<main id="main">
{body}
</main>
<footer>
<p>人数较少的单元格按个人信息保护要求不予显示，以 * 标记，不等于零；未报的学校显示为缺失，不按零计。</p>
<p>数据发布日期：{written_on.year}年{written_on.month}月{written_on.day}日</p>
<p><a href="indicators.html">指标口径与依据</a> · <a href="catalog/index.html">数据字典</a></p>
</footer>
<script>{NAVIGATE}</script>
</body>
</html>
"""
