"""Approval, lock, correction, trace and quality on a small city, from files to figures and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from governance_truth import open_truth
from tests_city import City, make_city

from edu.paths import Home

pytestmark = pytest.mark.slow
PERIOD = "2025-2026/1"


def rows(home: Home, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        return connection.execute(sql, list(values)).fetchall()


def approve(home: Home, org: str, *, cover: bool = False) -> None:
    from warehouse.approval import approve as record

    record(home, org=org, dataset="student", period=PERIOD, actor="clerk", reason="核对", cover_missing=cover)


ENROLMENT = (
    "select school_id, grade_code, pupils, pupils_female from analysis.enrolment "
    "where snapshot_date = date '2025-09-01' order by all"
)


SEEDS = (7, 11, 23)
WITHHELD = (("student", "2025-2026/2"), ("class", "2025-2026/1"))
"""Of these datasets and periods one school's own file is never sent."""


@dataclass
class Governed:
    """A city of which some files were never sent, and what is known of it beforehand."""

    city: City
    truth: duckdb.DuckDBPyConnection

    @property
    def home(self) -> Home:
        return self.city.home


def withheld_files(city: Governed) -> frozenset[str]:
    """Choose the files that are not sent: those of schools, nothing of which is in the ledger."""
    inbox = city.out / "inbox"
    named = {row["file"] for row in city.ledger()}
    chosen = set()
    for dataset, period in WITHHELD:
        folders = sorted(inbox.glob(f"{'[0-9]' * 10}/{dataset}/{period.replace('/', '-')}"))
        files = [path for folder in folders for path in folder.iterdir() if not path.name.endswith(".meta.json")]
        chosen.add(next(name for path in files if (name := path.relative_to(inbox).as_posix()) not in named))
    return frozenset(chosen)


@pytest.fixture(scope="module", params=SEEDS, ids="seed{}".format)
def city(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Governed]:
    """A city with defects, collected and built; its corrected files and two more are still outside."""
    city = make_city(tmp_path_factory.mktemp("governed"), seed=request.param, defects=4)
    withheld = withheld_files(city)
    inbox = city.out / "inbox"
    files = [path for path in sorted(inbox.rglob("*")) if path.is_file() and not path.name.endswith(".meta.json")]
    city.receipts = city.collect_files([path for path in files if path.relative_to(inbox).as_posix() not in withheld])
    city.build()
    with open_truth(city.out, withheld) as truth:
        yield Governed(city, truth)


def test_every_accepted_row_is_somewhere(city: Governed) -> None:
    lost = rows(
        city.home,
        "select count(*) from management.row_count_flow where rows_accepted <> rows_counting + rows_held + rows_waiting "
        "+ rows_withdrawn + rows_superseded + rows_repeated or rows_read <> rows_accepted + rows_quarantined",
    )
    assert lost == [(0,)]
    receipts = sum(receipt["rows_accepted"] for receipt in city.city.receipts)
    assert rows(city.home, "select sum(rows_accepted) from management.row_count_flow") == [(receipts,)]


def test_open_findings_are_those_of_the_ledger(city: Governed) -> None:
    wanted = sum(
        row["expected"] in ("accepted_incomplete", "quarantined", "rejected", "warned") for row in city.city.ledger()
    )
    found = rows(city.home, "select sum(findings) from management.finding_ageing where is_open")
    assert found == [(wanted,)]


def test_what_came_what_is_late_and_what_is_missing_is_told_of_every_unit(city: Governed) -> None:
    columns = "dataset, school_code, period, due_date, status, received_at, days_late"
    wanted = city.truth.execute(f"select {columns} from unit order by all").fetchall()
    assert rows(city.home, f"select {columns} from management.expected_submission order by all") == wanted
    found = Counter(row[4] for row in wanted)
    assert set(found) == {"received", "late", "missing", "rejected"}
    # A file of one school is late for each injection, and the two files that were never sent are among the missing.
    assert found["late"] == sum(row["class_no"] == "44" for row in city.city.ledger())
    missing = {(row[0], row[2]) for row in wanted if row[4] == "missing"}
    assert missing >= set(WITHHELD)


