"""Gates on small hand-made databases: each suite passes on good rows and fails on bad ones."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from edu import audit
from edu.paths import Home
from edu.runs import ensure_empty
from expectations.gate import SUITES, GateReport, gate_bounds, run_gate
from expectations.release import NotHeldError, NotReleasableError, held_units, release

DAY = date(2026, 11, 24)

GOOD = """
create schema collection; create schema storage; create schema management; create schema analysis;
create schema query; create schema visualization;
create table collection.submission as select * from (values
    ('s1', 'd1', 'accepted', 40, 40, 0, 'k', timestamp '2025-09-05 08:00:00'),
    ('s2', 'd1', 'partly_accepted', 50, 40, 10, 'k', timestamp '2025-09-06 08:00:00')
) as v(submission_id, contract_digest, status, rows_read, rows_accepted, rows_quarantined, key_fingerprint, received_at);
create schema seed; create table seed.school_code_change (school_code varchar, first_school_code varchar);
create table collection.release as select * from (values ('', '', '', '', '')) as v(
    dataset, school_code, period, submission_id, expectation) where false;
create table collection.unit as select * from (values
    ('s1', 'student', '2142000001', '2142000001', '2025-2026/1', date '2025-09-01', 40, 0),
    ('s2', 'student', '2142000002', '2142000002', '2025-2026/1', date '2025-09-01', 50, 10)
) as v(submission_id, dataset, school_code, unit_owner, period, snapshot_date, rows_read, rows_quarantined);
create table collection.school as select * from (values
    ('2142000001', '2025-2026/1'), ('2142000002', '2025-2026/1')) as v(school_code, period);
create table storage.dim_school as select * from (values
    ('S1', '2025-2026/1', '211', '421002', '421002')
) as v(school_id, period, school_kind_code, division_code, evaluated_division_code);
create table storage.dim_division as select * from (values
    ('421002', 'county', true), ('421071', 'zone', true)) as v(division_code, division_level, is_current);
create table storage.fct_enrolment_snapshot as
    select 'p' || i as person_id, 'S1' as school_id, date '2025-03-01' as snapshot_date, 'primary' as stage,
        true as is_enrolled, 'c' as class_code from range(100) as r(i)
    union all
    select 'p' || i, 'S1', date '2025-09-01', 'primary', true, 'c' from range(101) as r(i);
create table storage.fct_staff_snapshot as select 't1' as person_id, 'S1' as school_id, date '2025-09-01' as snapshot_date;
create table analysis.class_size as select * from (values
    (date '2025-03-01', 100, '6'), (date '2025-09-01', 101, '6')) as v(snapshot_date, pupils, size_band_code);
create table analysis.balanced_county as select * from (values
    ('2025-2026', '421002', 'primary', 1, 0.4, 5.0, 'provisional')
) as v(school_year, division_code, stage, indicator_no, cv, mean, data_status);
create table management.submission_calendar as select 'student' as dataset, '2025-2026/1' as period,
    date '2025-10-01' as due_at_city, 90 as coverage_floor_pct;
create table management.submission_status as select 'student' as dataset, '2025-2026/1' as period, 95 as received, 100 as expected;
create table management.column_catalog as select * from (values
    ('query', 'school', 'school_name', '校名', 'Name.', 'L2', false)
) as v(schema_name, table_name, column_name, label_zh, description, level, is_pseudonym);
create table query.school as select '荆州一小' as school_name;
create table visualization.headline as select '在校生' as label_zh;
"""

GOOD += """
alter table collection.unit add column coverage varchar; update collection.unit set coverage = 'full';
alter table collection.unit add column rows_accepted bigint; update collection.unit set rows_accepted = 40;
alter table storage.fct_enrolment_snapshot add column school_year varchar;
alter table storage.fct_enrolment_snapshot add column term integer;
alter table storage.fct_enrolment_snapshot add column sex_code varchar;
update storage.fct_enrolment_snapshot set sex_code = '1', school_year = case snapshot_date when date '2025-09-01'
    then '2025-2026' else '2024-2025' end, term = case snapshot_date when date '2025-09-01' then 1 else 2 end;
