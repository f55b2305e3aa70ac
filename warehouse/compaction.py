"""Keeps small what grows with time and not with content: the warehouse's file, and records of runs. See ADR 0017."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb

from edu.clock import now
from edu.duck import connect
from edu.errors import WarehouseError
from edu.paths import Home
from edu.runs import RUN_SCHEMAS
from warehouse import built
from warehouse.digest import digest
from warehouse.transform import building

KINDS = {"run_log": "started_at", "gate_result": "recorded_at"}
"""Records that every run writes a file of, and their time. Others are few, or named by what they belong to."""
DAYS = 31
"""Younger records stay as they were written: the newest gate results say what is held, a reader may be looking at them."""
MONTH_FILE = "month-"
FREE_SHARE = 0.5
FREE_BYTES = 64 << 20
"""A file is copied where more than half of it and more than this is free: the copy must be worth its time."""


@dataclass(frozen=True)
class Compaction:
    """What was made smaller."""

    record_files: int
    """Files of records that went into a month's file."""
    freed_bytes: int
    """By which the warehouse's file is smaller."""


def compact(home: Home, today: date | None = None) -> Compaction:
    """Compact records and warehouse; run again after a kill, it ends the same way.

    Raises:
        BusyError: the warehouse is being built, or open elsewhere for too long.
        WarehouseError: the copy does not equal it.
    """
    files = sum(compact_records(home, kind, today) for kind in KINDS)
    return Compaction(files, compact_warehouse(home))


def compact_records(home: Home, kind: str, today: date | None = None) -> int:
    """Put old files of records into one file a month; return how many files went.

    A month's file is written before its parts go. Who reads in between, or after a kill, finds some records twice, and
    readers of these kinds take each record once.
    """
    limit = datetime.combine(today or now().date(), datetime.min.time()) - timedelta(days=DAYS)
    folder = home.runs / kind
    parts: dict[str, list[Path]] = defaultdict(list)
    with connect() as connection:
        times = connection.execute(
            f"select filename, min({KINDS[kind]}), max({KINDS[kind]}) "
            f"from read_parquet('{folder}/*.parquet', filename = true, union_by_name = true) group by filename"
        ).fetchall()
        for name, first, last in times:
            if last < limit and not Path(name).name.startswith((MONTH_FILE, "_")):
                parts[f"{first:%Y-%m}"].append(Path(name))
        for month, files in sorted(parts.items()):
            whole = folder / f"{MONTH_FILE}{month}.parquet"
            if len(files) > 1 or whole.exists():
                _merge(connection, kind, [*files, *([whole] if whole.exists() else [])], whole)
                for path in files:
                    path.unlink()
    return sum(len(files) for files in parts.values() if not any(path.exists() for path in files))


def _merge(connection: duckdb.DuckDBPyConnection, kind: str, files: list[Path], whole: Path) -> None:
    columns = ", ".join(RUN_SCHEMAS[kind].names)
    names = ", ".join(f"'{path}'" for path in files)
    aside = whole.with_name(f".{whole.name}.part")
    connection.execute(
        f"copy (select distinct {columns} from read_parquet([{names}], union_by_name = true) order by all) "
        f"to '{aside}' (format parquet, compression zstd)"
    )
    with aside.open("rb") as stream:
        os.fsync(stream.fileno())
    aside.replace(whole)


def compact_warehouse(home: Home, *, free_bytes: int = FREE_BYTES) -> int:
    """Copy the warehouse without its free blocks where most of it is free; return by how many bytes it shrank.

    The copy takes the name only if its digest is the same.

    Raises:
        BusyError: the warehouse is being built, or open elsewhere for too long.
        WarehouseError: the copy does not equal it.
    """
    if not home.warehouse.exists():
        return 0
    with building(home, home.warehouse), built.writing(home):
        return built.when_free(home.warehouse, lambda: _copy_without_free(home.warehouse, free_bytes))


def _copy_without_free(database: Path, free_bytes: int) -> int:
    aside = database.with_name(f".{database.name}.compact")
    aside.unlink(missing_ok=True)
    before = database.stat().st_size
    with connect(database) as connection:
        free = connection.execute(
            "select free_blocks * block_size, free_blocks / greatest(total_blocks, 1) from pragma_database_size()"
        ).fetchone()
        if free is None or free[0] < free_bytes or free[1] < FREE_SHARE:
            return 0
        name = connection.execute("select current_database()").fetchone()
        connection.execute(f"attach '{aside}' as compacted")
        connection.execute(f'copy from database "{name[0] if name else ""}" to compacted')
        connection.execute("checkpoint compacted")
        connection.execute("detach compacted")
    if digest(aside, with_pseudonyms=True) != digest(database, with_pseudonyms=True):
        aside.unlink()
        raise WarehouseError("the compacted copy of the warehouse has another digest; the warehouse stays as it is.")
    aside.replace(database)
    return before - database.stat().st_size
