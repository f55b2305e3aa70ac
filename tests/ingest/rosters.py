"""Hand-made rosters for tests: one school, valid invented pupils."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path
from typing import Any

from edu.contract import get_contract
from edu.identifiers import resident_id_check_digit
from edu.paths import Home
from ingest.landing import collect
from ingest.submission import Options

SCHOOL = "2142000001"


def id_number(serial: int, birth: str = "20120905") -> str:
    """Return a valid invented ID number of 沙市区."""
    first17 = f"421002{birth}{serial:03d}"
    return first17 + resident_id_check_digit(first17)


def pupil(serial: int, **changes: Any) -> dict[str, Any]:
    """Return one pupil of grade six with codes, changed where asked."""
    number = id_number(serial)
    row: dict[str, Any] = {
        "school_code": SCHOOL,
        "name": "王小明",
        "sex_code": "1" if serial % 2 else "2",
        "birth_date": "20120905",
        "ethnicity_code": "01",
        "id_type_code": "1",
        "id_number": number,
        "xjh": f"G{number}",
        "grade_code": "16",
        "class_code": "1601",
        "seat_no": str(serial),
        "entry_ym": "201809",
        "entry_mode_code": "01",
        "boarding_code": "1",
        "household_kind_code": "1",
        "household_division_code": "421002",
        "status_code": "01",
        "left_behind_code": "0",
        "is_migrant": "0",
        "disability_code": None,
        "address": "江津路1号",
        "phone": "13800000001",
        "guardian_name": "王大明",
        "guardian_phone": "13900000001",
        "guardian_id_number": id_number(serial, "19850601"),
    }
    return {**row, **changes}


def header(dataset: str = "student", profile: str = "national_export") -> list[str]:
    """Return the headers of a profile in its order."""
    contract = get_contract(dataset)
    return [contract.header(profile, spec.name) for spec in contract.profile_fields(profile)]


def write_roster(
    path: Path,
    rows: list[dict[str, Any]],
    *,
    encoding: str = "utf-8",
    delimiter: str = ",",
    top: list[list[str]] | None = None,
    bottom: list[list[str]] | None = None,
    names: list[str] | None = None,
) -> Path:
    """Write pupils as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.writer(stream, delimiter=delimiter)
        writer.writerows(top or [])
        writer.writerow(names or header())
        order = [spec.name for spec in get_contract("student").profile_fields("national_export")]
        writer.writerows([[row[name] for name in order] for row in rows])
        writer.writerows(bottom or [])
    return path


def register(home: Home, folder: Path, kind: str, received_at: datetime) -> None:
    """Land a register of one school of a kind."""
    names = header("school")
    values = {"学校标识码": SCHOOL, "学校名称": "一小", "办学类型码": kind, "举办者码": "811"}
    values |= {"行政区划码": "421002", "城乡类型码": "111", "主管单位码": "421002"}
    registry = folder / "school.csv"
    with registry.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([names, [values.get(name, "") for name in names]])
    collect([registry], home=home, options=Options("school", "421002", "2024-2025/1", received_at=received_at))