def test_every_figure_that_two_datasets_tell_is_compared(city: Governed) -> None:
    wanted = city.truth.execute(
        "select measure, period, school_id, grade_code, counted, other, counted = other from pair order by all"
    ).fetchall()
    found = rows(
        city.home,
        "select measure, period, school_id, grade_code, counted_value, other_value, is_within "
        "from management.reconciliation order by all",
    )
    assert found == wanted
    assert {row[6] for row in wanted if row[0] == "pupils_by_grade"} == {True, False}


@pytest.mark.parametrize(
    ("table", "keys", "figures"),
    [
        (
            "analysis.enrolment",
            ("school_id", "snapshot_date", "grade_code"),
            {
                "pupils": "count(*)",
                "pupils_female": "count(*) filter (where sex_code = '2')",
                "pupils_boarding": "count(*) filter (where boarding_code = '2')",
            },
        ),
        ("analysis.class_size", ("school_id", "snapshot_date", "class_code"), {"pupils": "count(*)"}),
        (
            "analysis.staffing",
            ("school_id", "snapshot_date", "stage"),
            {
                "full_time_teachers": "count(*)",
                "backbone_teachers": "count(*) filter (where is_backbone = '1')",
                "certified_teachers": "count(*) filter (where has_certificate = '1')",
                "senior_title_teachers": "count(*) filter (where title_code in ('1', '2'))",
            },
        ),
    ],
)
def test_the_rows_behind_a_count_are_as_many(
    city: Governed, table: str, keys: tuple[str, ...], figures: dict[str, str]
) -> None:
    dataset, counted = (
        ("staff", "staff_category_code = '11' and staff_status_code = '11'")
        if table == "analysis.staffing"
        else ("student", "status_code in ('01', '05')")
    )
    for where, published in sample(city, table, keys, f"{next(iter(figures))} > 0"):
        with rows_behind(city, table, where) as behind:
            names = ", ".join(f"{sql} as {name}" for name, sql in figures.items())
            found = behind.execute(f"select {names}, bool_and({counted}) from {dataset}").fetchone()
            assert found == (*(published[name] for name in figures), True), where
            if table == "analysis.staffing":
                rolls = behind.execute("select count(*) from duckdb_tables() where table_name = 'student'").fetchone()
                # A roll that did not come is no pupils and no ratio, and leads to no row.
                assert rolls == (int(published["pupils"] is not None),), where
                if published["pupils"] is not None:
                    [(pupils,)] = behind.execute("select count(*) from student").fetchall()
                    wanted = (published["pupils"], published["pupil_teacher_ratio"])
                    assert (pupils, rounded(pupils, found[0])) == wanted, where


RESOURCES = {
    3: "(select 100 * count(*) from staff where subject_code in ('22', '23', '24', '25'))",
    5: "(select sum(sports_ground_area_m2 + indoor_sports_area_m2) from campus_facility)",
    6: "(select sum(equipment_value_yuan) from campus_facility)",
    7: "(select 100 * sum(multimedia_classrooms) from campus_facility)",
}
"""Indicator of 教督〔2017〕6号 → its numerator in a school of one stage."""


def test_the_rows_behind_a_balanced_figure_give_it(city: Governed) -> None:
    of_one_stage = (
        "stage = 'primary' and value is not null and indicator_no = 6 and school_id in "
        "(select school_id from storage.dim_school where school_kind_code = '211')"
    )
    for where, _ in sample(city, "analysis.balanced_school", ("school_id", "school_year"), of_one_stage):
        published = dict(
            rows(
                city.home,
                f"select indicator_no, value from analysis.balanced_school where {where} and stage = 'primary'",
            )
        )
        with rows_behind(city, "analysis.balanced_school", where) as behind:
            for number, numerator in RESOURCES.items():
                [found] = behind.execute(f"select {numerator}, (select count(*) from student)").fetchall()
                assert rounded(*found) == published[number], (where, number)


