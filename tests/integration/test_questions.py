"""The worked questions of `docs/questions.zh-CN.md`: the page's own SQL on the published city, against the truth."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from indicator_truth.common import open_facts
from question_truth import TRUTH
from tests_city import City

from benchmarks.query import questions
from edu.codes import seed_rows
from warehouse.publish import publish
from warehouse.query import run_query

SLOWEST_S = 1.0
SMALL = 10
"""Below this many persons a cell of health may be hidden."""


@pytest.fixture(scope="module")
def city(clean_city: City, tmp_path_factory: pytest.TempPathFactory) -> City:
    """A copy of the clean city, published."""
    city = clean_city.copy(tmp_path_factory.mktemp("questions"))
    publish(city.home)
    return city


@pytest.fixture(scope="module")
def truth(clean_city: City) -> Iterator[duckdb.DuckDBPyConnection]:
    """The true facts, the second method's marts (`w_…`), teachers, and names of codes."""
    folder = clean_city.out / "truth"
    with open_facts(folder / "facts") as connection:
        for file in (folder / "world").glob("*.csv"):
            name = file.stem.removeprefix("analysis.")
            connection.execute(
                f"create view w_{name} as select * from read_csv('{file}', nullstr = '', all_varchar = true)"
            )
            connection.execute(f"create or replace view w_{name} as {_typed(connection, name, file)}")
        names = {
            "stage_name": [(row["stage"], row["stage_name"]) for row in seed_rows("stage")],
            "grade_name": [(row["grade_code"], row["grade_name"]) for row in seed_rows("grade")],
            "division_name": [
                (r["division_code"], r["division_name"]) for r in seed_rows("division") if not r["valid_to"]
            ],
            **{
                f"{name}_name": [(r["code"], r["name"]) for r in seed_rows("code_set") if r["code_set"] == code_set]
                for name, code_set in (("kind", "BXLX"), ("subject", "ZXXKC"))
            },
        }
        for name, pairs in names.items():
            cases = " ".join(f"when '{code}' then '{text}'" for code, text in pairs)
            connection.execute(f"create macro {name}(code) as case code {cases} end")
        stages = {row["teach_stage_code"]: row["stage"] for row in seed_rows("teach_stage")}
        cases = " ".join(f"when '{code}' then '{stage}'" for code, stage in stages.items())
        connection.execute(
            f"""
            create table teacher as
            select * from (
                select t.*, s.year, date_sub('year', t.birth_date, t.snapshot_date) as age,
                    coalesce(case t.teach_stage_code {cases} end, one.stage) as stage
                from staff as t
                join site as s on s.school_code = t.school_code and s.period = t.period
                left join (select school_code, year, min(stage) as stage from taught group by all having count(*) = 1) as one
                    on one.school_code = s.school_code and one.year = s.year
                where t.staff_category_code = '11' and t.staff_status_code = '11'
            ) where stage is not null
            """
        )
        yield connection


def _typed(connection: duckdb.DuckDBPyConnection, name: str, file: Path) -> str:
    numbers = {"pupils", "full_time_teachers", "higher_qualified_teachers", "backbone_teachers", "term"}
    columns = [row[0] for row in connection.execute(f"describe w_{name}").fetchall()]
    typed = ", ".join(f"cast({c} as bigint) as {c}" if c in numbers else c for c in columns)
    return f"select {typed} from read_csv('{file}', nullstr = '', all_varchar = true)"


def test_every_question_has_its_truth() -> None:
    assert len(TRUTH) >= 30
    assert set(questions()) == set(TRUTH) == set(range(1, len(TRUTH) + 1))


@pytest.mark.parametrize("number", sorted(TRUTH))
def test_the_answer_is_true_and_quick(city: City, truth: duckdb.DuckDBPyConnection, number: int) -> None:
    sql = questions()[number]
    run_query(city.home, sql)  # the first read of a file is the disk's, not the question's
    started = time.perf_counter()
    table = run_query(city.home, sql)
    seconds = time.perf_counter() - started
    answer = _by_text(tuple(row.values()) for row in table.to_pylist())
    expected = _by_text(truth.execute(TRUTH[number]).fetchall())
    assert answer, "the question has no answer"
    if "is_suppressed" in sql:
        _assert_hidden_only_where_small(answer, expected)
    else:
        assert [key for key in answer] == [key for key in expected]
        assert [key for key in answer if not _same(answer[key], expected[key])] == []
    assert seconds < SLOWEST_S


def _by_text(rows: Any) -> dict[tuple[str, ...], list[float | None]]:
    """Give each row as its texts and its numbers, in order of the texts."""
    found = {}
    for row in rows:
        texts = tuple(str(value) for value in row if isinstance(value, str | bool))
        numbers = [None if v is None else float(v) for v in row if not isinstance(v, str | bool)]
        assert texts not in found or not texts, texts
        found[texts] = numbers
    return dict(sorted(found.items()))


def _same(answer: list[float | None], expected: list[float | None]) -> bool:
    """Whether numbers agree within what the page rounds to."""
    return len(answer) == len(expected) and all(
        (a is None) == (e is None) and (a is None or e is None or abs(a - e) <= _unit(a))
        for a, e in zip(answer, expected, strict=True)
    )


def _unit(value: float) -> float:
    """Return one unit of the last place that a number shows, at most two places."""
    places = min(2, max(0, -int(Decimal(str(value)).as_tuple().exponent)))
    return 0.51 * 10**-places + 1e-9 if value != int(value) else 0.0051


def _assert_hidden_only_where_small(answer: dict[Any, Any], expected: dict[Any, Any]) -> None:
    """Shown figures are true; something is hidden only where a category of few persons made it so."""
    for texts, numbers in answer.items():
        true = next(values for key, values in expected.items() if key[0] == texts[0])
        hidden = texts[-1] == "True" or (len(numbers) > 1 and numbers[-1])
        if not hidden:
            assert numbers[0] == true[0], texts
        elif numbers[0] is not None:
            assert numbers[0] <= true[0], texts
    assert len(answer) == len(expected)


def test_what_is_hidden_in_health_is_small_or_protects_the_small(city: City) -> None:
    with duckdb.connect(str(city.home.warehouse), read_only=True) as built:
        true = built.execute(
            "select school_year, category_group, division_code, stage, category, persons from query.health"
        ).fetchall()
    shown = run_query(
        city.home, "select school_year, category_group, division_code, stage, category, persons from query.health"
    )
    shown_by_key = {tuple(row.values())[:5]: row["persons"] for row in shown.to_pylist()}
    assert shown_by_key.keys() == {row[:5] for row in true}
    small = [row[:5] for row in true if row[5] is not None and 0 < row[5] < SMALL]
    assert small
    assert [key for key in small if shown_by_key[key] is not None] == []
    # A hidden figure never stands alone in its group, or the sum of the group would tell it.
    for key in small:
        hidden = [other for other, persons in shown_by_key.items() if other[:4] == key[:4] and persons is None]
        assert len(hidden) > 1, key
