"""Chinese names, purposes and meanings of the warehouse's tables and columns, for whoever shows them.

The catalogue, comments and BI tools do.
"""

from __future__ import annotations

from functools import cache

import yaml

from edu.settings import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "dashboards" / "catalog"


@cache
def table_labels() -> dict[str, str]:
    """Return the Chinese names of tables by schema.table."""
    return _read("tables.yml")


@cache
def table_purposes() -> dict[str, str]:
    """Return, for each served table by schema.table, what a row is and what the table is for, in Chinese."""
    return _read("purposes.yml")


@cache
def column_meanings() -> dict[str, str]:
    """Return what served columns say, in Chinese, by column or by schema.table.column where one table differs."""
    return _read("meanings.yml")


def column_meaning(table: str, column: str) -> str:
    """Return what a column of `table` (schema.table) says, in Chinese; empty where its name says it."""
    return column_meanings().get(f"{table}.{column}") or column_meanings().get(column, "")


def _read(name: str) -> dict[str, str]:
    content: dict[str, str] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return content