create table storage.map_person as select 'xjh:p1' as evidence_key, 'p1' as person_id;
create table storage.unit_status as select 'student' as dataset, '2142000001' as unit_owner, '2025-2026/1' as period,
    'provisional' as data_status;
create table analysis.enrolment as select school_id, snapshot_date, '11' as grade_code, count(*) as pupils,
    0 as pupils_female, 0 as pupils_boarding, 'provisional' as data_status from storage.fct_enrolment_snapshot group by all;
create table analysis.staffing as select 'S1' as school_id, date '2025-09-01' as snapshot_date, 'primary' as stage,
    160 as pupils, 10 as full_time_teachers, 10 as qualified_teachers, 100.0 as qualified_pct,
    50.0 as higher_qualified_pct, 'provisional' as data_status;
create table management.row_count_flow as select 's1' as submission_id, 50 as rows_read, 10 as rows_quarantined,
    40 as rows_accepted, 30 as rows_counting, 1 as rows_held, 2 as rows_waiting, 0 as rows_withdrawn, 3 as rows_superseded, 4 as rows_repeated;
create table management.row_count_fact as select 'student' as dataset, '2025-2026/1' as period, 40 as rows_counting,
    40 as rows_fact, 39 as rows_in_figures;
"""


GOOD += """
create table collection.campus_facility (submission_id varchar, school_code varchar, period varchar, campus_no varchar,
    land_area_m2 decimal(18, 2), building_area_m2 decimal(18, 2), teaching_area_m2 decimal(18, 2),
    sports_ground_area_m2 decimal(18, 2), equipment_value_yuan decimal(18, 2));
create table collection.finance (submission_id varchar, school_code varchar, period varchar, amount_yuan decimal(18, 2));
"""


# Each school of the register came in a delivery of its own.
REGISTER = """
alter table collection.school add column submission_id varchar;
alter table collection.school add column is_deleted boolean;
update collection.school set submission_id = 'r1', is_deleted = false;
insert into collection.delivery by name select submission_id, 'school' as dataset, school_code, school_code as unit_owner,
    school_code as source_owner, period, null::date as snapshot_date, 1 as rows_read, 0 as rows_quarantined,
    'full' as coverage, true as is_current, 1 as rows_accepted, 1 as delivery_rank from collection.school;