PARTS = {
    "health.fitness_exempt_rate": ("fitness", "100 * count(*) filter (where is_exempt = '1')", "count(*)"),
    "health.low_vision_rate": (
        "vision",
        "100 * count(*) filter (where least(naked_left, naked_right) < 5)",
        # One eye that is poor decides it, whatever the other is.
        "count(*) filter (where least(naked_left, naked_right) < 5 or naked_left + naked_right is not null)",
    ),
    "balanced.training_spend_share": (
        "finance",
        "100 * sum(amount_yuan) filter (where item_code = '221' and stage_code = '0')",
        "sum(amount_yuan) filter (where item_code = '220' and stage_code = '0')",
    ),
    "digital.bandwidth": ("digital_campus", "sum(bandwidth_mbps)", "count(*)"),
}
"""Indicator → dataset, numerator and denominator over its rows, as its definition says."""


@pytest.mark.parametrize("level", ["school", "county", "city"])
@pytest.mark.parametrize("indicator", PARTS)
def test_the_rows_behind_an_indicator_give_it(city: Governed, indicator: str, level: str) -> None:
    dataset, numerator, denominator = PARTS[indicator]
    chosen = (
        f"indicator_code = '{indicator}' and area_level = '{level}' and value is not null "
        "and breakdown in ('all', 'sex') and stage <> 'preschool'"
    )
    keys = ("indicator_code", "area_level", "area_id", "period", "stage", "breakdown", "breakdown_value")
    for where, published in sample(city, "analysis.indicator_value", keys, chosen, limit=3):
        sex = f"where sex_code = '{published['breakdown_value']}'" if published["breakdown"] == "sex" else ""
        with rows_behind(city, "analysis.indicator_value", where) as behind:
            [found] = behind.execute(f"select {numerator}, {denominator} from {dataset} {sex}").fetchall()
        assert rounded(*found) == published["value"], where


