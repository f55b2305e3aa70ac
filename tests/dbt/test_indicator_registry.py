"""The registry of indicators and the seeds beside it say one thing each."""

from __future__ import annotations

import re

from edu.codes import seed_rows
from edu.contract import contracts

COMBINES = {"ratio", "area", "count", "own", "none"}
"""`own`: the figure is no sum of parts and has a table of its own. `none`: nobody sends what it is made of, so that it is
listed and never computed; missing_text says what is lacking."""


def test_every_dataset_has_the_period_of_its_contract() -> None:
    assert {r["dataset"]: r["period_kind"] for r in seed_rows("dataset_period")} == {
        name: contract.period_kind for name, contract in contracts().items()
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
