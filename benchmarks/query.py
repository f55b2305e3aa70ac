"""What readers of the published version wait: every visualization table, each worked question, and many at once."""

from __future__ import annotations

import json
import re
import statistics
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import duckdb

from benchmarks.city import home_of, passage
from benchmarks.common import Figure, Part, Plan, run_child, said
from edu.paths import get_home
from edu.settings import PROJECT_ROOT
from warehouse.query import open_published

PAGE = PROJECT_ROOT / "docs" / "questions.zh-CN.md"
QUESTION = re.compile(r"^### (\d+)\. .+?^```sql\n(.+?)^```", re.MULTILINE | re.DOTALL)
TABLE_BAR_MS, QUESTION_BAR_MS = 50.0, 1000.0
REPEATS = 5
CHILD = """
from benchmarks.query import alone, together
alone()
together(int(sys.argv[1]))
"""


def questions() -> dict[int, str]:
    """Return the SQL of the worked questions by number."""
    return {int(number): sql for number, sql in QUESTION.findall(PAGE.read_text(encoding="utf-8"))}


def tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the visualization tables."""
    rows = connection.execute(
        "select table_name from duckdb_tables() where schema_name = 'visualization' order by table_name"
    ).fetchall()
    return [row[0] for row in rows]


def took_ms(connection: duckdb.DuckDBPyConnection, sql: str) -> float:
    """Run a SELECT and take all its rows, as Arrow, so that objects of Python are not what is measured."""
    start = time.perf_counter()
    connection.execute(sql).to_arrow_table()
    return 1000 * (time.perf_counter() - start)


def alone() -> None:
    """Print the slowest table and question of one reader, each by the median of its repeats."""
    with open_published(get_home()) as connection:
        # The first table of all pays for importing Arrow.
        connection.execute("select 1").to_arrow_table()

        def slowest(every: Iterable[tuple[str, str]]) -> tuple[float, str, int]:
            medians = [
                (statistics.median(took_ms(connection, sql) for _ in range(REPEATS)), name) for name, sql in every
            ]
            return (*max(medians), len(medians))

        print("table", json.dumps(slowest((name, f'from visualization."{name}"') for name in tables(connection))))
        print("question", json.dumps(slowest((str(number), sql) for number, sql in questions().items())))


def read_all(_: int) -> list[float]:
    """Open the published version as one reader, read every table and ask every question; return the milliseconds."""
    with open_published(get_home()) as connection:
        connection.execute("select 1").to_arrow_table()
        every = [f'from visualization."{name}"' for name in tables(connection)] + list(questions().values())
        return [took_ms(connection, sql) for sql in every]


def together(readers: int) -> None:
    """Print the 95th percentile of so many readers at once, each a process of its own."""
    with ProcessPoolExecutor(readers, mp_context=get_context("spawn")) as pool:
        waited = sorted(ms for one in pool.map(read_all, range(readers)) for ms in one)
    print("p95", json.dumps((statistics.quantiles(waited, n=20)[-1], len(waited))))


def measure(plan: Plan) -> Part:
    """Measure the published version of the plan's city."""
    passage(plan, plan.scale, plan.terms)
    run = run_child(CHILD, str(plan.readers), home=home_of(plan, plan.scale, plan.terms))
    table_ms, table, table_count = json.loads(said(run, "table"))
    question_ms, number, question_count = json.loads(said(run, "question"))
    p95, reads = json.loads(said(run, "p95"))
    return Part(
        [
            Figure(
                f"slowest of {table_count} visualization tables, all rows ({table})", table_ms, "ms", bar=TABLE_BAR_MS
            ),
            Figure(
                f"slowest of {question_count} worked questions (no. {number})", question_ms, "ms", bar=QUESTION_BAR_MS
            ),
            Figure(f"95th percentile of {reads} reads by {plan.readers} readers at once", p95, "ms"),
        ]
    )
