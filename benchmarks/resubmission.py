"""One school's resubmission, from its file to built marts, against the full path, over the number of terms kept."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.city import home_of, inbox, passage
from benchmarks.common import Figure, Part, Plan, run_child, said

FULL_PATH_BAR = 0.10
FLAT_BAR = 1.2
"""The same school's resubmission takes so much longer at the most over the most terms than over the fewest."""
RESUBMIT = """
import sys, time
from datetime import timedelta
from pathlib import Path
from edu import pipeline
from edu.clock import now
from edu.paths import get_home
from ingest.landing import collect
from ingest.submission import Options
home = get_home()
start = time.perf_counter()
result = collect([Path(sys.argv[1])], home=home, options=Options(received_at=now() + timedelta(minutes=1)))
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
    """Write one school's student roster of the last term without its last row; return the copy."""
    period = sorted({path.parent.name for path in files.glob("*/student/*/*.csv")})[-1]
    source = min(files.glob(f"*/student/{period}/*.csv"), key=lambda path: (path.stat().st_size, path.name))
    target = folder / source.relative_to(files)
    target.parent.mkdir(parents=True)
    lines = source.read_bytes().rstrip(b"\r\n").split(b"\n")
    target.write_bytes(b"\n".join(lines[:-1]) + b"\n")
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
