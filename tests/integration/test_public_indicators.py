"""What of the indicators everybody may see: no small count, none that follows from another of the same base."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from tests_city import City

from warehouse.publish import current_file, publish

THRESHOLDS = {"indicator": 5, "health": 10}


@pytest.fixture(scope="module")
def served(clean_city: City, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file of the clean city, with its warehouse beside it."""
    city = clean_city.copy(tmp_path_factory.mktemp("public"))
    publish(city.home)
    with duckdb.connect(str(current_file(city.home).resolve()), read_only=True) as connection:
        connection.execute(f"attach '{city.home.warehouse}' as built (read_only)")
        yield connection


@pytest.mark.parametrize("name", THRESHOLDS)
def test_no_small_count_is_shown(served: duckdb.DuckDBPyConnection, name: str) -> None:
    small = THRESHOLDS[name] - 1
    for level in ("county", "city"):
        shown = served.execute(
            f"select count(*) from visualization.{name}_{level} where is_protected and not is_suppressed "
            f"and (numerator between 1 and {small} or denominator - numerator between 1 and {small})"
        ).fetchone()
        assert shown == (0,), level
    counts = served.execute(
        f"select count(*) filter (where is_suppressed), count(*) filter (where is_protected and not is_suppressed) "
        f"from visualization.{name}_county"
    ).fetchone()
    assert counts is not None
    assert counts[0] > 0
    assert counts[1] > 0


@pytest.mark.parametrize("name", THRESHOLDS)
def test_shares_of_persons_carry_no_value_of_their_own(served: duckdb.DuckDBPyConnection, name: str) -> None:
    for level in ("county", "city"):
        assert served.execute(
            f"select count(*) from visualization.{name}_{level} "
            "where is_protected and (value is not null or is_met is not null or is_suppressed and numerator is not null)"
        ).fetchone() == (0,)


@pytest.mark.parametrize("name", THRESHOLDS)
def test_two_shares_of_one_base_do_not_tell_of_few(served: duckdb.DuckDBPyConnection, name: str) -> None:
    assert (
        served.execute(
            f"""
        select a.indicator_code, b.indicator_code
        from visualization.{name}_county as a
        join visualization.{name}_county as b using (topic, period, division_code, stage, denominator)
        where a.is_protected and b.is_protected and not a.is_suppressed and not b.is_suppressed
            and a.numerator - b.numerator between 1 and {THRESHOLDS[name] - 1}
        """
        ).fetchall()
        == []
    )


@pytest.mark.parametrize("name", THRESHOLDS)
def test_what_is_shown_is_true(served: duckdb.DuckDBPyConnection, name: str) -> None:
    for level in ("county", "city"):
        wrong = served.execute(
            f"""
            select shown.indicator_code, shown.division_code
            from visualization.{name}_{level} as shown
            join built.analysis.indicator_value as real using (indicator_code, period, division_code, stage)
            left join built.seed.indicator_counted as counted using (indicator_code)
            where real.area_level = '{level}' and real.breakdown = 'all' and not shown.is_suppressed and (
                (shown.is_protected or counted.counted <> 'persons') and (
                    shown.numerator is distinct from real.numerator
                    or shown.denominator is distinct from real.denominator
                )
                or (not shown.is_protected and shown.value is distinct from real.value))
            """
        ).fetchall()
        assert wrong == []


def test_numbers_of_persons_are_not_among_them(served: duckdb.DuckDBPyConnection) -> None:
    for name in THRESHOLDS:
        for level in ("county", "city"):
            assert served.execute(
                f"select count(*) from visualization.{name}_{level} as shown "
                "join built.seed.indicator as rule using (indicator_code) "
                "where rule.combine = 'count' and rule.unit in ('人', '人次')"
            ).fetchone() == (0,)


def test_a_school_has_no_figure_of_a_sensitive_topic(served: duckdb.DuckDBPyConnection) -> None:
    figures = served.execute(
        "select count(*) filter (where area_level = 'school'), count(*) from query.indicator "
        "where indicator_code like 'health.%'"
    ).fetchone()
    assert figures is not None
    assert figures[0] == 0
    assert figures[1] > 0


def test_means_over_persons_do_not_say_how_many_they_are(served: duckdb.DuckDBPyConnection) -> None:
    for name in THRESHOLDS:
        for level in ("county", "city"):
            found = served.execute(
                f"select distinct indicator_code from visualization.{name}_{level} as shown "
                "left join built.seed.indicator_counted as counted using (indicator_code) "
                "where not shown.is_protected and coalesce(counted.counted, 'persons') = 'persons' "
                "and (shown.numerator is not null or shown.denominator is not null)"
            ).fetchall()
            assert found == []