def rounded(numerator: Any, denominator: Any) -> Decimal:
    """Return a ratio with four decimals, halves upwards."""
    return (Decimal(numerator) / Decimal(denominator)).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def sample(
    city: Governed, table: str, keys: tuple[str, ...], chosen: str, limit: int = 5
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give some figures of a table, drawn by a digest of their keys: the condition that chooses one, and its row."""
    with duckdb.connect(str(city.home.warehouse), read_only=True) as connection:
        found = connection.execute(
            f"select * from {table} where {chosen} order by md5(concat_ws('|', {', '.join(keys)})) limit {limit}"
        ).to_arrow_table()
    assert 0 < found.num_rows <= limit
    for row in found.to_pylist():
        yield " and ".join(f"{key} = '{row[key]}'" for key in keys), row


@contextmanager
def rows_behind(city: Governed, table: str, where: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection with one table a dataset: the rows of the lake to which `edu trace` leads, and no others."""
    from warehouse.trace import trace

    found = trace(city.home, table, where, limit=1_000_000)
    assert len(found.rows) == found.rows_total > 0
    with duckdb.connect() as connection:
        for dataset in {row["dataset"] for row in found.rows}:
            places = pa.Table.from_pylist([row for row in found.rows if row["dataset"] == dataset])
            places = places.set_column(2, "sheet", places["sheet"].cast(pa.string()))
            connection.register("places", places)
            connection.execute(
                f"create table {dataset} as select r.* from read_parquet('{city.home.lake}/{dataset}/*/*.parquet', "
                "union_by_name = true) as r inner join places as p on p.submission_id = r.submission_id "
                "and p.sheet is not distinct from r.sheet and p.row_number = r.row_number"
            )
            connection.unregister("places")
            assert connection.execute(f"select count(*) from {dataset}").fetchone() == (places.num_rows,)
        yield connection


def figures_of(city: City, truth: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return school → (grade, pupils, girls) of the locked period, as the truth of that name has them."""
    with duckdb.connect() as connection:
        found = connection.execute(
            "select school_id, grade_code, pupils, pupils_female from read_csv(?, types = {'grade_code': 'varchar'}) "
            "where snapshot_date = date '2025-09-01' order by all",
            [str(city.out / "truth" / truth / "analysis.enrolment.csv")],
        ).fetchall()
    return by_school(found)


def by_school(found: list[tuple[Any, ...]]) -> dict[str, list[tuple[Any, ...]]]:
    schools: dict[str, list[tuple[Any, ...]]] = {}
    for school, *figures in found:
        schools.setdefault(school, []).append(tuple(figures))
    return schools


def test_a_locked_period_keeps_its_figures_until_a_change_is_approved(city: Governed) -> None:
    from warehouse.correction import decide, waiting

    home, expected, world = city.home, figures_of(city.city, "expected"), figures_of(city.city, "world")
    assert expected != world
    counties = [
        row[0] for row in rows(home, "select distinct org from management.approval_status where org_level = 'county'")
    ]
    one = rows(home, "select min(unit_owner) from storage.unit_org where county_org = ?", counties[0])[0][0]
    approve(home, one)
    for county in counties:
        approve(home, county, cover=True)
    city.city.build()
    statuses = dict(
        rows(
            home,
            "select data_status, count(*) from storage.unit_status where dataset = 'student' and period = ? group by 1",
            PERIOD,
        )
    )
    assert set(statuses) == {"county_approved", "provisional"}
    approve(home, "421000", cover=True)
    corrected = city.city.collect("wave2")
    city.city.build()
    assert by_school(rows(home, ENROLMENT)) == expected
    states = rows(home, "select distinct data_status from analysis.enrolment where snapshot_date = date '2025-09-01'")
    assert states == [("official",)]

    # Of every corrected file of the locked period every school waits, with the figures of the world as those after.
    late = {r["submission_id"] for r in corrected if (r["dataset"], r["period"]) == ("student", PERIOD)}
    changes = [change for change in waiting(home) if (change.dataset, change.period) == ("student", PERIOD)]
    assert {change.submission_id for change in changes} == late
    with duckdb.connect() as connection:
        facts = connection.execute(
            "select school_code, count(*), count(*) filter (where status_code = '01') from read_parquet(?) "
            "where period = ? group by 1",
            [str(city.city.out / "truth" / "facts" / "student.parquet"), PERIOD],
        ).fetchall()
    pupils = {school: (str(every), str(active)) for school, every, active in facts}
    assert {c.unit_owner: (c.after["rows"], c.after["rows_active"]) for c in changes} == {
        change.unit_owner: pupils[change.unit_owner] for change in changes
    }
    differing = {school for school in world if world[school] != expected.get(school)}
    assert differing <= {"S" + change.unit_owner for change in changes if change.is_change}

    # One file is approved: its schools have the figures of the world, all others those that were locked.
    chosen = min(c.submission_id for c in changes if "S" + c.unit_owner in differing)
    decide(home, chosen, decision="approved", actor="bureau", reason="已核实")
    city.city.build()
    assert {change.submission_id for change in waiting(home) if change.period == PERIOD} >= late - {chosen}
    assert chosen not in {change.submission_id for change in waiting(home)}
    let_in = {"S" + change.unit_owner for change in changes if change.submission_id == chosen}
    assert by_school(rows(home, ENROLMENT)) == {
        school: figures
        for school in expected.keys() | world.keys()
        if (figures := (world if school in let_in else expected).get(school))
    }
    decided = rows(home, "select correction_status, reason from management.correction where submission_id = ?", chosen)
    assert set(decided) == {("approved", "已核实")}
