"""The registry of indicators and the seeds beside it say one thing each."""

from __future__ import annotations

import itertools
import re

from edu.codes import seed_rows
from edu.contract import contracts

COMBINES = {"ratio", "area", "count", "own", "none"}
"""`own`: the figure is no sum of parts and has a table of its own. `none`: nobody sends what it is made of, so that it is
listed and never computed; missing_text says what is lacking."""


def test_every_dataset_has_the_name_and_period_of_its_contract() -> None:
    assert {r["dataset"]: (r["dataset_name"], r["period_kind"]) for r in seed_rows("dataset")} == {
        name: (contract.label, contract.period_kind) for name, contract in contracts().items()
    }


def test_datasets_of_some_grades_name_those_that_their_rules_speak_of() -> None:
    grades = seed_rows("grade")
    owing = {row["school_kind_code"] for row in seed_rows("dataset_scope") if row["dataset"] == "graduate_outcome"}
    # A nine-year school owes those of its ninth year and none of its sixth, since primary schools owe none.
    graduating = {row["only_stage"] for row in seed_rows("school_kind") if row["school_kind_code"] in owing}
    named: dict[str, set[str]] = {}
    for row in seed_rows("dataset_grade"):
        named.setdefault(row["dataset"], set()).add(row["grade_code"])
    assert named == {
        "graduate_outcome": {
            row["grade_code"] for row in grades if row["is_final_grade"] == "true" and row["stage"] in graduating
        },
        "elective_choice": {row["grade_code"] for row in grades if row["stage"] == "senior"},
        "fitness": {row["grade_code"] for row in seed_rows("fitness_grade_band")},
        "vision": {row["grade_code"] for row in seed_rows("vision_group")},
    }


def test_every_indicator_is_defined_to_the_end() -> None:
    topics = {row["topic"] for row in seed_rows("indicator_topic")}
    codes = [row["indicator_code"] for row in seed_rows("indicator")]
    assert len(codes) == len(set(codes))
    for row in seed_rows("indicator"):
        assert re.fullmatch(r"[a-z]+\.[a-z0-9_]+", row["indicator_code"]), row["indicator_code"]
        assert row["indicator_code"].startswith(f"{row['topic']}."), row["indicator_code"]
        assert row["topic"] in topics, row["indicator_code"]
        assert row["combine"] in COMBINES, row["indicator_code"]
        summed = row["combine"] in ("ratio", "area", "count")
        assert (row["home_table"] == "analysis.indicator_value") == summed, row["indicator_code"]
        assert (row["home_table"] == "") == (row["combine"] == "none"), row["indicator_code"]
        needed = ["indicator_name", "unit", "numerator_text", "missing_text", "valid_from", "source"]
        if row["combine"] in ("ratio", "area"):
            needed.append("denominator_text")
        assert [name for name in needed if not row[name]] == [], row["indicator_code"]


def test_every_standard_is_of_an_indicator() -> None:
    codes = {row["indicator_code"] for row in seed_rows("indicator")}
    for row in seed_rows("indicator_threshold"):
        assert row["indicator_code"] in codes, row
        assert row["comparator"] in (">=", "<="), row
        assert row["source"], row


def test_the_checklist_has_its_24_requirements_and_a_standard_for_each_that_is_computed() -> None:
    rows = seed_rows("balanced_requirement")
    registry = {row["indicator_code"]: row for row in seed_rows("indicator")}
    numbers = {(row["requirement_group"], int(row["requirement_no"])) for row in rows}
    assert numbers == {("assurance", no) for no in range(1, 16)} | {("quality", no) for no in range(1, 10)}
    standards = {
        (row["indicator_code"], row["stage"])
        for row in seed_rows("indicator_threshold")
        if row["area_level"] == "county"
    }
    for row in rows:
        is_computed = registry[row["indicator_code"]]["combine"] != "none"
        assert ((row["indicator_code"], row["stage"]) in standards) == is_computed, row
        assert (row["stage"] == "") == (not is_computed), row
        assert row["standard_text"], row
        assert row["source"], row


def test_no_two_standards_hold_in_one_year() -> None:
    for seed, key in (
        ("indicator_threshold", ("indicator_code", "stage", "area_level")),
        ("balanced_threshold", ("stage", "indicator_no")),
        ("early_warning_rule", ("rule_code", "area_level")),
    ):
        years: dict[tuple[str, ...], list[tuple[int, int]]] = {}
        for row in seed_rows(seed):
            of = tuple(row[name] for name in key)
            years.setdefault(of, []).append((int(row["valid_from"][:4]), int((row["valid_to"] or "9999")[:4])))
        for of, spans in years.items():
            ordered = sorted(spans)
            assert all(end < start for (_, end), (start, _) in itertools.pairwise(ordered)), (seed, of)


def test_a_rule_that_shows_its_verdict_alone_tells_no_figure() -> None:
    for row in seed_rows("early_warning_rule"):
        assert row["shown_as"] in ("figure", "verdict", "none"), row
        assert ("{value}" in row["reason_template"]) == (row["shown_as"] != "verdict"), row
        assert "{threshold}" in row["reason_template"], row
