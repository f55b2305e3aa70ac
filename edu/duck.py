"""DuckDB connections: extensions from their wheels, bounded memory, no network."""

from __future__ import annotations

import ctypes
import importlib.util
from pathlib import Path

import duckdb
import pyarrow as pa

from edu.paths import get_home
from edu.settings import get_settings

COMPRESSION = "compression zstd, compression_level 1, row_group_size 50000"
"""Options of a Parquet file that a landing writes: higher levels take longer and gain nothing on texts so short, and larger
groups hold more of the rows in memory."""


def extension_path(name: str) -> Path:
    """Return the file of a DuckDB extension that is installed as a wheel.

    Loading by path needs neither a home folder nor a network.

    Raises:
        FileNotFoundError: the wheel `duckdb-extension-<name>` is not installed.
    """
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"DuckDB extension {name}: install the wheel duckdb-extension-{name}.")
    folder = Path(next(iter(spec.submodule_search_locations)))
    return folder / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"


def in_memory() -> duckdb.DuckDBPyConnection:
    """Open an empty database in memory that draws no bar into the output, for a question to a file or two."""
    connection = duckdb.connect()
    connection.execute("set enable_progress_bar = false")
    return connection


def connect(
    database: Path | str = ":memory:",
    *,
    read_only: bool = False,
    extensions: tuple[str, ...] = (),
    memory_limit: str | None = None,
) -> duckdb.DuckDBPyConnection:
    """Open DuckDB with the limits of the settings and the named extensions loaded."""
    settings = get_settings()
    tmp = get_home().tmp
    connection = duckdb.connect(
        str(database),
        read_only=read_only,
        config={
            "threads": settings.threads,
            "memory_limit": memory_limit or settings.memory_limit,
            "temp_directory": str(tmp),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )
    # Where Python looks interactive, DuckDB draws a bar into the output, which may be read as JSON.
    connection.execute("set enable_progress_bar = false")
    for name in extensions:
        connection.execute(f"LOAD '{extension_path(name)}'")
    if "httpfs" in extensions:
        # What spills of a landing are names and ID numbers; a killed process leaves the files behind.
        connection.execute("set temp_file_encryption = true")
    return connection


def give_memory_back() -> None:
    """Give memory that was freed back to the system: what many threads freed in turn is otherwise kept for none of them."""
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
