"""The gates' share of a build, and Great Expectations against the same checks as plain SQL."""

from __future__ import annotations

from benchmarks.build import timed
from benchmarks.city import home_of
from benchmarks.common import Figure, Part, Plan, run_child, said

SHARE_BAR_PCT = 15.0
SQL_BAR = 3.0
MEASURE = """
from benchmarks.gates import compare
from edu.paths import get_home
gx, sql, checks = compare(get_home())
print("gx", gx)
print("sql", sql)
print("checks", checks)
"""


def as_sql(table: str, rule: object) -> str:
    """Return SQL that counts what a rule finds.

    Raises:
        KeyError: the rule is of a kind that is not known here.
    """
    from expectations.rule import Rule

    assert isinstance(rule, Rule)
    told = rule.arguments
    column = f'"{told["column"]}"' if "column" in told else ""
    if rule.kind == "ExpectColumnValuesToNotBeNull":
        return f"select count(*) from {table} where {column} is null"
    if rule.kind == "ExpectColumnValuesToBeUnique":
        return f"select count(*) from {table} where {column} is not null group by {column} having count(*) > 1"
    if rule.kind == "ExpectCompoundColumnsToBeUnique":
        keys = ", ".join(f'"{name}"' for name in told["column_list"])
        return f"select count(*) from {table} group by {keys} having count(*) > 1"
    if rule.kind == "ExpectColumnValuesToBeInSet":
        words = ", ".join(f"'{value}'" for value in told["value_set"])
        return f"select count(*) from {table} where {column} not in ({words})"
    query = str(told["unexpected_rows_query"]).replace("{batch}", table)
    return query.replace("{{", "{").replace("}}", "}")


def compare(home: object) -> tuple[float, float, int]:
    """Run all gates on what was built; return the seconds of Great Expectations, of the same checks as SQL, and how many.

    Great Expectations is imported before the clock starts: its import is part of the gates' share of a build.
    """
    import time

    import duckdb
    import great_expectations  # noqa: F401

    from edu.clock import now
    from edu.paths import Home
    from expectations.gate import GATES, plan_gate, run_gate

    assert isinstance(home, Home)
    start = time.perf_counter()
    for name in GATES:
        run_gate(name, home=home, database=home.warehouse, run_id="benchmark")
    through_gx = time.perf_counter() - start
    checks = 0
    start = time.perf_counter()
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        for name in GATES:
            for suite, rules in plan_gate(name, connection, now().date()):
                for rule in rules:
                    connection.execute(as_sql(suite.table, rule)).fetchall()
                    checks += 1
    return through_gx, time.perf_counter() - start, checks


def measure(plan: Plan) -> Part:
    """Measure the gates of the plan's city."""
    build = timed(plan)
    gates = sum(seconds for name, seconds in build.steps.items() if name.startswith("gate "))
    run = run_child(MEASURE, home=home_of(plan, plan.scale, plan.terms))
    through_gx, sql, checks = (float(said(run, word)) for word in ("gx", "sql", "checks"))
    return Part(
        [
            Figure("gates of a build, import of Great Expectations included", gates, "s"),
            Figure("share of the build", 100 * gates / build.seconds, "%", bar=SHARE_BAR_PCT),
            Figure(f"{checks:.0f} checks of all gates as plain SQL", sql, "s"),
            Figure(
                "the same by Great Expectations, with records and Data Docs",
                through_gx,
                "s",
                "plain SQL",
                through_gx / sql,
                SQL_BAR,
            ),
        ]
    )
