"""Looks identifiers up in the vault for one open case, and writes down who looked and why."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from edu import audit, vault
from edu.clock import now
from edu.contract import contracts
from edu.errors import EduError, ExitCode, WarehouseError
from edu.paths import Home
from edu.pseudonym import load_key
from warehouse import built
from warehouse.cases import newest_decision

PSEUDONYM = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
DEFAULT_HOURS = 24
MAXIMUM_HOURS = 24 * 7
MAXIMUM_KEYS = 200
"""A case concerns a few people; more would be an export of the vault."""


class CaseNotOpenError(EduError):
    """A case is not there, or is decided: nobody may look."""

    exit_code = ExitCode.USAGE

    def __init__(self, case_id: str, why: str) -> None:
        super().__init__(f"case {case_id}: {why}; identifiers are shown for open cases only. See edu cases list.")


class RevealTooWideError(EduError):
    """A case concerns more keys than a case can."""

    exit_code = ExitCode.USAGE

    def __init__(self, case_id: str, keys: int) -> None:
        super().__init__(f"case {case_id} concerns {keys} keys, more than {MAXIMUM_KEYS}; divide it first.")


@dataclass(frozen=True)
class Revealed:
    """What was looked up, and until when it may be kept."""

    case_id: str
    expires_at: datetime
    identifiers: list[dict[str, Any]] = field(repr=False)
    """key, namespace, value"""
    rows: list[dict[str, Any]] = field(repr=False)
    """submission_id, sheet, row_number, field, value"""


def _case(home: Home, connection: duckdb.DuckDBPyConnection, case_id: str) -> dict[str, Any]:
    """Return an open case's row; a decision counts from when it is recorded, not from the build that honours it.

    Raises:
        CaseNotOpenError: there is none of that id, or it was decided.
    """
    cursor = connection.execute('select * from management."case" where case_id = ?', [case_id])
    names = [column[0] for column in cursor.description or []]
    found = cursor.fetchone()
    if found is None:
        raise CaseNotOpenError(case_id, "it is not in the warehouse")
    row = dict(zip(names, found, strict=True))
    decision = newest_decision(home, case_id)
    state = row["status"] if decision is None else "open" if decision == "reopen" else "decided"
    if state != "open":
        raise CaseNotOpenError(case_id, f"it is {state}")
    return row


def _keys_and_places(
    connection: duckdb.DuckDBPyConnection, case: dict[str, Any]
) -> tuple[set[str], set[tuple[str, str | None, int]]]:
    """Return the keys that a case concerns, and the rows that carry them: (submission_id, sheet, row_number).

    A case names one or more keys or persons; the other keys of those persons are what an officer must compare.
    """
    text = " ".join(str(value) for name, value in sorted(case.items()) if value is not None and name != "case_id")
    keys = set(PSEUDONYM.findall(text))
    linked = connection.execute(
        "select evidence_key from storage.map_person where person_id in ("
        "select person_id from storage.map_person where list_has_any(?, [person_id, "
        "regexp_extract(evidence_key, '[0-9a-f]{32}')]))",
        [sorted(keys)],
    ).fetchall()
    keys |= {key for (evidence,) in linked for key in PSEUDONYM.findall(evidence)}
    places: set[tuple[str, str | None, int]] = set()
    found = set(keys)
    for dataset in sorted(contracts()):
        fields = [f"{spec.name}_key" for spec in contracts()[dataset].fields if spec.type == "identifier"]
        exists = connection.execute(
            "select 1 from duckdb_tables() where schema_name = 'collection' and table_name = ?", [dataset]
        ).fetchone()
        if not fields or not exists:
            continue
        condition = " or ".join(f'list_contains($keys, "{name}")' for name in fields)
        rows = connection.execute(
            f"select submission_id, sheet, row_number, {', '.join(fields)} from collection.{dataset} where {condition}",
            {"keys": sorted(keys)},
        ).fetchall()
        for submission_id, sheet, row_number, *values in rows:
            places.add((submission_id, sheet, row_number))
            found |= {value for value in values if value}
    return found, places


def reveal(
    home: Home, *, case_id: str, reason: str, actor: str, hours: int = DEFAULT_HOURS, at: datetime | None = None
) -> Revealed:
    """Return identifiers and names for the keys of one open case; the look is in the audit log before it is answered.

    Raises:
        CaseNotOpenError: the case is not open.
        RevealTooWideError: it concerns too many keys.
        AuditReasonError: who or why is missing.
        WarehouseError, BusyError: nothing was built, or it is being built.
    """
    if not 0 < hours <= MAXIMUM_HOURS:
        raise WarehouseError(f"--expires {hours}: give hours between 1 and {MAXIMUM_HOURS}.")
    with built.opened(home) as connection:
        keys, places = _keys_and_places(connection, _case(home, connection, case_id))
    if len(keys) > MAXIMUM_KEYS:
        raise RevealTooWideError(case_id, len(keys))
    expires_at = (at or now()) + timedelta(hours=hours)
    audit.append(
        home,
        "vault.reveal",
        actor,
        reason,
        f"case {case_id}",
        {"keys": sorted(keys), "rows": len(places), "expires_at": expires_at.isoformat()},
    )
    with vault.reading(home, load_key(home)) as connection:
        identifiers = _dicts(
            connection.execute(
                "select pseudonym as key, namespace, value from identifier where list_contains(?, pseudonym) "
                "order by namespace, pseudonym, value",
                [sorted(keys)],
            )
        )
        connection.execute("create temp table place (submission_id varchar, sheet varchar, row_number integer)")
        if places:
            connection.executemany(
                "insert into place values (?, ?, ?)", [list(place) for place in sorted(places, key=str)]
            )
        rows = _dicts(
            connection.execute(
                "select p.* from person_row as p inner join place as w on w.submission_id = p.submission_id "
                "and w.row_number = p.row_number and w.sheet is not distinct from p.sheet order by all"
            )
        )
    return Revealed(case_id, expires_at, identifiers, rows)


def _dicts(cursor: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def write_revealed(home: Home, revealed: Revealed) -> Path:
    """Write an answer to `vault/revealed/<case>-<time>.json`, mode 0600; upkeep removes it when it has expired."""
    folder = home.vault / "revealed"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{revealed.case_id}-{now():%Y%m%dT%H%M%S}.json"
    content = {
        "case_id": revealed.case_id,
        "expires_at": revealed.expires_at.isoformat(),
        "identifiers": revealed.identifiers,
        "rows": revealed.rows,
    }
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump(content, stream, ensure_ascii=False, indent=1)
    return path


def remove_expired(home: Home, at: datetime | None = None) -> int:
    """Remove written answers that have expired; return how many. One that cannot be read is removed too."""
    removed = 0
    for path in sorted((home.vault / "revealed").glob("*.json")):
        try:
            expires = datetime.fromisoformat(json.loads(path.read_text(encoding="utf-8"))["expires_at"])
        except (ValueError, KeyError, TypeError):
            expires = now()
        if expires <= (at or now()):
            path.unlink()
            removed += 1
    return removed
