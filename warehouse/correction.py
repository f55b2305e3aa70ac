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
            "select dataset, unit_owner, period, submission_id, received_at, snapshot_date, coverage, correction_status "
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
            if row[7] == "waiting"
        ]


def _figures(connection: duckdb.DuckDBPyConnection, row: tuple[Any, ...], *, with_change: bool) -> dict[str, Any]:
    """Return counts and sums of a unit's rows: those that count, or those that would with the change.

    `content` is a digest over the rows without where they came from, so that a file in which another school's rows
    changed shows no change here.
    """
    dataset, owner, period, submission_id, _, snapshot_date, coverage, _ = row
    contract = contracts()[dataset]
    place = contract.school_field or "submitter_org"
    current = (
        "select submission_id, delivery_rank from storage.unit_current where dataset = $dataset "
        "and unit_owner = $owner and period = $period and snapshot_date is not distinct from $snapshot"
    )
    if not with_change:
        counting = current
    elif coverage == "full":
        counting = "select $submission as submission_id, 0 as delivery_rank"
    else:
        counting = f"{current} union all select $submission, 0"
    measures = [
        f'sum("{spec.name}") as "{spec.name}"' for spec in contract.fields if spec.type in ("integer", "decimal")
    ]
    active = STATUS_FIELDS.get(dataset)
    fields = ", ".join(f'"{name}"' for spec in contract.fields for name, _ in spec.lake_columns())
    content = "left(sha256(string_agg(text, '|' order by text)), 16) as content"
    selects = [
        "count(*) as rows",
        *([f"count(*) filter (where {active}) as rows_active"] if active else []),
        *measures,
        content,
    ]
    key = "r.row_key" if not contract.is_additive else "r.submission_id, r.sheet, r.row_number"
    cursor = connection.execute(
        f"with counting as ({counting}), numbered as (select r.*, row_number() over (partition by {key} "
        "order by c.delivery_rank, r.sheet desc, r.row_number desc) as newest_no "
        f"from collection.{dataset} as r inner join counting as c on c.submission_id = r.submission_id "
        f'where r."{place}" in (select source_owner from collection.unit where unit_owner = $owner) '
        "and r.period = $period), "
        f"texts as (select *, cast(row({fields}) as varchar) as text from numbered where newest_no = 1) "
        f"select {', '.join(selects)} from texts",
        {
            "owner": owner,
            "period": period,
            **({} if with_change and coverage == "full" else {"dataset": dataset, "snapshot": snapshot_date}),
            **({"submission": submission_id} if with_change else {}),
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
