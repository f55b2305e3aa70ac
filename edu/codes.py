"""Code sets and grades, read from the seeds that the warehouse uses too."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache

from edu.settings import PROJECT_ROOT

SEEDS = PROJECT_ROOT / "dbt_project" / "seeds"


def seed_rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a seed file as text."""
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@cache
def code_sets() -> dict[str, dict[str, str]]:
    """Return code set → code → name."""
    sets: dict[str, dict[str, str]] = {}
    for row in seed_rows("code_set"):
        sets.setdefault(row["code_set"], {})[row["code"]] = row["name"]
    return sets


@cache
def spellings(code_set: str) -> dict[str, str]:
    """Return accepted foreign spellings of a code set's labels → code; the labels themselves are not among them."""
    return {row["alias"]: row["code"] for row in seed_rows("code_alias") if row["code_set"] == code_set}


def label(code_set: str, code: str) -> str:
    """Return the name of a code.

    Raises:
        KeyError: the set or the code does not exist.
    """
    return code_sets()[code_set][code]


def code_width(code_set: str) -> int | None:
    """Return the width that all codes of a set share, or null where they differ."""
    widths = {len(code) for code in code_sets()[code_set]}
    return widths.pop() if len(widths) == 1 else None


@cache
def current_divisions() -> tuple[str, ...]:
    """Return the division codes of the city that are valid now, in code order."""
    return tuple(sorted(row["division_code"] for row in seed_rows("division") if not row["valid_to"]))


@dataclass(frozen=True)
class Grade:
    """One grade: its code, name and stage, and the ages (years) usual in it."""

    grade_code: str
    grade_name: str
    stage: str
    grade_in_stage: int
    usual_age_minimum: int
    usual_age_maximum: int


@cache
def grades() -> dict[str, Grade]:
    """Return grades by code."""
    return {
        row["grade_code"]: Grade(
            row["grade_code"],
            row["grade_name"],
            row["stage"],
            int(row["grade_in_stage"]),
            int(row["usual_age_minimum"]),
            int(row["usual_age_maximum"]),
        )
        for row in seed_rows("grade")
    }
