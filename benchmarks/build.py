"""A full build against the same compiled SQL, executed by plain DuckDB in one connection."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from benchmarks.city import home_of, passage
from benchmarks.common import Figure, Part, Plan, run_child, said
from edu.paths import Home

if TYPE_CHECKING:
    from expectations.gate import GateReport

BUILD_BAR = 1.5
TIMED = """
import json
from benchmarks.build import build_timed
from edu.paths import get_home
print("steps", json.dumps(build_timed(get_home())))
"""
PLAIN = """
import sys
from pathlib import Path
from benchmarks.build import run_plain
from edu.paths import get_home
print("seconds", run_plain(get_home(), Path(sys.argv[1])))
"""


@dataclass(frozen=True)
class Timed:
    """Seconds of a full build by step, and of its SQL alone."""

    steps: dict[str, float]
    plain_s: float

    @property
    def seconds(self) -> float:
        """The whole build."""
        return self.steps["build"]


def build_timed(home: Home) -> dict[str, float]:
    """Build an installation's warehouse from nothing; return the seconds of each layer and gate, and of the whole as `build`."""
    from edu.pipeline import run_named_gate
    from warehouse import transform

    steps: dict[str, float] = {}

    def gate(name: str, file: Path, records: Home) -> GateReport:
        start = time.perf_counter()
        report = run_named_gate(name, home, file, records)
        steps[f"gate {name}"] = time.perf_counter() - start
        return report

    start = time.perf_counter()
    result = transform.build(home, gate=gate, full=True)
    whole = time.perf_counter() - start
    return {**{layer.layer: layer.seconds for layer in result.layers}, **steps, "build": whole}


def compiled(home: Home) -> list[tuple[str | None, str]]:
    """Return (relation or null, SQL) of every model and test that the last build ran, in an order that works."""
    target = home.logs / "dbt" / "target"
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    nodes: dict[str, Any] = manifest["nodes"]
    ordered: list[str] = []
    seen: set[str] = set()

    def visit(name: str) -> None:
        if name in seen or name not in nodes:
            return
        seen.add(name)
        for parent in nodes[name]["depends_on"].get("nodes", []):
            visit(parent)
        ordered.append(name)

    for name in sorted(nodes):
        visit(name)
    found: list[tuple[str | None, str]] = []
    root = target / "compiled" / manifest["metadata"]["project_name"]
    for name in ordered:
        node = nodes[name]
        path = root / node["original_file_path"]
        if node["resource_type"] == "model":
            found.append((f'"{node["schema"]}"."{node["alias"]}"', path.read_text(encoding="utf-8")))
        elif node["resource_type"] == "test":
            generic = path / node["path"]
            found.append((None, (generic if generic.exists() else path).read_text(encoding="utf-8")))
    return found


def run_plain(home: Home, target: Path) -> float:
    """Execute the compiled SQL of a build in one connection on a file of the same name; return the seconds.

    The seeds are copied from the built file before the clock starts.
    """
    from edu.settings import get_settings

    settings = get_settings()
    with duckdb.connect(
        str(target), config={"threads": settings.threads, "memory_limit": settings.memory_limit}
    ) as connection:
        connection.execute(f"attach '{home.warehouse}' as built (read_only)")
        for (table,) in connection.execute(
            "select table_name from duckdb_tables() where database_name = 'built' and schema_name = 'seed'"
        ).fetchall():
            connection.execute("create schema if not exists seed")
            connection.execute(f'create table seed."{table}" as select * from built.seed."{table}"')
        connection.execute("detach built")
        connection.execute("create table main.kept_part (part varchar)")
        statements = compiled(home)
        start = time.perf_counter()
        for relation, sql in statements:
            if relation is None:
                connection.execute(f"select count(*) from ({sql}\n)").fetchone()
            else:
                connection.execute(f"create schema if not exists {relation.split('.')[0]}")
                connection.execute(f"create or replace table {relation} as {sql}")
        connection.execute("checkpoint")
        return time.perf_counter() - start


@cache
def timed(plan: Plan) -> Timed:
    """Build the plan's city anew, and execute its SQL alone."""
    passage(plan, plan.scale, plan.terms)
    home = home_of(plan, plan.scale, plan.terms)
    folder = plan.work / "plain"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    steps = json.loads(said(run_child(TIMED, home=home), "steps"))
    # Compiled SQL names its database by the file, so both have the same name.
    run = run_child(PLAIN, str(folder / "warehouse.duckdb"), home=home)
    shutil.rmtree(folder)
    return Timed(steps, run.seconds)


def measure(plan: Plan) -> Part:
    """Measure a full build of the plan's city."""
    found = timed(plan)
    figures = [Figure("the same SQL, models and tests, in plain DuckDB", found.plain_s, "s")]
    figures += [
        Figure(f"of the build: {name}", seconds, "s") for name, seconds in found.steps.items() if name != "build"
    ]
    figures.append(
        Figure(
            f"full build, scale {plan.scale:g}, {plan.terms} terms",
            found.seconds,
            "s",
            "the same SQL",
            found.seconds / found.plain_s,
            BUILD_BAR,
        )
    )
    return Part(figures)
