"""Approval of a period: school, then county, then city, whose approval locks.

An approval binds the digest of what it saw to count: the deliveries, their landing, and whether they are held. The chain
is judged on what was built and on the approvals recorded so far, so that school, county and city can approve one after
the other without a build between.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from edu import audit, runs
from edu.clock import now
from edu.duck import in_memory
from edu.errors import EduError, ExitCode
from edu.paths import Home
from edu.runs import ensure_empty
from warehouse import built

SHOWN = 10


class NothingToApproveError(EduError):
    """The organisation has nothing in this dataset and period."""

    exit_code = ExitCode.USAGE

    def __init__(self, org: str, dataset: str, period: str) -> None:
        super().__init__(
            f"{org} has nothing of dataset {dataset} in {period} that could be approved: no delivery of its units "
            "counts. Collect and build first, or look at edu status."
        )


class ApprovalOrderError(EduError):
    """A child has not approved yet, or its approval is stale."""

    exit_code = ExitCode.REJECTED

    def __init__(self, org: str, dataset: str, period: str, waiting: list[str]) -> None:
        self.waiting = waiting
        more = f" and {len(waiting) - SHOWN} more" if len(waiting) > SHOWN else ""
        super().__init__(
            f"{org} cannot approve dataset {dataset} of {period} before {', '.join(waiting[:SHOWN])}{more} did. Let them "
            "approve, or answer for them with --cover-missing and a reason."
        )


class UnbuiltWithdrawalError(EduError):
    """What was taken back still counts in the warehouse: nobody may approve figures that the next build changes."""

    exit_code = ExitCode.REJECTED

    def __init__(self, org: str, dataset: str, period: str, submissions: list[str]) -> None:
        more = f" and {len(submissions) - SHOWN} more" if len(submissions) > SHOWN else ""
        super().__init__(
            f"{org} cannot approve dataset {dataset} of {period}: {', '.join(submissions[:SHOWN])}{more} was withdrawn and "
            "still counts. Run edu build, look at the figures, then approve."
        )


class PeriodLockedError(EduError):
    """The city approved: changes go through a 更正单."""

    exit_code = ExitCode.REJECTED

    def __init__(self, dataset: str, period: str) -> None:
        super().__init__(f"dataset {dataset} of {period} is locked by the city's approval. Use edu correction.")


@dataclass(frozen=True)
class Approval:
    """One approval that was recorded."""

    approval_id: str
    org: str
    org_level: str
    dataset: str
    period: str
    units: int
    covered: tuple[str, ...]
    is_new: bool
    """False where the same content had been approved already."""


@contextmanager
def _opened(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the built warehouse with the approvals and withdrawals recorded so far as views `recorded`, `withdrawn`."""
    with built.reading(home), in_memory() as connection:
        ensure_empty(home)
        connection.execute(f"attach '{home.warehouse}' as built (read_only)")
        connection.execute("use built")
        connection.execute(
            "create temp view recorded as select * exclude (newest_no) from (select *, row_number() over ("
            "partition by org, dataset, period order by recorded_at desc, approval_id desc) as newest_no "
            f"from read_parquet('{home.runs}/approval/*.parquet')) where newest_no = 1"
        )
        connection.execute(
            f"create temp view withdrawn as select submission_id from read_parquet('{home.runs}/withdrawal/*.parquet')"
        )
        yield connection


CHILDREN = """
with chain as (
    select distinct 'school' as org_level, school_code as org, managing_org as county, dataset, period
    from management.expected_submission
    union
    select 'school', unit_owner, coalesce(county_org, city_org), dataset, period from storage.unit_org
),
child as (
    select org_level, org from chain where dataset = $dataset and period = $period and county = $org
    union
    select 'county', county from chain
    where dataset = $dataset and period = $period and $level = 'city' and county <> $org
)
select child.org
from child
left join management.approval_status as content
    on content.org = child.org and content.org_level = child.org_level
    and content.dataset = $dataset and content.period = $period
left join recorded
    on recorded.org = child.org and recorded.dataset = $dataset and recorded.period = $period
where recorded.approval_id is null or recorded.content_digest is distinct from content.content_digest
order by child.org
"""
"""Children of an organisation that have not approved what counts now: schools of a county; counties and 市直 schools of
the city."""

MEMBER = {"school": "unit_owner", "county": "county_org", "city": "city_org"}
"""Level of an organisation to the column of `storage.unit_org` that names it."""
_UNITS = (
    "collection.unit as u inner join collection.submission as s on s.submission_id = u.submission_id "
    "inner join storage.unit_org as o on o.dataset = u.dataset and o.period = u.period and o.unit_owner = u.unit_owner"
)


