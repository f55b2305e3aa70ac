"""A figure leads to the rows that make it, on a small hand-made warehouse."""

from __future__ import annotations

import json

import duckdb
import pytest

from edu.paths import Home
from warehouse.trace import TraceError, trace

MODELS = {
    "fct_enrolment_snapshot": ("storage", ["col_student"]),
    "fct_finance": ("storage", ["col_finance"]),
    "fct_population": ("storage", ["col_population"]),
    "dim_stage": ("storage", []),
    "ana_enrolment": ("analysis", ["fct_enrolment_snapshot"]),
    "ana_scale_part": ("analysis", ["fct_finance"]),
    "ana_indicator_part": ("analysis", ["ana_scale_part"]),
    "ana_indicator_value": ("analysis", ["ana_indicator_part"]),
    "ana_terminal_part": ("analysis", ["fct_enrolment_snapshot"]),
    "qry_indicator": ("query", ["ana_indicator_value"]),
    "qry_population": ("query", ["fct_population"]),
    "ana_place_forecast": ("analysis", ["ana_enrolment"]),
    "viz_submission_coverage": ("visualization", []),
    "viz_pupils": ("visualization", ["ana_enrolment", "dim_stage"]),
}
DATA = """
create schema seed; create schema storage; create schema analysis; create schema visualization; create schema collection; create schema query;
create table storage.dim_stage as select unnest(['primary', 'junior', 'compulsory', 'all']) as stage;
create table seed.stage_member as select * from (values ('compulsory', 'primary', 'same'), ('compulsory', 'junior', 'same'),
    ('compulsory', 'senior', 'above'), ('primary', 'primary', 'same')) as v(stage_group, stage, relation);
create table storage.dim_school as select * from (values ('S1', '1', 'p', 'y', 1), ('S2', '2', 'p', 'y', 1))
    as v(school_id, school_code, period, school_year, term);
create table storage.map_school_code as select * from (values ('S1', '1'), ('S2', '2'), ('S3', '3')) as v(school_id, school_code);
create table storage.dim_division as select * from (values ('421000', 'city'), ('421002', 'county'), ('421003', 'county'))
    as v(division_code, division_level);
alter table storage.dim_school add column division_code varchar;
alter table storage.dim_school add column evaluated_division_code varchar;
alter table storage.dim_school add column managing_org varchar;
insert into storage.dim_school values ('S3', '3', 'p', 'y', 1, null, null, null);
update storage.dim_school set division_code = case school_id when 'S2' then '421003' else '421002' end;
create table storage.unit_current as select * from (values
    ('student', '1', '1', 'p', 's1', 2, false), ('student', '1', '1', 'p', 's2', 1, false),
    ('student', '2', '2', 'p', 's3', 1, false), ('population', '421002', '421002', 'FY2024', 'p1', 1, false),
    ('finance', '1', '1', 'FY2024', 'f1', 1, false), ('finance', '2', '2', 'FY2024', 'f1', 1, false),
    ('finance', '3', '3', 'FY2024', 'f1', 1, true)
) as v(dataset, unit_owner, source_owner, period, submission_id, delivery_rank, is_held);
create table collection.submission as select submission_id, 'student' as dataset, '421002' as submitter_org, 'p' as period,
    timestamp '2024-09-05 08:00:00' as received_at, submission_id || '.xlsx' as source_ref
    from (values ('s1'), ('s2'), ('s3'), ('f1'), ('p1')) as v(submission_id);
-- s2, a partial delivery, brings pupil b anew and not the others; d left.
create table collection.student as select * from (values
    ('s1', null, 2, '1', 'p', 'a'), ('s1', null, 3, '1', 'p', 'b'), ('s1', null, 4, '1', 'p', 'd'),
    ('s2', null, 2, '1', 'p', 'b'), ('s3', '名册', 2, '2', 'p', 'c')
) as v(submission_id, sheet, row_number, school_code, period, row_key);
alter table collection.student add column snapshot_date date;
create table collection.finance as select * from (values
    ('f1', null, 2, '1', 'FY2024', 'a', null::date), ('f1', null, 3, '2', 'FY2024', 'b', null), ('f1', null, 4, '3', 'FY2024', 'c', null)
) as v(submission_id, sheet, row_number, school_code, period, row_key, snapshot_date);
create table storage.fct_finance as select * from (values
    ('S1', 'FY2024', 2024, 'a', 10), ('S2', 'FY2024', 2024, 'b', 20), ('S3', 'FY2024', 2024, 'c', 40)
) as v(school_id, period, fiscal_year, row_key, amount_yuan);
create table collection.population as select 'p1' as submission_id, null::varchar as sheet, 2 as row_number,
    '421002' as submitter_org, 'FY2024' as period, 'x' as row_key, null::date as snapshot_date;
create table storage.fct_population as select '421002' as submitter_org, 'FY2024' as period, 2024 as fiscal_year, 'x' as row_key,
    '421002' as division_code, 7 as persons;
create table query.population as select 2024 as fiscal_year, '421002' as division_code, 7 as persons;
create table analysis.scale_part as select 'money' as indicator_code, period, school_id as area_id, d as division_code, school_id,
    'primary' as stage, amount_yuan as numerator from storage.fct_finance inner join (values ('S1', '421002'),
    ('S2', '421003'), ('S3', '421002')) as v(s, d) on s = school_id;
insert into analysis.scale_part values ('other', 'FY2024', 'S1', '421002', 'S1', 'primary', 1);
create table analysis.indicator_part as select * from analysis.scale_part;
create table analysis.indicator_value as select indicator_code, period, 'county' as area_level, division_code as area_id,
    division_code, null::varchar as school_id, null::varchar as stage, sum(numerator) as numerator
    from analysis.indicator_part group by all
    union all select indicator_code, period, 'city', '421000', '421000', null, null, sum(numerator)
    from analysis.indicator_part group by all;
create table query.indicator as select * from analysis.indicator_value;
create table analysis.place_forecast as select 1 as learners;
create table visualization.submission_coverage as select 1 as expected;
create table storage.fct_enrolment_snapshot as select * from (values
    ('S1', 'p', 'primary', '11', 'a', true), ('S1', 'p', 'primary', '12', 'b', true),
    ('S1', 'p', 'primary', '12', 'd', false), ('S2', 'p', 'primary', '11', 'c', true)
) as v(school_id, period, stage, grade_code, row_key, is_enrolled);
create table analysis.enrolment as select school_id, period, stage, grade_code, count(*) as pupils
    from storage.fct_enrolment_snapshot where is_enrolled group by all;
create table analysis.terminal_part as select period, school_id, stages as stage, count(*) as numerator
    from storage.fct_enrolment_snapshot, (values ('all'), ('compulsory')) as v(stages) where is_enrolled group by all;
create table visualization.pupils as select stage, sum(pupils) as pupils from analysis.enrolment group by stage;
"""


