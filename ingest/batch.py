"""Lands one batch: submissions of one dataset and period, cleaned and checked by a few statements for all their files.

Its receipts are written last and are the commit point: without them nothing of the batch counts.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import logging
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from edu import runs
from edu.clock import now
from edu.contract import Contract, get_contract
from edu.errors import ExitCode, RejectedFileError
from edu.identifiers import identifier_macros
from edu.paths import Home
from edu.periods import start_year
from edu.pseudonym import PlatformKey
from edu.settings import get_settings
from edu.vault import write_segment
from ingest import archive, cleaning, feedback, keys, lake, linking, plain
from ingest.checks import copies_sql, rule_columns
from ingest.inbox import Source
from ingest.messages import reasons
from ingest.readers import FieldTable, ReadResult, read
from ingest.readers.table import literal, quoted
from ingest.receipt import Receipt
from ingest.submission import Metadata, title_snapshot_differs

log = logging.getLogger(__name__)

FEEDBACK_FINDINGS_MAXIMUM = 100_000
"""So many findings of one submission go into its correction workbook; all of them are recorded."""
NAMED = "\x01"
"""Where in a finding's sentence stands what tells its row from others of the same row of the file."""


@dataclass
class Pending:
    """A submission that is to be landed."""

    source: Source
    metadata: Metadata
    sha256: str
    submission_id: str
    size: int
    result: ReadResult | None = None
    refusal: RejectedFileError | None = None
    password: str | None = field(default=None, repr=False)
    """Opens the workbook; held in memory only."""

    @property
    def source_ref(self) -> str:
        suffix = "" if self.source.is_bundle else self.source.path.suffix.lower()
        return self.submission_id + (suffix if suffix.isascii() and len(suffix) <= 8 else "")


