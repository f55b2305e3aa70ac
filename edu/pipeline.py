"""What the command line and the DAGs share of putting the packages together; imports them lazily."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edu.errors import GateFailedError
from edu.paths import Home, get_home

if TYPE_CHECKING:
    from expectations.gate import GateReport
    from warehouse.publish import Publication
    from warehouse.transform import BuildResult

OUTBOX_DAYS = 30
SECONDS_A_DAY = 86_400


def run_named_gate(name: str, home: Home, database: Path) -> GateReport:
    """Run one gate on a database."""
    from expectations.gate import run_gate
    from warehouse.transform import new_run_id

    return run_gate(name, home=home, database=database, run_id=new_run_id())


def pass_gate(name: str) -> int:
    """Run one gate on the warehouse; return how many units it holds.

    Raises:
        GateFailedError: a check of global scope failed.
    """
    home = get_home()
    report = run_named_gate(name, home, home.warehouse)
    if report.failed_global:
        raise GateFailedError(name, report.failed_global)
    return len(report.held_units)


def build(
    home: Home,
    *,
    full: bool = False,
    as_of: str | None = None,
    out: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> BuildResult:
    """Build the layers with the gates between; see `warehouse.transform.build`."""
    from warehouse import transform

    return transform.build(
        home,
        gate=lambda name, database: run_named_gate(name, home, database),
        full=full,
        as_of=as_of,
        out=out,
        progress=progress,
    )


def publish(home: Home) -> Publication:
    """Pass the publication gate, then publish with the cockpit page.

    Raises:
        GateFailedError: the gate failed; the served version stays.
        WarehouseError: nothing was built.
    """
    from dashboards.cockpit import write_site
    from edu.errors import WarehouseError
    from warehouse import publish as publication

    if not home.warehouse.exists():
        raise WarehouseError("there is no warehouse yet; run edu build first.")
    report = run_named_gate("publication", home, home.warehouse)
    if report.failed_global:
        raise GateFailedError("publication", report.failed_global)
    return publication.publish(home, site_writer=write_site)


def check_audit_log() -> int:
    """Return how many entries the audit log has.

    Raises:
        AuditBrokenError: an entry was changed, dropped or cut off.
    """
    from edu.audit import AuditBrokenError, verify

    report = verify(get_home())
    if not report.is_whole:
        raise AuditBrokenError(report.problems)
    return report.entries


def clear_outbox(home: Home) -> int:
    """Remove outbox files that are older than 30 days; return how many."""
    limit = time.time() - OUTBOX_DAYS * SECONDS_A_DAY
    old = [path for path in home.outbox.rglob("*") if path.is_file() and path.stat().st_mtime < limit]
    for path in old:
        path.unlink()
    return len(old)
