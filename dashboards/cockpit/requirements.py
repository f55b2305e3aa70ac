"""The page of the 24 requirements of assurance and quality: one line a measure, one column a county, in words."""

from __future__ import annotations

from html import escape

import duckdb

from dashboards.cockpit.data import Row, read_rows

FILE, TITLE = "requirements.html", "优质均衡达标清单"
LEAD = (
    "政府保障程度 15 项、教育质量 9 项，逐县(市、区)列出；开发区随所在县(市、区)评估。"
    "没有人报送的写“没有数据”，未报齐的写“未报”，都不算达标。"
)
NOT_PUBLIC = "不公开"
ROWS = (
    "select * from visualization.balanced_requirement "
    "where school_year = (select max(school_year) from visualization.balanced_requirement) "
    "order by requirement_group, requirement_no, measure_no, indicator_code, division_code"
)


def requirements_body(connection: duckdb.DuckDBPyConnection) -> str:
    """Return the tables of the newest school year, a section a group; nothing where nothing is published."""
    rows = read_rows(connection, ROWS)
    groups = {row["requirement_group"]: row["group_name"] for row in rows}
    return "\n".join(
        _section(key, name, [row for row in rows if row["requirement_group"] == key]) for key, name in groups.items()
    )


def _section(key: str, name: str, rows: list[Row]) -> str:
    counties = {row["division_code"]: row["division_name"] for row in rows}
    lines: dict[tuple[int, int], list[Row]] = {}
    for row in rows:
        lines.setdefault((row["requirement_no"], row["measure_no"]), []).append(row)
    head = "".join(f'<th scope="col">{escape(county)}</th>' for county in counties.values())
    body = "\n".join(_line(line, list(counties)) for line in lines.values())
    return f"""<section id="{key}" aria-labelledby="{key}-title">
<h2 id="{key}-title">{escape(name)}</h2>
<p class="note">{escape(rows[0]["school_year"])} 学年。涉及人员的比例人数少时会透露个人，本页写“{NOT_PUBLIC}”，内部查询
query.balanced_requirement 有数值。 <a href="indicators.html#balanced.requirement_verdict">口径与依据</a></p>
<div class="scroll" tabindex="0" role="region" aria-labelledby="{key}-title"><table class="checklist">
<thead><tr><th scope="col">序号</th><th scope="col">要求与指标</th><th scope="col">标准</th>{head}</tr></thead>
<tbody>
{body}
</tbody></table></div>
</section>"""


def _line(rows: list[Row], counties: list[str]) -> str:
    first = rows[0]
    by_county = {row["division_code"]: row for row in rows}
    lacking = f'<br><span class="note">{escape(first["lacking_text"])}</span>' if first["lacking_text"] else ""
    stages = f"（{first['stage_names']}）" if first["stage_names"] else ""
    link = f"indicators.html#{escape(first['indicator_code'])}"
    name = f'<a href="{link}">{escape(first["indicator_name"] + stages)}</a>'
    cells = "".join(_cell(by_county.get(county)) for county in counties)
    return (
        f'<tr><td>{first["requirement_no"]}</td><th scope="row" title="{escape(first["source"])}">'
        f"{escape(first['requirement_name'])}<br><b>{name}</b>{lacking}</th>"
        f"<td>{escape(first['standard_text'])}</td>{cells}</tr>"
    )


def _cell(row: Row | None) -> str:
    if row is None:
        return "<td>—</td>"
    if row["verdict"] is None:
        return f"<td>{NOT_PUBLIC}</td>"
    figure = "" if row["value"] is None else f"<br>{row['value']:,.1f}{escape(row['unit'])}"
    return f'<td class="{row["verdict"]}">{escape(row["verdict_name"])}{figure}</td>'
