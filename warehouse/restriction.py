"""Restricts a person whom the built warehouse knows: one that exists nowhere would be hidden nowhere, unseen."""

from __future__ import annotations

import duckdb

from edu import restriction, runs
from edu.errors import EduError, ExitCode
from edu.paths import Home
from warehouse import built


class UnknownPersonError(EduError):
    """A restriction or its lifting names nobody."""

    exit_code = ExitCode.USAGE

    def __init__(self, action: str) -> None:
        where = " and has no restriction" if action == "lift" else ""
        super().__init__(
            f"--person is nobody in the built warehouse{where}; take person_id from edu cases show or query.student, "
            "after the build that follows the landing."
        )


def record(home: Home, person_id: str, *, action: str, actor: str, reason: str) -> str:
    """Write a restriction or its lifting, of all keys of a person who exists; return its id.

    A lifting may also name a key that was restricted and is no evidence any more.

    Raises:
        UnknownPersonError: no evidence has this key; it is not repeated, for it may be anything.
        WarehouseError, BusyError: nothing was built, or it is being built.
        NoPseudonymError, AuditValueError, AuditReasonError: see `edu.restriction.record`.
    """
    with built.opened(home) as connection:
        rows = connection.execute(
            "select evidence_key from storage.map_person where person_id in "
            "(select person_id from storage.map_person where $person in (evidence_key, person_id)) order by evidence_key",
            {"person": person_id},
        ).fetchall()
    if not rows and not (action == "lift" and _was_restricted(home, person_id)):
        raise UnknownPersonError(action)
    return restriction.record(home, person_id, action=action, actor=actor, reason=reason, keys=[key for (key,) in rows])


def _was_restricted(home: Home, person_id: str) -> bool:
    runs.ensure_empty(home)
    found = duckdb.execute(
        f"select count(*) from read_parquet('{home.runs}/restriction/*.parquet', union_by_name = true) "
        "where ? in (person_id, evidence_key)",
        [person_id],
    ).fetchone()
    return bool(found and found[0])
