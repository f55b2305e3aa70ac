"""The page's tables come from the results and replace what stood there; plain SQL finds what a rule looks for."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from benchmarks.common import Figure, Part
from benchmarks.gates import as_sql
from benchmarks.query import questions
from benchmarks.report import BEGIN, END, read, record, save, write_page
from expectations.rule import Rule, in_set, no_rows, not_null, unique

PART = Part(
    [Figure("fast", 1.0, "s", "bare", 2.0, 4.0), Figure("slow", 9.0, "s", "bare", 18.0, 4.0)], ["polars is absent"]
)


def test_a_bar_holds_up_to_itself() -> None:
    assert Figure("x", 4.0, "s", bar=4.0).is_met is True
    assert Figure("x", 1.0, "s", "bare", 4.1, 4.0).is_met is False
    assert Figure("x", 1.0, "s").is_met is None


def test_the_page_shows_the_last_results_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nan older table\n{END}\nafter\n", encoding="utf-8")
    kept = tmp_path / "results.json"
    save(kept, {"landing": record(PART, "python -m benchmarks landing", 0.5)})
    write_page(page, read(kept))
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "older" not in text
    assert "| fast | 1.00 s | 2.00 × bare | 4 | yes |" in text
    assert "| slow | 9.00 s | 18.00 × bare | 4 | **no** |" in text
    assert "Not measured: polars is absent." in text


def test_a_page_without_its_marks_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no place"):
        write_page(page, {})


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (not_null("a", ""), [(1,)]),
        (unique(["a"], ""), [(2,)]),
        (unique(["a", "b"], ""), []),
        (in_set("b", ["x"], ""), [(2,)]),
        (no_rows("n", "select b from {batch} where regexp_matches(b, '^[y]{{1}}$')", ""), [("y",)]),
    ],
)
def test_plain_sql_of_a_rule(rule: Rule, found: list[tuple[object, ...]]) -> None:
    with duckdb.connect() as connection:
        connection.execute("create table t as from (values ('1', 'x'), ('1', 'y'), (null, 'z')) as v(a, b)")
        assert connection.execute(as_sql("t", rule)).fetchall() == found


def test_every_worked_question_is_asked() -> None:
    assert sorted(questions()) == list(range(1, len(questions()) + 1))
    assert len(questions()) == 36
