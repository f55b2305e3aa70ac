"""What was found in a submission, as far as people are told it: every count, and the findings of its first rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from ingest.readers.table import literal

ROWS_MAXIMUM = 20_000
"""So many rows with findings are shown one by one; of the others people learn by number. All are recorded."""

WEIGHT = "case {severity} when 'fix' then 2 when 'warn' then 1 else 0 end"
"""What must be mended goes before what is to be looked at, and that before what was done."""


@dataclass(frozen=True)
class Found:
    """Findings of one landing of a submission.

    `first` holds the records of findings of the file as a whole and of the rows that need mending most; `counts` says
    (severity, field, reason_code, message_zh, how many) of all.
    """

    first: list[dict[str, Any]]
    counts: list[tuple[str, str | None, str, str, int]]


def found_in(connection: duckdb.DuckDBPyConnection, relation: str, submission_id: str) -> Found:
    """Read the findings of one submission from a relation of the shape of `runs/finding`."""
    own = f"(select * from {relation} where submission_id = {literal(submission_id)})"
    first = connection.execute(
        f"""
        with own as {own},
        shown as (
            select sheet, row_number from own where row_number is not null group by sheet, row_number
            order by min({WEIGHT.format(severity="severity")}), sheet nulls first, row_number limit {ROWS_MAXIMUM}
        )
        select own.* from own
        left join shown on shown.row_number = own.row_number and shown.sheet is not distinct from own.sheet
        where own.row_number is null or shown.row_number is not null
        order by own.row_number nulls first, own.sheet, own.field, own.reason_code
        """
    ).to_arrow_table()
    counts = connection.execute(
        f"select severity, field, reason_code, message_zh, count(*) from {own} group by all order by all"
    ).fetchall()
    return Found(list(first.to_pylist()), [(r[0], r[1], r[2], r[3], r[4]) for r in counts])
