"""Restriction of a person's data (个人信息保护法 arts. 44, 46): hidden from views of persons, kept in totals."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection

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


def record(home: Home, person_id: str, *, action: str, actor: str, reason: str, keys: Collection[str] = ()) -> str:
    """Write a restriction or its lifting; return its id. It holds from the next build on.

    It is written for every one of `keys`, which are the person's of now: a later row that breaks a link must not show who
    was hidden. Without any, only what names the person is known.

    Raises:
        NoPseudonymError: `person_id` is no pseudonym.
        AuditValueError: it looks like an identifier.
        AuditReasonError: who or why is missing.
    """
    if not PERSON.fullmatch(person_id) or action not in ACTIONS:
        raise NoPseudonymError
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
