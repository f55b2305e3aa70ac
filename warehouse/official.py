"""Official releases: figures that were sent upward are frozen, so that "as reported" keeps its answer.

A release copies every figure of its school year from `query.official_current` into `runs/official_figure/`, then writes
its own record into `runs/official_release/`, which is the commit point. Nothing rewrites either.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import duckdb

from edu import audit, batches, runs
from edu.clock import now
from edu.errors import EduError, ExitCode
from edu.paths import Home
from warehouse import built

FIGURES = "select table_name, row_key, measure, value from query.official_current where school_year = ? order by all"


class ReleaseBrokenError(EduError):
    """Frozen figures are not what was reported."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(
            f"official releases: {'; '.join(problems[:5])}. Restore these files of runs/ from a backup, "
            "and inform the data officer."
        )


class ReleaseError(EduError):
    """A release that exists already, or that would hold nothing."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True)
class Verification:
    """How many releases there are, and what is wrong with their figures, a line a release."""

    releases: int
    problems: list[str]


@dataclass(frozen=True)
class Release:
    """What was frozen."""

    release_id: str
    figures: int
    content_sha256: str


def release_id(name: str, school_year: str) -> str:
    """Return the id of a release: the same name and year are the same release."""
    return "r" + hashlib.sha256(f"{name}\x1f{school_year}".encode()).hexdigest()[:15]


def freeze(home: Home, *, name: str, school_year: str, author: str, reason: str) -> Release:
    """Freeze the figures of a school year as they are in the warehouse now.

    Raises:
        ReleaseError: a release of this name and year exists, or the year has no figure.
        WarehouseError, BusyError: nothing was built, or it is being built.
        AuditReasonError: author or reason is empty.
    """
    runs.ensure_empty(home)
    identity = release_id(name, school_year)
    if (home.runs / "official_release" / f"{identity}.parquet").exists():
        raise ReleaseError(
            f"release {name} of {school_year} was frozen before and stays; give a correction its own name."
        )
    with built.opened(home) as connection:
        figures = connection.execute(FIGURES, [school_year]).to_arrow_table()
    if not figures.num_rows:
        raise ReleaseError(f"school year {school_year} has no figure; is it written like 2024-2025, and built?")
    rows: list[dict[str, object]] = [{"release_id": identity, **row} for row in figures.to_pylist()]
    digest = _digest(rows)
    audit.append(home, "official.freeze", author, reason, identity, {"figures": len(rows), "school_year": school_year})
    runs.append(home, "official_figure", identity, rows)
    recorded_at = now()
    record: dict[str, object] = {
        "release_id": identity,
        "release_name": name,
        "school_year": school_year,
        "author": author,
        "reason": reason,
        "as_of_date": recorded_at.date(),
        "figures": len(rows),
        "content_sha256": digest,
        "recorded_at": recorded_at,
    }
    runs.append(home, "official_release", identity, [record])
    return Release(identity, len(rows), digest)


def _digest(rows: list[dict[str, object]]) -> str:
    """Return the digest of a release's figures, which are in the order of table, key, measure and value."""
    return hashlib.sha256(repr([tuple(row.values()) for row in rows]).encode()).hexdigest()


def verify(home: Home) -> Verification:
    """Compare the figures of every release with what was frozen: none may be changed, lost or unreadable.

    Raises:
        RecordsBrokenError: a record of a release cannot be read.
    """
    with batches.named_if_broken(home, "official_release"):
        known = releases(home)
    problems = []
    for release in known:
        identity = str(release["release_id"])
        path = home.runs / "official_figure" / f"{identity}.parquet"
        try:
            with duckdb.connect() as connection:
                rows = (
                    connection.execute(
                        f"select {', '.join(runs.RUN_SCHEMAS['official_figure'].names)} from read_parquet(?) "
                        "order by table_name, row_key, measure, value",
                        [str(path)],
                    )
                    .to_arrow_table()
                    .to_pylist()
                )
        except duckdb.Error:
            problems.append(f"{identity}: {path.name} of runs/official_figure cannot be read")
            continue
        if _digest(rows) != release["content_sha256"]:
            problems.append(f"{identity}: {len(rows)} figures are not the {release['figures']} that were frozen")
    return Verification(len(known), problems)


def releases(home: Home) -> list[dict[str, Any]]:
    """Return all releases, the oldest first."""
    runs.ensure_empty(home)
    with duckdb.connect() as connection:
        return list(
            connection.execute(
                f"select * from read_parquet('{home.runs}/official_release/*.parquet') order by recorded_at, release_id"
            )
            .to_arrow_table()
            .to_pylist()
        )
