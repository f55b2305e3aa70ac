"""Cities and the installations that landed, built and published them: made once a size, each step in its own process."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.common import Plan, Run, run_child, said

SEED, DEFECTS = 7, 2
WRITE = """
import sys
from pathlib import Path
from synthetic.city import write_city
write_city(Path(sys.argv[1]), scale=float(sys.argv[2]), terms=int(sys.argv[3]), seed=int(sys.argv[4]), defects=int(sys.argv[5]))
"""
COLLECT = """
import sys, time
from pathlib import Path
from edu.paths import get_home
from ingest.landing import collect
from ingest.submission import Options
start = time.perf_counter()
result = collect([Path(sys.argv[1])], home=get_home().ensure(), options=Options())
seconds = time.perf_counter() - start
assert not [r for r in result.receipts if r.status == "failed"], [r.message for r in result.receipts if r.status == "failed"]
print("rows", sum(receipt.rows_read for receipt in result.receipts))
print("seconds", seconds)
"""
BUILD = """
import time
from edu import pipeline
from edu.paths import get_home
start = time.perf_counter()
pipeline.build(get_home().ensure(), full=True)
print("seconds", time.perf_counter() - start)
"""
PUBLISH = """
import time
from edu import pipeline
from edu.paths import get_home
start = time.perf_counter()
pipeline.publish(get_home())
print("seconds", time.perf_counter() - start)
"""


@dataclass(frozen=True)
class Passage:
    """What the whole path took, from the files of a city to the published version."""

    rows: int
    collect_s: float
    build_s: float
    publish_s: float
    peak_mb: float

    @property
    def seconds(self) -> float:
        """The whole path."""
        return self.collect_s + self.build_s + self.publish_s


def inbox(plan: Plan, scale: float, terms: int) -> Path:
    """Return the files of a city of a size, written once."""
    folder = plan.work / f"city_{scale:g}_{terms}"
    mark = folder / "truth" / "identifiers.txt"
    if not mark.exists():
        shutil.rmtree(folder, ignore_errors=True)
        run_child(WRITE, str(folder), str(scale), str(terms), str(SEED), str(DEFECTS))
    return folder / "inbox"


def home_of(plan: Plan, scale: float, terms: int) -> Path:
    """Return where the installation of a city of a size is."""
    return plan.work / f"home_{scale:g}_{terms}"


def passage(plan: Plan, scale: float, terms: int) -> Passage:
    """Take a city through the whole path, once; later calls return what was measured then."""
    home = home_of(plan, scale, terms)
    record = plan.work / f"passage_{scale:g}_{terms}.json"
    if record.exists() and home.exists():
        return Passage(**json.loads(record.read_text(encoding="utf-8")))
    files = inbox(plan, scale, terms)
    shutil.rmtree(home, ignore_errors=True)
    steps: list[Run] = [
        run_child(COLLECT, str(files), home=home),
        run_child(BUILD, home=home),
        run_child(PUBLISH, home=home),
    ]
    rows = int(said(steps[0], "rows"))
    collect_s, build_s, publish_s = (step.seconds for step in steps)
    done = Passage(rows, collect_s, build_s, publish_s, max(step.peak_mb for step in steps))
    record.write_text(json.dumps(asdict(done)), encoding="utf-8")
    return done
