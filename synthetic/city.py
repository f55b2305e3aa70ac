"""Writes the synthetic city: what clerks send, what they send after the corrections, and the truth."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import astuple, dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path

from edu.contract import get_contract
from synthetic.defects import Effects, Injector, LedgerEntry, workbooks_needed
from synthetic.dirty_files import write_dirty
from synthetic.files import (
    WORKBOOK_SCHOOLS_MAXIMUM,
    WORKBOOK_SHARE,
    FileSpec,
    copy_csv,
    fetch_rows,
    header_of,
    labelled,
    list_files,
    make_views,
    title_of,
    write_sidecar,
    write_workbook,
)
from synthetic.more import list_more, make_more, write_facts, write_more
from synthetic.schools import CITY, make_schools
from synthetic.truth import write_truth
from synthetic.world import World, make_terms

CORRECTION_DAYS = 30


@dataclass(frozen=True)
class CitySummary:
    """What was written."""

    schools: int
    learners: int
    staff: int
    terms: int
    files: int
    corrected_files: int
    defects: int


def write_city(
    out: Path,
    *,
    scale: float,
    terms: int,
    seed: int,
    defects: int,
    progress: Callable[[str], None] | None = None,
) -> CitySummary:
    """Write `out/inbox`, `out/wave2` and `out/truth`; the same arguments give the same content.

    Args:
        out: folder to write into; made if missing.
        scale: 1 is a city of about 1,900 institutions and 660,000 learners.
        terms: school terms, the last ones of the calendar.
        seed: chooses the city.
        defects: injections of each catalogue class.
    """
    if scale <= 0 or terms < 1 or defects < 0:
        raise ValueError("scale must be above 0, terms at least 1, defects at least 0")
    tell = progress or (lambda _: None)
    tell("people and schools")
    world = World(make_schools(scale, seed), make_terms(terms), scale, seed)
    years = (terms + 1) // 2
    wanted = -(-(workbooks_needed(defects) + 8) // (3 * terms + years))
    share = min(WORKBOOK_SCHOOLS_MAXIMUM, round(len(world.schools) * WORKBOOK_SHARE))
    make_views(world, max(share, wanted))
    files = list_files(world)
    tell("other datasets")
    make_more(world)
    more = list_more(world)
    tell("defects")
    injector = Injector(world, files, more, defects)
    ledger: list[LedgerEntry] = []
    for number, file in enumerate(files):
        if number % 50 == 0:
            tell(f"files {number} of {len(files)}")
        plan = injector.plans.get(file.relative)
        if plan is not None and plan.is_touched:
            ledger += write_dirty(plan, injector.rows(plan.file)[0], out / "inbox")
            received = plan.received_at or file.received_at
            _write_clean(world, file, out / "wave2", received + timedelta(days=CORRECTION_DAYS))
        else:
            _write_clean(world, file, out / "inbox", file.received_at)
    for other in more:
        plan = injector.plans.get(other.relative)
        if plan is not None and plan.is_touched:
            ledger += write_dirty(plan, injector.rows(other)[0], out / "inbox")
            write_more(world, other, out / "wave2", other.received_at + timedelta(days=CORRECTION_DAYS))
        else:
            write_more(world, other, out / "inbox", other.received_at)
    activity = _write_activity(world, out / "inbox")
    tell("truth")
    write_facts(world, out / "truth" / "facts")
    _write_ledger(out / "truth" / "defects.csv", ledger)
    write_truth(world, Effects(), out / "truth" / "world")
    write_truth(world, injector.effects, out / "truth" / "expected")
    _write_identifiers(world, out / "truth" / "identifiers.txt")
    return CitySummary(
        schools=len(world.schools),
        learners=_count(world, "select count(*) from pupil_term where t = 0"),
        staff=_count(world, "select count(*) from staff_person"),
        terms=terms,
        files=len(files) + activity + len(more),
        corrected_files=sum(plan.is_touched for plan in injector.plans.values()),
        defects=len(ledger),
    )


def _count(world: World, sql: str) -> int:
    row = world.db.execute(sql).fetchone()
    return int(row[0]) if row else 0


def _write_clean(world: World, file: FileSpec, folder: Path, received_at: datetime) -> None:
    path = folder / file.relative
    if file.form == "csv":
        copy_csv(world, file, path)
    else:
        contract = get_contract(file.dataset)
        rows, _ = fetch_rows(world, file)
        body = [labelled(contract, file.profile, row) for row in rows]
        sheet = str(contract.profiles[file.profile].sheet)
        write_workbook(path, sheet, [title_of(file)], [], header_of(file), body, [])
    write_sidecar(path, file, received_at)


def _write_activity(world: World, folder: Path) -> int:
    """Write the course site's clicks, a Parquet file a school year; return how many."""
    years = world.db.execute("select school_year, min(snapshot_date) from term group by 1 order by 1").fetchall()
    for year, start in years:
        path = folder / CITY / "learning_activity_daily" / year / f"clicks_{year}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        world.db.execute(
            f"copy (select * exclude (school_year) from activity where school_year = '{year}' order by all) "
            f"to '{path}' (format parquet)"
        )
        meta = {
            "dataset": "learning_activity_daily",
            "org": CITY,
            "period": year,
            "snapshot_date": None,
            "received_at": f"{start.year + 1}-07-20T09:00:00",
            "coverage": "full",
        }
        path.with_name(path.name + ".meta.json").write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")
    return len(years)


def _write_ledger(path: Path, ledger: list[LedgerEntry]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([spec.name for spec in fields(LedgerEntry)])
        ordered = sorted(ledger, key=lambda e: (e.file, e.class_no, e.row_number or 0, e.field or ""))
        writer.writerows(["" if value is None else value for value in astuple(entry)] for entry in ordered)


def _write_identifiers(world: World, path: Path) -> None:
    """Write every direct identifier of the city, one a line, for a scan that must not find them."""
    world.db.execute(
        f"""
        copy (
            select distinct value from (
                select unnest([name, id_number, xjh, phone, guardian_name, guardian_phone, guardian_id_number, address]) as value from pupil
                union all
                select unnest([name, id_number, phone]) from staff_person
                union all
                select unnest([name, id_number]) from adult
                union all
                select actor from rows_learning_event
            ) order by value
        ) to '{path}' (header false)
        """
    )


__all__ = ["CitySummary", "write_city"]
