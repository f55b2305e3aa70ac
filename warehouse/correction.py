"""Changes after a lock (更正单): what waits, what it would change, and who decided.

A delivery that comes after the city's approval is kept and shown, but the locked content counts until the change is
approved with a reason and the figures before and after.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

import duckdb

from edu import audit, runs
from edu.clock import now
from edu.contract import contracts
from edu.errors import EduError, ExitCode
from edu.paths import Home
from warehouse import built

STATUS_FIELDS = {"student": "status_code = '01'", "staff": "staff_status_code = '11'"}
DECISIONS = ("approved", "rejected")


class NotWaitingError(EduError):
    """No change of that submission waits."""

    exit_code = ExitCode.USAGE

    def __init__(self, submission_id: str) -> None:
        super().__init__(f"submission {submission_id} waits for no decision; see edu correction list.")


@dataclass(frozen=True)
class Change:
    """One unit's change that waits."""

    dataset: str
    unit_owner: str
    period: str
    submission_id: str
    received_at: Any
    before: dict[str, Any]
    after: dict[str, Any]

    @property
    def is_change(self) -> bool:
        """Whether the unit's rows differ at all: a county's file carries schools that did not change too."""
        return self.before != self.after


def waiting(home: Home, submission_id: str | None = None) -> list[Change]:
    """Return the changes that wait, with figures of the locked content and of the content with the change.

    Raises:
        WarehouseError, BusyError: nothing was built, or it is being built.
    """
    with built.opened(home) as connection:
        rows = connection.execute(
            "select dataset, unit_owner, period, submission_id, received_at, correction_status "
            "from storage.unit_waiting where ? is null or submission_id = ? order by all",
            [submission_id, submission_id],
        ).fetchall()
        return [
            Change(
                dataset=row[0],
                unit_owner=row[1],
                period=row[2],
                submission_id=row[3],
                received_at=row[4],
                before=_figures(connection, row, with_change=False),
                after=_figures(connection, row, with_change=True),
            )
            for row in rows
            if row[5] == "waiting"
        ]


DELIVERIES = """
with delivery as (
    select snapshot_date, source_owner, submission_id, batch_id, coverage, received_at, submitter_kind
    from collection.delivery
    where dataset = $dataset and unit_owner = $owner and period = $period
    union all
    select unit.snapshot_date, unit.source_owner, unit.submission_id, unit.batch_id, unit.coverage, receipt.received_at,
        case
            when receipt.submitter_org in (unit.unit_owner, unit.source_owner) then 'school'
            when length(receipt.submitter_org) = 6 then 'bureau'
            else 'system'
        end
    from collection.unit as unit
    inner join collection.submission as receipt
        on receipt.submission_id = unit.submission_id and receipt.batch_id = unit.batch_id
    where unit.dataset = $dataset and unit.unit_owner = $owner and unit.period = $period
        and unit.submission_id = $added
),
authority as (
    select submitter_kind as authority_kind
    from seed.submission_authority
    where dataset = $dataset
        and cast(substr(replace($period, 'FY', ''), 1, 4) as integer)
        between valid_from_year and coalesce(valid_to_year, 9999)
),
decided as (
    select delivery.*
    from delivery left join authority on true
    qualify coalesce(
        max(case when submitter_kind = authority_kind then 1 else 0 end) over () = 0
        or submitter_kind = authority_kind,
        true
    )
),
counting_date as (
    select decided.snapshot_date
    from decided
    left join seed.submission_calendar as calendar
        on calendar.dataset = $dataset and calendar.period = $period
        and cast(calendar.snapshot_date as date) = decided.snapshot_date
    group by decided.snapshot_date
    order by
        max(case when decided.coverage = 'full' then 1 else 0 end) desc, count(calendar.period) > 0 desc,
        decided.snapshot_date desc nulls last
    limit 1
),
counting as (
    select decided.*, dense_rank() over (order by received_at desc, submission_id desc) as delivery_rank
    from decided
    inner join counting_date on counting_date.snapshot_date is not distinct from decided.snapshot_date
),
current_delivery as (
    select counting.*
    from counting
    qualify delivery_rank <= coalesce(min(case when coverage = 'full' then delivery_rank end) over (), delivery_rank)
),
held as (
    select 1
    from storage.unit_held as holding
    inner join current_delivery as delivery on delivery.submission_id = holding.submission_id
    where holding.dataset = $dataset and holding.unit_owner = $owner and holding.period = $period
),
lake_row as (
    select r.*, delivery.delivery_rank
    from collection.{dataset} as r
    inner join current_delivery as delivery
        on delivery.submission_id = r.submission_id and delivery.batch_id is not distinct from r.batch_id
        and delivery.source_owner = r."{place}"
    where r.period = $period and not exists (from held)
),
"""
"""A unit's rows of the deliveries that count, as the models `delivery` and `unit_current` choose them; `$added` is one
that waits, or null."""
REPLACING = """
named as (
    select row_key, {other_key} as other_key
    from lake_row
    where {other_key} is not null and not coalesce(is_deleted, false)
    qualify row_number() over (partition by row_key order by delivery_rank, sheet desc, row_number desc) = 1
),
removed as (
    select named.row_key, min(deleting.delivery_rank) as delivery_rank
    from named
    inner join lake_row as deleting
        on deleting.row_key = named.other_key and deleting.is_deleted and deleting.row_key = deleting.{other_key}
    group by named.row_key
),
counted as (
    select newest.*
    from (
        select *
        from lake_row
        qualify row_number() over (partition by row_key order by delivery_rank, sheet desc, row_number desc) = 1
    ) as newest
    left join removed on removed.row_key = newest.row_key
    where not coalesce(newest.is_deleted, false)
        and not coalesce(removed.delivery_rank < newest.delivery_rank, false)
),
"""
"""Of each key the newest row, unless it is deleted by its own key or by the other: the rules of the macro `current_rows`."""
ADDING = "counted as (select * from lake_row where not coalesce(is_deleted, false)),"
OTHER_KEYS = {"student": "sourced_id_key", "staff": "sourced_id_key"}
"""Columns by which a delete may name a row besides its key: `deleted_by` of the models."""


