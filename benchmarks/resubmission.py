"""One school's resubmission, from its file to built marts, against the full path, over the number of terms kept."""

from __future__ import annotations

import shutil
from pathlib import Path

from openpyxl import load_workbook

from benchmarks.city import home_of, inbox, passage
from benchmarks.common import Figure, Part, Plan, run_child, said

FULL_PATH_BAR = 0.10
FLAT_BAR = 1.2
"""The same school's resubmission takes so much longer at the most over the most terms than over the fewest."""
RESUBMIT = """
import sys, time
from datetime import timedelta
from pathlib import Path
import duckdb
from edu import pipeline
from edu.paths import get_home
from ingest.landing import collect
from ingest.submission import Options
home = get_home()
# The file comes just after all others: what fell due since then is no part of it.
with duckdb.connect(str(home.warehouse), read_only=True) as connection:
    (last,) = connection.execute("select max(received_at) from collection.submission").fetchone()
start = time.perf_counter()
result = collect([Path(sys.argv[1])], home=home, options=Options(received_at=last + timedelta(minutes=1)))
landed = time.perf_counter()
receipt = result.receipts[0]
assert receipt.status in ("accepted", "partly_accepted"), receipt.status
pipeline.build(home)
print("landing", landed - start)
print("seconds", time.perf_counter() - start)
"""
EQUAL = """
import sys
from pathlib import Path
from edu import pipeline
from edu.paths import get_home
from warehouse.digest import digest
home = get_home()
aside = Path(sys.argv[1])
pipeline.build(home, full=True, out=aside)
assert digest(home.warehouse) == digest(aside), "the build after a resubmission differs from a full build"
"""


def corrected(files: Path, folder: Path) -> Path:
    """Write the roster of the last term of the school with the largest one without its last row; return the copy."""
    period = max(path.parent.name for path in files.glob("*/student/*/*.xlsx"))
    source = max(files.glob(f"*/student/{period}/*.xlsx"), key=lambda path: (path.stat().st_size, path.name))
    target = folder / source.relative_to(files)
    target.parent.mkdir(parents=True)
    workbook = load_workbook(source)
    sheet = max(workbook.worksheets, key=lambda each: each.max_row)
    sheet.delete_rows(sheet.max_row)
    workbook.save(target)
    return target


def measure(plan: Plan) -> Part:
    """Measure over each number of terms; every state is compared with a full build of the same lake."""
    part = Part()
    taken = []
    for terms in plan.terms_kept:
        whole = passage(plan, plan.scale, terms)
        work = plan.work / "resubmission"
        shutil.rmtree(work, ignore_errors=True)
        home = work / "home"
        shutil.copytree(home_of(plan, plan.scale, terms), home)
        run = run_child(RESUBMIT, str(corrected(inbox(plan, plan.scale, terms), work / "inbox")), home=home)
        run_child(EQUAL, str(work / "aside.duckdb"), home=home)
        taken.append(run.seconds)
        full = whole.collect_s + whole.build_s
        part.figures += [
            Figure(f"{terms} terms: full path, files to marts", full, "s"),
            Figure(f"{terms} terms: landing of the one file", float(said(run, "landing")), "s"),
            Figure(
                f"{terms} terms: one school's resubmission to marts",
                run.seconds,
                "s",
                "the full path",
                run.seconds / full,
                FULL_PATH_BAR,
            ),
        ]
        shutil.rmtree(work)
    part.figures.append(
        Figure(
            f"resubmission over {plan.terms_kept[-1]} terms",
            taken[-1],
            "s",
            f"over {plan.terms_kept[0]} terms",
            taken[-1] / taken[0],
            FLAT_BAR,
        )
    )
    return part