def test_groups_and_dropouts_are_no_cells_of_a_county(served: duckdb.DuckDBPyConnection) -> None:
    assert served.execute(
        "select count(*) from query.indicator where breakdown = 'support' or area_level <> 'city' "
        "and (indicator_code = 'scale.dropout_rate' or indicator_code like 'health.%')"
    ).fetchone() == (0,)


def test_no_mean_times_the_pupils_tells_of_few(served: duckdb.DuckDBPyConnection) -> None:
    """Teachers by stage from the facts of the warehouse; the pupils are public, so a mean is a number of teachers."""
    counted = """
        select t.school_year, t.stage, t.indicator_no, t.division_code, t.mean, t.is_suppressed,
            t.mean * b.pupils / 100 as told
        from visualization.balanced_cv as t
        join built.analysis.balanced_county as b using (school_year, division_code, stage, indicator_no)
        where indicator_no <= 3
    """
    assert served.execute(
        f"select count(*) from ({counted}) where round(told, 2) between 0.01 and 4.99"
    ).fetchone() == (0,)
    assert served.execute(f"select count(*) from ({counted}) where (mean is null) <> is_suppressed").fetchone() == (0,)
    hidden, shown, least = served.execute(
        f"select count(*) filter (where is_suppressed), count(*) filter (where told >= 4.99), "
        f"count(*) filter (where not is_suppressed and told > 0 and told < 4.99) from ({counted})"
    ).fetchone() or (0, 0, 1)
    assert hidden > 0
    assert shown > 0
    assert least == 0
    # Premises and equipment are of no person.
    assert served.execute(
        "select count(*) from visualization.balanced_cv where indicator_no > 3 and is_suppressed"
    ).fetchone() == (0,)


@pytest.mark.parametrize("name", THRESHOLDS)
def test_no_shown_share_lacks_few_to_the_whole(served: duckdb.DuckDBPyConnection, name: str) -> None:
    """Whether or not its counts are let out: those of the warehouse, of shares of persons."""
    small = THRESHOLDS[name] - 1
    told = served.execute(
        f"""
        select shown.indicator_code, shown.period, shown.division_code, shown.stage
        from visualization.{name}_county as shown
        join built.analysis.indicator_value as real using (indicator_code, period, division_code, stage)
        left join built.seed.indicator_counted as counted using (indicator_code)
        where real.area_level = 'county' and real.breakdown = 'all' and shown.unit = '%' and shown.value is not null
            and coalesce(counted.counted, 'persons') = 'persons' and real.denominator - real.numerator between 1 and {small}
        """
    ).fetchall()
    assert told == []


def test_means_of_a_first_version_are_true_and_their_counts_are_remembered(
    served: duckdb.DuckDBPyConnection,
) -> None:
    """Every mean over persons that is shown, compared with the counts of the facts."""
    counted = served.execute(
        """
        select count(*), count(*) filter (where abs(shown.value - shown.multiplier * real.numerator / real.denominator) > 0.0001)
        from (select * from visualization.indicator_county union all by name select * from visualization.indicator_city) as shown
        join built.analysis.indicator_value as real using (indicator_code, period, division_code, stage)
        where real.breakdown = 'all' and real.area_level in ('county', 'city') and not shown.is_protected
            and shown.denominator is null and shown.value is not null and real.denominator > 0
        """
    ).fetchone()
    assert counted is not None
    assert counted[0] > 100
    assert counted[1] == 0
    place = served.execute("select path from duckdb_databases() where database_name = 'built'").fetchone()
    assert place is not None
    memory = Path(place[0]).parent / "suppression" / "means.parquet"
    tables = dict(served.execute(f"select table_name, count(*) from read_parquet('{memory}') group by all").fetchall())
    assert set(tables) == {"visualization.indicator_county", "visualization.balanced_cv"}
    assert (
        tables["visualization.balanced_cv"]
        == served.execute("select count(mean) from visualization.balanced_cv where unit = '人'").fetchone()[0]
    )  # type: ignore[index]
    # What the mean of a county stands on, by the facts: its teachers per 100 pupils.
    assert served.execute(
        f"""
        select count(*) from read_parquet('{memory}') as kept
        join visualization.balanced_cv as shown on kept.mean_key = to_json([shown.school_year, shown.division_code,
            shown.stage, shown.indicator_no::varchar])::varchar
        where kept.table_name = 'visualization.balanced_cv'
            and abs(shown.mean - 100 * kept.numerator / kept.denominator) > 0.00001
        """
    ).fetchone() == (0,)