@pytest.fixture
def built(edu_home: Home) -> Home:
    with duckdb.connect(str(edu_home.warehouse)) as connection:
        connection.execute(DATA)
    nodes = {
        f"model.edu.{name}": {
            "resource_type": "model",
            "name": name,
            "schema": layer,
            "alias": name[4:] if layer != "storage" else name,
            "depends_on": {"nodes": [f"model.edu.{parent}" for parent in parents]},
        }
        for name, (layer, parents) in MODELS.items()
    }
    path = edu_home.logs / "dbt" / "target" / "manifest.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"nodes": nodes}), encoding="utf-8")
    return edu_home


def places(home: Home, table: str, where: str = "true") -> list[tuple[str, int]]:
    found = trace(home, table, where)
    assert found.rows_total == len(found.rows) == sum(item["rows"] for item in found.submissions)
    return [(row["submission_id"], row["row_number"]) for row in found.rows]


def test_a_figure_leads_to_its_rows_and_no_others(built: Home) -> None:
    assert places(built, "analysis.enrolment", "school_id = 'S1' and grade_code = '11'") == [("s1", 2)]
    # The later delivery's row counts for b; d is not enrolled.
    assert places(built, "analysis.enrolment", "school_id = 'S1' and grade_code = '12'") == [("s2", 2)]
    assert places(built, "analysis.enrolment", "school_id = 'S2'") == [("s3", 2)]


def test_a_figure_of_a_page_leads_through_the_marts(built: Home) -> None:
    found = trace(built, "visualization.pupils", "stage = 'primary'")
    assert [(step["table"], step["rows"]) for step in found.steps] == [
        ("analysis.enrolment", 3),
        ("storage.fct_enrolment_snapshot", 3),
    ]
    assert found.figures == [{"stage": "primary", "pupils": 3}]
    assert (found.facts[0]["rows"], found.facts[0]["rows_of_submissions"]) == (3, 3)
    assert json.loads(found.to_json())["rows_total"] == 3


def test_a_figure_of_an_area_leads_to_the_schools_of_the_area(built: Home) -> None:
    # School 3 lies in the county too, but its unit is held.
    county = "indicator_code = 'money' and area_id = '{}'"
    assert places(built, "query.indicator", county.format("421002")) == [("f1", 2)]
    assert places(built, "query.indicator", county.format("421003")) == [("f1", 3)]
    assert places(built, "query.indicator", county.format("421000")) == [("f1", 2), ("f1", 3)]


@pytest.mark.parametrize("stage", ["all", "compulsory"])
def test_a_figure_of_several_stages_leads_to_the_rows_of_each(built: Home, stage: str) -> None:
    wanted = [("s1", 2), ("s2", 2)]
    assert places(built, "analysis.terminal_part", f"school_id = 'S1' and stage = '{stage}'") == wanted


def test_a_figure_of_an_office_leads_to_the_offices_row(built: Home) -> None:
    assert places(built, "query.population") == [("p1", 2)]


@pytest.mark.parametrize(
    ("table", "instead"),
    [
        ("analysis.place_forecast", "analysis.place_progression"),
        ("visualization.submission_coverage", "management.expected_submission"),
    ],
)
def test_what_no_rows_add_up_to_is_refused_and_says_what_it_is_made_of(built: Home, table: str, instead: str) -> None:
    with pytest.raises(TraceError, match=instead):
        trace(built, table)


@pytest.mark.parametrize(
    ("table", "where"),
    [
        ("storage.fct_enrolment_snapshot", "true"),
        ("analysis.nothing", "true"),
        ("analysis.enrolment", "no_such_column = 1"),
        ("analysis.enrolment", "pupils > 99"),
        ("analysis.enrolment", "true; drop table target"),
        ("analysis.enrolment", "school_id in (select content from read_text('/etc/hostname'))"),
    ],
)
def test_what_cannot_be_traced_says_so(built: Home, table: str, where: str) -> None:
    with pytest.raises(TraceError):
        trace(built, table, where)
