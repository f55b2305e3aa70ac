"""The pictures and, for each, the table behind it."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

import plotly.graph_objects as go

from dashboards.cockpit.data import CockpitData, Row
from edu.contract import contracts

FONT = "Noto Sans CJK SC, Source Han Sans SC, Microsoft YaHei, PingFang SC, sans-serif"
STAGE_COLOURS = {
    "preschool": "#e9b44c",
    "primary": "#0b5d7a",
    "junior": "#3f9bb5",
    "senior": "#7a5195",
    "vocational": "#bc5090",
    "special": "#58585a",
    "higher": "#8aa29e",
}
BAND_COLOURS = ("#d6e6ec", "#a9cbd8", "#74acc0", "#3f8aa5", "#e9a15b", "#c8553d")
"""From small to large; the last two are 大班额 and 超大班额."""
TILE_COLOURS = ("#bf4a32", "#d9764f", "#e39a68", "#ecc08a", "#c9d7b0", "#96bfa0", "#5fa58f", "#237868")
"""By how many of the seven coefficients are within their limits, 0 to 7."""
LIGHT_INK, DARK_INK = "#ffffff", "#1c2b36"
DARK_TILES = (0, 7)
"""Whose letters are light."""
HEIGHT = 420
LINE_LETTERS = 6
BAR_HEIGHT, FRAME_HEIGHT = 46, 110
"""Of a bar with a label of two lines, and of what stands around the bars."""


def _figure(figure: go.Figure, key: str, label: str, height: int = HEIGHT) -> str:
    figure.update_layout(
        height=height,
        font={"family": FONT, "size": 13},
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        paper_bgcolor="white",
        plot_bgcolor="white",
        legend={"orientation": "h", "y": -0.18 * HEIGHT / height, "traceorder": "normal"},
        xaxis={"automargin": True, "fixedrange": True},
        yaxis={"automargin": True, "gridcolor": "#e4e9ec", "fixedrange": True},
        separators=".,",
    )
    html = figure.to_html(
        full_html=False,
        include_plotlyjs=False,
        div_id=f"chart-{key}",
        config={"displayModeBar": False, "responsive": True},
    )
    return f'<div class="chart" role="img" aria-label="{escape(label)}">{html}</div>'


def _table(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(_text(value))}</td>" for value in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _text(value: Any) -> str:
    if value is None:
        return "—"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _ordered(rows: list[Row], key: str, label: str) -> dict[str, str]:
    """Return key → label in the order in which they appear."""
    return {row[key]: row[label] for row in rows}


def _two_lines(name: str) -> str:
    """Break a name that would run into its neighbours."""
    return name if len(name) <= LINE_LETTERS else f"{name[: len(name) // 2]}<br>{name[len(name) // 2 :]}"


def pupils_figure(data: CockpitData) -> str:
    """Stacked bars: pupils of each division by stage."""
    if not data.pupils:
        return _nothing()
    stages = {row["stage"]: row["stage_name"] for row in sorted(data.pupils, key=lambda row: row["sort_order"])}
    divisions = _ordered(data.pupils, "division_code", "division_name")
    values = {(row["division_code"], row["stage"]): row["pupils"] for row in data.pupils}
    figure = go.Figure()
    for stage, name in stages.items():
        figure.add_bar(
            name=name,
            x=[_two_lines(division) for division in divisions.values()],
            y=[values.get((code, stage)) for code in divisions],
            marker_color=STAGE_COLOURS[stage],
            hovertemplate="%{x} " + name + "：%{y:,} 人<extra></extra>",
        )
    figure.update_layout(barmode="stack", yaxis_title="人")
    return _figure(figure, "pupils", "各县(市、区)各学段在校生数，堆积柱状图")


def pupils_table(data: CockpitData) -> str:
    """Pupils by division and stage; `*` where the figure is hidden."""
    stages = {row["stage"]: row["stage_name"] for row in sorted(data.pupils, key=lambda row: row["sort_order"])}
    cells = {
        (row["division_code"], row["stage"]): "*" if row["is_suppressed"] else row["pupils"] for row in data.pupils
    }
    divisions = _ordered(data.pupils, "division_code", "division_name")
    rows = [[name, *(cells.get((code, stage)) for stage in stages)] for code, name in divisions.items()]
    return _table(["县(市、区)", *stages.values()], rows)


def class_size_figure(data: CockpitData) -> str:
    """Shares of the bands of class size in each stage."""
    if not data.class_size:
        return _nothing()
    stages = _ordered(data.class_size, "stage", "stage_name")
    bands = {row["size_band_code"]: row["size_band_name"] for row in data.class_size}
    classes = {(row["stage"], row["size_band_code"]): row["classes"] for row in data.class_size}
    totals = {stage: sum(n for (s, _), n in classes.items() if s == stage) for stage in stages}
    figure = go.Figure()
    for code in sorted(bands):
        counts = [classes.get((stage, code), 0) for stage in stages]
        figure.add_bar(
            name=bands[code],
            y=list(stages.values()),
            x=[100 * n / totals[stage] for n, stage in zip(counts, stages, strict=True)],
            customdata=counts,
            orientation="h",
            marker_color=BAND_COLOURS[int(code) - 1],
            hovertemplate="%{y} " + bands[code] + "：%{customdata} 个班，%{x:.1f}%<extra></extra>",
        )
    figure.update_layout(barmode="stack", xaxis_title="班级占比(%)", xaxis_range=[0, 100])
    figure.update_yaxes(autorange="reversed")
    return _figure(figure, "classes", "各学段班额分布，百分比条形图")


def class_size_table(data: CockpitData) -> str:
    """Classes by stage and band, with the share of large classes."""
    stages = _ordered(data.class_size, "stage", "stage_name")
    bands = dict(sorted({row["size_band_code"]: row["size_band_name"] for row in data.class_size}.items()))
    rows = []
    for stage, name in stages.items():
        own = [row for row in data.class_size if row["stage"] == stage]
        counts = {row["size_band_code"]: row["classes"] for row in own}
        total, large = sum(counts.values()), sum(row["large_classes"] for row in own)
        rows.append([name, *(counts.get(code, 0) for code in bands), total, f"{100 * large / total:.2f}"])
    return _table(["学段", *bands.values(), "班级数", "大班额比例(%)"], rows)


def balanced_tiles(data: CockpitData) -> str:
    """A tile a division and stage, placed about as the divisions lie."""
    if not data.tiles:
        return _nothing()
    names = _ordered(data.tiles, "division_code", "division_name")
    maps = []
    for stage, stage_name in _ordered(data.tiles, "stage", "stage_name").items():
        tiles = "".join(_tile(row, names) for row in data.tiles if row["stage"] == stage)
        maps.append(f'<div><h3>{escape(stage_name)}</h3><div class="tiles">{tiles}</div></div>')
    legend = "".join(
        f'<li><span style="background:{colour}"></span>{count} 项达标</li>' for count, colour in enumerate(TILE_COLOURS)
    )
    return f'<div class="maps">{"".join(maps)}</div><ul class="legend">{legend}</ul>'


def _tile(row: Row, names: dict[str, str]) -> str:
    place = f"grid-row:{row['tile_row'] + 1};grid-column:{row['tile_column'] + 1}"
    name = escape(row["division_name"])
    if row["division_level"] == "zone":
        judge = escape(names.get(row["evaluated_with_division"], ""))
        return f'<div class="tile zone" style="{place}"><b>{name}</b><span>随{judge}评估</span></div>'
    if row["indicators_met"] is None:
        return f'<div class="tile zone" style="{place}"><b>{name}</b><span>无数据</span></div>'
    met = row["indicators_met"]
    ink = LIGHT_INK if met in DARK_TILES else DARK_INK
    worst = f"最大差异：{escape(row['worst_indicator_name'])} {row['worst_cv']:.2f}" if row["worst_cv"] else ""
    return (
        f'<div class="tile" style="{place};background:{TILE_COLOURS[met]};color:{ink}" title="{worst}"><b>{name}</b>'
        f'<span class="count">{met}/7</span><span>学校达标 {row["schools_met"]}/{row["schools"]}</span></div>'
    )


def balanced_table(data: CockpitData) -> str:
    """Coefficients by division, stage and indicator."""
    rows = [
        [
            row["division_name"],
            row["stage_name"],
            row["indicator_name"],
            "*" if row["is_suppressed"] else row["mean"],
            row["cv"],
            row["cv_limit"],
            {True: "达标", False: "未达标"}.get(row["is_met"], "—"),
        ]
        for row in data.cv
    ]
    return _table(["县(市、区)", "学段", "指标", "均值", "差异系数", "上限", "结论"], rows)


def coverage_figure(data: CockpitData) -> str:
    """Bars: received, missing, rejected and held units of the newest period of each dataset."""
    if not data.coverage:
        return _nothing()
    names = [f"{contracts()[row['dataset']].label}<br>{row['period']}" for row in data.coverage]
    figure = go.Figure()
    for key, label, colour in (
        ("received", "已报", "#2b8a78"),
        ("held", "暂扣", "#e9b44c"),
        ("rejected", "退回", "#c8553d"),
        ("missing", "未报", "#b9c3c9"),
    ):
        figure.add_bar(
            name=label,
            y=names,
            x=[row[key] for row in data.coverage],
            orientation="h",
            marker_color=colour,
            hovertemplate="%{y} " + label + "：%{x} 个单位<extra></extra>",
        )
    figure.update_layout(barmode="stack", xaxis_title="单位数")
    height = max(HEIGHT, FRAME_HEIGHT + BAR_HEIGHT * len(names))
    return _figure(figure, "coverage", "各数据集报送情况，堆积条形图", height)


def coverage_table(data: CockpitData) -> str:
    """Units expected and received."""
    rows = [
        [
            contracts()[row["dataset"]].label,
            row["period"],
            row["expected"],
            row["received"],
            row["held"],
            row["rejected"],
            row["missing"],
            f"{100 * row['received'] / row['expected']:.1f}",
        ]
        for row in data.coverage
    ]
    return _table(["数据集", "学年学期", "应报", "已报", "暂扣", "退回", "未报", "报送率(%)"], rows)


def _nothing() -> str:
    return '<p class="note">本期没有可以发布的数据。</p>'