"""


def run(home: Home, gate: str, change: str = "", counting: str = "") -> GateReport:
    """Run a gate on the good rows after `change`; `counting` says afterwards which deliveries do not count."""
    ensure_empty(home)
    home.warehouse.unlink(missing_ok=True)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(GOOD)
        if change:
            connection.execute(change)
        connection.execute(
            "create table collection.delivery as select *, school_code as source_owner, 'full' as coverage, "
            "true as is_current, "
            "rows_read - rows_quarantined as rows_accepted, 1 as delivery_rank from collection.unit"
        )
        connection.execute(REGISTER)
        if counting:
            connection.execute(counting)
    return run_gate(gate, home=home, database=home.warehouse, run_id="t", suites=SUITES, today=DAY)


@pytest.mark.parametrize("gate", ["collection", "storage", "publication"])
def test_good_rows_pass(edu_home: Home, gate: str) -> None:
    report = run(edu_home, gate)
    assert (report.failed_global, report.held_units) == ([], [])
    assert report.checks >= 8
    assert report.docs_path is not None
    assert report.docs_path.exists()
    # The file can be opened for writing at once: no engine stayed open.
    duckdb.connect(str(edu_home.warehouse)).close()


BAD = [
    (
        "collection",
        "insert into collection.submission select * from collection.submission limit 1",
        "submission_id_unique",
    ),
    ("collection", "update collection.submission set contract_digest = null", "contract_digest_present"),
    ("collection", "update collection.submission set status = 'odd'", "status_known"),
    ("collection", "update collection.submission set rows_read = 99", "rows_add_up"),
    ("collection", "update collection.submission set key_fingerprint = 'x' where submission_id = 's1'", "one_key"),
    ("collection", "delete from collection.school", "registry_present"),
    ("storage", "insert into storage.dim_school select * from storage.dim_school", "school_id_period_unique"),
    ("storage", "update storage.dim_school set school_kind_code = null", "school_kind_code_present"),
    ("storage", "update storage.dim_school set evaluated_division_code = null", "division_known"),
    (
        "storage",
        "update storage.fct_enrolment_snapshot set person_id = null where person_id = 'p1'",
        "person_id_present",
    ),
    ("storage", "update storage.fct_enrolment_snapshot set stage = null where person_id = 'p1'", "stage_present"),
    (
        "storage",
        "insert into storage.fct_enrolment_snapshot select * from storage.fct_enrolment_snapshot where person_id = 'p1'",
        "person_id_school_id_snapshot_date_unique",
    ),
    (
        "storage",
        "delete from storage.fct_enrolment_snapshot where snapshot_date = date '2025-09-01' and person_id > 'p5'",
        "volume_of_the_city",
    ),
    (
        "storage",
        "insert into storage.fct_enrolment_snapshot by name select * replace ('S2' as school_id) "
        "from storage.fct_enrolment_snapshot where person_id < 'p2'",
        "persons_in_two_schools",
    ),
    (
        "storage",
        "insert into storage.fct_staff_snapshot select * from storage.fct_staff_snapshot",
        "person_id_school_id_snapshot_date_unique",
    ),
    (
        "storage",
        "insert into storage.unit_status select * from storage.unit_status",
        "dataset_unit_owner_period_unique",
    ),
    # One row becomes two that add up to it, so that the key alone is wrong.
    (
        "publication",
        "insert into analysis.enrolment by name select * replace (1 as pupils) from analysis.enrolment "
        "where snapshot_date = '2025-09-01'; "
        "update analysis.enrolment set pupils = pupils - 1 where pupils > 1 and snapshot_date = '2025-09-01'",
        "school_id_snapshot_date_grade_code_unique",
    ),
    (
        "publication",
        "insert into analysis.staffing select * from analysis.staffing",
        "school_id_snapshot_date_stage_unique",
    ),
    (
        "publication",
        "insert into management.row_count_fact select * from management.row_count_fact",
        "dataset_period_unique",
    ),
    (
        "publication",
        "insert into analysis.balanced_county select * from analysis.balanced_county",
        "school_year_division_code_stage_indicator_no_unique",
    ),
    ("publication", "update analysis.class_size set size_band_code = null", "size_band_code_present"),
    ("publication", "update analysis.class_size set pupils = 99", "parts_add_up"),
    ("publication", "update analysis.balanced_county set division_code = '421071'", "only_counties"),
    ("publication", "update analysis.balanced_county set cv = -1", "coefficient_possible"),
    ("publication", "update management.submission_status set received = 70", "coverage_after_due_date"),
    ("publication", "update management.column_catalog set label_zh = ''", "all_labelled"),
    ("publication", "update management.column_catalog set is_pseudonym = true", "no_key_served"),
    ("publication", "update management.column_catalog set schema_name = 'visualization'", "no_person_level"),
    ("publication", "update query.school set school_name = '学生421002201209012014'", "no_identifier_shape"),
    ("publication", "update visualization.headline set label_zh = '电话13812345678'", "no_identifier_shape"),
]


@pytest.mark.parametrize(("gate", "change", "check"), BAD, ids=[f"{gate}-{check}" for gate, _, check in BAD])
def test_bad_rows_fail_their_check(edu_home: Home, gate: str, change: str, check: str) -> None:
    report = run(edu_home, gate, change)
    assert len(report.failed_global) == 1, report.failed_global
    assert check in report.failed_global[0]


def test_a_ratio_that_cannot_be_is_a_warning_in_the_results_and_stops_nothing(edu_home: Home) -> None:
    # 160 pupils of 10 teachers; 2 teachers make 80 a teacher, and the bound of the seed is 60.
    change = "update analysis.staffing set full_time_teachers = 2, qualified_teachers = 2"
    report = run(edu_home, "publication", change)
    assert report.failed_global == []
    assert report.results_path is not None
    rows = pq.read_table(report.results_path).to_pylist()
    assert [row["is_success"] for row in rows if row["expectation"] == "ratio_of_the_city"] == [False]
    good = pq.read_table(run(edu_home, "publication").results_path).to_pylist()
    assert [row["is_success"] for row in good if row["expectation"] == "ratio_of_the_city"] == [True]


def test_every_rule_of_every_suite_has_a_failing_case() -> None:
    here = Path(__file__)
    tests = here.read_text(encoding="utf-8") + here.with_name("test_plausibility.py").read_text(encoding="utf-8")
    rules = {rule.name for suite in SUITES for rule in suite.build(gate_bounds(suite.gate, DAY))}
    assert {name for name in rules if f'"{name}"' not in tests and f": {name}" not in tests} == set()


def test_before_the_due_date_coverage_is_not_asked_for(edu_home: Home) -> None:
    report = run(
        edu_home,
        "publication",
        "update management.submission_status set received = 5; update management.submission_calendar set due_at_city = '2026-12-01'",
    )
    assert report.failed_global == []


def test_bad_units_are_held_and_the_rest_goes_on(edu_home: Home) -> None:
    report = run(
        edu_home,
        "collection",
        "update collection.unit set rows_quarantined = 30 where submission_id = 's2'; "
        "update collection.submission set rows_quarantined = 30, rows_accepted = 20 where submission_id = 's2'; "
        "insert into collection.unit values ('s1', 'class', '2142000009', '2142000009', '2025-2026/1', date '2025-09-01', 3, 0, 'full', 3)",
    )
    assert report.failed_global == []
    assert sorted(report.held_units) == [
        "class 2142000009 2025-2026/1: school_registered",
        "student 2142000002 2025-2026/1: quarantined_share",
    ]
    assert report.results_path is not None
    rows = pq.read_table(report.results_path).to_pylist()
    held = {
        (row["dataset"], row["school_code"], row["submission_id"], row["observed"])
        for row in rows
        if row["scope"] == "unit"
    }
    assert held == {
        ("student", "2142000002", "s2", "60.0 % of 50"),
        ("class", "2142000009", "s1", "no such school"),
    }
    assert all(row["notes"] for row in rows)


SECOND_SCHOOL = "dataset = 'school' and source_owner = '2142000002'"
DELETED_BY_A_LATER_ONE = (
    "insert into collection.school values ('2142000002', '2025-2026/1', 'r2', true); "
    f"update collection.delivery set delivery_rank = 2 where {SECOND_SCHOOL}; "
    "insert into collection.delivery by name select * replace ('r2' as submission_id, 1 as delivery_rank) "
    f"from collection.delivery where {SECOND_SCHOOL}"
)


@pytest.mark.parametrize(
    ("counting", "is_held"),
    [
        (f"update collection.delivery set is_current = false where {SECOND_SCHOOL}", True),
        (DELETED_BY_A_LATER_ONE, True),
        (DELETED_BY_A_LATER_ONE.replace("'r2', true", "'r2', false"), False),
    ],
    ids=["withdrawn", "deleted later", "sent again"],
)
def test_a_register_that_does_not_count_places_nobody(edu_home: Home, counting: str, is_held: bool) -> None:
    expected = ["student 2142000002 2025-2026/1: school_registered"] if is_held else []
    assert run(edu_home, "collection", counting=counting).held_units == expected


def test_a_share_of_few_rows_holds_nothing(edu_home: Home) -> None:
    report = run(
        edu_home,
        "collection",
        "update collection.unit set rows_read = 19, rows_quarantined = 19 where submission_id = 's2'",
    )
    assert report.held_units == []


LAST_TERM = (
    "insert into collection.unit values "
    "('s0', 'student', '2142000001', '2142000001', '2024-2025/2', date '2025-03-01', {rows}, 0, 'full', {rows}); "
    "insert into collection.school values ('2142000001', '2024-2025/2'); "
    "insert into collection.submission values "
    "('s0', 'd1', 'accepted', {rows}, {rows}, 0, 'k', timestamp '2025-03-05 08:00:00')"
)


@pytest.mark.parametrize(
    ("last_rows", "is_held"),
    [(40, False), (80, False), (81, True), (20, False), (19, True)],
    ids=["the same", "halved", "less than half", "doubled", "more than doubled"],
)
def test_a_roster_out_of_proportion_is_held(edu_home: Home, last_rows: int, is_held: bool) -> None:
    # The unit has 40 rows now; the contract's bounds are 0.5 and 2.
    report = run(edu_home, "collection", LAST_TERM.format(rows=last_rows))
    expected = ["student 2142000001 2025-2026/1: volume_against_last_period"] if is_held else []
    assert report.held_units == expected


def test_a_small_roster_may_change_as_it_likes(edu_home: Home) -> None:
    few = "; update collection.unit set rows_read = 29, rows_accepted = 29 where submission_id = 's1'"
    few += "; update collection.submission set rows_read = 29, rows_accepted = 29 where submission_id = 's1'"
    assert run(edu_home, "collection", LAST_TERM.format(rows=5) + few).held_units == []


def test_a_changed_school_code_is_the_same_school(edu_home: Home) -> None:
    change = LAST_TERM.format(rows=100).replace("'2142000001'", "'2142000099'")
    moved = change + "; insert into seed.school_code_change values ('2142000001', '2142000099')"
    assert run(edu_home, "collection", change).held_units == []
    assert len(run(edu_home, "collection", moved).held_units) == 1


def rosters(*rows: int) -> str:
    """Return deliveries f0, f1, ... of the roll of school 2142000002 in the first terms of 2020, 2021, ..."""
    years = list(enumerate(rows))
    units = ", ".join(
        f"('f{n}', 'student', '2142000002', '2142000002', '{2020 + n}-{2021 + n}/1', date '{2020 + n}-09-01', "
        f"{count}, 0, 'full', {count})"
        for n, count in years
    )
    received = ", ".join(
        f"('f{n}', 'd1', 'accepted', {count}, {count}, 0, 'k', timestamp '{2020 + n}-09-05 08:00:00')"
        for n, count in years
    )
    registered = ", ".join(f"('2142000002', '{2020 + n}-{2021 + n}/1')" for n, _ in years)
    return (
        "delete from collection.unit where submission_id = 's2'; "
        f"insert into collection.unit values {units}; insert into collection.submission values {received}; "
        f"insert into collection.school values {registered}"
    )


@pytest.mark.parametrize(
    ("rows", "released", "expected"),
    [
        ([1000, 100, 1010], None, [1]),
        ([1000, 100, 100, 1010], None, [1, 2]),
        ([1000, 100, 110, 1010], 1, [3]),
        ([1000, 600, 310], None, []),
        ([40, 0, 41], None, [1]),
        ([0, 40, 41], None, []),
    ],
    ids=["a part once", "a part twice", "released", "shrinks by steps", "nothing once", "nothing first"],
)
def test_a_roster_out_of_proportion_is_no_measure_for_the_next(
    edu_home: Home, rows: list[int], released: int | None, expected: list[int]
) -> None:
    change = rosters(*rows)
    if released is not None:
        change += (
            f"; insert into collection.release values ('student', '2142000002', '{2020 + released}-{2021 + released}/1', "
            f"'f{released}', 'volume_against_last_period')"
        )
    report = run(edu_home, "collection", change)
    assert report.held_units == [
        f"student 2142000002 {2020 + n}-{2021 + n}/1: volume_against_last_period" for n in expected
    ]


def test_what_comes_under_two_names_of_one_school_is_one_roster(edu_home: Home) -> None:
    """900 and 40 rows of one delivery are no halving within it, and 940 are the measure of the next."""
    change = rosters(900, 940) + (
        "; insert into collection.unit values ('f0', 'student', 'sys:b', '2142000002', '2020-2021/1', "
        "date '2020-09-01', 40, 0, 'full', 40); update collection.submission set rows_read = 940, rows_accepted = 940 "
        "where submission_id = 'f0'; update collection.unit set school_code = 'sys:a' "
        "where submission_id = 'f0' and rows_read = 900"
    )
    assert run(edu_home, "collection", change).held_units == []
    report = run(edu_home, "collection", change + "; " + LAST_YEAR_HALVED)
    assert report.held_units == ["student 2142000002 2021-2022/1: volume_against_last_period"]
    assert report.results_path is not None
    [unit] = [row for row in pq.read_table(report.results_path).to_pylist() if row["scope"] == "unit"]
    assert unit["observed"] == "469 rows after 940 in 2020-2021/1"


LAST_YEAR_HALVED = (
    "update collection.unit set rows_read = 469, rows_accepted = 469 where submission_id = 'f1'; "
    "update collection.submission set rows_read = 469, rows_accepted = 469 where submission_id = 'f1'"
)


def premises(*values: tuple[int, str, float, float]) -> str:
    """Return deliveries f<year> of a school's premises: year, campus, equipment in the cell, land in the cell."""
    years = sorted({year for year, *_ in values})
    units = ", ".join(
        f"('f{y}', 'campus_facility', '2142000001', '2142000001', '{y}-{y + 1}', date '{y}-09-01', 1, 0, 'full', 1)"
        for y in years
    )
    submissions = ", ".join(f"('f{y}', 'd1', 'accepted', 1, 1, 0, 'k', timestamp '{y}-09-05 08:00:00')" for y in years)
    registered = ", ".join(f"('2142000001', '{y}-{y + 1}/1')" for y in years)
    rows = ", ".join(
        f"('f{y}', '2142000001', '{y}-{y + 1}', '{campus}', {land}, null, null, null, {equipment})"
        for y, campus, equipment, land in values
    )
    return (
        f"insert into collection.unit values {units}; insert into collection.submission values {submissions}; "
        f"insert into collection.school values {registered}; insert into collection.campus_facility values {rows}"
    )


