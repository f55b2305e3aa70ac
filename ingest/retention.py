"""Removes what is past its years: archived bytes, quarantined rows and vault rows, dataset by dataset.

`retention_years` of the contract counts from the end of the period that a submission speaks of. Receipts, findings and
the pseudonymous lake stay: they are what statistics were made of, and without vault and archive they lead to nobody
outside the platform. A submission past its years cannot be landed again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date

from edu import audit, vault
from edu.clock import now
from edu.contract import contracts
from edu.duck import connect
from edu.errors import EduError
from edu.paths import Home
from edu.pseudonym import load_or_create_key
from edu.runs import ensure_empty
from ingest.archive import archive_path, manifest_path
from ingest.linking import match_path

YEAR_END = (8, 31)


class RetentionPeriodError(EduError):
    """A receipt has a period whose end cannot be told."""

    def __init__(self, dataset: str, period: str) -> None:
        super().__init__(f"dataset {dataset}: period {period!r} has no end that can be told; nothing was removed.")


@dataclass(frozen=True)
class Expired:
    """What of one dataset and period is past its years."""

    dataset: str
    period: str
    expired_on: date
    submissions: tuple[str, ...]
    archive_files: int
    quarantine_files: int
    person_rows: int


def period_end(dataset: str, period: str) -> date:
    """Return the last day of a period: 31 August of a school year (its terms too), 31 December, or the date itself.

    Raises:
        RetentionPeriodError: it is none of these.
    """
    try:
        if period.startswith("FY"):
            return date(int(period[2:]), 12, 31)
        if len(period) == 10:
            return date.fromisoformat(period)
        return date(int(period[5:9]), *YEAR_END)
    except ValueError:
        raise RetentionPeriodError(dataset, period) from None


def _end_of_keeping(dataset: str, period: str) -> date:
    end = period_end(dataset, period)
    years = contracts()[dataset].retention_years
    return date(end.year + years, end.month, min(end.day, 28) if end.month == 2 else end.day)


def apply_retention(home: Home, *, actor: str, is_dry_run: bool, today: date | None = None) -> list[Expired]:
    """Remove what is past its years, or only say what would go; return it in dataset and period order.

    Every removal is in the audit log. An archived file that a submission within its years also has, stays; so does an
    identifier whose key stands in a lake file that is within its years.
    """
    ensure_empty(home)
    day = today or now().date()
    with connect() as connection:
        receipts = connection.execute(
            "select dataset, period, submission_id, batch_id, sha256 "
            f"from read_parquet('{home.runs}/submission/*.parquet') order by all"
        ).fetchall()
    gone = [row for row in receipts if row[0] in contracts() and _end_of_keeping(row[0], row[1]) < day]
    if not gone:
        return []
    expired_ids = {row[2] for row in gone}
    kept = [row for row in receipts if row[2] not in expired_ids]
    kept_hashes = {digest for row in kept for digest in _hashes(home, row[2], row[4])}
    kept_batches = {row[3] for row in kept}
    counts = _person_rows(home, expired_ids)
    result = []
    for dataset, period in sorted({(row[0], row[1]) for row in gone}):
        rows = [row for row in gone if (row[0], row[1]) == (dataset, period)]
        hashes = {digest for row in rows for digest in _hashes(home, row[2], row[4])} - kept_hashes
        files = [path for digest in sorted(hashes) if (path := archive_path(home, digest)).exists()]
        batches = {row[3] for row in rows} - kept_batches
        held = [path for batch in sorted(batches) if (path := home.quarantine / f"{batch}.parquet").exists()]
        found = Expired(
            dataset,
            period,
            _end_of_keeping(dataset, period),
            tuple(sorted(row[2] for row in rows)),
            len(files),
            len(held),
            sum(counts.get(row[2], 0) for row in rows),
        )
        if not (found.archive_files or found.quarantine_files or found.person_rows):
            continue
        result.append(found)
        if not is_dry_run:
            audit.append(
                home,
                "retention.remove",
                actor,
                f"contract {dataset}: {contracts()[dataset].retention_years} years after {period}",
                f"{dataset} {period}",
                {
                    "submissions": len(found.submissions),
                    "archive_files": found.archive_files,
                    "quarantine_files": found.quarantine_files,
                    "person_rows": found.person_rows,
                },
            )
            for path in [*files, *held]:
                path.unlink()
    if not is_dry_run:
        # Hashes of names are of no use to the batches that stay; those of a batch with something kept stay whole.
        for batch in {row[3] for row in gone} - kept_batches:
            match_path(home, batch).unlink(missing_ok=True)
    if result and not is_dry_run:
        _remove_from_vault(home, expired_ids)
    return result


def _hashes(home: Home, submission_id: str, sha256: str) -> set[str]:
    """Return the hashes of a submission's archived files; of a bundle, those of its parts."""
    path = manifest_path(home, submission_id)
    if not path.exists():
        return {sha256}
    parts = json.loads(path.read_text(encoding="utf-8")).get("parts") or []
    return {part[name] for part in parts for name in ("sha256", "opened_sha256") if part.get(name)} | {sha256}


def _person_rows(home: Home, submissions: set[str]) -> dict[str, int]:
    with vault.reading(home, load_or_create_key(home)) as connection:
        return dict(
            connection.execute(
                "select submission_id, count(*) from person_row where list_contains(?, submission_id) group by all",
                [sorted(submissions)],
            ).fetchall()
        )


def _remove_from_vault(home: Home, submissions: set[str]) -> None:
    """Remove the rows of these submissions, then the identifiers that no lake row of the others carries."""
    key = load_or_create_key(home)
    vault.merge_segments(home, key)
    with vault.writing(home, key) as connection:
        connection.execute("create temp table expired (submission_id varchar)")
        connection.executemany("insert into expired values (?)", [[name] for name in sorted(submissions)])
        connection.execute("create temp table used (pseudonym varchar)")
        for dataset, contract in contracts().items():
            for spec in contract.fields:
                if spec.type == "identifier":
                    connection.execute(
                        f'insert into used select distinct "{spec.name}_key" '
                        f"from read_parquet('{home.lake}/{dataset}/**/*.parquet', union_by_name = true, "
                        "hive_partitioning = false) as r "
                        f'where "{spec.name}_key" is not null and not exists '
                        "(select 1 from expired as e where e.submission_id = r.submission_id)"
                    )
        connection.execute("begin")
        connection.execute("delete from vault.person_row where submission_id in (select submission_id from expired)")
        connection.execute("delete from vault.identifier where pseudonym not in (select pseudonym from used)")
        connection.execute("commit")
