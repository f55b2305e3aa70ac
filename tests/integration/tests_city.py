"""A whole small city, taken through the platform; the pieces that integration tests share."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest

from edu.paths import Home, get_home
from edu.settings import get_settings

KEYS = {
    "analysis.enrolment": ("snapshot_date", "school_id", "grade_code"),
    "analysis.class_size": ("snapshot_date", "school_id", "class_code", "grade_code"),
    "analysis.staffing": ("snapshot_date", "school_id", "stage"),
    "analysis.balanced_school": ("school_year", "school_id", "stage", "indicator_no"),
    "analysis.balanced_county": ("school_year", "division_code", "stage", "indicator_no"),
    "analysis.learning_activity": ("submitter_org", "period", "code_module", "code_presentation"),
}
ONE_UNIT_OF_ROUNDING = 1.01
"""Two exact methods may round a half to different sides: one unit of the last place, no more."""


def mart_differences(database: Path, truth: Path) -> list[str]:
    """Compare every mart of `truth` (`<schema>.<table>.csv`) with the database; return what differs."""
    found: list[str] = []
    with duckdb.connect(str(database), read_only=True) as connection:
        for file in sorted(truth.glob("*.csv")):
            found.extend(_table_differences(connection, file.stem, file))
    return found


def _table_differences(connection: duckdb.DuckDBPyConnection, table: str, file: Path) -> list[str]:
    header = next(csv.reader(file.open(encoding="utf-8")))
    types = {row[0]: row[1] for row in connection.execute(f"describe {table}").fetchall()}
    missing = [name for name in header if name not in types]
    if missing:
        return [f"{table}: no columns {missing}"]
    typed = ", ".join(f"cast({name} as {types[name]}) as {name}" for name in header)
    connection.execute(
        f"create or replace temp table truth as select {typed} "
        f"from read_csv('{file}', header = true, all_varchar = true, nullstr = '')"
    )
    keys = KEYS[table]
    on = " and ".join(f"mart.{key} is not distinct from truth.{key}" for key in keys)
    checks = {name: _differs(name, types[name]) for name in header if name not in keys}
    cells = ", ".join(f"count(*) filter (where present and {check}) as {name}" for name, check in checks.items())
    sides = (
        "select *, mart_key is not null and truth_key is not null as present from ("
        + f"select {', '.join(f'mart.{n} as m_{n}, truth.{n} as t_{n}' for n in checks)}, "
        + f"mart.{keys[0]} as mart_key, truth.{keys[0]} as truth_key "
        + f"from {table} as mart full join truth on {on})"
    )
    columns = f", {cells}" if cells else ""
    row = connection.execute(
        f"select count(*) filter (where truth_key is null), count(*) filter (where mart_key is null){columns} "
        f"from ({sides})"
    ).fetchone()
    assert row is not None
    found = []
    if row[0]:
        found.append(f"{table}: {row[0]} rows that the truth does not have")
    if row[1]:
        found.append(f"{table}: {row[1]} rows missing")
    found.extend(f"{table}.{name}: {n} cells differ" for name, n in zip(checks, row[2:], strict=True) if n)
    return found


def _differs(name: str, kind: str) -> str:
    if kind.startswith("DECIMAL"):
        scale = int(kind.rstrip(")").split(",")[1])
        bound = ONE_UNIT_OF_ROUNDING * 10**-scale
        return f"(m_{name} is null) <> (t_{name} is null) or abs(m_{name} - t_{name}) > {bound:.12f}"
    if kind in ("DOUBLE", "FLOAT"):
        return f"(m_{name} is null) <> (t_{name} is null) or abs(m_{name} - t_{name}) > 1e-4"
    return f"m_{name} is distinct from t_{name}"


@dataclass
class City:
    """A written city and the installation that takes it in."""

    out: Path
    home: Home
    receipts: list[dict[str, Any]] = field(default_factory=list)

    def collect(self, folder: str = "inbox") -> list[dict[str, Any]]:
        """Land a folder of the city; return the receipts as JSON objects."""
        return self.collect_files([self.out / folder])

    def collect_files(self, paths: list[Path]) -> list[dict[str, Any]]:
        """Land the given files; return the receipts as JSON objects."""
        from ingest.landing import collect
        from ingest.submission import Options

        result = collect(paths, home=self.home, options=Options())
        return list(json.loads(result.to_json())["receipts"])

    def build(self) -> None:
        """Run all layers with the gates between, into the warehouse."""
        from expectations.gate import run_gate
        from warehouse.transform import build

        def gate(name: str, database: Path, records: Home):  # type: ignore[no-untyped-def]
            return run_gate(name, home=records, database=database, run_id=f"test-{name}")

        build(self.home, gate=gate)

    def copy(self, folder: Path) -> City:
        """Return the same city with a copy of its installation below `folder`, which this process then uses."""
        shutil.copytree(self.home.root, folder / "edu_home")
        return City(self.out, use_home(folder / "edu_home"), list(self.receipts))

    def ledger(self) -> list[dict[str, str]]:
        """Return `truth/defects.csv`."""
        with (self.out / "truth" / "defects.csv").open(encoding="utf-8") as stream:
            return list(csv.DictReader(stream))


def make_city(folder: Path, *, seed: int, defects: int, terms: int = 2) -> City:
    """Write a small city below `folder` and give it an empty installation."""
    from synthetic.city import write_city

    write_city(folder / "city", scale=0.02, terms=terms, seed=seed, defects=defects)
    return City(folder / "city", use_home(folder / "edu_home"))


def use_home(folder: Path) -> Home:
    """Point this process at an installation."""
    patch = pytest.MonkeyPatch()
    patch.setenv("EDU_HOME", str(folder))
    get_settings.cache_clear()
    return get_home().ensure()
