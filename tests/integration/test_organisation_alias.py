"""An organisation that only its system names: its units are held until a seed row says which school it is."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from bundles import SCHOOL, oneroster_12, write_zip
from test_supersession import COUNTY, PERIODS, home_at, write_registry

from edu.paths import Home
from edu.settings import get_settings
from expectations.gate import run_gate
from ingest.landing import collect
from ingest.submission import Options
from warehouse import transform

PERIOD = PERIODS[1]
FOREIGN = "lms-one:o1"
FACTS = ("fct_enrolment_snapshot", "fct_staff_snapshot", "dim_class")


def build(home: Home, run: int) -> None:
    """Run the collection layer, its gate, and the facts that persons and classes are in; the seeds stay as they are."""
    transform.run_layer("collection", home=home, database=home.warehouse)
    run_gate("collection", home=home, database=home.warehouse, run_id=f"run-{run}")
    transform.refresh_gate_readers(home, home.warehouse)
    selected = [f"path:models/storage,+{name}" for name in FACTS]
    transform._invoke(home, home.warehouse, "storage", ["run", "--select", *selected], None)


def facts(home: Home) -> dict[str, list[tuple[str, int]]]:
    """Return school and rows of each fact."""
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        return {
            name: connection.execute(
                f"select school_id, count(*) from storage.{name} where period = '{PERIOD}' group by 1 order by 1"
            ).fetchall()
            for name in FACTS
        }


def held(home: Home) -> set[tuple[str, str, str]]:
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        return set(connection.execute("select dataset, school_code, expectation from collection.held_unit").fetchall())


def test_units_are_held_until_the_organisation_is_registered_and_released_by_a_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = home_at(tmp_path / "home", monkeypatch)
    options = {"org": COUNTY, "period": PERIOD}
    collect([write_registry(tmp_path / "school.csv")], home=home, options=Options(dataset="school", **options))
    files = oneroster_12()
    files["orgs"][2][5] = ""
    found = {
        r.dataset: r
        for r in collect([write_zip(tmp_path / "b.zip", files)], home=home, options=Options(**options)).receipts
    }
    assert [found[name].rows_accepted for name in ("class", "staff", "student")] == [2, 2, 3]
    transform.run_seeds(home, home.warehouse)
    build(home, 1)
    assert facts(home) == {name: [] for name in FACTS}
    waiting = held(home)
    assert {(dataset, school) for dataset, school, _ in waiting if dataset != "school"} == {
        ("class", FOREIGN),
        ("staff", FOREIGN),
        ("student", FOREIGN),
    }

    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(
            f"insert into seed.organisation_alias values ('{FOREIGN}', '{SCHOOL}', date '2024-09-01', 'decision of the bureau')"
        )
    build(home, 2)
    school = f"S{SCHOOL}"
    assert facts(home) == {
        "fct_enrolment_snapshot": [(school, 3)],
        "fct_staff_snapshot": [(school, 2)],
        "dim_class": [(school, 2)],
    }
    assert {dataset for dataset, _, _ in held(home)} <= {"school"}
    get_settings.cache_clear()
