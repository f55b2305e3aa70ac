"""Pages with filters: whatever has an indicator, a period, an area and a stage is drawn by one script from one form."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from html import escape
from typing import Any

import duckdb

from dashboards.cockpit.data import STATUS_LABELS, Row, read_rows
from edu.contract import contracts

CITY = "421000"
STATES = {"partial": "p", "no_denominator": "z", "not_reported": "n"}
DIVISIONS = "select distinct division_code, division_name from visualization.submission_coverage order by division_code"
STAGES = {
    **{
        "preschool": "学前教育",
        "primary": "小学",
        "junior": "初中",
        "senior": "普通高中",
        "vocational": "中等职业教育",
    },
    **{
        "special": "特殊教育",
        "higher": "高等教育",
        "compulsory": "义务教育",
        "upper_secondary": "高中阶段",
        "all": "全部",
    },
}
SCORES = {"completeness": "完整性", "correctness": "正确性", "consistency": "一致性", "timeliness": "及时性"}


@dataclass
class Board:
    """What one page shows; `rows` are indicator, period, area, stage, value, state, met, threshold."""

    file: str
    title: str
    lead: str
    indicators: dict[str, dict[str, Any]]
    rows: list[list[Any]]
    areas: dict[str, dict[str, Any]]
    status: str = "—"
    stages: list[tuple[str, str]] = field(default_factory=lambda: list(STAGES.items()))
    area_word: str = "县(市、区)"
    stage_word: str = "学段"
    groups: list[tuple[str, str]] | None = None
    has_trend: bool = True

    def body(self) -> str:
        """Return the filters, the places of the pictures, the table and the data."""
        used = {row[3] for row in self.rows}
        content = {
            "indicators": self.indicators,
            "rows": self.rows,
            "areas": self.areas,
            "stages": [stage for stage in self.stages if stage[0] in used],
            "status": self.status,
            "areaWord": self.area_word,
            "allStages": f"全部{self.stage_word}",
            "allAreas": f"全部{self.area_word}",
            "groups": self.groups,
            "noTrend": not self.has_trend,
        }
        data = json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
        return f"""<section aria-labelledby="t-filters">
