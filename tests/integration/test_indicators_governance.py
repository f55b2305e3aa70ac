"""Governance, the ledger of suspected dropouts and early warnings equal a second method over the true facts."""

from __future__ import annotations

import duckdb
from indicator_truth import common, governance, teacher, warning
from tests_city import City


def test_governance_equals_the_second_method(seeded_city: City) -> None:
    truth = common.open_facts(seeded_city.out / "truth" / "facts")
    assert common.figure_differences(seeded_city.home.warehouse, truth, governance.figures()) == []


def test_the_ledger_of_suspected_dropouts_equals_the_second_method(seeded_city: City) -> None:
    truth = common.open_facts(seeded_city.out / "truth" / "facts")
    expected = truth.execute(f"select * from ({governance.ledger()}) order by all").fetchall()
    truth.execute(f"attach '{seeded_city.home.warehouse}' as built (read_only)")
    found = truth.execute(
        "select period, area_level, area_id, entries, being_persuaded, returned, arranged_otherwise, no_dropout, "
        "not_returned, open_entries, schools_reported from built.analysis.dropout_ledger order by all"
    ).fetchall()
    assert found == expected
    assert sum(row[3] for row in found if row[1] == "city") > 0


def test_gaps_within_groups_equal_the_second_method(seeded_city: City) -> None:
    truth = common.open_facts(seeded_city.out / "truth" / "facts")
    truth.execute(teacher.prepare())
    expected = governance.group_gaps(truth, seeded_city.out / "truth" / "world")
    truth.execute(f"attach '{seeded_city.home.warehouse}' as built (read_only)")
    found = truth.execute(
        "select school_year, group_code, stage, indicator_code, core_value, members_value, members, members_valued, "
        "members_behind, difference, share_of_core_pct from built.analysis.group_gap"
    ).fetchall()
    assert {row[:4] for row in found} == set(expected)
    for row in found:
        core, members, *counts, rounding = expected[row[:4]]
        near = common.ONE_UNIT_OF_ROUNDING + rounding
        for value, true in ((row[4], core), (row[5], members)):
            assert (value is None) == (true is None), row
            assert true is None or abs(float(value) - true) < near, row
        assert list(row[6:9]) == counts, row
        if core is not None and members is not None:
            assert abs(float(row[9]) - (members - core)) < 2 * near, row
            assert (
                core == 0
                or abs(float(row[10]) - 100 * members / core) < 0.0101 + 100 * near * (1 + members / core) / core
            ), row
    assert {row[3][:8] for row in found} == {"balanced", "teacher."}
    assert any(row[8] > 0 for row in found)


def _warnings(city: City) -> duckdb.DuckDBPyConnection:
    truth = common.open_facts(city.out / "truth" / "facts")
    truth.execute(teacher.prepare())
    warning.prepare(truth, city.out / "inbox")
    truth.execute(f"attach '{city.home.warehouse}' as built (read_only)")
    return truth


def test_what_warnings_look_at_equals_the_second_method(seeded_city: City) -> None:
    truth = _warnings(seeded_city)
    columns = "rule_code, school_year, area_level, area_id, numerator, denominator"
    mart = f"select {columns} from built.analysis.early_warning_measure where numerator is not null"
    figure = "select rule, year, area_level, area_id, numerator, denominator from measure where numerator is not null"
    assert truth.execute(f"({mart}) except {figure} order by all").fetchall() == []
    assert truth.execute(f"({figure}) except {mart} order by all").fetchall() == []
    assert {row[0] for row in truth.execute("select distinct rule from measure").fetchall()} == {
        rule for rule, _ in warning.LINES
    }


def test_warnings_and_their_back_test_equal_the_second_method(seeded_city: City) -> None:
    truth = _warnings(seeded_city)
    warned = truth.execute(
        "select rule_code, school_year, area_level, area_id, value from built.analysis.early_warning order by all"
    ).fetchall()
    expected = truth.execute(f"select * from ({warning.WARNINGS}) order by all").fetchall()
    assert [row[:4] for row in warned] == [row[:4] for row in expected]
    assert all(abs(float(a[4]) - b[4]) < 0.000101 for a, b in zip(warned, expected, strict=True))
    assert warned
    tested = truth.execute(
        "select rule_code, area_level, school_year, areas, warned, happened, warned_and_happened, precision_pct, recall_pct "
        "from built.analysis.early_warning_backtest order by all"
    ).fetchall()
    assert [row[:7] for row in tested] == truth.execute(f"select * from ({warning.BACKTEST}) order by all").fetchall()
    for *_, warned_no, happened, both, precision, recall in tested:
        assert (precision is None) == (warned_no == 0)
        assert (recall is None) == (happened == 0)
        assert warned_no == 0 or abs(float(precision) - 100 * both / warned_no) < 0.000101
        assert happened == 0 or abs(float(recall) - 100 * both / happened) < 0.000101