def approve(
    home: Home,
    *,
    org: str,
    dataset: str | None,
    period: str,
    actor: str,
    reason: str,
    cover_missing: bool = False,
) -> list[Approval]:
    """Approve one dataset of a period for an organisation, or all that it has (`dataset` null).

    Raises:
        NothingToApproveError: nothing of it counts.
        ApprovalOrderError: a child has not approved.
        PeriodLockedError: the city approved already.
        UnbuiltWithdrawalError: a delivery was taken back since the last build.
        AuditReasonError: who or why is missing.
    """
    with _opened(home) as connection:
        wanted = _contents(connection, org, dataset, period)
        if not wanted:
            raise NothingToApproveError(org, dataset or "any", period)
        plans = [_plan(connection, content, cover_missing) for content in wanted]
        return [_record(home, connection, content, covered, actor, reason) for content, covered in plans]


def _contents(
    connection: duckdb.DuckDBPyConnection, org: str, dataset: str | None, period: str
) -> list[dict[str, Any]]:
    cursor = connection.execute(
        "select s.org, s.org_level, s.dataset, s.period, s.units, s.content_digest, r.content_digest as approved_digest, "
        "r.approval_id, exists (select 1 from recorded as c where c.org_level = 'city' and c.dataset = s.dataset "
        "and c.period = s.period) as is_locked from management.approval_status as s left join recorded as r "
        "on r.org = s.org and r.dataset = s.dataset and r.period = s.period "
        "where s.org = ? and s.period = ? and s.units > 0 and (? is null or s.dataset = ?) order by s.dataset",
        [org, period, dataset, dataset],
    )
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _plan(
    connection: duckdb.DuckDBPyConnection, content: dict[str, Any], cover_missing: bool
) -> tuple[dict[str, Any], list[str]]:
    """Check that an organisation may approve; return the content and the children that it answers for."""
    if content["is_locked"]:
        raise PeriodLockedError(content["dataset"], content["period"])
    unbuilt = connection.execute(
        f"select distinct u.submission_id from {_UNITS} inner join withdrawn as w on w.submission_id = u.submission_id "
        f"where o.{MEMBER[content['org_level']]} = ? and u.dataset = ? and u.period = ? and not s.is_withdrawn order by all",
        [content["org"], content["dataset"], content["period"]],
    ).fetchall()
    if unbuilt:
        found = [row[0] for row in unbuilt]
        raise UnbuiltWithdrawalError(content["org"], content["dataset"], content["period"], found)
    if content["org_level"] == "school":
        return content, []
    waiting = [
        row[0]
        for row in connection.execute(
            CHILDREN,
            {
                "org": content["org"],
                "level": content["org_level"],
                "dataset": content["dataset"],
                "period": content["period"],
            },
        ).fetchall()
    ]
    if waiting and not cover_missing:
        raise ApprovalOrderError(content["org"], content["dataset"], content["period"], waiting)
    return content, waiting


def _record(
    home: Home,
    connection: duckdb.DuckDBPyConnection,
    content: dict[str, Any],
    covered: list[str],
    actor: str,
    reason: str,
) -> Approval:
    """Write the audit entry, what was seen, and the approval itself last, which makes it count."""
    is_new = content["approved_digest"] != content["content_digest"]
    identity = content["approval_id"] if not is_new else f"a{now():%Y%m%d%H%M%S}{uuid.uuid4().hex[:8]}"
    done = Approval(
        identity,
        content["org"],
        content["org_level"],
        content["dataset"],
        content["period"],
        content["units"],
        tuple(covered),
        is_new,
    )
    if not is_new:
        return done
    audit.append(
        home,
        "approval",
        actor,
        reason,
        f"{done.org} {done.dataset} {done.period}",
        {"approval_id": identity, "content_digest": content["content_digest"], "covered": covered},
    )
    seen = connection.execute(
        "select distinct ? as approval_id, u.dataset, u.period, u.unit_owner, u.snapshot_date, u.submission_id, u.batch_id, "
        "exists (select 1 from storage.unit_current as c where c.dataset = u.dataset and c.period = u.period "
        "and c.unit_owner = u.unit_owner and c.submission_id = u.submission_id and c.is_held) as is_held "
        f"from {_UNITS} where o.{MEMBER[done.org_level]} = ? and u.dataset = ? and u.period = ? "
        "and s.status <> 'rejected' order by all",
        [identity, done.org, done.dataset, done.period],
    ).to_arrow_table()
    runs.append(home, "approval_seen", identity, seen.to_pylist())
    record = {
        "approval_id": identity,
        "org": done.org,
        "org_level": done.org_level,
        "dataset": done.dataset,
        "period": done.period,
        "content_digest": content["content_digest"],
        "units": done.units,
        "covered_orgs": ",".join(covered),
        "author": actor,
        "reason": reason,
        "recorded_at": now(),
    }
    runs.append(home, "approval", identity, [record])
    return done
