"""A small published city, written by hand: five schools, four organisations, tables of every level and scope."""

from __future__ import annotations

import duckdb

from edu.paths import Home
from warehouse.publish import publish

SCHOOLS = {
    # school_id: (codes of two terms, managing organisation of two terms, division in which it lies)
    "S1000000001": (("1000000001", "1000000001"), ("421002", "421002"), "421002"),
    "S1000000002": (("1000000002", "1000000002"), ("421002", "421002"), "421002"),
    # A school of the city that lies in a county.
    "S1000000003": (("1000000003", "1000000003"), ("421000", "421000"), "421002"),
    # One that changed hands: the county that manages it now sees all of it.
    "S1000000004": (("1000000004", "1000000004"), ("421002", "421003"), "421003"),
    # One whose code changed with its kind.
    "S1000000005": (("1000000005", "2000000005"), ("421003", "421003"), "421003"),
}
PERIODS = (("2023-2024/1", "2023-09-01"), ("2024-2025/1", "2024-09-01"))
COLUMNS = {
    ("query", "school", "L2"): "school_id managing_org division_code snapshot_date pupils note",
    ("query", "health_by_division", "L2"): "division_code pupils",
    ("query", "figure_by_area", "L2"): "school_id division_code pupils",
    ("query", "activity", "L2"): "submitter_org clicks",
    ("query", "unowned", "L2"): "topic pupils",
    ("query", "student", "L3"): "person_id school_id snapshot_date grade_code age disability_code tags",
    ("query", "case_file", "L4"): "person_id school_id finding",
    ("visualization", "pupils", "L1"): "division_code pupils ratio",
}


def make(home: Home, *, extra: int = 0, publish_it: bool = True) -> None:
    """Write the warehouse and publish it; `extra` changes every figure, so that versions can be told apart."""
    home.warehouse.unlink(missing_ok=True)
    with duckdb.connect(str(home.warehouse)) as c:
        for schema in ("query", "visualization", "management", "storage"):
            c.execute(f"create schema {schema}")
        c.execute(
            "create table storage.dim_school(school_id text, school_code text, managing_org text, period text, snapshot_date date)"
        )
        c.execute(
            "create table query.school(school_id text, managing_org text, division_code text, snapshot_date date, pupils bigint, note text)"
        )
        c.execute(
            "create table query.student(person_id text, school_id text, snapshot_date date, grade_code text, age integer, disability_code text, tags text[])"
        )
        number = 0
        for school_no, (school_id, (codes, orgs, division)) in enumerate(SCHOOLS.items(), 1):
            for (period, day), code, org in zip(PERIODS, codes, orgs, strict=True):
                c.execute("insert into storage.dim_school values (?, ?, ?, ?, ?)", [school_id, code, org, period, day])
                note = ['a,"b"', None, "", "荆州\n实验", "=1+1"][school_no - 1]
                c.execute(
                    "insert into query.school values (?, ?, ?, ?, ?, ?)",
                    [school_id, org, division, day, 10 * school_no + extra, note],
                )
                for n in range(3 + school_no):
                    number += 1
                    values = [
                        f"p{number:04}",
                        school_id,
                        day,
                        f"{n % 3 + 1}",
                        7 + n,
                        "61" if n == 0 else None,
                        ["a", "b"],
                    ]
                    c.execute("insert into query.student values (?, ?, ?, ?, ?, ?, ?)", values)
        c.execute(
            "create table query.health_by_division as select * from (values ('421002', 11), ('421003', 12)) as v(division_code, pupils)"
        )
        c.execute(
            "create table query.figure_by_area as select * from (values ('S1000000001', '421002', 1), "
            "('S1000000003', '421002', 2), (null, '421002', 3), (null, '421003', 4), (null, '421000', 5)) "
            "as v(school_id, division_code, pupils)"
        )
        c.execute(
            "create table query.activity as select * from (values ('421002', 1), ('2000000005', 2), ('oulad', 3)) as v(submitter_org, clicks)"
        )
        c.execute("create table query.unowned as select 'x' as topic, 5 as pupils")
        c.execute(
            "create table query.case_file as select 'p0001' as person_id, 'S1000000001' as school_id, 'secret' as finding"
        )
        c.execute(
            f"create table visualization.pupils as select '421002' as division_code, {60 + extra} as pupils, 1.25::decimal(8,2) as ratio"
        )
        c.execute("comment on table query.school is 'One school at one date.'")
        c.execute(
            "create table management.column_catalog(schema_name text, table_name text, column_name text, position integer, "
            "data_type text, label_zh text, description text, privacy text, level text, is_volatile boolean, is_pseudonym boolean)"
        )
        for (schema, table, level), names in COLUMNS.items():
            for position, name in enumerate(names.split()):
                privacy = "sensitive" if name == "disability_code" else "ordinary"
                values = [
                    schema,
                    table,
                    name,
                    position,
                    "",
                    f"名称{name}",
                    f"The {name}.",
                    privacy,
                    level,
                    False,
                    name == "person_id",
                ]
                c.execute(f"insert into management.column_catalog values ({', '.join('?' * 11)})", values)
    if publish_it:
        publish(home)
