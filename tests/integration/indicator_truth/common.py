"""What the truths of all topics share: the true facts as views, the areas and cuts of a school, and the comparison."""

from __future__ import annotations

from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parents[3]
CITY = "421000"
STAGES = {
    "0": "preschool",
    "1": "primary",
    "2": "junior",
    "3": "senior",
    "4": "vocational",
    "5": "higher",
    "6": "special",
}
"""Stage by the first character of a grade code."""
KIND_STAGES = {
    **{kind: ("preschool",) for kind in ("111", "119")},
    **{kind: ("primary",) for kind in ("211", "218", "219")},
    **{kind: ("junior",) for kind in ("311", "319", "321", "329", "371")},
    "312": ("primary", "junior"),
    "341": ("junior", "senior"),
    **{kind: ("senior",) for kind in ("342", "349")},
    "345": ("primary", "junior", "senior"),
    **{kind: ("vocational",) for kind in ("361", "362", "363", "364", "365", "366", "368", "369")},
    **{kind: ("special",) for kind in ("511", "512", "513", "514", "519")},
    **{kind: ("higher",) for kind in ("411", "412", "413", "414", "415", "419")},
}
"""Stages that an institution teaches, by its kind (JY/T 1001 BXLX)."""
SCHOOL_CUTS = {
    ("all", "all"): "true",
    ("residence", "urban"): "{s}.urban_rural_code like '11%'",
    ("residence", "town"): "{s}.urban_rural_code like '12%'",
    ("residence", "rural"): "{s}.urban_rural_code like '2%'",
    ("ownership", "public"): "{s}.sponsor_code <> '999'",
    ("ownership", "private"): "{s}.sponsor_code = '999'",
}
LEARNER_CUTS = {
    ("all", "all"): "true",
    ("sex", "1"): "{l}.sex_code = '1'",
    ("sex", "2"): "{l}.sex_code = '2'",
    ("support", "migrant"): "{l}.is_migrant = '1'",
    ("support", "left_behind"): "{l}.left_behind_code in ('1', '2')",
    ("support", "disabled"): "{l}.disability_code is not null",
}
ONE_UNIT_OF_ROUNDING = 0.000101
"""Two exact methods may round a half of the fourth place to different sides."""


def open_facts(facts: Path) -> duckdb.DuckDBPyConnection:
    """Open the true facts: a view a dataset, `site` (schools of a school year) and `pupil` (enrolled on 1 September)."""
    connection = duckdb.connect()
    for file in sorted(facts.glob("*.parquet")):
        connection.execute(f"create view {file.stem} as select * from '{file}'")
    stages = " ".join(f"when '{digit}' then '{stage}'" for digit, stage in STAGES.items())
    connection.execute(f"create macro stage_of(grade) as case grade[1] {stages} end")
    changes = ROOT / "dbt_project" / "seeds" / "school_code_change.csv"
    connection.execute(
        f"""
        create table site as
        select s.*, 'S' || coalesce(c.first_school_code, s.school_code) as school_id, s.period[:9] as year,
            cast(s.period[:4] as integer) as start_year
        from school as s
        left join read_csv('{changes}', header = true, all_varchar = true) as c on c.school_code = s.school_code
        where s.period[11:] = '1';
        create table pupil as
        select p.*, s.school_id, s.year, s.start_year, stage_of(p.grade_code) as stage,
            date_sub('year', p.birth_date, make_date(s.start_year, 8, 31)) as age
        from student as p join site as s on s.school_code = p.school_code and s.period = p.period
        where p.status_code in ('01', '05')
        """
    )
    kinds = ", ".join(f"('{kind}', '{stage}')" for kind, stages_ in KIND_STAGES.items() for stage in stages_)
    connection.execute(
        f"""
        create table taught as
        select s.school_code, s.year, k.stage from site as s
        join (values {kinds}) as k(kind, stage) on k.kind = s.school_kind_code
        union
        select school_code, year, stage from pupil
        """
    )
    return connection


def areas(rows: str, *, school_level: bool = True) -> str:
    """Give each row (which has school_id and division_code) to its school, county and city."""
    levels = [("county", "division_code"), ("city", f"'{CITY}'")]
    if school_level:
        levels.insert(0, ("school", "school_id"))
    return " union all ".join(
        f"select *, '{level}' as area_level, {area} as area_id from ({rows})" for level, area in levels
    )


def figure_differences(warehouse: Path, truth: duckdb.DuckDBPyConnection, figures: str) -> list[str]:
    """Compare figures with the built warehouse; say which rows are missing, too many or have another value."""
    truth.execute(f"create or replace table figure as {figures}")
    truth.execute(f"attach '{warehouse}' as built (read_only)")
    keys = ("indicator_code", "period", "area_level", "area_id", "stage", "breakdown", "breakdown_value")
    on = " and ".join(f"mart.{key} = figure.{key}" for key in keys)
    shown = " || ' ' || ".join(f"coalesce(mart.{key}, figure.{key})" for key in keys)
    rows = truth.execute(
        f"""
        with mart as (
            select * from built.analysis.indicator_value
            where indicator_code in (select distinct indicator_code from figure)
        )
        select {shown} || ': ' || case
            when mart.area_id is null then 'missing' when figure.area_id is null then 'too many'
            else coalesce(mart.value::varchar, 'null') || ' is not ' || coalesce(figure.value::varchar, 'null') end
        from mart full join figure on {on}
        where mart.area_id is null or figure.area_id is null or (mart.value is null) <> (figure.value is null)
            or abs(mart.value - figure.value) > {ONE_UNIT_OF_ROUNDING}
        order by 1
        """
    ).fetchall()
    truth.execute("detach built")
    return [row[0] for row in rows]
