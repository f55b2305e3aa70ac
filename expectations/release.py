"""Release: a named steward lets a held unit through, for the deliveries that the gate saw and no later one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import duckdb

from edu import audit, runs
from edu.city_lock import refuse_locked
from edu.clock import now
from edu.codes import seed_rows
from edu.errors import EduError, ExitCode
from edu.paths import Home


class NotHeldError(EduError):
    """No held unit fits what was asked for."""

    exit_code = ExitCode.USAGE

    def __init__(self, dataset: str, school_code: str, period: str, submission_id: str | None) -> None:
        which = f" by {submission_id}" if submission_id else ""
        super().__init__(
            f"unit {dataset} {school_code} {period} is not held{which} by the latest collection gate; "
            "edu status shows which are, and edu build judges what came since."
        )


class NotReleasableError(EduError):
    """A unit is held for something that a steward's word cannot mend."""

    exit_code = ExitCode.USAGE

    def __init__(self, dataset: str, school_code: str, period: str, expectation: str, remedy_zh: str) -> None:
        super().__init__(
            f"unit {dataset} {school_code} {period} is held by {expectation}, which cannot be released. {remedy_zh}"
        )


@dataclass(frozen=True)
class Released:
    """One delivery and expectation that was let through."""

    submission_id: str
    expectation: str
    observed: str


def held_units(home: Home) -> list[dict[str, Any]]:
    """Return the units that the latest collection gate holds and no release lets through, with since when.

    Each has dataset, school_code, period, snapshot_date, submission_id, expectation, observed and held_since.
    """
    runs.ensure_empty(home)
    gates = f"read_parquet('{home.runs}/gate_result/*.parquet', union_by_name = true)"
    releases = f"read_parquet('{home.runs}/release/*.parquet')"
    with duckdb.connect() as connection:
        cursor = connection.execute(
            f"""
            with failing as (
                select * from {gates} where gate = 'collection' and scope = 'unit' and not is_success
            ),
            latest as (
                select run_id from {gates} where gate = 'collection'
                group by run_id order by max(recorded_at) desc, run_id desc limit 1
            )
            select f.dataset, f.school_code, f.period, f.snapshot_date, f.submission_id, f.expectation, f.observed,
                min(e.recorded_at) as held_since
            from failing as f
            inner join latest on latest.run_id = f.run_id
            inner join failing as e on e.dataset = f.dataset and e.school_code = f.school_code and e.period = f.period
                and e.submission_id is not distinct from f.submission_id and e.expectation = f.expectation
            where not exists (
                select 1 from {releases} as r where r.dataset = f.dataset and r.school_code = f.school_code
                and r.period = f.period and r.submission_id = f.submission_id and r.expectation = f.expectation
            )
            group by all order by all
            """
        )
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def release(
    home: Home,
    *,
    dataset: str,
    school_code: str,
    period: str,
    by: str,
    reason: str,
    submission_id: str | None = None,
) -> list[Released]:
    """Let a held unit through and record who did it and why; the next build counts it.

    A release names the deliveries that the gate saw: one that comes later is judged again.

    Raises:
        NotHeldError: no such unit is held.
        NotReleasableError: it is held for a reason that a release cannot mend.
        LockedSubmissionError: the city locked it as it is, held.
        AuditReasonError, AuditValueError: nobody or no reason is given, or a text holds an identifier.
    """
    found = [
        unit
        for unit in held_units(home)
        if (unit["dataset"], unit["school_code"], unit["period"]) == (dataset, school_code, period)
        and submission_id in (None, unit["submission_id"])
    ]
    if not found:
        raise NotHeldError(dataset, school_code, period, submission_id)
    breakers = {row["expectation"]: row for row in seed_rows("breaker")}
    for unit in found:
        breaker = breakers.get(unit["expectation"])
        if breaker is None or breaker["is_releasable"] != "true" or not unit["submission_id"]:
            remedy = breaker["remedy_zh"] if breaker else ""
            raise NotReleasableError(dataset, school_code, period, unit["expectation"], remedy)
        refuse_locked(home, unit["submission_id"])
    moment = now()
    audit.append(
        home,
        "unit.release",
        by,
        reason,
        f"{dataset} {school_code} {period}",
        {"submissions": [unit["submission_id"] for unit in found], "expectations": [u["expectation"] for u in found]},
    )
    records = [{**unit, "author": by, "reason": reason, "recorded_at": moment} for unit in found]
    name = "\n".join(
        f"{u['dataset']} {u['school_code']} {u['period']} {u['submission_id']} {u['expectation']}" for u in found
    )
    runs.append(home, "release", "r" + hashlib.sha256(name.encode()).hexdigest()[:23], records)
    return [Released(unit["submission_id"], unit["expectation"], unit["observed"]) for unit in found]
