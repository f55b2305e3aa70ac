"""Measures time and peak memory of landing the largest files: a workbook at Excel's row limit and a CSV of 2 million rows.

    python benchmarks/landing_memory.py --out DIR [--rows N] [--kind xlsx|csv] [--memory-limit 400MB]

Each file is landed by `edu collect` in a process of its own, with EDU_HOME under DIR; peak memory is that process's
high-water mark; the largest of its workers is given apart. Every pupil in the files is invented.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import duckdb

from edu.contract import get_contract
from edu.duck import extension_path

EXCEL_ROWS = 1_048_576
CSV_ROWS = 2_000_000


def select(rows: int, extra: int) -> str:
    """Return SQL of invented pupils under the headers of the national export, and `extra` columns beside them."""
    contract = get_contract("student")
    values = {
        "school_code": "'2142' || lpad(cast(i // 600 as varchar), 6, '0')",
        "name": "'王小' || chr(cast(19968 + i % 5000 as integer))",
        "sex_code": "cast(1 + i % 2 as varchar)",
        "birth_date": "'201209' || lpad(cast(1 + i % 28 as varchar), 2, '0')",
        "xjh": "'L4210022012' || lpad(cast(i as varchar), 9, '0')",
        "grade_code": "'16'",
        "class_code": "'16' || lpad(cast(1 + i % 12 as varchar), 2, '0')",
        "seat_no": "cast(1 + i % 50 as varchar)",
        "status_code": "'01'",
        "address": "'江津路' || i || '号'",
        "phone": "'138' || lpad(cast(i as varchar), 8, '0')",
    }
    columns = [
        f'{values.get(spec.name, "null::varchar")} as "{contract.header("national_export", spec.name)}"'
        for spec in contract.profile_fields("national_export")
    ]
    columns += [f"'备注' || (i % 100) as \"其他{n}\"" for n in range(extra)]
    return f"select {', '.join(columns)} from range({rows}) as t(i)"


def make(path: Path, rows: int) -> None:
    """Write the file if it is not there."""
    if path.exists():
        return
    with duckdb.connect(config={"threads": 2, "memory_limit": "600MB", "temp_directory": str(path.parent)}) as c:
        if path.suffix == ".xlsx":
            c.execute(f"load '{extension_path('excel')}'")
            width = len(get_contract("student").profile_fields("national_export"))
            c.execute(f"copy ({select(rows, max(0, 25 - width))}) to '{path}' (format xlsx, header true)")
        else:
            c.execute(f"copy ({select(rows, 0)}) to '{path}' (header true)")


def land(path: Path, home: Path, memory_limit: str) -> dict[str, object]:
    """Land a file in a process of its own; return seconds, peak bytes and the receipt's counts."""
    environment = {**os.environ, "EDU_HOME": str(home), "EDU_LANDING_MEMORY_LIMIT": memory_limit}
    code = (
        "import json, sys; from edu.paths import get_home; from ingest.landing import collect; "
        "from ingest.submission import Options; from pathlib import Path; "
        "r = collect([Path(sys.argv[1])], home=get_home(), options=Options(dataset='student', org='421002', "
        "period='2024-2025/1')).receipts[0]; "
        "print(json.dumps({'status': r.status, 'rows_read': r.rows_read, 'message': r.message, "
        "'peak_mb': int(next(x for x in open('/proc/self/status') if x.startswith('VmHWM')).split()[1]) // 1024}))"
    )
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], env=environment, check=True, capture_output=True, text=True
    )
    return {"file": path.name, "seconds": round(time.monotonic() - start, 1), **json.loads(done.stdout)}


def main() -> None:
    """Make the files, land them, print one JSON line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--kind", choices=("xlsx", "csv"))
    parser.add_argument("--memory-limit", default="400MB")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for kind, rows in (("xlsx", EXCEL_ROWS - 1), ("csv", CSV_ROWS)):
        if options.kind in (None, kind):
            path = options.out / f"pupils.{kind}"
            make(path, options.rows or rows)
            print(json.dumps(land(path, options.out / f"home_{kind}", options.memory_limit), ensure_ascii=False))
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(json.dumps({"largest_process_mb": children}))


if __name__ == "__main__":
    main()
