"""Run the parts of the benchmark, print a table, write JSON: `python -m benchmarks [--json FILE] [--rows N]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import landing
from benchmarks.common import Figure, write_json


def show(figures: list[Figure]) -> None:
    """Print figures as a table."""
    table = Table("part", "what", "value", "ratio", "bar", "met")
    for figure in figures:
        table.add_row(
            figure.part,
            figure.name,
            f"{figure.value:,.2f} {figure.unit}",
            "" if figure.ratio is None else f"{figure.ratio:.1f} x {figure.baseline}",
            "" if figure.bar is None else f"{figure.bar:g}",
            {None: "", True: "yes", False: "no"}[figure.is_met],
        )
    Console().print(table)


def main() -> None:
    """Measure, show, write."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--json", type=Path, default=Path("build/benchmarks.json"))
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    figures = landing.measure(rows=options.rows, workbook_rows=options.rows // 10)
    show(figures)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    write_json(options.json, figures)


if __name__ == "__main__":
    main()
