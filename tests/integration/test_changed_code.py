"""A school whose code changes within a year: files under either code are one unit, and nothing counts twice or is lost.

The figures are those that the synthetic city knows of itself: the code changes, the school does not.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import openpyxl
import pytest
from tests_city import City, mart_differences

pytestmark = pytest.mark.slow
YEAR, TERMS = "2025-2026", ("2025-2026/1", "2025-2026/2")
CHANGED_ON = "2026-01-10"
NEW = "9142000999"
SENT = {"class": TERMS[0], "campus_facility": YEAR, "staff_post": YEAR}
"""What is sent again under the new code, after it changed, for a period in which the old one began."""


def renamed(folder: Path, source: Path, old: str, is_own: bool) -> tuple[Path, int]:
    """Copy a file and its metadata with the new code in place of the old, received later; return it and the rows."""
    told = json.loads(source.with_name(f"{source.name}.meta.json").read_text(encoding="utf-8"))
    place = folder / told["dataset"]
    place.mkdir(parents=True)
    rows = 0
    if source.suffix == ".xlsx":
        book = openpyxl.load_workbook(source)
        for sheet in book:
            for cells in sheet.iter_rows():
                found = [cell for cell in cells if cell.value == old]
                rows += bool(found)
                for cell in found:
                    cell.value = NEW
        book.save(place / source.name)
    else:
        # A cell of its own, whatever the file's encoding.
        text, rows = re.subn(
            rb"(?<![0-9A-Za-z])" + old.encode() + rb"(?![0-9A-Za-z])", NEW.encode(), source.read_bytes()
        )
        (place / source.name).write_bytes(text)
    received_at = datetime.fromisoformat(told["received_at"]) + timedelta(days=150)
    told |= {"received_at": received_at.isoformat(), **({"org": NEW} if is_own else {})}
    (place / f"{source.name}.meta.json").write_text(json.dumps(told), encoding="utf-8")
    return place / source.name, rows


def check(city: City, folder: Path) -> None:
    """Change a school's code, send files under it, build, and compare with what the city knows of itself."""
    inbox = city.out / "inbox"
    old = next(
        place.name
        for place in sorted(inbox.iterdir())
        if len(place.name) == 10 and (place / "class").is_dir() and (place / "campus_facility").is_dir()
    )
    with duckdb.connect(str(city.home.warehouse)) as connection:
        connection.execute(
            f"insert into seed.school_code_change values ('{NEW}', '{old}', date '{CHANGED_ON}', 'decision of the bureau')"
        )
        first = {
            dataset: connection.execute(
                "select submission_id, submitter_org from collection.delivery where dataset = ? and period = ? "
                "and unit_owner = ? and is_current",
                [dataset, period, old],
            ).fetchall()
            for dataset, period in SENT.items()
        }
    rows = {}
    for dataset, period in SENT.items():
        [(_, sender)] = first[dataset]
        [meta] = (inbox / sender / dataset / period.replace("/", "-")).glob("*.meta.json")
        source = meta.with_name(meta.name.removesuffix(".meta.json"))
        _, rows[dataset] = renamed(folder, source, old, sender == old)
    receipts = {found["dataset"]: found["submission_id"] for found in city.collect_files([folder])}
    assert set(receipts) == set(SENT)
    city.build()

    assert mart_differences(city.home.warehouse, city.out / "truth" / "world") == []
    with duckdb.connect(str(city.home.warehouse), read_only=True) as connection:
        for dataset, period in SENT.items():
            assert connection.execute(
                "select unit_owner, source_owner, owner_id, submission_id, is_held from storage.unit_current "
                "where dataset = ? and period = ? and unit_owner in (?, ?)",
                [dataset, period, old, NEW],
            ).fetchall() == [(old, NEW, f"S{old}", receipts[dataset], False)]
            assert connection.execute(
                "select superseded_by from collection.delivery where submission_id = ? and unit_owner = ?",
                [first[dataset][0][0], old],
            ).fetchall() == [(receipts[dataset],)]
            assert connection.execute(
                "select school_id, county_org is not null or managing_org = city_org from storage.unit_org "
                "inner join storage.dim_school using (school_id) "
                "where dataset = ? and unit_org.period = ? and unit_owner = ? and dim_school.period = ?",
                [dataset, period, old, TERMS[0]],
            ).fetchall() == [(f"S{old}", True)]
            assert connection.execute(
                "select count(*) from management.expected_submission where dataset = ? and period = ? "
                "and school_id = ? and status in ('received', 'late')",
                [dataset, period, f"S{old}"],
            ).fetchall() == [(1,)]
        for table, dataset in (
            ("dim_class", "class"),
            ("fct_campus_facility", "campus_facility"),
            ("fct_staff_post", "staff_post"),
        ):
            year = "school_year" if table == "fct_campus_facility" else "period"
            assert connection.execute(
                f"select count(*) from storage.{table} where school_id = ? and {year} = ?", [f"S{old}", SENT[dataset]]
            ).fetchall() == [(rows[dataset],)]
        assert connection.execute(
            "select school_code from storage.dim_school where school_id = ? and school_year = ? order by term",
            [f"S{old}", YEAR],
        ).fetchall() == [(old,), (NEW,)]
        # Parts of a build go by `owner_id`, the tables that are made by them by `school_id`.
        assert connection.execute(
            "select count(*) from storage.unit_current as unit inner join storage.dim_school as school "
            "on school.school_code = unit.unit_owner and school.period = unit.period where unit.owner_id <> school.school_id"
        ).fetchall() == [(0,)]
        assert connection.execute("select count(*) from collection.held_unit").fetchall() == [(0,)]


def test_files_under_both_codes_of_a_year_are_one_unit(clean_city: City, tmp_path: Path) -> None:
    check(clean_city.copy(tmp_path), tmp_path / "again")
