"""The forecast of places equals a second method, and its back-test says what would have been forecast."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from indicator_truth import common, place
from tests_city import City, make_city

WITHIN = 1.01
"""Persons are rounded to whole ones; two methods may round to different sides."""
FACTOR = 1.2816


def test_forecast_equals_the_second_method(seeded_city: City) -> None:
    _compare_forecast(seeded_city)
    _compare_backtest(seeded_city)


def test_places_and_surplus(seeded_city: City) -> None:
    truth = common.open_facts(seeded_city.out / "truth" / "facts")
    columns = " union all ".join(
        f"select s.division_code, f.period, '{stage}' as stage, f.places_{stage} as places from campus_facility as f "
        "join site as s on s.school_code = f.school_code and s.year = f.period"
        for stage in ("preschool", "primary", "junior", "senior", "vocational")
    )
    expected = {
        row[:2]: int(row[2])
        for row in truth.execute(
            f"select division_code, stage, coalesce(sum(places), 0) from ({columns}) "
            "where period = (select max(period) from campus_facility) group by all"
        ).fetchall()
    }
    with duckdb.connect(str(seeded_city.home.warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select division_code, stage, places, learners, surplus, shortage, outlook from analysis.place_forecast "
            "where area_level = 'county' and stage <> 'upper_secondary'"
        ).fetchall()
    assert len(rows) > 300
    for division, stage, places, learners, surplus, shortage, outlook in rows:
        assert places == expected[division, stage]
        assert surplus == places - learners
        assert shortage == max(0, learners - places)
        assert (outlook in ("short", "likely_short")) == (learners > places)


@pytest.mark.slow
def test_cohorts_beat_the_naive_forecast_where_there_is_history(tmp_path: Path) -> None:
    """Six school years: forecasts of a year ahead from the second year on are nearer than standing still."""
    city = make_city(tmp_path, seed=11, defects=0, terms=12)
    city.collect()
    city.build()
    _compare_forecast(city)
    _compare_backtest(city)
    with duckdb.connect(str(city.home.warehouse), read_only=True) as connection:
        row = connection.execute(
            "select count(*), avg(abs(error_pct)), avg(abs(naive_error_pct)) from analysis.place_forecast_backtest "
            "where area_level = 'city' and basis <> 'assumed' and stage in ('primary', 'junior')"
        ).fetchone()
    assert row is not None
    assert row[0] > 0
    assert row[1] < row[2]


def _compare_forecast(city: City) -> None:
    truth = common.open_facts(city.out / "truth" / "facts")
    persons = place.nodes(truth)
    origin = max(key[1] for key in persons)
    expected = place.forecast(persons, origin, 10)
    with duckdb.connect(str(city.home.warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select horizon, division_code, stage, learners, learners_low, learners_high, school_age_population "
            "from analysis.place_forecast"
        ).fetchall()
    assert {row[:3] for row in rows} == set(expected)
    wrong = []
    for row in rows:
        learners, error, population = expected[row[:3]]
        low, high = max(0.0, learners - FACTOR * error), learners + FACTOR * error
        pairs = [(row[3], learners), (row[4], low), (row[5], high)]
        if population is not None:
            pairs.append((row[6], population))
        if any(abs(built - true) > WITHIN for built, true in pairs) or (row[6] is None) != (population is None):
            wrong.append((row, learners, low, high, population))
    assert wrong == []


def _compare_backtest(city: City) -> None:
    truth = common.open_facts(city.out / "truth" / "facts")
    persons = place.nodes(truth)
    years = sorted({key[1] for key in persons})
    expected = {}
    for origin in years[:-1]:
        made = place.forecast(persons, origin, years[-1] - origin)
        for later in years:
            if later > origin:
                came = place.forecast(persons, later, 0)
                for (horizon, area, stage), figures in made.items():
                    if horizon == later - origin:
                        actual, naive = came[0, area, stage][0], made[0, area, stage][0]
                        expected[origin, horizon, area, stage] = (actual, figures[0], naive, figures[1])
    with duckdb.connect(str(city.home.warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select cast(origin_school_year[:4] as integer), horizon, division_code, stage, actual, forecast, naive, "
            "is_within_interval from analysis.place_forecast_backtest"
        ).fetchall()
    assert {row[:4] for row in rows} == set(expected)
    for row in rows:
        actual, made_forecast, naive, error = expected[row[:4]]
        assert (row[4], row[6]) == (actual, naive)
        assert abs(row[5] - made_forecast) <= WITHIN
        if abs(abs(actual - made_forecast) - FACTOR * error) > 0.01:
            assert row[7] == (abs(actual - made_forecast) <= FACTOR * error), row
