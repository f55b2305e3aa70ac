"""Restriction of a person's data (个人信息保护法 arts. 44, 46): hidden from views of persons, kept in totals."""

from __future__ import annotations

import re
import uuid

from edu import audit, runs
from edu.clock import now
from edu.errors import EduError, ExitCode
from edu.paths import Home

PERSON = re.compile(r"[A-Za-z_@]+:[0-9a-f]{32}|[0-9A-Za-z_]+(/[^/]+)*")
ACTIONS = ("restrict", "lift")


class NoPseudonymError(EduError):
    """A person was named by something else than a pseudonym."""

    exit_code = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__("--person is no person_id; take it from edu cases show or edu vault reveal.")


def record(home: Home, person_id: str, *, action: str, actor: str, reason: str) -> str:
    """Write a restriction or its lifting; return its id. It holds from the next build on.

    It is written for every key that is the person's in the warehouse of now: a later row that breaks a link must not
    show who was hidden. Before the first build, and for a person who is not in it, only what names him is known.

    Raises:
        NoPseudonymError: `person_id` is no pseudonym.
        BusyError: the warehouse is being built, so that nobody can say which keys are the person's.
        AuditValueError: it looks like an identifier.
        AuditReasonError: who or why is missing.
    """
    if not PERSON.fullmatch(person_id) or action not in ACTIONS:
        raise NoPseudonymError
    keys = _keys(home, person_id)
    audit.append(home, f"restriction.{action}", actor, reason, person_id)
    identity = f"r{now():%Y%m%d%H%M%S}{uuid.uuid4().hex[:8]}"
    recorded_at = now()
    named: list[str | None] = [*keys] or [None]
    rows: list[dict[str, object]] = [
        {
            "restriction_id": identity,
            "person_id": person_id,
            "evidence_key": key,
            "action": action,
            "author": actor,
            "reason": reason,
            "recorded_at": recorded_at,
        }
        for key in named
    ]
    runs.append(home, "restriction", identity, rows)
    return identity


def _keys(home: Home, person_id: str) -> list[str]:
    """Return the keys of the person that a key names, in order; none where no person of the warehouse has it."""
    from warehouse import built

    if not home.warehouse.exists():
        return []
    with built.opened(home) as connection:
        if not connection.execute(
            "select 1 from information_schema.tables where table_schema = 'storage' and table_name = 'map_person'"
        ).fetchone():
            return []
        rows = connection.execute(
            "select evidence_key from storage.map_person where person_id = "
            "(select person_id from storage.map_person where evidence_key = ?) order by evidence_key",
            [person_id],
        ).fetchall()
    return [key for (key,) in rows]
