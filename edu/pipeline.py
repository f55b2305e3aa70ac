"""What the command line and the DAGs share of putting the packages together; imports them lazily."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edu.errors import GateFailedError
from edu.paths import Home, get_home
from edu.settings import get_settings

if TYPE_CHECKING:
    from expectations.gate import GateReport
    from warehouse.publish import Publication
    from warehouse.transform import BuildResult

OUTBOX_DAYS = 30
SECONDS_A_DAY = 86_400


def run_named_gate(name: str, home: Home, database: Path, records: Home | None = None) -> GateReport:
    """Run one gate on a database, log it, and alert where it failed or holds units that it did not hold before.

    `records` takes results and log of a database that is built aside; nobody is alerted of that.
    """
    from edu import alerts, runs
    from expectations.gate import run_gate
    from warehouse.transform import new_run_id

    run_id, place = new_run_id(), records or home
    with runs.logged(place, run_id, f"gate_{name}") as told:
        report = run_gate(name, home=place, database=database, run_id=run_id)
        told["rows"] = report.checks
        told["detail"] = f"{len(report.failed_global)} failed, {len(report.held_units)} held"
    if place == home:
        if report.failed_global:
            alerts.send(home, "gate_failed", name, report.failed_global)
        if not report.failed_global or report.held_units:
            alerts.send_once(home, "breaker_tripped", name, report.held_units)
    return report


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
        gate=lambda name, database, records: run_named_gate(name, home, database, records),
        full=full,
        as_of=as_of,
        out=out,
        progress=progress,
    )


def publish(home: Home) -> Publication:
    """Pass the publication gate, then publish with the cockpit page.

    Raises:
        GateFailedError: the gate failed; the served version stays.
        WarehouseError, BusyError: nothing was built, or it is being built.
    """
    from warehouse import built

    with built.reading(home):
        report = run_named_gate("publication", home, home.warehouse)
        if report.failed_global:
            raise GateFailedError("publication", report.failed_global)
        return publish_version(home)


def publish_version(home: Home) -> Publication:
    """Publish what was built with its pages, after the gate; the run log and a lineage event say what is served.

    Raises:
        WarehouseError: nothing was built.
    """
    from edu import lineage, runs
    from warehouse import publish as publication
    from warehouse.transform import layer_datasets, new_run_id

    tables = [name for layer in publication.PUBLISHED_SCHEMAS for name in layer_datasets(home, layer)[1]]
    with runs.logged(home, new_run_id(), "publish") as told, lineage.running(home, "publish", tables) as job:
        done = publication.publish(home, site_writer=write_pages)
        job.outputs = [f"published.edu_{done.version}"]
        told["detail"] = f"{done.version} {done.kind}"
    return done


def write_pages(database: Path, out: Path) -> None:
    """Write the cockpit of a published file, and the data catalogue below it."""
    from dashboards.cockpit import write_site

    write_site(database, out)
    write_catalog(get_home(), out / "catalog", home_link="../index.html")


def write_catalog(home: Home, out: Path, *, home_link: str | None = None) -> int:
    """Write the data catalogue of what was built last; return how many pages.

    Raises:
        WarehouseError: nothing was built.
    """
    import json

    from dashboards.catalog import read_content
    from dashboards.catalog import write_pages as write
    from edu.codes import seed_rows
    from edu.errors import WarehouseError
    from warehouse.catalog import catalog_rows

    path = home.logs / "dbt" / "target" / "manifest.json"
    if not path.exists():
        raise WarehouseError("there is no warehouse yet; run edu build first.")
    manifest = json.loads(path.read_text(encoding="utf-8"))
    content = read_content(home, manifest, catalog_rows(manifest), seed_rows("code_set"))
    return write(content, out, home_link=home_link)


def alert_overdue(home: Home) -> int:
    """Alert for every dataset and period whose due date has passed while units are missing; return how many."""
    from edu import alerts
    from warehouse.deadlines import overdue

    found = overdue(home)
    for item in found:
        alerts.send_once(home, "deadline_passed", f"{item.dataset} {item.period}", item.lines())
    late = {f"{item.dataset} {item.period}" for item in found}
    for subject in alerts.subjects_sent(home, "deadline_passed"):
        if subject not in late:
            alerts.send_once(home, "deadline_passed", subject, [])
    return len(found)


def check_audit_log() -> int:
    """Return how many entries the audit log has.

    Raises:
        AuditBrokenError: an entry was changed, dropped or cut off.
    """
    from edu.alerts import send
    from edu.audit import AuditBrokenError, verify

    home = get_home()
    report = verify(home)
    if not report.is_whole:
        send(home, "audit_broken", "vault/audit.jsonl", report.problems)
        raise AuditBrokenError(report.problems)
    return report.entries


def check_official_releases() -> int:
    """Return how many official releases there are.

    Raises:
        ReleaseBrokenError: the figures of one are not those that were frozen.
    """
    from edu.alerts import send
    from warehouse.official import ReleaseBrokenError, verify

    home = get_home()
    done = verify(home)
    if done.problems:
        send(home, "release_broken", "runs/official_figure", done.problems)
        raise ReleaseBrokenError(done.problems)
    return done.releases


def back_up(home: Home) -> bool:
    """Back up an installation where `EDU_BACKUP_DIR` says, and read all backups again; return whether one was made.

    Without the setting none is made, and an alert says so.

    Raises:
        BackupBrokenError: a backup is not what was written, the new one or an earlier one.
        KeyFileError, BackupPlaceError, DisturbedError: none could be made.
    """
    from edu import alerts, runs
    from warehouse.backup import make_backup, verify_backups
    from warehouse.backup.store import BackupBrokenError
    from warehouse.transform import new_run_id

    settings = get_settings()
    folder = settings.backup_dir
    if folder is None:
        alerts.send_once(home, "backup_missing", "EDU_BACKUP_DIR", ["没有设置备份目录，本机损坏时数据无法恢复"])
        return False
    alerts.send_once(home, "backup_missing", "EDU_BACKUP_DIR", [])
    with runs.logged(home, new_run_id(), "backup") as told:
        done = make_backup(
            home,
            folder,
            actor="maintain_warehouse",
            keep=settings.backup_keep,
            keep_days=settings.backup_keep_days,
        )
        told["rows"] = len(done.manifest.entries)
        told["detail"] = f"{done.manifest.backup_id}: {done.added} files added"
    found = verify_backups(home, folder)
    if found.problems:
        alerts.send(home, "backup_broken", folder.name, found.problems)
        raise BackupBrokenError(folder, found.problems)
    return True


def clear_outbox(home: Home) -> int:
    """Remove packages whose approval has ended, and outbox files that are older than 30 days; return how many."""
    from warehouse.sharing.requests import remove_ended

    ended = remove_ended(home)
    limit = time.time() - OUTBOX_DAYS * SECONDS_A_DAY
    old = [path for path in home.outbox.rglob("*") if path.is_file() and path.stat().st_mtime < limit]
    for path in old:
        path.unlink()
    return ended + len(old)
