"""A figure leads to the rows that make it, on a small hand-made warehouse."""

from __future__ import annotations

import json

import duckdb
import pytest

from edu.paths import Home
from warehouse.trace import TraceError, trace

MODELS = {
    "fct_enrolment_snapshot": ("storage", []),
    "dim_stage": ("storage", []),
    "ana_enrolment": ("analysis", ["fct_enrolment_snapshot"]),
    "viz_pupils": ("visualization", ["ana_enrolment", "dim_stage"]),
}
DATA = """
create schema storage; create schema analysis; create schema visualization; create schema collection;
create table storage.dim_stage as select 'primary' as stage;
create table storage.dim_school as select * from (values ('S1', '1', 'p', 'y', 1), ('S2', '2', 'p', 'y', 1))
    as v(school_id, school_code, period, school_year, term);
create table storage.unit_current as select * from (values
    ('student', '1', '1', 'p', 's1', 2, false), ('student', '1', '1', 'p', 's2', 1, false),
    ('student', '2', '2', 'p', 's3', 1, false)
) as v(dataset, unit_owner, source_owner, period, submission_id, delivery_rank, is_held);
create table collection.submission as select submission_id, 'student' as dataset, '421002' as submitter_org, 'p' as period,
    timestamp '2024-09-05 08:00:00' as received_at, submission_id || '.xlsx' as source_ref
    from (values ('s1'), ('s2'), ('s3')) as v(submission_id);
-- s2, a partial delivery, brings pupil b anew and not the others; d left.
create table collection.student as select * from (values
    ('s1', null, 2, '1', 'p', 'a'), ('s1', null, 3, '1', 'p', 'b'), ('s1', null, 4, '1', 'p', 'd'),
    ('s2', null, 2, '1', 'p', 'b'), ('s3', '名册', 2, '2', 'p', 'c')
) as v(submission_id, sheet, row_number, school_code, period, row_key);
create table storage.fct_enrolment_snapshot as select * from (values
    ('S1', 'p', 'primary', '11', 'a', true), ('S1', 'p', 'primary', '12', 'b', true),
    ('S1', 'p', 'primary', '12', 'd', false), ('S2', 'p', 'primary', '11', 'c', true)
) as v(school_id, period, stage, grade_code, row_key, is_enrolled);
create table analysis.enrolment as select school_id, period, stage, grade_code, count(*) as pupils
    from storage.fct_enrolment_snapshot where is_enrolled group by all;
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
