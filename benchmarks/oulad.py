"""The click log of the Open University (OULAD) through our landing, against bare loads of the same files."""

from __future__ import annotations

import subprocess
from pathlib import Path

from benchmarks.common import Figure, Part, Plan, run_child, said, scratch

LAND = """
import sys, time
from pathlib import Path
from edu.paths import get_home
from ingest.landing import collect
from ingest.submission import Options
home = get_home().ensure()
options = Options(dataset="learning_activity_daily", org="oulad", period="2013-2014")
start = time.perf_counter()
[receipt] = collect([Path(sys.argv[1])], home=home, options=options).receipts
seconds = time.perf_counter() - start
assert receipt.status == "accepted", receipt.message
assert receipt.rows_accepted == receipt.rows_read
print("rows", receipt.rows_accepted)
print("seconds", seconds)
"""
DUCKDB = """
import sys, time, duckdb
start = time.perf_counter()
with duckdb.connect(sys.argv[2], config={"threads": 2, "memory_limit": "2GB"}) as connection:
    connection.execute(f"create table click as select * from read_parquet('{sys.argv[1]}/**/*.parquet', hive_partitioning = true)")
    connection.execute("checkpoint")
    print("rows", connection.execute("select count(*) from click").fetchone()[0])
print("seconds", time.perf_counter() - start)
"""
POLARS = """
import sys, time
import polars
start = time.perf_counter()
frame = polars.scan_parquet(f"{sys.argv[1]}/**/*.parquet", hive_partitioning=True).collect()
frame.write_parquet(sys.argv[2])
print("rows", frame.height)
print("seconds", time.perf_counter() - start)
"""
DLT = """
import os, sys, time
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
import dlt
import pyarrow.dataset as dataset
start = time.perf_counter()
source = dataset.dataset(sys.argv[1], partitioning="hive")
pipeline = dlt.pipeline("clicks", destination=dlt.destinations.duckdb(sys.argv[2]), dataset_name="oulad", pipelines_dir=sys.argv[2] + ".state")
pipeline.run(source.to_batches(), table_name="click", write_disposition="replace")
with pipeline.sql_client() as client:
    print("rows", client.execute_sql("select count(*) from click")[0][0])
print("seconds", time.perf_counter() - start)
"""
OTHERS = {"polars": (POLARS, "clicks.parquet"), "dlt": (DLT, "dlt.duckdb")}


def has(python: Path, package: str) -> bool:
    """Whether a Python can import a package."""
    return subprocess.run([str(python), "-c", f"import {package}"], capture_output=True, check=False).returncode == 0


def measure(plan: Plan) -> Part:
    """Measure the whole click log, or say what is absent."""
    part = Part()
    clicks = plan.oulad / "studentVle_ds"
    if not clicks.is_dir():
        part.skipped.append("the Open University data set is absent; give its folder with --oulad")
        return part
    with scratch() as folder:
        bare = run_child(DUCKDB, str(clicks), str(folder / "clicks.duckdb"))
        rows = int(said(bare, "rows"))
        part.figures.append(Figure(f"bare DuckDB load of {rows:,} rows", bare.seconds, "s"))
        for name, (code, target) in OTHERS.items():
            if plan.others is None or not has(plan.others, name):
                part.skipped.append(f"{name} is absent; give a Python that has it with --others")
                continue
            other = run_child(code, str(clicks), str(folder / target), python=plan.others)
            assert int(said(other, "rows")) == rows, name
            part.figures.append(
                Figure(f"{name}, the same files", other.seconds, "s", "bare load", other.seconds / bare.seconds)
            )
        landed = run_child(LAND, str(clicks), home=folder / "home")
        assert int(said(landed, "rows")) == rows
    part.figures += [
        Figure(
            "landing: checked, keyed, written to the lake",
            landed.seconds,
            "s",
            "bare load",
            landed.seconds / bare.seconds,
        ),
        Figure("rows landed a second", rows / landed.seconds, "rows/s"),
        Figure("peak memory of that landing", landed.peak_mb, "MB", bar=1024.0),
    ]
    return part