def _figures(connection: duckdb.DuckDBPyConnection, row: tuple[Any, ...], *, with_change: bool) -> dict[str, Any]:
    """Return counts and sums of a unit's rows: those that a build counts, or those that it would with the change.

    `content` is a digest over the rows without where they came from, so that a file in which another school's rows
    changed shows no change here.
    """
    dataset, owner, period, submission_id, _, _ = row
    contract = contracts()[dataset]
    measures = [
        f'sum("{spec.name}") as "{spec.name}"' for spec in contract.fields if spec.type in ("integer", "decimal")
    ]
    active = STATUS_FIELDS.get(dataset)
    fields = ", ".join(f'"{name}"' for spec in contract.fields for name, _ in spec.lake_columns())
    selects = [
        "count(*) as rows",
        *([f"count(*) filter (where {active}) as rows_active"] if active else []),
        *measures,
        "left(sha256(string_agg(text, '|' order by text)), 16) as content",
    ]
    counted = ADDING if contract.is_additive else REPLACING.format(other_key=OTHER_KEYS.get(dataset, "row_key"))
    cursor = connection.execute(
        DELIVERIES.format(dataset=dataset, place=contract.school_field or "submitter_org")
        + counted
        + f"texts as (select *, cast(row({fields}) as varchar) as text from counted) "
        f"select {', '.join(selects)} from texts",
        {
            "dataset": dataset,
            "owner": owner,
            "period": period,
            "added": submission_id if with_change else None,
        },
    )
    names = [column[0] for column in cursor.description or []]
    found = cursor.fetchone() or ()
    return {name: str(value) if value is not None else None for name, value in zip(names, found, strict=True)}


def decide(home: Home, submission_id: str, *, decision: str, actor: str, reason: str) -> list[Change]:
    """Approve or reject the changes of one submission; from the next build on they count, or wait no more.

    Raises:
        NotWaitingError: nothing of it waits.
        AuditReasonError: who or why is missing.
    """
    changes = waiting(home, submission_id)
    if not changes or decision not in DECISIONS:
        raise NotWaitingError(submission_id)
    audit.append(
        home,
        f"correction.{decision}",
        actor,
        reason,
        f"submission {submission_id}",
        {"units": [f"{change.dataset} {change.unit_owner} {change.period}" for change in changes]},
    )
    stamp, moment = f"{now():%Y%m%d%H%M%S}", now()
    records = [
        {
            "correction_id": f"k{stamp}{uuid.uuid4().hex[:8]}",
            "dataset": change.dataset,
            "unit_owner": change.unit_owner,
            "period": change.period,
            "submission_id": submission_id,
            "decision": decision,
            "figures_before": json.dumps(change.before, ensure_ascii=False),
            "figures_after": json.dumps(change.after, ensure_ascii=False),
            "author": actor,
            "reason": reason,
            "recorded_at": moment,
        }
        for change in changes
    ]
    runs.append(home, "correction", str(records[0]["correction_id"]), records)
    return changes
