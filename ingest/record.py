"""Writes what is said of a batch: findings, units, and last the receipts, which are its commit point."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Container
from datetime import datetime
from typing import Any

import pyarrow as pa

from edu import batches, runs
from edu.errors import ExitCode, RejectedFileError
from edu.paths import Home
from edu.pseudonym import PlatformKey
from ingest import lake
from ingest.examination import Examination
from ingest.messages import reasons
from ingest.pending import Pending
from ingest.readers.table import literal, quoted
from ingest.receipt import Receipt
from ingest.submission import title_snapshot_differs

NAMED = "\x01"
"""Where in a finding's sentence stands what tells its row from others of the same row of the file."""


class Recorder:
    """Writes the records of one batch."""

    def __init__(self, examination: Examination, home: Home, key: PlatformKey, batch_id: str) -> None:
        self.items = examination.items
        self.contract = examination.contract
        self.period = examination.period
        self.connection = examination.connection
        self.home = home
        self.key = key
        self.batch_id = batch_id
        self.records: list[dict[str, Any]] = []

    def write(self, recorded_at: datetime) -> list[Receipt]:
        """Write findings and units, then what was written, then the receipts; return them."""
        counts = self._counts()
        self._refuse_empty(counts)
        findings = self._record_findings()
        self._write_units()
        files = lake.batch_files(self.home, self.contract.dataset, self.period, self.batch_id)
        batches.record(self.home, self.batch_id, [path for path in files if path.exists()])
        receipts = []
        rows: list[dict[str, Any]] = []
        for item in self.items:
            read_, accepted, incomplete, nothing = counts.get(item.submission_id, (0, 0, 0, 0))
            reason = item.refusal.reason_code if item.refusal else None
            status = "accepted" if accepted == read_ and not reason else "partly_accepted"
            if reason or not accepted + nothing:
                status = "rejected"
                reason = reason or "no_row_accepted"
            rows.append(self._receipt_row(item, status, reason, read_, accepted, incomplete, recorded_at))
            receipts.append(self._receipt(item, rows[-1], findings.get(item.submission_id, {}), nothing))
        runs.append(self.home, "submission", self.batch_id, rows)
        self.records = rows
        return receipts

    def _counts(self) -> dict[str, tuple[int, int, int, int]]:
        """Return of each submission its rows, those accepted, incomplete ones among them, and how many schools report
        nothing, in rows that are none of these."""
        rows = self.connection.execute(
            "select submission_id, count(*) filter (where not is_zero_report), "
            "count(*) filter (where not is_quarantined and not is_zero_report), "
            "count(*) filter (where is_incomplete and not is_quarantined), "
            f"count(distinct {self._school()}) filter (where is_zero_report) from checked as c group by submission_id"
        ).fetchall()
        return {row[0]: (row[1], row[2], row[3], row[4]) for row in rows}

    def _refuse_empty(self, counts: Container[str]) -> None:
        """Refuse each file in which nothing stands below the header: it may be a failed export, and is no report of nothing.

        A roster is left out, because one that feeds several datasets may well have nothing of one of them.
        """
        for item in self.items:
            if item.refusal or item.source.roster or item.submission_id in counts:
                continue
            if self.contract.zero_report:
                reason, advice = "rows_missing_zero_report", "Fill it in; who has nothing to report sends a row 零报告."
            else:
                reason, advice = "rows_missing", "Fill it in, or export it again, and send that."
            item.refusal = RejectedFileError(item.source.path.name, reason, advice)

    def _record_findings(self) -> dict[str, dict[str, int]]:
        """Write all findings, those of forms of files included; return submission → severity → how many."""
        c = self.connection
        pairs = c.execute("select distinct field, reason_code from finding_rows order by all").fetchall()
        notes = [note for item in self.items for note in self._form_findings(item)]
        said = {*pairs, *((note[3], note[4]) for note in notes)}
        self._register(
            "finding_text",
            {
                "field": [name for name, _ in said],
                "reason_code": [code for _, code in said],
                "class_no": pa.array([reasons()[code].class_no for _, code in said], pa.int32()),
                "message_zh": [
                    reasons()[code].message(self.contract.field(name).label + NAMED if name else None)
                    for name, code in said
                ],
            },
        )
        names = ("submission_id", "sheet", "row_number", "field", "reason_code", "severity")
        columns = list(zip(*notes, strict=True)) or [()] * len(names)
        kinds = (pa.string(), pa.string(), pa.int32(), pa.string(), pa.string(), pa.string())
        self._register(
            "form_finding",
            {name: pa.array(column, kind) for name, column, kind in zip(names, columns, kinds, strict=True)},
        )
        c.execute(
            f"""
            create or replace temp table finding_record as
            with found as (
                select c.submission_id, c.sheet, c.row_number, f.field, f.reason_code, f.severity, c.row_id as place,
                    {self._named()} as named, {self._school()} as school_code
                from finding_rows as f inner join cleaned as c on c.row_id = f.row_id
                union all
                select *, {2**62} + row_number() over (), '', null from form_finding
            )
            select found.submission_id, {literal(self.batch_id)} as batch_id, {literal(self.contract.dataset)} as dataset,
                found.school_code, found.sheet, found.row_number, found.field, found.reason_code, finding_text.class_no, found.severity,
                replace(cast(finding_text.message_zh as varchar), {literal(NAMED)}, found.named) as message_zh
            from found
            inner join finding_text on finding_text.field is not distinct from found.field
                and finding_text.reason_code = found.reason_code
            order by found.place, found.field, found.reason_code
            """
        )
        lake.copy_to(
            c, "select * from finding_record order by rowid", self.home.runs / "finding" / f"{self.batch_id}.parquet"
        )
        counts: dict[str, dict[str, int]] = {}
        for identity, severity, number in c.execute(
            "select submission_id, severity, count(*) from finding_record group by all order by all"
        ).fetchall():
            counts.setdefault(identity, {})[severity] = number
        return counts

    def _named(self) -> str:
        """Return what tells a row of the dataset from others of its row in the file: names of its place fields."""
        names = [
            f"(select s.spelling from code_spelling as s where s.kind = 'label' and s.code = c.{quoted(name)} "
            f"and s.code_set = {literal(str(self.contract.field(name).code_set))})"
            for name in self.contract.place_fields
        ]
        return f"coalesce('（' || nullif(concat_ws('、', {', '.join(names)}), '') || '）', '')" if names else "''"

    def _school(self) -> str:
        """Return the school of a row of `cleaned` or `checked`; null where rows belong to who sent them."""
        school = self.contract.school_field
        return f"c.{quoted(school)}" if school else "cast(null as varchar)"

    def _register(self, name: str, columns: dict[str, Any]) -> None:
        """Make a temporary table of a few rows."""
        self.connection.register("few_rows", pa.table(columns))
        self.connection.execute(f"create or replace temp table {name} as select * from few_rows")
        self.connection.unregister("few_rows")

    def _form_findings(self, item: Pending) -> list[tuple[str, str | None, int | None, str | None, str, str]]:
        """Return what is said of a file as a whole: submission, sheet, row, field, reason, severity."""
        identity = item.submission_id
        found: list[tuple[str, str | None, int | None, str | None, str, str]] = [
            (identity, note.sheet, note.row_number, note.field, note.reason_code, reasons()[note.reason_code].severity)
            for note in (item.result.notes if item.result else ())
        ]
        if item.result and title_snapshot_differs(item.result.title, item.metadata):
            found.append((identity, None, None, None, "snapshot_date_conflict", "warn"))
        if item.refusal:
            no = item.refusal
            found.append((identity, no.sheet, no.row_number, no.field, no.reason_code, "reject"))
        return found

    def _write_units(self) -> None:
        of = self._school()
        lake.copy_to(
            self.connection,
            f"""
            select c.submission_id, {literal(self.batch_id)} as batch_id, {literal(self.contract.dataset)} as dataset,
                {of} as school_code, {literal(self.period)} as period, c.snapshot_date, c.coverage,
                count(*) filter (where not c.is_zero_report) as rows_read,
                count(*) filter (where not c.is_quarantined and not c.is_zero_report) as rows_accepted,
                count(*) filter (where c.is_quarantined) as rows_quarantined
            from checked as c
            {f"where {of} is not null" if self.contract.school_field else ""}
            group by c.submission_id, {of}, c.snapshot_date, c.coverage
            order by c.submission_id, school_code
            """,
            self.home.runs / "unit" / f"{self.batch_id}.parquet",
        )

    def _receipt_row(
        self,
        item: Pending,
        status: str,
        reason: str | None,
        rows_read: int,
        rows_accepted: int,
        rows_incomplete: int,
        recorded_at: datetime,
    ) -> dict[str, Any]:
        return {
            "submission_id": item.submission_id,
            "dataset": item.metadata.dataset,
            "profile": item.result.profile if item.result else item.metadata.profile,
            "submitter_org": item.metadata.org,
            "period": item.metadata.period,
            "snapshot_date": item.metadata.snapshot_date,
            "received_at": item.metadata.received_at,
            "status": status,
            "coverage": item.metadata.coverage,
            "rows_read": rows_read,
            "rows_accepted": rows_accepted,
            "rows_incomplete": rows_incomplete,
            "rows_quarantined": rows_read - rows_accepted,
            "rows_dropped": item.result.rows_dropped if item.result else 0,
            "reason_code": reason,
            "source_ref": item.source_ref,
            "sha256": item.sha256,
            "contract_digest": self.contract.digest,
            "code_version": importlib.metadata.version("jingzhou-education-data-platform"),
            "key_fingerprint": self.key.fingerprint,
            "encoding": item.result.encoding if item.result else None,
            "batch_id": self.batch_id,
            "recorded_at": recorded_at,
        }

    def _message(self, item: Pending, rows_read: int, nothing: int) -> str | None:
        """Return what a receipt says in a sentence; null where the counts say all."""
        if item.refusal:
            return str(item.refusal)
        if item.source.roster and not rows_read:
            return f"名册中没有{self.contract.label}的记录。"
        return f"{nothing} 所学校零报告。" if nothing else None

    def _receipt(self, item: Pending, row: dict[str, Any], severities: dict[str, int], nothing: int) -> Receipt:
        is_whole = row["status"] == "accepted"
        return Receipt(
            file=str(item.source.path),
            submission_id=item.submission_id,
            dataset=row["dataset"],
            org=row["submitter_org"],
            period=row["period"],
            status=row["status"],
            rows_read=row["rows_read"],
            rows_accepted=row["rows_accepted"],
            rows_incomplete=row["rows_incomplete"],
            rows_quarantined=row["rows_quarantined"],
            rows_dropped=row["rows_dropped"],
            reason_code=row["reason_code"],
            findings=severities,
            message=self._message(item, row["rows_read"], nothing),
            exit_code=int(ExitCode.OK if is_whole else ExitCode.REJECTED),
        )
