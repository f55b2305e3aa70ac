"""A year of corrections: what was known on any day, what was reported then, what is true now - against a ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from cases_home import FIRST, SECOND, ask, build_all, land, pupil, school

from edu.paths import Home, get_home
from edu.pipeline import check_official_releases, run_named_gate
from edu.runs import RUN_SCHEMAS, append
from edu.settings import get_settings
from expectations.gate import GateReport
from ingest import batch
from warehouse import official
from warehouse.official import ReleaseError, freeze
from warehouse.restriction import record
from warehouse.transform import _invoke, build, run_seeds

pytestmark = pytest.mark.city
PERIOD = "2024-2025/1"
LEDGER: list[tuple[str, str, int]] = [
    ("2024-09-10T09:00:00", FIRST, 3),
    ("2024-09-12T09:00:00", SECOND, 2),
    ("2024-11-05T09:00:00", SECOND, 4),
    ("2025-01-10T23:59:59", FIRST, 2),
    ("2025-03-15T00:00:00", SECOND, 3),
]
"""When it was recorded, the school, how many pupils its full delivery has."""
FROZEN_AT = "2024-10-01T10:00:00"
RELEASE = {"name": "2024年教育事业统计", "school_year": "2024-2025"}
BY = {"author": "规划科", "reason": "报省厅"}


def known_on(day: date) -> dict[str, int]:
    """The last entry of each school up to the end of a day."""
    return {of: pupils for at, of, pupils in sorted(LEDGER) if datetime.fromisoformat(at).date() <= day}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("as_of")
    patch.setenv("EDU_HOME", str(folder / "home"))
    get_settings.cache_clear()
    installation = get_home().ensure()

    def set_clock(at: str) -> None:
        moment = datetime.fromisoformat(at)
        for module in (batch, official):
            patch.setattr(module, "now", lambda: moment)

    set_clock("2024-09-09T09:00:00")
    land(
        installation,
        folder,
        "school",
        [school(FIRST, "甲中学"), school(SECOND, "乙中学")],
        received_at="2024-09-09T08:00:00",
    )
    is_frozen = False
    for at, code, pupils in LEDGER:
        if at > FROZEN_AT and not is_frozen:
            run_seeds(installation, installation.warehouse)
            _invoke(installation, installation.warehouse, "query", ["run", "--select", "+qry_official_current"], None)
            set_clock(FROZEN_AT)
            freeze(installation, **RELEASE, **BY)
            is_frozen = True
        set_clock(at)
        first_serial = 1 if code == FIRST else 101
        land(
            installation,
            folder,
            "student",
            [
                # One of SECOND's pupils never has a sex, so that there is a finding that ages.
                pupil(code, serial, **({"sex_code": ""} if serial == 101 else {}))
                for serial in range(first_serial, first_serial + pupils)
            ],
            received_at=at,
        )
    build_all(installation)
    yield installation
    patch.undo()
    get_settings.cache_clear()


def pupils(database: Path) -> dict[str, int]:
    rows = ask(
        database,
        "select school_id, sum(pupils)::integer from analysis.enrolment where snapshot_date = '2024-09-01' group by 1",
    )
    return {school_id[1:]: count for school_id, count in rows}


# The last second of 10 January belongs to it, the first of 15 March does not belong to the 14th.
@pytest.mark.parametrize(
    "day",
    [
        "2025-01-10",
        *(
            pytest.param(day, marks=pytest.mark.slow)
            for day in ("2024-09-11", "2025-01-09", "2025-03-14", "2025-03-15")
        ),
    ],
)
def test_any_day_gives_what_was_recorded_by_its_end(home: Home, tmp_path: Path, day: str) -> None:
    database = tmp_path / "as_of.duckdb"
    run_seeds(home, database)
    _invoke(home, database, "analysis", ["run", "--select", "+ana_enrolment"], day)
    assert pupils(database) == known_on(date.fromisoformat(day))


def test_a_whole_build_of_a_day_that_is_past(home: Home, tmp_path: Path) -> None:
    """Every layer and its tests; a person who was restricted since is hidden in it too."""
    person = ask(home.warehouse, "select min(person_id) from query.student")[0][0]
    record(home, person, action="restrict", actor="数据管理员", reason="监护人申请")
    database = build_all(home, as_of="2024-11-30", out=tmp_path / "past.duckdb")
    known = known_on(date(2024, 11, 30))
    assert pupils(database) == known
    # Opened on 12 September, 79 days before that day.
    ageing = "select reason_code, age_days from management.finding_ageing where is_open"
    assert ask(database, ageing) == [("value_missing", 79)]
    shown = ask(database, f"select count(*), count(*) filter (where person_id = '{person}') from query.student")
    assert shown == [(sum(known.values()) - 1, 0)]


def test_now_gives_everything(home: Home) -> None:
    assert pupils(home.warehouse) == {FIRST: 2, SECOND: 3}


def test_as_reported_stays_and_stands_beside_as_corrected(home: Home) -> None:
    rows = ask(
        home.warehouse,
        "select row_key, reported_value, corrected_value, difference, is_changed from query.official_comparison "
        "where table_name = 'enrolment' and measure = 'pupils' order by row_key",
    )
    at_freeze, at_end = known_on(date(2024, 10, 1)), known_on(date(2025, 12, 31))
    assert rows == [
        (
            f"2024-09-01/S{code}/21",
            Decimal(at_freeze[code]),
            Decimal(at_end[code]),
            Decimal(at_end[code] - at_freeze[code]),
            at_end[code] != at_freeze[code],
        )
        for code in (FIRST, SECOND)
    ]
    # Pupils with an odd serial are boys: 1 of 3 and 1 of 2 were girls, 1 of 2 and 1 of 3 are.
    girls = ask(
        home.warehouse,
        "select sum(reported_value), sum(corrected_value) from query.official_comparison "
        "where table_name = 'enrolment' and measure = 'pupils_female'",
    )
    assert girls == [(Decimal(2), Decimal(2))]
    release = ask(home.warehouse, "select release_name, school_year, figures from management.official_release")
    frozen = ask(home.warehouse, "select count(*) from management.official_figure")
    assert release == [(*RELEASE.values(), frozen[0][0])]


def test_a_release_is_never_written_twice_nor_empty(home: Home) -> None:
    with pytest.raises(ReleaseError, match="frozen before"):
        freeze(home, **RELEASE, **BY)
    with pytest.raises(ReleaseError, match="no figure"):
        freeze(home, name="空", school_year="1999-2000", **BY)


def test_a_figure_that_was_changed_after_the_freeze_is_found(home: Home) -> None:
    assert official.verify(home) == official.Verification(1, [])
    [path] = [path for path in (home.runs / "official_figure").glob("r*.parquet")]
    frozen = path.read_bytes()
    try:
        with duckdb.connect() as connection:
            connection.execute(
                f"copy (select * replace (case when measure = 'pupils' then value + 1 else value end as value) "
                f"from read_parquet('{path}')) to '{path}' (format parquet)"
            )
        [changed] = official.verify(home).problems
        assert path.stem in changed
        with pytest.raises(official.ReleaseBrokenError, match=path.stem):
            check_official_releases()
        assert "release_broken" in (home.logs / "alerts.jsonl").read_text(encoding="utf-8")
        path.write_bytes(frozen[:-20])
        assert ["cannot be read" in line for line in official.verify(home).problems] == [True]
        path.unlink()
        assert ["cannot be read" in line for line in official.verify(home).problems] == [True]
    finally:
        path.write_bytes(frozen)
    assert check_official_releases() == 1


def test_a_release_is_unknown_before_it_was_made(home: Home, tmp_path: Path) -> None:
    database = tmp_path / "before.duckdb"
    run_seeds(home, database)
    for day, expected in (("2024-09-30", 0), ("2024-10-01", 1)):
        _invoke(home, database, "management", ["run", "--select", "+mgt_official_release"], day)
        assert ask(database, "select count(*) from management.official_release") == [(expected,)]


def test_a_build_aside_leaves_no_trace_in_the_home(home: Home, tmp_path: Path) -> None:
    # The home's own collection gate held a unit; on that day, before it came, there was nothing to hold.
    held = {name: None for name in RUN_SCHEMAS["gate_result"].names} | {
        "gate": "collection",
        "scope": "unit",
        "expectation": "school_registered",
        "dataset": "student",
        "school_code": FIRST,
        "period": "2024-2025/1",
        "submission_id": "s" + "0" * 31,
        "is_success": False,
        "run_id": "own",
        "recorded_at": datetime(2025, 12, 1),
    }
    append(home, "gate_result", "collection-own", [held])

    def everything() -> dict[str, bytes]:
        places = (home.runs, home.logs)
        files = [path for place in places for path in place.rglob("*") if path.is_file() and "dbt" not in path.parts]
        return {str(path): path.read_bytes() for path in files} | {"": home.warehouse.read_bytes()}

    class Stop(Exception):
        """Ends the build after what is looked at."""

    def gate(name: str, database: Path, records: Home) -> GateReport:
        report = run_named_gate(name, home, database, records)
        if name == "storage":
            # The aside database has the results of its own gate and not the home's.
            assert ask(database, "select count(*) > 0, bool_or(run_id = 'own') from collection.gate_result") == [
                (True, False)
            ]
            assert ask(database, "select count(*) from collection.held_unit") == [(0,)]
            raise Stop
        return report

    before = everything()
    aside = tmp_path / "aside.duckdb"
    aside.write_bytes(b"the file of an earlier build")
    with pytest.raises(Stop):
        build(home, gate=gate, as_of="2025-01-10", out=aside)
    assert everything() == before
    assert not list((home.tmp / "aside").glob("*"))
    # A build that did not end leaves what stood there, and nothing else.
    assert aside.read_bytes() == b"the file of an earlier build"
    assert [path.name for path in tmp_path.iterdir()] == ["aside.duckdb"]
    # The next ordinary build still knows what the home's own gate holds.
    _invoke(home, home.warehouse, "collection", ["run", "--select", "col_gate_result", "col_held_unit"], None)
    assert ask(home.warehouse, "select school_code from collection.held_unit") == [(FIRST,)]