class Batch:
    """The steps of landing one batch, over one connection."""

    def __init__(
        self,
        items: list[Pending],
        home: Home,
        key: PlatformKey,
        connection: duckdb.DuckDBPyConnection,
        scratch: Path,
        contract: Contract | None = None,
    ) -> None:
        self.items = items
        self.home = home
        self.key = key
        self.connection = connection
        self.scratch = scratch
        self.contract: Contract = contract or get_contract(items[0].metadata.dataset)
        self.period = items[0].metadata.period
        self.records: list[dict[str, Any]] = []
        names = "\n".join(item.submission_id for item in items)
        self.batch_id = "b" + hashlib.sha256(names.encode()).hexdigest()[:23]

    def land(self) -> list[Receipt]:
        """Archive, read, clean, check and write; return a receipt for each submission."""
        archive.store_contract(self.home, self.contract)
        for item in self.items:
            self._archive(item)
        self.examine()
        receipts = self.commit(now())
        self._give_feedback()
        return receipts

    def commit(self, recorded_at: datetime) -> list[Receipt]:
        """Write rows and then records of what was examined; return a receipt for each submission."""
        self._write_rows()
        return self._write_records(recorded_at)

    def examine(self) -> None:
        """Read, clean and check, in the connection only: make `cleaned`, `judged` and `finding_rows`."""
        for number, item in enumerate(self.items):
            try:
                item.result = read(
                    item.source,
                    self.contract,
                    item.metadata.profile,
                    self.connection,
                    self.scratch,
                    f"raw_{number}",
                    item.password,
                )
            except RejectedFileError as error:
                item.refusal = error
        self._prepare()
        self._clean()
        self._judge()

    def _archive(self, item: Pending) -> None:
        parts = []
        for part in item.source.parts:
            digest = item.sha256 if not item.source.is_bundle else archive.sha256_of(part.path)
            archive.store(self.home, self.key, part.path, digest)
            parts.append({"name": part.name, "sha256": digest, "constants": dict(part.constants)})
        metadata = asdict(item.metadata)
        metadata.pop("is_clocked")
        archive.write_manifest(
            self.home,
            item.submission_id,
            {
                **metadata,
                "original_name": item.source.path.name,
                "sha256": item.sha256,
                "parts": parts,
                "contract_digest": self.contract.digest,
                "key_fingerprint": self.key.fingerprint,
            },
        )

    # -- statements -------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Make `submissions`, the lookups, and `raw`: every row of every file as text, one column a field."""
        c = self.connection
        for macro in identifier_macros():
            c.execute(macro)
        cleaning.register_codes(c)
        table = pa.table(
            {
                "submission_id": [item.submission_id for item in self.items],
                "submitter_org": [item.metadata.org for item in self.items],
                "snapshot_date": pa.array([item.metadata.snapshot_date for item in self.items], pa.date32()),
                "coverage": [item.metadata.coverage for item in self.items],
            }
        )
        c.register("submission_rows", table)
        c.execute("create or replace temp table submissions as select * from submission_rows")
        c.unregister("submission_rows")
        selects = [
            self._raw_select(item, table, profile)
            for item in self.items
            if item.result
            for profile in [item.result.profile]
            for table in item.result.tables
        ]
        names = ", ".join(f"cast(null as varchar) as {quoted(f.name)}" for f in self.contract.fields)
        empty = (
            "select cast(null as varchar) as submission_id, cast(null as varchar) as value_form, "
            "cast(null as varchar) as sheet, cast(null as integer) as row_number, false as is_deleted, "
            f"false as is_plain, cast(null as varchar) as row_fault, {names} where false"
        )
        c.execute(
            "create or replace temp table raw as select cast(row_number() over () as bigint) as row_id, * from ("
            + " union all ".join([empty, *selects])
            + ")"
        )

    def _raw_select(self, item: Pending, table: FieldTable, profile: str) -> str:
        form = self.contract.profiles[profile].value_form
        sheet = literal(table.sheet) if table.sheet is not None else "cast(null as varchar)"
        fields = ", ".join(
            f"{quoted(f.name)}" if f.name in table.fields else f"cast(null as varchar) as {quoted(f.name)}"
            for f in self.contract.fields
        )
        deleted = "is_deleted" if table.has_deletes else "false"
        fault = "row_fault" if table.has_faults else "cast(null as varchar)"
        rows = f"select row_number, {deleted} as is_deleted, {fault} as row_fault, {fields} from ({table.relation})"
        return (
            f"select {literal(item.submission_id)} as submission_id, {literal(form)} as value_form, {sheet} as sheet, "
            f"row_number, is_deleted, {self._is_plain(form, table)} as is_plain, row_fault, "
            f"{', '.join(quoted(f.name) for f in self.contract.fields)} from ({plain.with_numbers(self.contract, rows)})"
        )

    def _is_plain(self, form: str, table: FieldTable) -> str:
        return plain.is_plain_sql(self.contract, table.fields) if form == plain.VALUE_FORM else "false"

    def _clean(self) -> None:
        """Make `cleaned`: for each field its text `t_`, value, fault `x_` and repair `r_`.

        Rows that are plain are taken as they are; the others take the whole cleaning.
        """
        self._clean_fully()
        fields = self.contract.fields
        columns = []
        for spec in fields:
            name = quoted(spec.name)
            columns += [
                f"raw.{name} as {quoted('t_' + spec.name)}",
                f"{plain.value_sql(spec)} as {name}",
                f"cast(null as varchar) as {quoted('x_' + spec.name)}",
                f"cast(null as varchar) as {quoted('r_' + spec.name)}",
            ]
        self.connection.execute(
            f"""
            create or replace temp view cleaned as
            select raw.row_id, raw.submission_id, raw.sheet, raw.row_number, raw.is_deleted, {self._id_is_valid("raw", "true")},
                s.submitter_org, s.coverage,
                s.snapshot_date, {self._as_of()} as as_of, {self._entry_year()} as derived_entry_year,
                {self._grade("stage", "varchar")} as grade_stage,
                {self._grade("age_minimum", "integer")} as grade_age_minimum,
                {self._grade("age_maximum", "integer")} as grade_age_maximum, {", ".join(columns)}
            from raw
            inner join submissions as s on s.submission_id = raw.submission_id
            {f"left join grade_lookup on grade_lookup.grade_code = raw.{quoted(self._grade_field)}" if self._grade_field else ""}
            where raw.is_plain
            union all by name
            select * from cleaned_fully
            """
        )

    @property
    def _id_field(self) -> str | None:
        return next((spec.name for spec in self.contract.fields if spec.namespace == "cn_id"), None)

    def _id_is_valid(self, table: str, condition: str) -> str:
        """Return the column that says whether a row has a resident ID number that passed every test."""
        if not self._id_field:
            return "false as id_is_valid"
        name = quoted(self._id_field)
        return f"{table}.{name} is not null and {condition.format(name)} as id_is_valid"

    @property
    def _grade_field(self) -> str | None:
        return next((spec.name for spec in self.contract.fields if spec.code_set == "GRADE"), None)

    def _grade(self, column: str, kind: str) -> str:
        return f"grade_lookup.{column}" if self._grade_field else f"cast(null as {kind})"

    def _entry_year(self) -> str:
        """Return the year in which the row's grade entered its stage, if nobody repeated or skipped one."""
        grade = self._grade("grade_in_stage", "integer")
        return f"{start_year(self.period)} - {grade} + 1" if self._grade_field else grade

    def _as_of(self) -> str:
        return f"coalesce(s.snapshot_date, make_date({start_year(self.period)}, 9, 1))"

    def _clean_fully(self) -> None:
        """Make `cleaned_fully`: the rows that are not plain, with every expression of the contract's fields."""
        c = self.connection
        fields = self.contract.fields
        trims, texts, plains = [], [], []
        for spec in fields:
            name = quoted(spec.name)
            words = ", ".join(literal(word) for word in cleaning.null_words(spec))
            trims.append(f"{cleaning.text_column(spec)} as {name}")
            texts.append(f"case when {name} not in ({words}) then {name} end as {quoted('t_' + spec.name)}")
            texts.append(f"coalesce({name} in ({words}), false) as {quoted('n_' + spec.name)}")
            if cleaning.has_plain(spec):
                plains.append(f"{cleaning.plain_column(spec)} as {quoted('p_' + spec.name)}")
        place = "row_id, submission_id, value_form, sheet, row_number, is_deleted"
        c.execute(
            f"create or replace temp table prepared_rows as with trimmed as (select {place}, {', '.join(trims)} from raw where not is_plain), "
            f"worded as (select {place}, {', '.join(texts)} from trimmed) select {', '.join(['*', *plains])} from worded"
        )
        columns = []
        for spec in fields:
            cleaned = cleaning.clean_field(spec, self.contract)
            columns += [
                quoted("t_" + spec.name),
                f"{cleaned.value} as {quoted(spec.name)}",
                f"{cleaned.fault} as {quoted('x_' + spec.name)}",
                f"{cleaned.fix} as {quoted('r_' + spec.name)}",
            ]
        joins = "\n".join(
            f"left join {quoted('code_of_' + spec.name)} as {quoted('c_' + spec.name)} "
            f"on {quoted('c_' + spec.name)}.spelling = {quoted('t_' + spec.name)}"
            for spec in fields
            if cleaning.is_coded(spec)
        )
        grade = self._grade_field
        if grade:
            joins += f"\nleft join grade_lookup on grade_lookup.grade_code = {quoted('c_' + grade)}.code"
        forms = [
            row[0] for row in c.execute("select distinct value_form from raw where not is_plain order by 1").fetchall()
        ]
        created = False
        for form in forms or ["code"]:
            c.execute(
                f"create or replace temp view prepared as select * from prepared_rows where value_form = {literal(form)}"
            )
            for spec in fields:
                if cleaning.is_coded(spec):
                    cleaning.resolve_codes(c, spec, form)
            select = f"""
                with joined as (
                    select p.*, s.submitter_org, s.coverage, s.snapshot_date, {self._as_of()} as as_of,
                        {self._entry_year()} as derived_entry_year, {self._grade("stage", "varchar")} as grade_stage,
                        {self._grade("age_minimum", "integer")} as grade_age_minimum,
                        {self._grade("age_maximum", "integer")} as grade_age_maximum
                        {"".join(f", {quoted('c_' + f.name)}" for f in fields if cleaning.is_coded(f))}
                    from prepared as p
                    inner join submissions as s on s.submission_id = p.submission_id
                    {joins}
                )
                select row_id, submission_id, sheet, row_number, is_deleted, submitter_org, coverage, snapshot_date, as_of,
                    derived_entry_year, grade_stage, grade_age_minimum, grade_age_maximum, {", ".join(columns)}
                from joined
            """
            valid = self._id_is_valid("c", "resident_id_is_valid(c.{})")
            select = f"select c.*, {valid} from ({select}) as c"
            c.execute(
                f"{'insert into' if created else 'create or replace temp table'} cleaned_fully {'' if created else 'as'} {select}"
            )
            created = True
        self._excuse_what_a_form_does_not_carry()

    def _excuse_what_a_form_does_not_carry(self) -> None:
        """Take back that a mandatory value is missing where the bundle or database has no place for it."""
        for name, profile in self.contract.profiles.items():
            if profile.carrier == "table":
                continue
            ids = [item.submission_id for item in self.items if item.result and item.result.profile == name]
            excused = [f.name for f in self.contract.fields if f.mandatory and f.name not in profile.mandatory]
            for field_name in excused if ids else ():
                fault = quoted("x_" + field_name)
                self.connection.execute(
                    f"update cleaned_fully set {fault} = null where {fault} = 'value_missing' and submission_id in "
                    f"({', '.join(literal(identity) for identity in ids)})"
                )

    def _judge(self) -> None:
        """Make `judged` (row_id, is_quarantined, is_incomplete, …; only rows of which something is to be said), `checked`
        (all rows with the verdict), `accepted` and `finding_rows`.
        """
        c = self.connection
        contract = self.contract
        id_birth, id_sex = "cast(null as date)", "cast(null as varchar)"
        if self._id_field:
            value = quoted(self._id_field)
            digits = "-".join(
                f"' || substr({value}, {start}, {length}) || '" for start, length in ((7, 4), (11, 2), (13, 2))
            )
            id_birth = f"case when id_is_valid then try_cast('{digits}' as date) end"
            id_sex = f"case when id_is_valid then if(substr({value}, 17, 1) in ('1', '3', '5', '7', '9'), '1', '2') end"
        rules = rule_columns(contract)
        flags = "".join(f", coalesce({condition}, false) as {name}" for name, _, condition in rules)
        quarantine = [condition for f in contract.fields if (condition := cleaning.faulty(f, "quarantine"))]
        quarantine += [name for name, rule, _ in rules if rule.severity == "quarantine"]
        incomplete = [condition for f in contract.fields if (condition := cleaning.faulty(f, "incomplete"))]
        incomplete += [name for name, rule, _ in rules if rule.severity == "incomplete"]
        placeholder = [name for name, rule, _ in rules if rule.kind == "placeholder_person"]
        # A delete needs no more than the school and one complete group of evidence: it has nothing else to be right.
        placed = f"{quoted(contract.school_field)} is not null and " if contract.school_field else ""
        groups = [" and ".join(f"{quoted(name)} is not null" for name in group) for group in contract.evidence]
        names_its_key = f"({placed}({' or '.join(f'({group})' for group in groups) or 'false'}))"
        c.execute(
            f"""
            create or replace temp table judged as
            with faulty as (select row_id, row_fault from raw where row_fault is not null),
            dated as (select *, {id_birth} as id_birth, {id_sex} as id_sex from cleaned),
            ruled as (select * {flags} from dated),
            verdict as (
                select ruled.row_id, is_deleted, faulty.row_fault, {"".join(name + ", " for name, _, _ in rules)}
                    {" or ".join(placeholder) or "false"} as is_placeholder,
                    case when faulty.row_fault is not null then true when is_deleted then not {names_its_key}
                        else {" or ".join(quarantine) or "false"} end as is_quarantined,
                    faulty.row_fault is null and not is_deleted
                        and ({" or ".join(incomplete) or "false"}) as is_incomplete
                from ruled left join faulty on faulty.row_id = ruled.row_id
            )
            select * from verdict
            where {" or ".join(["is_deleted", "is_quarantined", "is_incomplete", *(name for name, _, _ in rules)])}
            """
        )
        c.execute(
            """
            create or replace temp view checked as
            select c.*, coalesce(j.is_quarantined, false) as is_quarantined, coalesce(j.is_incomplete, false) as is_incomplete
            from cleaned as c left join judged as j on j.row_id = c.row_id
            """
        )
        c.execute("create or replace temp view accepted as select * from checked where not is_quarantined")
        self._find(rules)

    def _find(self, rules: list[Any]) -> None:
        """Make `finding_rows` (row_id, field, reason_code, severity)."""
        c = self.connection
        contract = self.contract
        parts = ["select cast(null as bigint) as row_id, '' as field, '' as reason_code, '' as severity where false"]
        for spec in contract.fields:
            fault, fix = quoted("x_" + spec.name), quoted("r_" + spec.name)
            parts.append(
                f"select row_id, {literal(spec.name)}, coalesce({fault}, {fix}), "
                f"{cleaning.severity(spec)} "
                f"from cleaned_fully where {fault} is not null or {fix} is not null"
            )
        # An impossible age says all that an unusual one would.
        stronger = [name for name, rule, _ in rules if rule.kind == "age_limit"]
        for name, rule, _ in rules:
            unless = f" and not {stronger[0]}" if rule.kind == "grade_age" and stronger else ""
            parts.append(
                f"select row_id, {literal(rule.field)}, {literal(rule.reason_code)}, {literal(rule.severity)} "
                f"from judged where {name}{unless}"
            )
        c.execute(f"create or replace temp table all_findings as {' union all '.join(parts)}")
        c.execute(
            "create or replace temp table finding_rows as select f.* from all_findings as f "
            "left join judged as j on j.row_id = f.row_id where not coalesce(j.is_deleted, false) "
            "and j.row_fault is null and (not coalesce(j.is_placeholder, false) or f.reason_code = 'placeholder_row') "
            "union all "
            "select row_id, null, 'delete_without_key', 'quarantine' from judged where is_deleted and is_quarantined "
            "union all select row_id, null, row_fault, 'quarantine' from judged where row_fault is not null"
        )
        if not contract.is_additive:
            c.execute(f"create or replace temp table copies as {copies_sql(contract)}")
            # Rows that cannot be read have no values, which makes none the copy of another.
            c.execute(
                "insert into finding_rows select row_id, null, 'duplicate_row', 'fix' from copies "
                "where row_id not in (select row_id from judged where row_fault is not null)"
            )

    def _find_repeated_keys(self) -> None:
        """Add a warning to each accepted row whose key an earlier, different row of its school's unit has.

        The same person at two schools of one file is a case of the warehouse, where both rows count.
        """
        school = f", a.{quoted(self.contract.school_field)}" if self.contract.school_field else ""
        self.connection.execute(
            f"""
            insert into finding_rows
            with numbered as (
                select k.row_id, row_number() over (partition by k.submission_id{school}, k.row_key order by k.row_id) as n
                from keyed as k inner join accepted as a on a.row_id = k.row_id
                left join copies on copies.row_id = k.row_id where copies.row_id is null
            )
            select row_id, null, 'duplicate_key', 'warn' from numbered where n > 1
            """
        )

    # -- files ------------------------------------------------------------------------------------------------

    def _write_rows(self) -> None:
        """Write lake, quarantine and vault segment."""
        c = self.connection
        contract = self.contract
        keys.make_pseudonyms(c, contract, self.key, get_settings().workers)
        key_table = "" if contract.is_additive else "keyed"
        if key_table:
            c.execute(
                "create or replace temp table keyed as select accepted.row_id, accepted.submission_id, "
                f"{keys.row_key_sql(contract)} as row_key{keys.pseudonym_columns(contract)} "
                f"from accepted {keys.pseudonym_joins(contract)}"
            )
            self._find_repeated_keys()
        if c.execute("select 1 from accepted limit 1").fetchone():
            lake.copy_to(
                c, self._lake_select(), lake.lake_path(self.home, contract.dataset, self.period, self.batch_id)
            )
            self._write_vault()
        lake.use_quarantine_key(c, self.key)
        if c.execute("select 1 from judged where is_quarantined or is_incomplete limit 1").fetchone():
            raw = ", ".join(f"{f.name} := {quoted(f.name)}" for f in contract.fields)
            lake.write_quarantine(
                c,
                self.home,
                self.batch_id,
                f"select {literal(contract.dataset)} as dataset, r.submission_id, r.sheet, r.row_number, j.is_quarantined, "
                f"cast(to_json(struct_pack({raw})) as varchar) as raw_json from raw as r "
                "inner join judged as j on j.row_id = r.row_id where j.is_quarantined or j.is_incomplete order by r.row_id",
            )

    def _lake_select(self) -> str:
        contract = self.contract
        columns = {
            "submission_id": "a.submission_id",
            "batch_id": literal(self.batch_id),
            "sheet": "a.sheet",
            "row_number": "a.row_number",
            "submitter_org": "a.submitter_org",
            "period": literal(self.period),
            "snapshot_date": "a.snapshot_date",
            "is_incomplete": "a.is_incomplete",
            "is_deleted": "a.is_deleted",
            "row_key": "cast(null as varchar)" if contract.is_additive else "k.row_key",
        }
        id_field = next((f for f in contract.fields if f.namespace == "cn_id"), None)
        if id_field:
            value, text = quoted(id_field.name), quoted("t_" + id_field.name)
            columns["identity_status"] = (
                f"case when a.id_is_valid then 'verified' when a.{value} is not null then 'other_document' "
                f"when a.{text} is not null then 'unverified' else 'missing' end"
            )
        for spec in contract.fields:
            if spec.type == "identifier":
                name = quoted("k_" + spec.name)
                columns[f"{spec.name}_key"] = f"{name}.pseudonym" if contract.is_additive else f"k.{name}"
            elif spec.type == "class_name":
                name = f"a.{quoted(spec.name)}"
                columns[spec.name] = name
                columns["class_no"] = f"try_cast(regexp_extract({name}, '级(\\d+)班$', 1) as bigint)"
                columns["entry_year"] = f"try_cast(substr({name}, 1, 4) as bigint)"
            elif spec.is_loaded:
                columns[spec.name] = f"a.{quoted(spec.name)}"
        schema = contract.lake_schema()
        kinds = {row[0]: row[1] for row in self._duck_types(schema)}
        selected = ", ".join(f"cast({columns[name]} as {kinds[name]}) as {quoted(name)}" for name in schema.names)
        if contract.is_additive:
            return f"select {selected} from accepted as a {keys.pseudonym_joins(contract)}"
        return (
            f"select {selected} from accepted as a inner join keyed as k on k.row_id = a.row_id "
            "order by a.submission_id, a.row_id"
        )

    def _duck_types(self, schema: pa.Schema) -> list[tuple[str, str]]:
        self.connection.register("lake_shape", schema.empty_table())
        rows = self.connection.execute("describe select * from lake_shape").fetchall()
        self.connection.unregister("lake_shape")
        return [(row[0], row[1]) for row in rows]

    def _write_vault(self) -> None:
        private = [f for f in self.contract.fields if f.type == "private"]
        names = ", ".join(quoted(f.name) for f in private)
        people = (
            "select submission_id, sheet, row_number, field, value from "
            f"(select submission_id, sheet, row_number, {names} from accepted) unpivot (value for field in ({names}))"
        )
        if not private and not keys.identifier_fields(self.contract):
            return
        nobody = "select '', '', cast(0 as integer), '', '' where false"
        write_segment(
            self.home,
            self.key,
            self.batch_id,
            self.connection,
            # An id that the platform gave out says nothing that the vault does not hold under its own number.
            f"select pseudonym, namespace, value from pseudonym where namespace <> {literal(keys.FOREIGN_NAMESPACE)} "
            f"or starts_with(pseudonym, {literal(keys.FOREIGN_NAMESPACE)})",
            people if private else nobody,
        )
        if linking.has_match(self.contract):
            linking.write_match(self.connection, self.home, self.key, self.batch_id)

    # -- records ----------------------------------------------------------------------------------------------

    def _write_records(self, recorded_at: datetime) -> list[Receipt]:
        """Write findings and units, then the receipts; return them."""
        counts = self._counts()
        findings = self._record_findings()
        self._write_units()
        receipts = []
        rows: list[dict[str, Any]] = []
        for item in self.items:
            read_, accepted, incomplete = counts.get(item.submission_id, (0, 0, 0))
            reason = item.refusal.reason_code if item.refusal else None
            status = "accepted" if accepted == read_ and not reason else "partly_accepted"
            if reason or not accepted:
                status = "rejected"
                reason = reason or "no_row_accepted"
            rows.append(self._receipt_row(item, status, reason, read_, accepted, incomplete, recorded_at))
            receipts.append(self._receipt(item, rows[-1], findings.get(item.submission_id, {})))
        runs.append(self.home, "submission", self.batch_id, rows)
        self.records = rows
        log.info("batch %s: %s submissions of %s", self.batch_id, len(rows), self.contract.dataset)
        return receipts

    def _give_feedback(self) -> None:
        """Put receipts and correction workbooks into the outbox. What fails here can be made again at any time."""
        try:
            mended = feedback.repairs(self.connection, self.contract)
            for item, record in zip(self.items, self.records, strict=True):
                identity = item.submission_id
                path = None if item.source.is_bundle or item.source.roster else item.source.path
                own = [row for row in mended if row[0] == identity]
                if feedback.has_statements(self.contract, record):
                    feedback.deliver_statements(self.home, self.connection, self.contract, record)
                feedback.deliver(self.home, self.contract, record, self._found(identity), own, path)
        except Exception as error:  # a landing that is committed stays committed
            log.warning("batch %s: feedback is incomplete (%s)", self.batch_id, type(error).__name__)

    def _counts(self) -> dict[str, tuple[int, int, int]]:
        rows = self.connection.execute(
            "select submission_id, count(*), count(*) filter (where not is_quarantined), "
            "count(*) filter (where is_incomplete and not is_quarantined) from checked group by submission_id"
        ).fetchall()
        return {row[0]: (row[1], row[2], row[3]) for row in rows}

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
                    {self._named()} as named
                from finding_rows as f inner join cleaned as c on c.row_id = f.row_id
                union all
                select *, {2**62} + row_number() over (), '' from form_finding
            )
            select found.submission_id, {literal(self.batch_id)} as batch_id, {literal(self.contract.dataset)} as dataset,
                found.sheet, found.row_number, found.field, found.reason_code, finding_text.class_no, found.severity,
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

    def _found(self, identity: str) -> list[dict[str, Any]]:
        """Return a submission's findings, the first of very many."""
        table = self.connection.execute(
            f"select * from finding_record where submission_id = ? order by rowid limit {FEEDBACK_FINDINGS_MAXIMUM}",
            [identity],
        ).to_arrow_table()
        return list(table.to_pylist())

    def _write_units(self) -> None:
        school = self.contract.school_field
        of = f"c.{quoted(school)}" if school else "cast(null as varchar)"
        lake.copy_to(
            self.connection,
            f"""
            select c.submission_id, {literal(self.batch_id)} as batch_id, {literal(self.contract.dataset)} as dataset,
                {of} as school_code, {literal(self.period)} as period, c.snapshot_date, c.coverage,
                count(*) as rows_read, count(*) filter (where not c.is_quarantined) as rows_accepted,
                count(*) filter (where c.is_quarantined) as rows_quarantined
            from checked as c
            {f"where {of} is not null" if school else ""}
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

    def _receipt(self, item: Pending, row: dict[str, Any], severities: dict[str, int]) -> Receipt:
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
            reason_code=row["reason_code"],
            findings=severities,
            message=str(item.refusal) if item.refusal else None,
            exit_code=int(ExitCode.OK if is_whole else ExitCode.REJECTED),
        )
