"""Schemas of what is appended under `runs/`, and the empty files that let readers always find the columns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from edu.clock import now
from edu.contract import contracts
from edu.paths import Home

TEXT = pa.string()
TIME = pa.timestamp("us")

RUN_SCHEMAS: dict[str, pa.Schema] = {
    "submission": pa.schema(
        [
            ("submission_id", TEXT),
            ("dataset", TEXT),
            ("profile", TEXT),
            ("submitter_org", TEXT),
            ("period", TEXT),
            ("snapshot_date", pa.date32()),
            ("received_at", TIME),
            ("status", TEXT),
            ("coverage", TEXT),
            ("rows_read", pa.int64()),
            ("rows_accepted", pa.int64()),
            ("rows_incomplete", pa.int64()),
            ("rows_quarantined", pa.int64()),
            ("rows_dropped", pa.int64()),
            ("reason_code", TEXT),
            ("source_ref", TEXT),
            ("sha256", TEXT),
            ("contract_digest", TEXT),
            ("code_version", TEXT),
            ("key_fingerprint", TEXT),
            ("encoding", TEXT),
            ("batch_id", TEXT),
            ("recorded_at", TIME),
        ]
    ),
    "finding": pa.schema(
        [
            ("submission_id", TEXT),
            ("batch_id", TEXT),
            ("dataset", TEXT),
            ("school_code", TEXT),
            ("sheet", TEXT),
            ("row_number", pa.int32()),
            ("field", TEXT),
            ("reason_code", TEXT),
            ("class_no", pa.int32()),
            ("severity", TEXT),
            ("message_zh", TEXT),
        ]
    ),
    "unit": pa.schema(
        [
            ("submission_id", TEXT),
            ("batch_id", TEXT),
            ("dataset", TEXT),
            ("school_code", TEXT),
            ("period", TEXT),
            ("snapshot_date", pa.date32()),
            ("coverage", TEXT),
            ("rows_read", pa.int64()),
            ("rows_accepted", pa.int64()),
            ("rows_quarantined", pa.int64()),
        ]
    ),
    "batch_file": pa.schema(
        [
            ("batch_id", TEXT),
            ("path", TEXT),
            ("bytes", pa.int64()),
            ("sha256", TEXT),
        ]
    ),
    "gate_result": pa.schema(
        [
            ("gate", TEXT),
            ("suite", TEXT),
            ("table_name", TEXT),
            ("scope", TEXT),
            ("severity", TEXT),
            ("expectation", TEXT),
            ("dataset", TEXT),
            ("school_code", TEXT),
            ("period", TEXT),
            ("snapshot_date", pa.date32()),
            ("submission_id", TEXT),
            ("is_success", pa.bool_()),
            ("observed", TEXT),
            ("notes", TEXT),
            ("run_id", TEXT),
            ("recorded_at", TIME),
        ]
    ),
    "approval": pa.schema(
        [
            ("approval_id", TEXT),
            ("org", TEXT),
            ("org_level", TEXT),
            ("dataset", TEXT),
            ("period", TEXT),
            ("content_digest", TEXT),
            ("units", pa.int64()),
            ("covered_orgs", TEXT),
            ("author", TEXT),
            ("reason", TEXT),
            ("recorded_at", TIME),
        ]
    ),
    "approval_seen": pa.schema(
        [
            ("approval_id", TEXT),
            ("dataset", TEXT),
            ("period", TEXT),
            ("unit_owner", TEXT),
            ("snapshot_date", pa.date32()),
            ("submission_id", TEXT),
            ("batch_id", TEXT),
            ("is_held", pa.bool_()),
        ]
    ),
    "correction": pa.schema(
        [
            ("correction_id", TEXT),
            ("dataset", TEXT),
            ("unit_owner", TEXT),
            ("period", TEXT),
            ("submission_id", TEXT),
            ("decision", TEXT),
            ("figures_before", TEXT),
            ("figures_after", TEXT),
            ("author", TEXT),
            ("reason", TEXT),
            ("recorded_at", TIME),
        ]
    ),
    "decision": pa.schema(
        [
            ("decision_id", TEXT),
            ("case_id", TEXT),
            ("case_kind", TEXT),
            ("decision", TEXT),
            ("subject_key", TEXT),
            ("other_key", TEXT),
            ("school_id", TEXT),
            ("author", TEXT),
            ("reason", TEXT),
            ("recorded_at", TIME),
        ]
    ),
    "plan_opinion": pa.schema(
        [
            ("record_id", TEXT),
            ("opinion_id", TEXT),
            ("plan_code", TEXT),
            ("evaluation", TEXT),
            ("office", TEXT),
            ("indicator_code", TEXT),
            ("opinion_text", TEXT),
            ("opinion_state", TEXT),
            ("reply_reason", TEXT),
            ("author", TEXT),
            ("recorded_at", TIME),
        ]
    ),
    "restriction": pa.schema(
        [
            ("restriction_id", TEXT),
            ("person_id", TEXT),
            ("evidence_key", TEXT),
            ("action", TEXT),
            ("author", TEXT),
            ("reason", TEXT),
            ("recorded_at", TIME),
        ]
    ),
    "link_evidence": pa.schema(
        [
            ("left_key", TEXT),
            ("right_key", TEXT),
            ("is_name_equal", pa.bool_()),
            ("is_birth_date_equal", pa.bool_()),
            ("is_guardian_equal", pa.bool_()),
            ("recorded_at", TIME),
        ]
    ),
    "official_release": pa.schema(
        [
            ("release_id", TEXT),
            ("release_name", TEXT),
            ("school_year", TEXT),
            ("author", TEXT),
            ("reason", TEXT),
            ("as_of_date", pa.date32()),
            ("figures", pa.int64()),
            ("content_sha256", TEXT),
            ("recorded_at", TIME),
        ]
    ),
    "official_figure": pa.schema(
        [
            ("release_id", TEXT),
            ("table_name", TEXT),
            ("row_key", TEXT),
            ("measure", TEXT),
            ("value", pa.decimal128(38, 10)),
        ]
    ),
    "withdrawal": pa.schema(
        [
            ("submission_id", TEXT),
            ("author", TEXT),
            ("reason", TEXT),
            ("recorded_at", TIME),
        ]
    ),
    "release": pa.schema(
        [
            ("dataset", TEXT),
            ("school_code", TEXT),
            ("period", TEXT),
            ("snapshot_date", pa.date32()),
            ("submission_id", TEXT),
            ("expectation", TEXT),
            ("observed", TEXT),
            ("held_since", TIME),
            ("author", TEXT),
            ("reason", TEXT),
            ("recorded_at", TIME),
        ]
    ),
    "pull": pa.schema(
        [
            ("connector", TEXT),
            ("dataset", TEXT),
            ("period", TEXT),
            ("coverage", TEXT),
            ("watermark", TEXT),
            ("rows_source", pa.int64()),
            ("rows_changed", pa.int64()),
            ("rows_deleted", pa.int64()),
            ("submission_id", TEXT),
            ("rows_accepted", pa.int64()),
            ("rows_quarantined", pa.int64()),
            ("received_at", TIME),
            ("recorded_at", TIME),
        ]
    ),
    "run_log": pa.schema(
        [
            ("run_id", TEXT),
            ("step", TEXT),
            ("started_at", TIME),
            ("finished_at", TIME),
            ("status", TEXT),
            ("rows", pa.int64()),
            ("detail", TEXT),
        ]
    ),
    "share_request": pa.schema(
        [
            ("request_id", TEXT),
            ("item_id", TEXT),
            ("receiver", TEXT),
            ("scope_org", TEXT),
            ("purpose", TEXT),
            ("fields", TEXT),
            ("period", TEXT),
            ("expires_on", pa.date32()),
            ("requested_by", TEXT),
            ("recorded_at", TIME),
        ]
    ),
    "share_decision": pa.schema(
        [
            ("decision_id", TEXT),
            ("request_id", TEXT),
            ("decision", TEXT),
            ("reason", TEXT),
            ("decided_by", TEXT),
            ("recorded_at", TIME),
        ]
    ),
    "share_release": pa.schema(
        [
            ("release_id", TEXT),
            ("request_id", TEXT),
            ("receiver", TEXT),
            ("version", TEXT),
            ("rows", pa.int64()),
            ("rows_hidden", pa.int64()),
            ("sha256", TEXT),
            ("released_by", TEXT),
            ("recorded_at", TIME),
        ]
    ),
}
"""Arrow schema of each kind of record; times are naive, Asia/Shanghai."""


def ensure_empty(home: Home) -> None:
    """Write `_empty.parquet` with the schema and no row for every kind of run record and every dataset.

    One that is cut, or has other columns, is written anew.
    """
    wanted: list[tuple[Path, pa.Schema]] = [
        (home.runs / kind / "_empty.parquet", schema) for kind, schema in RUN_SCHEMAS.items()
    ]
    wanted += [
        (home.lake / dataset / "_empty" / "_empty.parquet", contract.lake_schema())
        for dataset, contract in contracts().items()
    ]
    for path, schema in wanted:
        if _has_schema(path, schema):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        write_table(schema.empty_table(), path)


def _has_schema(path: Path, schema: pa.Schema) -> bool:
    """Whether a Parquet file is there, can be read and has just these columns."""
    try:
        return path.exists() and pq.read_schema(path).equals(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        if isinstance(error, PermissionError):
            raise
        # Cut on a full disk, or another file in its place: nothing is lost by writing it anew.
        return False


def write_table(table: pa.Table, path: Path) -> None:
    """Write a Parquet file whole or not at all: aside under a hidden name, then renamed."""
    aside = path.with_name(f".{path.name}.part")
    pq.write_table(table, aside, compression="zstd")
    aside.replace(path)


def append(home: Home, kind: str, name: str, rows: list[dict[str, object]]) -> Path:
    """Write records of one kind as `runs/<kind>/<name>.parquet`; the same name is replaced whole."""
    folder = home.runs / kind
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.parquet"
    write_table(pa.Table.from_pylist(rows, schema=RUN_SCHEMAS[kind]), path)
    return path


def log_step(
    home: Home, run_id: str, step: str, started: datetime, status: str, rows: int | None = None, detail: str = ""
) -> Path:
    """Append one step to the run log: what ran, from when to when, how it ended, how many rows or nodes."""
    record: dict[str, object] = {
        "run_id": run_id,
        "step": step,
        "started_at": started,
        "finished_at": now(),
        "status": status,
        "rows": rows,
        "detail": detail,
    }
    return append(home, "run_log", f"{run_id}-{step}", [record])


@contextmanager
def logged(home: Home, run_id: str, step: str) -> Iterator[dict[str, int | str | None]]:
    """Log a step when it ends, done or failed with the kind of the error; the caller may set `rows` and `detail`."""
    started = now()
    told: dict[str, int | str | None] = {"rows": None, "detail": ""}
    try:
        yield told
    except BaseException as error:
        log_step(home, run_id, step, started, "failed", None, type(error).__name__)
        raise
    rows = told["rows"]
    log_step(home, run_id, step, started, "done", int(rows) if rows is not None else None, str(told["detail"] or ""))
