"""Every indicator of the registry is compared with a truth of its own, is computed by none, or is not computed at all."""

from __future__ import annotations

import importlib
import inspect
import re
from html import escape

import duckdb
from indicator_truth import (
    balanced,
    common,
    digital,
    governance,
    health,
    lifelong,
    preschool,
    scale,
    teacher,
    vocational,
)
from tests_city import City

from dashboards.cockpit.definitions import definitions_body
from edu.codes import seed_rows

TOPICS = (balanced, digital, governance, health, lifelong, preschool, scale, teacher, vocational)
OWN_TABLES = {
    "analysis.balanced_school": "test_indicators_balanced.test_the_seven_and_their_spread_equal_the_true_world",
    "analysis.balanced_county": "test_indicators_balanced.test_the_seven_and_their_spread_equal_the_true_world",
    "analysis.balanced_verdict": "test_indicators_balanced.test_verdicts_of_schools_and_counties",
    "analysis.balanced_county_verdict": "test_indicators_balanced.test_verdicts_of_schools_and_counties",
    "analysis.balanced_requirement": "test_indicators_balanced.test_requirements_equal_the_second_method",
    "analysis.group_gap": "test_indicators_governance.test_gaps_within_groups_equal_the_second_method",
    "analysis.balanced_gap": "test_indicators_balanced.test_gaps_would_close_what_is_missing",
    "analysis.place_forecast": "test_place_forecast.test_forecast_equals_the_second_method",
    "analysis.place_forecast_backtest": "test_place_forecast.test_forecast_equals_the_second_method",
    "analysis.myopia_cohort": "test_indicators_health.test_cohorts_of_myopia_equal_the_second_method",
    "analysis.health_target_progress": "test_indicators_health.test_distances_to_targets_equal_the_second_method",
    "analysis.online_learning": "test_indicators_digital.test_online_learning_equals_the_second_method",
    "analysis.teacher_age": "test_indicators_teacher.test_ages_and_retirements_equal_the_second_method",
    "analysis.teacher_retirement": "test_indicators_teacher.test_ages_and_retirements_equal_the_second_method",
    "analysis.vocational_condition": "test_indicators_vocational.test_conditions_of_vocational_schools_equal_the_second_method",
    "analysis.dropout_ledger": "test_indicators_governance.test_the_ledger_of_suspected_dropouts_equals_the_second_method",
    "analysis.early_warning": "test_indicators_governance.test_warnings_and_their_back_test_equal_the_second_method",
}
"""The test that compares each table whose figures are no sums of parts."""

NOT_COLLECTED = 17
"""14 requirements of assurance, quality and recognition (教督〔2017〕6号) and 3 of preschools (教督〔2020〕1号): plans, visits,
surveys, salaries and districts that no dataset has."""


def test_every_computed_indicator_has_a_truth(clean_city: City) -> None:
    truth = common.open_facts(clean_city.out / "truth" / "facts")
    truth.execute(teacher.prepare())
    compared = {
        row[0]
        for topic in TOPICS
        for row in truth.execute(f"select distinct indicator_code from ({topic.figures()})").fetchall()
    }
    registry = seed_rows("indicator")
    summed = {row["indicator_code"] for row in registry if row["home_table"] == "analysis.indicator_value"}
    assert compared == summed
    own = {row["home_table"] for row in registry if row["combine"] == "own"}
    assert own == set(OWN_TABLES)
    # The rest has no figure because nobody sends what it is made of.
    rest = [row for row in registry if row["indicator_code"] not in summed and row["combine"] != "own"]
    assert {row["combine"] for row in rest} == {"none"}
    assert len(rest) == NOT_COLLECTED


def test_the_tests_of_tables_of_their_own_are_there() -> None:
    for name in OWN_TABLES.values():
        module, test = name.split(".")
        assert "seeded_city" in inspect.signature(getattr(importlib.import_module(module), test)).parameters, name


def test_the_dictionary_shows_every_indicator_of_the_registry_and_no_figure_is_outside_it(clean_city: City) -> None:
    registry = {row["indicator_code"]: row for row in seed_rows("indicator")}
    with duckdb.connect(str(clean_city.home.warehouse), read_only=True) as connection:
        page = definitions_body(connection)
        used = {
            row[0]
            for row in connection.execute("select distinct indicator_code from analysis.indicator_value").fetchall()
        }
        tables = {
            f"{row[0]}.{row[1]}"
            for row in connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
        }
    shown = dict(re.findall(r'<article class="definition" id="([a-z]+\.[a-z0-9_]+)">(.*?)</article>', page, re.DOTALL))
    assert set(shown) == set(registry)
    for code, row in registry.items():
        for name in ("indicator_name", "numerator_text", "denominator_text", "missing_text", "source"):
            assert escape(row[name]) in shown[code], (code, name)
        assert row["valid_from"] in shown[code], code
    assert used <= set(registry)
    assert {row["home_table"] for row in registry.values()} - {""} <= tables