def held_years(report: GateReport) -> list[str]:
    assert all("figures_against_last_year" in line for line in report.held_units)
    return [line.split()[2][:4] for line in report.held_units]


@pytest.mark.parametrize(
    ("equipment", "expected"),
    [
        ([500_000, 650_000, 700_000], []),
        ([500_000, 50_000_000, 500_000], []),
        ([500_000, 50_000_001], ["2021"]),
        ([500_000, 65, 700_000], ["2021"]),
        ([500_000, 65, 70, 720_000], ["2021", "2022"]),
        ([50, 650_000, 700_000], ["2021", "2022"]),
        ([500_000, 0, 600_000], []),
    ],
    ids=["grows", "a hundred times", "more than that", "in 万元", "in 万元 twice", "first year wrong", "nothing said"],
)
def test_a_figure_in_another_unit_than_last_years_is_held(
    edu_home: Home, equipment: list[int], expected: list[str]
) -> None:
    change = premises(*((year, "01", value, 9000) for year, value in enumerate(equipment, 2020)))
    assert held_years(run(edu_home, "collection", change)) == expected


def test_a_released_figure_is_the_measure_of_the_next_year(edu_home: Home) -> None:
    change = premises((2020, "01", 50, 9000), (2021, "01", 650_000, 9000), (2022, "01", 700_000, 9000))
    change += (
        "; insert into collection.release values "
        "('campus_facility', '2142000001', '2021-2022', 'f2021', 'figures_against_last_year')"
    )
    assert run(edu_home, "collection", change).held_units == []


