"""A small published warehouse to share from."""

from __future__ import annotations

import duckdb
import pytest
from shares import MANAGED_BY, PUPILS

from edu.paths import Home
from edu.pseudonym import load_or_create_key
from edu.settings import PROJECT_ROOT
from warehouse.publish import publish


@pytest.fixture
def home(edu_home: Home) -> Home:
    load_or_create_key(edu_home)
    seed = PROJECT_ROOT / "dbt_project" / "seeds" / "share_catalog.csv"
    with duckdb.connect(str(edu_home.warehouse)) as c:
        for schema in ("query", "visualization", "management", "storage", "seed"):
            c.execute(f"create schema {schema}")
        c.execute(f"create table management.share_catalog as select * from read_csv('{seed}', all_varchar = true)")
        c.execute(
            "create table seed.suppression_threshold as select 'ordinary' as topic, 5 as threshold, date '2022-01-01' as valid_from"
        )
        c.execute(
            "create table storage.map_restriction(person_id text); create table storage.dim_school(school_id text, school_code text, managing_org text, period text, snapshot_date date)"
        )
        for school, org in MANAGED_BY.items():
            c.execute(
                "insert into storage.dim_school values (?, ?, ?, '2024-2025/1', '2024-09-01')",
                [school, school[1:], org],
            )
        fields = "school_year text, term integer, snapshot_date date, division_code text, division_name text, school_id text, school_name text, stage text, stage_name text, grade_code text, grade_name text, sex_code text, sex_name text, pupils bigint, pupils_boarding bigint"
        c.execute(f"create table query.enrolment({fields})")
        for (school, grade, sex), count in PUPILS.items():
            name = "=HYPERLINK(1)" if school == "S1000000002" else "荆州小学"
            c.execute(
                "insert into query.enrolment values ('2024-2025', 1, '2024-09-01', '421002', '沙市区', ?, ?, 'primary', '小学', ?, '', ?, '', ?, 1)",
                [school, name, grade, sex, count],
            )
        c.execute(
            "create table storage.fct_enrolment_snapshot(person_id text, school_id text, period text, school_year text, term integer, snapshot_date date, stage text, grade_code text, class_code text, sex_code text, birth_date date, status_code text, is_enrolled boolean, disability_code text)"
        )
        for number, school in enumerate(MANAGED_BY):
            for period in ("2024-2025/1", "2024-2025/2"):
                c.execute(
                    "insert into storage.fct_enrolment_snapshot values (?, ?, ?, '2024-2025', ?, '2024-09-01', 'primary', '11', '1101', '1', '2017-01-01', '1', true, '61')",
                    [f"{number:032x}", school, period, int(period[-1])],
                )
        c.execute(
            "create table management.column_catalog as select schema_name, table_name, column_name, column_index as position, '标签' as label_zh, 'text' as description, "
            "case when schema_name = 'query' then 'L2' else 'L4' end as level, case when column_name = 'disability_code' then 'sensitive' else 'ordinary' end as privacy, "
            "false as is_volatile, column_name = 'person_id' as is_pseudonym from duckdb_columns() where schema_name in ('query', 'storage')"
        )
    publish(edu_home)
    return edu_home