<h2 id="t-filters" class="quiet">筛选</h2>
<form id="filters">
<label>指标 <select id="f-indicator"></select></label>
<label id="l-stage">{escape(self.stage_word)} <select id="f-stage"></select></label>
<label>周期 <select id="f-period"></select></label>
<label>县(市、区) <select id="f-area"></select></label>
</form>
<p id="facts" class="note"></p>
<p id="said" class="quiet" role="status" aria-live="polite"></p>
<div id="c-bars"></div>
</section>
<section id="b-trend" aria-labelledby="t-trend">
<h2 id="t-trend">变化</h2>
<div id="c-trend" class="chart" role="img"></div>
</section>
<section aria-labelledby="t-table">
<h2 id="t-table">数据表</h2>
<p id="legend" class="note"></p>
<div class="scroll" tabindex="0" role="region" aria-labelledby="t-table"><table id="table"></table></div>
<noscript><p class="note">图和表由脚本生成，请允许本页运行脚本；页面不访问网络。</p></noscript>
</section>
<script type="application/json" id="data">{data}</script>"""


def read_boards(connection: duckdb.DuckDBPyConnection) -> list[Board]:
    """Return the boards of what is published, in the order of the navigation; none that would be empty."""
    counties = read_rows(connection, DIVISIONS)
    areas = {CITY: {"name": "全市", "level": "city", "order": 0}}
    areas |= {r["division_code"]: {"name": r["division_name"], "order": n} for n, r in enumerate(counties, 1)}
    found = [_pupils(connection, areas), _metrics(connection, areas)]
    found += _topics(connection, areas)
    found += [_cv(connection, areas), _schools(connection, counties), _plan(connection, areas)]
    found.append(_quality(connection, areas))
    return [board for board in found if board.rows]


def _number(value: Decimal | int | None) -> float | int | None:
    if value is None:
        return None
    return int(value) if value == int(value) else float(value)


def _met(value: bool | None) -> int | None:
    return None if value is None else int(value)


def status_text(statuses: set[str]) -> str:
    """Say how far figures are confirmed: the least confirmed of them."""
    order = ["missing", "provisional", "school_confirmed", "county_approved", "official"]
    names = STATUS_LABELS | {"school_confirmed": "学校已确认", "county_approved": "县级已审核", "official": "已上报"}
    known = [status for status in order if status in statuses - {"missing"}]
    return names[known[0]] if known else "无数据"


def _topics(connection: duckdb.DuckDBPyConnection, areas: dict[str, dict[str, Any]]) -> list[Board]:
    rules = read_rows(
        connection, "select * from visualization.indicator_definition order by sort_order, indicator_code"
    )
    figures: list[Row] = []
    for table in ("indicator_city", "indicator_county", "health_city", "health_county"):
        figures += read_rows(
            connection,
            f"select * from visualization.{table} where value_state <> 'not_reported' or schools_expected > 0 "
            "order by indicator_code, period, division_code, stage",
        )
    directions = {rule["indicator_code"]: rule["direction"] for rule in rules}
    boards = []
    for topic, name in {rule["topic"]: rule["topic_name"] for rule in rules}.items():
        own = [figure for figure in figures if figure["topic"] == topic]
        present = {figure["indicator_code"] for figure in own}
        is_sensitive = any(rule["is_sensitive"] for rule in rules if rule["topic"] == topic)
        few = "少于 10 人" if is_sensitive else "少于 5 人"
        boards.append(
            Board(
                f"topic-{topic}.html",
                name,
                f"各县(市、区)与全市，分学段。按人数计算的比例，分子或余数{few}的不予显示。",
                {
                    rule["indicator_code"]: {
                        "n": rule["indicator_name"],
                        "u": rule["unit"],
                        "d": rule["decimals"],
                        "link": rule["indicator_code"],
                        "src": rule["source"],
                    }
                    for rule in rules
                    if rule["indicator_code"] in present
                },
                [_figure(figure, directions[figure["indicator_code"]]) for figure in own],
                areas,
                status_text({figure["data_status"] for figure in own}),
            )
        )
    return boards


def _figure(figure: Row, direction: str) -> list[Any]:
    """Shares of persons are divided here, from the two counts that were let out."""
    value, met, state = figure["value"], figure["is_met"], STATES.get(figure["value_state"], "")
    if figure["is_protected"]:
        value = met = None
        numerator, denominator = figure["numerator"], figure["denominator"]
        if figure["is_suppressed"] or (numerator is None and denominator is not None):
            state = "h"
        elif numerator is not None and denominator:
            value = round(figure["multiplier"] * numerator / denominator, 4)
            limit = figure["threshold"]
            if limit is not None and state != "p" and direction in ("up", "down"):
                met = value >= limit if direction == "up" else value <= limit
    elif figure["is_suppressed"]:
        # A mean over few: it has no value, and whoever misses it is told why.
        state = "h"
    keys = [figure[name] for name in ("indicator_code", "period", "division_code", "stage")]
    return [*keys, _number(value), state, _met(met), _number(figure["threshold"])]


def _pupils(connection: duckdb.DuckDBPyConnection, areas: dict[str, dict[str, Any]]) -> Board:
    rows = read_rows(
        connection,
        "select * from visualization.pupils_by_stage_county where term = 1 order by school_year, division_code, stage",
    )
    return Board(
        "enrolment.html",
        "在校生",
        "9 月 1 日时点在读学生，按学校所在地。",
        {"pupils": {"n": "在校生数", "u": "人", "d": 0, "link": "scale.pupils", "src": "学籍名册"}},
        [
            [
                "pupils",
                r["school_year"],
                r["division_code"],
                r["stage"],
                r["pupils"],
                "h" if r["is_suppressed"] else "",
                None,
                None,
            ]
            for r in rows
        ],
        areas,
        "按现行报送",
    )


def _metrics(connection: duckdb.DuckDBPyConnection, areas: dict[str, dict[str, Any]]) -> Board:
    rows = read_rows(
        connection, "select * from visualization.metric_county order by metric, school_year, division_code, stage"
    )
    return Board(
        "classes.html",
        "班级与班额",
        "9 月 1 日时点，按学籍名册逐班统计。",
        {
            r["metric"]: {
                **{"n": r["metric_name"], "u": r["unit"], "d": 0 if r["denominator"] is None else 2},
                **{"link": f"metric-{r['metric']}", "src": "学籍名册"},
            }
            for r in rows
        },
        [[r["metric"], r["school_year"], r["division_code"], r["stage"], _divided(r), "", None, None] for r in rows],
        areas,
        "按现行报送",
    )


def _divided(row: Row) -> float | int | None:
    if row["denominator"] is None:
        return _number(row["numerator"])
    return round(row["multiplier"] * row["numerator"] / row["denominator"], 4) if row["denominator"] else None


def _cv(connection: duckdb.DuckDBPyConnection, areas: dict[str, dict[str, Any]]) -> Board:
    rows = read_rows(
        connection, "select * from visualization.balanced_cv order by indicator_no, school_year, division_code, stage"
    )
    return Board(
        "balanced.html",
        "优质均衡差异系数",
        "七项资源配置指标的校际差异系数，按学生数加权；小学不超过 0.50、初中不超过 0.45 为达标。开发区随所在县(市、区)评估。",
        {
            f"cv{r['indicator_no']}": {
                **{"n": r["indicator_name"], "u": "", "d": 3, "link": "balanced-cv"},
                "src": "教督〔2017〕6号 第五条",
            }
            for r in rows
        },
        [
            [
                *(f"cv{r['indicator_no']}", r["school_year"], r["division_code"], r["stage"], _number(r["cv"]), ""),
                *(_met(r["is_met"]), _number(r["cv_limit"])),
            ]
            for r in rows
        ],
        areas,
        status_text({r["data_status"] for r in rows}),
    )


def _schools(connection: duckdb.DuckDBPyConnection, counties: list[Row]) -> Board:
    rows = read_rows(
        connection,
        "select * from visualization.balanced_school "
        "where school_year = (select max(school_year) from visualization.balanced_school) "
        "order by indicator_no, division_code, school_id, stage",
    )
    groups = {r["division_code"] for r in rows}
    names = {r["school_id"]: r for r in rows}
    return Board(
        "schools.html",
        "学校办学条件",
        "优质均衡七项中不涉及人员的四项(面积、设备、多媒体教室)，逐校公开；与教师有关的三项因校内人数少，仅供内部使用。",
        {
            str(r["indicator_no"]): {
                **{"n": r["indicator_name"], "u": r["unit"], "d": 2, "link": "balanced-school"},
                "src": "教督〔2017〕6号 第四条",
            }
            for r in rows
        },
        [
            [
                *(str(r["indicator_no"]), r["school_year"], r["school_id"], r["stage"], _number(r["value"])),
                *("n" if r["value"] is None else "", _met(r["is_met"]), _number(r["threshold"])),
            ]
            for r in rows
        ],
        {
            key: {"name": r["school_name"], "group": r["division_code"], "order": n}
            for n, (key, r) in enumerate(sorted(names.items()))
        },
        status_text({r["data_status"] for r in rows}),
        area_word="学校",
        groups=[(r["division_code"], r["division_name"]) for r in counties if r["division_code"] in groups],
        has_trend=False,
    )


def _plan(connection: duckdb.DuckDBPyConnection, areas: dict[str, dict[str, Any]]) -> Board:
    rows = read_rows(
        connection,
        "select * from visualization.plan_indicator order by plan_indicator_code, fiscal_year, division_code",
    )
    return Board(
        "plan.html",
        "“十四五”规划指标",
        "各级填报的规划指标完成值与年度目标；每项的 2025 年目标见指标口径页。",
        {
            r["plan_indicator_code"]: {
                **{"n": r["indicator_name"], "u": r["indicator_unit"], "d": 2},
                **{"link": f"plan-{r['plan_indicator_code']}", "src": "规划指标填报表"},
            }
            for r in rows
        },
        [
            [
                *(r["plan_indicator_code"], f"{r['fiscal_year']}年", r["division_code"], "all"),
                *(_number(r["actual_value"]), "n" if r["actual_value"] is None else ""),
                *(_met(r["is_year_target_met"]), _number(r["target_value"])),
            ]
            for r in rows
        ],
        areas,
        "按现行报送",
    )


def _quality(connection: duckdb.DuckDBPyConnection, areas: dict[str, dict[str, Any]]) -> Board:
    rows = read_rows(connection, "select * from visualization.quality_county order by dataset, period, division_code")
    coverage = read_rows(connection, "select * from visualization.submission_coverage order by dataset, period")
    found = [
        ["coverage", r["period"], r["division_code"], r["dataset"], _number(r["coverage_pct"]), "", None, None]
        for r in coverage
    ]
    found += [
        [score, r["period"], r["division_code"], r["dataset"], _number(r[score]), "", None, None]
        for score in SCORES
        for r in rows
        if r[score] is not None
    ]
    names = {"coverage": "报送率", **SCORES}
    datasets = {row[3] for row in found}
    return Board(
        "quality.html",
        "报送与数据质量",
        "各县(市、区)各数据集的报送率和四项质量得分(0 至 100)。",
        {
            key: {
                "n": name,
                "u": "%" if key == "coverage" else "分",
                "d": 1,
                "link": f"quality-{key}",
                "src": "报送回执与检查结果",
            }
            for key, name in names.items()
        },
        found,
        areas,
        "随报送更新",
        stages=[(name, contract.label) for name, contract in sorted(contracts().items()) if name in datasets],
        stage_word="数据集",
    )