def test_campuses_and_figures_are_compared_each_with_itself(edu_home: Home) -> None:
    """The second campus has its land in 亩 (9000 / 666.67 = 13.50); one line names both figures of the unit."""
    change = premises((2020, "01", 800, 90), (2020, "02", 500_000, 9000), (2021, "01", 900, 90), (2021, "02", 51, 13.5))
    report = run(edu_home, "collection", change)
    assert held_years(report) == ["2021"]
    assert report.results_path is not None
    [unit] = [row for row in pq.read_table(report.results_path).to_pylist() if row["scope"] == "unit"]
    assert unit["observed"] == (
        "equipment_value_yuan of 02 is 51.00 after 500000.00; land_area_m2 of 02 is 13.50 after 9000.00"
    )


SPOILT = (
    "update collection.unit set rows_quarantined = 30 where submission_id = 's2'; "
    "update collection.submission set rows_quarantined = 30, rows_accepted = 20 where submission_id = 's2'"
)


def test_a_release_lets_through_what_the_steward_saw_and_nothing_later(edu_home: Home) -> None:
    assert len(run(edu_home, "collection", SPOILT).held_units) == 1
    [unit] = held_units(edu_home)
    assert (unit["submission_id"], unit["expectation"]) == ("s2", "quarantined_share")
    done = release(
        edu_home, dataset="student", school_code="2142000002", period="2025-2026/1", by="李科员", reason="已核实"
    )
    assert [(item.submission_id, item.observed) for item in done] == [("s2", "60.0 % of 50")]
    assert held_units(edu_home) == []
    records = f"read_parquet('{edu_home.runs}/release/*.parquet')"
    recorded = duckdb.execute(f"select author, reason, held_since <= recorded_at from {records}").fetchall()
    assert recorded == [("李科员", "已核实", True)]
    load = f"; insert into collection.release select dataset, school_code, period, submission_id, expectation from {records}"
    assert run(edu_home, "collection", SPOILT + load).held_units == []
    later = (SPOILT + load).replace("'s2'", "'s9'").replace("where submission_id = 's9'", "where submission_id = 's2'")
    again = later + "; update collection.unit set submission_id = 's9' where submission_id = 's2'"
    assert len(run(edu_home, "collection", again).held_units) == 1
    assert [entry["action"] for entry in audit.entries(edu_home)] == ["unit.release"]


