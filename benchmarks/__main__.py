"""Run parts of the benchmark, print tables, keep the results as JSON, write them into a page.

    python -m benchmarks [PART…] [--rows N] [--scale F] [--terms N] [--json FILE] [--write docs/performance.md]

Without a part all are run. What earlier runs measured of other parts stays in the JSON file.
"""

from __future__ import annotations

import argparse
import importlib
import os
from pathlib import Path

from benchmarks import report
from benchmarks.common import Plan

PARTS = ("landing", "path", "build", "gates", "resubmission", "query", "dags", "oulad")


def _parser() -> argparse.ArgumentParser:
    default = Plan()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)}")
    parser.add_argument("--rows", type=int, default=default.rows, help="rows of the roster that is landed")
    parser.add_argument("--scale", type=float, default=default.scale, help="size of the city; 1 is the whole")
    parser.add_argument("--terms", type=int, default=default.terms, help="school terms of the city")
    parser.add_argument("--terms-kept", type=int, nargs="+", default=default.terms_kept, help="of a resubmission")
    parser.add_argument("--readers", type=int, default=default.readers, help="that read at once")
    parser.add_argument("--work", type=Path, default=default.work, help="where cities and installations are kept")
    parser.add_argument("--oulad", type=Path, default=default.oulad, help="folder of the Open University data set")
    parser.add_argument("--others", type=Path, help="a Python that has polars and dlt, for comparison")
    parser.add_argument("--json", type=Path, default=Path("build/benchmarks.json"), help="file of the results")
    parser.add_argument("--write", type=Path, help="page into which the results are written")
    parser.add_argument("--no-run", action="store_true", help="measure nothing, only write the page")
    return parser


def main() -> None:
    """Measure part by part; each is saved as soon as it is done."""
    parser = _parser()
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"unknown part: {', '.join(sorted(unknown))}")
    plan = Plan(
        rows=options.rows,
        scale=options.scale,
        terms=options.terms,
        work=options.work.resolve(),
        terms_kept=tuple(options.terms_kept),
        readers=options.readers,
        oulad=options.oulad.resolve(),
        others=options.others.absolute() if options.others else None,
    )
    plan.work.mkdir(parents=True, exist_ok=True)
    results = report.read(options.json)
    sizes = f"--rows {plan.rows} --scale {plan.scale:g} --terms {plan.terms}"
    for name in () if options.no_run else [part for part in PARTS if part in options.parts or not options.parts]:
        load = os.getloadavg()[0]
        part = importlib.import_module(f"benchmarks.{name}").measure(plan)
        results[name] = report.record(part, f"python -m benchmarks {name} {sizes}", load)
        results = {known: results[known] for known in PARTS if known in results}
        report.save(options.json, results)
        report.show(name, results[name])
    if options.write:
        report.write_page(options.write, results)


if __name__ == "__main__":
    main()
