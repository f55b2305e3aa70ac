"""A few schools with hand-made rosters, landed and built: what tests of cases, history and releases share."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from edu.contract import get_contract
from edu.identifiers import resident_id_check_digit
from edu.paths import Home
from ingest.landing import collect
from ingest.submission import Options
from warehouse.transform import build

FIRST, SECOND = "3142000001", "3142000002"
CITY = "421000"


@dataclass
class OpenGate:
    """A gate that lets everything pass; what gates judge is tested elsewhere."""

    name: str
    failed_global: list[str] = field(default_factory=list)
    held_units: list[str] = field(default_factory=list)


def id_number(serial: int, birth: str = "20110905") -> str:
    """Return a valid invented ID number."""
    first17 = f"421002{birth}{serial:03d}"
    return first17 + resident_id_check_digit(first17)


def school(code: str, name: str, **changes: Any) -> dict[str, Any]:
    """Return a register row of a junior school."""
    row = {
        "school_code": code,
        "school_name": name,
        "school_kind_code": "311",
        "sponsor_code": "831",
        "division_code": "421002",
        "township_code": "421002001",
        "urban_rural_code": "111",
        "managing_org": "421002",
    }
    return {**row, **changes}


def pupil(code: str, serial: int, **changes: Any) -> dict[str, Any]:
    """Return a roster row of grade 7 with a G number of its own."""
    number = id_number(serial)
    row = {
        "school_code": code,
        "name": "李晓明",
        "sex_code": "1" if serial % 2 else "2",
        "birth_date": "20110905",
        "ethnicity_code": "01",
        "id_type_code": "1",
        "id_number": number,
        "xjh": "G" + number,
        "grade_code": "21",
        "class_code": "2401",
        "seat_no": str(serial),
        "entry_ym": "202409",
        "boarding_code": "1",
        "status_code": "01",
        "guardian_name": "李大明",
        "guardian_phone": "13900000001",
        "guardian_id_number": "",
    }
    return {**row, **changes}


def event(code: str, serial: int, kind: str, day: str, **changes: Any) -> dict[str, Any]:
    """Return an approved change of a pupil's roll."""
    row = {
        "school_code": code,
        "name": "李晓明",
        "xjh": "G" + id_number(serial),
        "event_kind_code": kind,
        "event_date": day,
        "approved_date": day,
    }
    return {**row, **changes}


def land(
    home: Home,
    folder: Path,
    dataset: str,
    rows: list[dict[str, Any]],
    *,
    period: str = "2024-2025/1",
    received_at: str,
    org: str = CITY,
) -> None:
    """Write rows as the national export of a dataset and land the file."""
    contract = get_contract(dataset)
    fields = contract.profile_fields("national_export")
    path = folder / f"{dataset}-{period.replace('/', '-')}-{received_at.replace(':', '')}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([contract.header("national_export", spec.name) for spec in fields])
        writer.writerows([["" if (v := row.get(spec.name)) is None else v for spec in fields] for row in rows])
    options = Options(dataset=dataset, org=org, period=period, received_at=datetime.fromisoformat(received_at))
    result = collect([path], home=home, options=options)
    assert [receipt.status for receipt in result.receipts] == ["accepted"], result.to_json()


def build_all(home: Home, **options: Any) -> Path:
    """Build with gates that let everything pass; return the database."""
    return build(home, gate=lambda name, *_: OpenGate(name), **options).database


def ask(database: Path, sql: str) -> list[tuple[Any, ...]]:
    """Return rows of a built database."""
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(sql).fetchall()