def test_what_cannot_be_released_is_said(edu_home: Home) -> None:
    stranger = (
        "insert into collection.unit values "
        "('s1', 'class', '2142000009', '2142000009', '2025-2026/1', date '2025-09-01', 3, 0, 'full', 3)"
    )
    run(edu_home, "collection", stranger)
    asked = {"school_code": "2142000009", "period": "2025-2026/1", "by": "李科员", "reason": "已核实"}
    with pytest.raises(NotReleasableError, match="学校登记"):
        release(edu_home, dataset="class", **asked)
    with pytest.raises(NotHeldError):
        release(edu_home, dataset="student", **asked)
    assert held_units(edu_home) != []
    assert audit.entries(edu_home) == []


PERSONS = """
create table query.student as select '{person}' as person_id;
insert into management.column_catalog by name select 'query' as schema_name, 'student' as table_name,
    'person_id' as column_name, '人员编号' as label_zh, 'd' as description, 'L3' as level, true as is_pseudonym;
"""


@pytest.mark.parametrize(
    ("person", "is_found"),
    [("xjh:a13812345678" + "b" * 20, False), ("xjh:421002201209012014", True), ("13812345678", True)],
)
def test_a_digest_may_hold_a_run_of_digits_and_an_identifier_is_none(
    edu_home: Home, person: str, is_found: bool
) -> None:
    report = run(edu_home, "publication", PERSONS.format(person=person))
    assert report.failed_global == (["query.student no_identifier_shape (observed_value 1)"] if is_found else [])
