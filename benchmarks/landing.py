"""Landing of a student roster against a bare copy of the same file.

CSV: DuckDB's `COPY` of the file to Parquet, everything as text. Workbook: calamine's bare read of the same cells.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from benchmarks.common import Figure, Part, Plan, run_child, scratch
from edu.contract import get_contract
from edu.identifiers import identifier_macros

COPY_BAR = 4.0
"""Landing takes at most this many times a bare copy; 2.5 is aimed for."""
MEMORY_BAR_MB = 1024.0

LAND = """
import sys, time
from pathlib import Path
from edu.paths import get_home
from ingest.landing import collect
from ingest.submission import Options
home = get_home()
start = time.perf_counter()
result = collect([Path(sys.argv[1])], home=home, options=Options(dataset="student", org="421002", period="2024-2025/1"))
seconds = time.perf_counter() - start
receipt = result.receipts[0]
assert receipt.status == "accepted", (receipt.status, receipt.message)
assert receipt.rows_accepted == int(sys.argv[2]), receipt.rows_accepted
assert not receipt.findings, receipt.findings
print("seconds", seconds)
"""
COPY = """
import sys, time, duckdb
connection = duckdb.connect(config={"threads": 2, "memory_limit": "2GB"})
start = time.perf_counter()
connection.execute(
    f"copy (select * from read_csv('{sys.argv[1]}', header = true, all_varchar = true, delim = ',', quote = '\\"')) "
    f"to '{sys.argv[2]}' (format parquet, compression zstd)"
)
print("seconds", time.perf_counter() - start)
"""
CALAMINE = """
import sys, time
from python_calamine import CalamineWorkbook
start = time.perf_counter()
book = CalamineWorkbook.from_path(sys.argv[1])
rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
assert len(rows) == int(sys.argv[2]) + 1, len(rows)
print("seconds", time.perf_counter() - start)
"""


def roster_sql(rows: int) -> str:
    """Return SQL of a roster in the national export's form: distinct valid identifiers, no defect."""
    contract = get_contract("student")
    values = {
        "school_code": "'21420' || lpad(cast(10000 + n // 1200 as varchar), 5, '0')",
        "name": "substr('王李张刘陈杨黄赵吴周', cast(n % 10 as integer) + 1, 1) || "
        "substr('伟芳娜敏静丽强磊军洋', cast((n // 10) % 10 as integer) + 1, 1) || "
        "substr('一二三四五六七八九十', cast((n // 100) % 10 as integer) + 1, 1)",
        "sex_code": "case when (n // 300) % 2 = 1 then '1' else '2' end",
        "birth_date": "strftime(born, '%Y-%m-%d')",
        "ethnicity_code": "'01'",
        "id_type_code": "'1'",
        "id_number": "first17 || resident_id_check_character(first17 || 'X')",
        "xjh": "'G' || first17 || resident_id_check_character(first17 || 'X')",
        "grade_code": "'13'",
        "class_code": "lpad(cast((n // 45) % 20 + 1 as varchar), 4, '0')",
        "seat_no": "cast(n % 45 + 1 as varchar)",
        "entry_ym": "'202209'",
        "boarding_code": "'1'",
        "household_division_code": "'421002'",
        "status_code": "'01'",
        "is_migrant": "'0'",
        "address": "'荆州市沙市区示例路' || (n % 900) || '号'",
        "phone": "'139' || lpad(cast(n as varchar), 8, '0')",
        "guardian_name": "'王示例'",
        "guardian_phone": "'138' || lpad(cast(n as varchar), 8, '0')",
    }
    columns = ", ".join(
        f'{values.get(field.name, "cast(null as varchar)")} as "{contract.header("national_export", field.name)}"'
        for field in contract.profile_fields("national_export")
    )
    return f"""
        with person as (
            select n, date '2015-09-01' + cast(n % 300 as integer) as born,
                lpad(cast(421002 + (n // 3_000_000) as varchar), 6, '0')
                || strftime(date '2015-09-01' + cast(n % 300 as integer), '%Y%m%d')
                || lpad(cast(n // 300 % 1000 as varchar), 3, '0') as short17,
                n // 300_000 as block
            from range({rows}) as numbers(n)
        ),
        numbered as (
            select n, born, cast(421002 + block as varchar) || substr(short17, 7) as first17 from person
        )
        select {columns} from numbered order by n
    """


def write_roster(path: Path, rows: int) -> None:
    """Write a roster as CSV, or as a workbook where the name ends in .xlsx."""
    with duckdb.connect() as connection:
        for macro in identifier_macros():
            connection.execute(macro)
        if path.suffix == ".xlsx":
            from edu.duck import extension_path

            connection.execute(f"load '{extension_path('excel')}'")
            connection.execute(f"copy ({roster_sql(rows)}) to '{path}' (format xlsx, header true)")
        else:
            connection.execute(f"copy ({roster_sql(rows)}) to '{path}' (format csv, header true)")


def measure(plan: Plan) -> Part:
    """Measure both forms; the workbook has a tenth of the roster's rows."""
    rows, workbook_rows = plan.rows, plan.rows // 10
    with scratch() as folder:
        csv = folder / "roster.csv"
        write_roster(csv, rows)
        bare = run_child(COPY, str(csv), str(folder / "bare.parquet"))
        landed = run_child(LAND, str(csv), str(rows), home=folder / "home")
        book = folder / "roster.xlsx"
        write_roster(book, workbook_rows)
        bare_book = run_child(CALAMINE, str(book), str(workbook_rows))
        landed_book = run_child(LAND, str(book), str(workbook_rows), home=folder / "book_home")
    return Part(
        [
            Figure(f"bare copy of {rows:,} rows of CSV", bare.seconds, "s"),
            Figure(
                f"landing of {rows:,} rows of CSV",
                landed.seconds,
                "s",
                "bare copy",
                landed.seconds / bare.seconds,
                COPY_BAR,
            ),
            # Of a busy machine the processor's time says more than the clock's.
            Figure(
                "processor time of that landing",
                landed.cpu_seconds,
                "s",
                "bare copy's",
                landed.cpu_seconds / bare.cpu_seconds,
            ),
            Figure("rows landed a second, CSV", rows / landed.seconds, "rows/s"),
            Figure("peak memory of that landing", landed.peak_mb, "MB", bar=MEMORY_BAR_MB),
            Figure(f"bare read of {workbook_rows:,} rows of .xlsx", bare_book.seconds, "s"),
            Figure(
                f"landing of {workbook_rows:,} rows of .xlsx",
                landed_book.seconds,
                "s",
                "bare read",
                landed_book.seconds / bare_book.seconds,
                COPY_BAR,
            ),
        ]
    )
