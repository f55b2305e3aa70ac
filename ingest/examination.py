"""Cleans and checks the rows of a batch, by a few statements for all its files, in the connection only."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from edu.contract import ZERO_REPORT, Contract, Rule
from edu.identifiers import identifier_macros
from edu.periods import start_year
from ingest import cleaning, plain
from ingest.checks import AGE, COMPLETED_YEARS, EMPTYING, copies_sql, needs_age, repeated_sql, rule_columns
from ingest.expression import with_steps
from ingest.keys import ROWS_AT_ONCE
from ingest.pending import Pending
from ingest.readers import FieldTable
from ingest.readers.table import literal, quoted

SLICE_ROWS = 50_000
"""So many rows take the whole cleaning at a time."""
STRANDED = "number_shared_in_part"
"""Reason of a row of a part of which no number of its own is left."""
SLICE_KEY_NAME = "slice"
SLICE_CIPHER = f"encryption_config {{footer_key: '{SLICE_KEY_NAME}'}}"
"""Slices are written under a key that only the connection knows: what a killed landing leaves cannot be read."""


class Examination:
    """Makes `raw`, `cleaned`, `judged`, `checked`, `accepted` and `finding_rows` of what was read."""

    def __init__(
        self,
        items: list[Pending],
        contract: Contract,
        period: str,
        connection: duckdb.DuckDBPyConnection,
        scratch: Path,
    ) -> None:
        """Take what was read; the connection has httpfs loaded, whose ciphers keep what goes to `scratch` secret."""
        self.items = items
        self.contract = contract
        self.period = period
        self.connection = connection
        self.scratch = scratch
        for macro in identifier_macros():
            connection.execute(macro)

    def run(self) -> None:
        """Clean and check every row of every file that could be read."""
        self._prepare()
        self._clean()
        self._judge()

    def _prepare(self) -> None:
        """Make `submissions`, the lookups, and `raw`: every row of every file as text, one column a field."""
        c = self.connection
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
        tables = [(item, table) for item in self.items for table in (item.result.tables if item.result else ())]
        if len(tables) == 1 and tables[0][1].judged and not self.contract.zero_report:
            # The rows of one file are taken as they were read.
            c.execute(f"create or replace temp view raw as {self._raw_select(*tables[0], 'row_id, ')}")
            return
        names = ", ".join(f"{quoted(f.name)} varchar" for f in self.contract.fields)
        c.execute(
            "create or replace temp table raw_row (submission_id varchar, value_form varchar, sheet varchar, "
            "row_number integer, is_deleted boolean, is_plain boolean, is_zero_report boolean, row_fault varchar, "
            f"{names})"
        )
        # One after another: a union of them all would hold blocks of every column for every table at once.
        for item, read in tables:
            c.execute(f"insert into raw_row {self._raw_select(item, read)}")
            if read.name:
                c.execute(f"drop table {read.name}")
        # Rows are kept in the order of the files; a number that a window gives would take one thread.
        c.execute("create or replace temp view raw as select rowid as row_id, * from raw_row")

    def _raw_select(self, item: Pending, table: FieldTable, row_id: str = "") -> str:
        """Return a SELECT of the rows of a table; those that are judged may have their `row_id` before them."""
        assert item.result
        form = self.contract.profiles[item.result.profile].value_form
        sheet = literal(table.sheet) if table.sheet is not None else "cast(null as varchar)"
        fields = ", ".join(
            f"{quoted(f.name)}" if f.name in table.fields else f"cast(null as varchar) as {quoted(f.name)}"
            for f in self.contract.fields
        )
        deleted = "is_deleted" if table.has_deletes else "false"
        fault = "row_fault" if table.has_faults else "cast(null as varchar)"
        judged = f"{row_id}is_plain, " if table.judged else ""
        rows = f"select {judged}row_number, {deleted} as is_deleted, {fault} as row_fault, {fields} from "
        rows += f"({table.judged or table.relation})"
        if not table.judged:
            rows = plain.with_numbers(self.contract, rows)
        is_plain = "is_plain" if table.judged else f"{self._is_plain(form, table)} as is_plain"
        return (
            f"select {row_id}{literal(item.submission_id)} as submission_id, {literal(form)} as value_form, {sheet} as sheet, "
            f"row_number, is_deleted, {is_plain}, {self._is_zero_report(item)}, row_fault, "
            f"{', '.join(quoted(f.name) for f in self.contract.fields)} from ({rows})"
        )

    def _is_zero_report(self, item: Pending) -> str:
        """Return whether a row says that its school has nothing to report: the word, the school, and no other value."""
        assert item.result
        if not self.contract.zero_report or self.contract.profiles[item.result.profile].carrier != "table":
            return "false as is_zero_report"
        others = [field for field in self.contract.fields if field.name != self.contract.school_field]
        texts = ", ".join(cleaning.text_column(field) for field in others)
        nothing = ", ".join(literal(word) for word in cleaning.NULL_WORDS)
        said = f"list_distinct(list_filter([{texts}], lambda text: text not in ({nothing})))"
        return f"coalesce({said} = [{literal(ZERO_REPORT)}], false) as is_zero_report"

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
                {self._of_submission("submitter_org")}, {self._of_submission("coverage")},
                {self._of_submission("snapshot_date")}, {self._as_of()} as as_of, {self._entry_year()} as derived_entry_year,
                {self._grade("stage", "varchar")} as grade_stage,
                {self._grade("age_minimum", "integer")} as grade_age_minimum,
                {self._grade("age_maximum", "integer")} as grade_age_maximum, {", ".join(columns)}
            from raw
            {"" if len(self.items) == 1 else "inner join submissions as s on s.submission_id = raw.submission_id"}
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

    def _of_submission(self, name: str) -> str:
        """Return a column of a row's submission, in `cleaned`: a constant where there is one only, joined as `s` else."""
        if len(self.items) > 1:
            return f"s.{name}"
        metadata = self.items[0].metadata
        if name == "snapshot_date":
            day = metadata.snapshot_date
            return f"{f'date {literal(day.isoformat())}' if day else 'cast(null as date)'} as {name}"
        return f"{literal({'submitter_org': metadata.org, 'coverage': metadata.coverage}[name])} as {name}"

    def _as_of(self, is_joined: bool = False) -> str:
        """Return the date that a row speaks of; see `_of_submission`, or with the submission joined as `s` in any case."""
        first_day = f"make_date({start_year(self.period)}, 9, 1)"
        if len(self.items) > 1 or is_joined:
            return f"coalesce(s.snapshot_date, {first_day})"
        day = self.items[0].metadata.snapshot_date
        return f"date {literal(day.isoformat())}" if day else first_day

    def _clean_fully(self) -> None:
        """Make `cleaned_fully`: the rows that are not plain, with every expression of the contract's fields."""
        c = self.connection
        fields = self.contract.fields
        trims, nothings, texts, plains, marks = [], [], [], [], []
        for spec in fields:
            name = quoted(spec.name)
            words = ", ".join(literal(word) for word in cleaning.null_words(spec))
            trims.append(f"{cleaning.text_column(spec)} as {name}")
            # Of a list, IN would make a join for every field.
            mark = quoted("n_" + spec.name)
            marks.append(mark)
            nothings.append(f"coalesce(list_contains([{words}], {name}), false) as {mark}")
            texts.append(f"case when not {mark} then {name} end as {quoted('t_' + spec.name)}")
            if cleaning.has_plain(spec):
                plains.append(f"{cleaning.plain_column(spec)} as {quoted('p_' + spec.name)}")
        place = "row_id, submission_id, value_form, sheet, row_number, is_deleted"
        clean = self._cleaning_select()
        slices = self._slices()
        files = [self.scratch / f"cleaned_{number}.parquet" for number in range(len(slices))]
        if len(slices) > 1:
            # Each thread holds a row group of what it writes and sorts; one is enough of rows so many and wide.
            c.execute("set threads = 1")
            c.execute(f"pragma add_parquet_key('{SLICE_KEY_NAME}', '{secrets.token_hex(16)}')")
        for (form, low, high), file in zip(slices, files, strict=True):
            c.execute(
                f"create or replace temp table prepared as with trimmed as (select {place}, {', '.join(trims)} from raw "
                f"where not is_plain and value_form = {literal(form)} and row_id between {low} and {high}), "
                f"told as (select *, {', '.join(nothings)} from trimmed), "
                f"worded as (select {place}, {', '.join([*marks, *texts])} from told) "
                f"select {', '.join(['*', *plains])} from worded"
            )
            for spec in fields:
                if cleaning.is_coded(spec):
                    cleaning.resolve_codes(c, spec, form)
            if len(slices) == 1:
                c.execute(f"create or replace temp table cleaned_rows as {clean}")
            else:
                c.execute(
                    f"copy ({clean}) to {literal(str(file))} (format parquet, compression snappy, {SLICE_CIPHER})"
                )
        c.execute("drop table prepared")
        paths = ", ".join(literal(str(file)) for file in files)
        rows = "cleaned_rows" if len(slices) == 1 else f"read_parquet([{paths}], {SLICE_CIPHER.replace(' {', ' = {')})"
        c.execute(f"create or replace temp view cleaned_fully as select * from {rows}")

    def _slices(self) -> list[tuple[str, int, int]]:
        """Return the form of values and first and last row of each slice of rows that take the whole cleaning.

        There is one at least, so that the tables exist. Slices bound the memory of the widest statements, whose rows
        are then kept in files: a table so wide needs more memory than its rows while it is written.
        """
        found = self.connection.execute(
            f"""
            select value_form, min(row_id), max(row_id) from raw where not is_plain
            group by value_form, row_id // {SLICE_ROWS} order by value_form, row_id // {SLICE_ROWS}
            """
        ).fetchall()
        return [(row[0], row[1], row[2]) for row in found] or [("code", 0, -1)]

    def _cleaning_select(self) -> str:
        """Return a SELECT over `prepared` that gives `cleaned_fully`."""
        fields = self.contract.fields
        columns, every_step = [], []
        excuses = self._excuses()
        for spec in fields:
            cleaned, steps = cleaning.clean_field(spec, self.contract)
            every_step.append(steps)
            fault = cleaned.fault
            if spec.name in excuses:
                ids = ", ".join(literal(identity) for identity in sorted(excuses[spec.name]))
                fault = f"case when submission_id not in ({ids}) or ({fault}) <> 'value_missing' then {fault} end"
            columns += [
                quoted("t_" + spec.name),
                f"{cleaned.value} as {quoted(spec.name)}",
                f"{fault} as {quoted('x_' + spec.name)}",
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
        return f"""
            select c.*, {self._id_is_valid("c", "resident_id_is_valid(c.{})")} from (
                with joined as (
                    select p.*, s.submitter_org, s.coverage, s.snapshot_date, {self._as_of(is_joined=True)} as as_of,
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
                from ({with_steps("joined", every_step)})
            ) as c
        """

    def _excuses(self) -> dict[str, list[str]]:
        """Return field to the submissions whose bundle or database has no place for it: there it is not missing."""
        excused: dict[str, list[str]] = {}
        for name, profile in self.contract.profiles.items():
            ids = [item.submission_id for item in self.items if item.result and item.result.profile == name]
            if profile.carrier != "table" and ids:
                for field in self.contract.fields:
                    if field.mandatory and field.name not in profile.mandatory:
                        excused.setdefault(field.name, []).extend(ids)
        return excused

    def _judge(self) -> None:
        """Make `judged` (row_id, is_quarantined, is_incomplete, …; only rows of which something is to be said), `checked`
        (all rows with the verdict), `accepted` and `finding_rows`.
        """
        c = self.connection
        contract = self.contract
        id_birth, id_sex = "cast(null as date)", "cast(null as varchar)"
        if self._id_field:
            value = quoted(self._id_field)
            id_birth = f"case when id_is_valid then cast(try_strptime(substr({value}, 7, 8), '%Y%m%d') as date) end"
            id_sex = f"case when id_is_valid then if(substr({value}, 17, 1) in ('1', '3', '5', '7', '9'), '1', '2') end"
        age = f", {COMPLETED_YEARS} as {AGE}" if needs_age(contract) else ""
        rules = self._found_first(rule_columns(contract))
        flags = "".join(f", coalesce({condition}, false) as {name}" for name, _, condition in rules)
        quarantine = [condition for f in contract.fields if (condition := cleaning.faulty(f, "quarantine"))]
        quarantine += [name for name, rule, _ in rules if rule.severity == "quarantine"]
        incomplete = [condition for f in contract.fields if (condition := cleaning.faulty(f, "incomplete"))]
        incomplete += [name for name, rule, _ in rules if rule.severity == "incomplete"]
        shares_number = " or ".join(name for name, rule, _ in rules if rule.kind in EMPTYING) or "false"
        stranded = f"(({shares_number}) and coverage <> 'full' and not {self._keeps_a_number(rules)})"
        placeholder = [name for name, rule, _ in rules if rule.kind == "placeholder_person"]
        # A delete needs no more than the school and one complete group of evidence: it has nothing else to be right.
        placed = f"{quoted(contract.school_field)} is not null and " if contract.school_field else ""
        groups = [" and ".join(f"{quoted(name)} is not null" for name in group) for group in contract.evidence]
        names_its_key = f"({placed}({' or '.join(f'({group})' for group in groups) or 'false'}))"
        c.execute(
            f"""
            create or replace temp table judged as
            with faulty as (select row_id, row_fault from raw where row_fault is not null),
            zero as ({self._zero_reports()}),
            identified as (select *, {id_birth} as id_birth, {id_sex} as id_sex from cleaned),
            dated as (select * {age} from identified),
            ruled as (select * {flags} from dated),
            verdict as (
                select ruled.row_id, is_deleted, faulty.row_fault, {"".join(name + ", " for name, _, _ in rules)}
                    zero.row_id is not null as is_zero_report, coalesce(zero.is_contradicted, false) as is_contradicted,
                    {" or ".join(placeholder) or "false"} as is_placeholder,
                    ({shares_number}) as shares_number, {stranded} as is_stranded,
                    case when faulty.row_fault is not null then true when is_deleted then not {names_its_key}
                        when zero.row_id is not null then zero.is_contradicted or zero.school is null
                        else {" or ".join([*quarantine, stranded])} end as is_quarantined,
                    faulty.row_fault is null and not is_deleted and zero.row_id is null
                        and ({" or ".join(incomplete) or "false"}) as is_incomplete
                from ruled
                left join faulty on faulty.row_id = ruled.row_id
                left join zero on zero.row_id = ruled.row_id
            )
            select * from verdict
            where {" or ".join(["is_deleted", "is_zero_report", "is_quarantined", "is_incomplete", *(name for name, _, _ in rules)])}
            """
        )
        c.execute(
            f"""
            create or replace temp view checked as
            select c.* {self._emptied(rules)}, coalesce(j.is_quarantined, false) as is_quarantined, coalesce(j.is_incomplete, false) as is_incomplete,
                coalesce(j.is_zero_report and not j.is_quarantined, false) as is_zero_report,
                coalesce(j.shares_number, false) as shares_number
            from cleaned as c left join judged as j on j.row_id = c.row_id
            """
        )
        c.execute(
            "create or replace temp view accepted as select * exclude (is_zero_report) from checked "
            "where not is_quarantined and not is_zero_report"
        )
        self._find(rules)

    def _found_first(self, rules: list[tuple[str, Rule, str]]) -> list[tuple[str, Rule, str]]:
        """Return the rules, those that compare rows with each other as lists of the rows that they found."""
        c = self.connection
        found = []
        for name, rule, condition in rules:
            if rule.kind in EMPTYING:
                (rows,) = c.execute("select count(*) from raw").fetchone() or (0,)
                parts = -(-rows // ROWS_AT_ONCE)
                c.execute("create or replace temp table repeated (h ubigint)")
                for part in range(parts):
                    c.execute(f"insert into repeated {repeated_sql(self.contract, rule, part, parts)}")
                c.execute(f"create or replace temp table {name}_rows as select row_id from cleaned where {condition}")
                condition = f"row_id in (select row_id from {name}_rows)"
            found.append((name, rule, condition))
        return found

    def _emptied(self, rules: list[tuple[str, Rule, str]]) -> str:
        """Return the clause of `c.*` that empties the fields whose values belong to somebody else."""
        emptied = [(name, rule.field) for name, rule, _ in rules if rule.kind in EMPTYING]
        columns = [
            f"case when not coalesce(j.{name}, false) then c.{quoted(field)} end as {quoted(field)}"
            for name, field in emptied
        ]
        columns += [
            f"c.id_is_valid and not coalesce(j.{name}, false) as id_is_valid"
            for name, field in emptied
            if field == self._id_field
        ]
        return f"replace ({', '.join(columns)})" if columns else ""

    def _keeps_a_number(self, rules: list[tuple[str, Rule, str]]) -> str:
        """Return whether a row has a number that is its own, by which it is the row of a person delivered before.

        Without one, a row of a delivery that is not the whole would stand beside that.
        """
        emptied = {rule.field: name for name, rule, _ in rules if rule.kind in EMPTYING}
        names = {name for group in self.contract.evidence for name in group}
        own = []
        for field in self.contract.fields:
            if field.type == "identifier" and (field.name in names or field.name == self._id_field):
                is_valid = " and id_is_valid" if field.name == self._id_field else ""
                is_others = f" and not {emptied[field.name]}" if field.name in emptied else ""
                own.append(f"({quoted(field.name)} is not null{is_valid}{is_others})")
        return f"({' or '.join(own) or 'false'})"

    def _zero_reports(self) -> str:
        """Return a SELECT of the rows that report nothing, their schools, and whether other rows or a delivery that is
        not the whole deny it."""
        if not self.contract.zero_report:
            return "select 0 as row_id, '' as school, false as is_contradicted where false"
        school = quoted(str(self.contract.school_field))
        return f"""
            select raw.row_id, c.{school} as school, c.coverage <> 'full' or exists (
                select 1 from cleaned as other inner join raw as r on r.row_id = other.row_id
                where other.submission_id = c.submission_id and other.{school} = c.{school} and not r.is_zero_report
            ) as is_contradicted
            from raw inner join cleaned as c on c.row_id = raw.row_id
            where raw.is_zero_report
        """

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
            reason, severity = literal(rule.reason_code), literal(rule.severity)
            if rule.kind in EMPTYING:
                reason = f"if(is_stranded, {literal(STRANDED)}, {reason})"
                severity = f"if(is_stranded, 'quarantine', {severity})"
            parts.append(f"select row_id, {literal(rule.field)}, {reason}, {severity} from judged where {name}{unless}")
        c.execute(f"create or replace temp table all_findings as {' union all '.join(parts)}")
        c.execute(
            "create or replace temp table finding_rows as select f.* from all_findings as f "
            "left join judged as j on j.row_id = f.row_id where not coalesce(j.is_deleted, false) "
            f"and (not coalesce(j.is_zero_report, false) or f.field = {literal(contract.school_field or '')}) "
            "and j.row_fault is null and (not coalesce(j.is_placeholder, false) or f.reason_code = 'placeholder_row') "
            # A percent sign that refutes the row's unit was not taken away.
            "and not (f.reason_code = 'percent_sign_removed' and exists (select 1 from all_findings as u "
            "where u.row_id = f.row_id and u.field = f.field and u.reason_code = 'percent_unclear')) "
            "union all "
            "select row_id, null, 'delete_without_key', 'quarantine' from judged where is_deleted and is_quarantined "
            "union all select row_id, null, row_fault, 'quarantine' from judged where row_fault is not null "
            "union all "
            "select row_id, null, 'zero_report_contradicted', 'quarantine' from judged where is_contradicted"
        )
        if not contract.is_additive:
            c.execute(f"create or replace temp table copies as {copies_sql(contract)}")
            # Rows that cannot be read have no values, which makes none the copy of another.
            c.execute(
                "insert into finding_rows select row_id, null, 'duplicate_row', 'fix' from copies "
                "where row_id not in (select row_id from judged where row_fault is not null)"
            )

    def find_repeated_keys(self) -> None:
        """Add a warning to each accepted row whose key in `row_keys` an earlier, different row of its school's unit has.

        The same person at two schools of one file is a case of the warehouse, where both rows count.
        """
        c = self.connection
        c.execute(
            "create or replace temp table repeated_keys as select row_id, row_key from row_keys where row_key in "
            "(select row_key from row_keys group by row_key having count(*) > 1)"
        )
        if not c.execute("select 1 from repeated_keys limit 1").fetchone():
            return
        field = self.contract.school_field
        is_said = any(profile.carrier == "statements" for profile in self.contract.profiles.values())
        reason = "statement_changed" if is_said else "duplicate_key"
        school = f"a.{quoted(field)}" if field else "cast(null as varchar)"
        c.execute(
            f"""
            insert into finding_rows
            with own as (
                select a.row_id, a.submission_id, {school} as school, k.row_key
                from accepted as a inner join repeated_keys as k on k.row_id = a.row_id
                where a.row_id not in (select row_id from copies)
            ),
            repeated as (
                select submission_id, school, row_key, min(row_id) as first_row from own group by all having count(*) > 1
            )
            select own.row_id, null, {literal(reason)}, 'warn'
            from own
            inner join repeated on repeated.submission_id = own.submission_id and repeated.row_key = own.row_key
                and repeated.school is not distinct from own.school
            where own.row_id > repeated.first_row
            """
        )
