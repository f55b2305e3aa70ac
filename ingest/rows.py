"""Writes what was accepted to the lake and the vault, and what was not to quarantine."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pyarrow as pa

from edu.contract import Contract
from edu.paths import Home
from edu.pseudonym import PlatformKey
from edu.settings import get_settings
from edu.vault import write_segment
from ingest import keys, lake, linking
from ingest.examination import Examination
from ingest.readers.table import literal, quoted

SLICE_ROWS = 50_000
"""So many rows are sorted and written to the lake at a time."""


class RowWriter:
    """Writes the rows of one examined batch."""

    def __init__(self, examination: Examination, home: Home, key: PlatformKey, batch_id: str) -> None:
        self.examination = examination
        self.contract: Contract = examination.contract
        self.period = examination.period
        self.connection: duckdb.DuckDBPyConnection = examination.connection
        self.home = home
        self.key = key
        self.batch_id = batch_id

    def write(self) -> None:
        """Write lake, quarantine and vault segment."""
        c = self.connection
        contract = self.contract
        make = keys.make_pseudonyms if contract.is_additive else keys.make_keys
        make(c, contract, self.key, get_settings().workers)
        if not contract.is_additive:
            self.examination.find_repeated_keys()
        if c.execute("select 1 from accepted limit 1").fetchone():
            path = lake.lake_path(self.home, contract.dataset, self.period, self.batch_id)
            if contract.is_additive:
                lake.copy_to(c, f"{self._lake_select()} {keys.pseudonym_joins(contract)}", path)
            else:
                lake.write_slices(c, self._lake_slices(), contract.lake_schema(), path)
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

    def _lake_slices(self) -> Iterator[str]:
        """Give the SELECT of each slice of accepted rows, in the order of the files."""
        first, last = self.connection.execute("select min(row_id), max(row_id) from keyed").fetchone() or (0, 0)
        for low in range(first, last + 1, SLICE_ROWS):
            within = f"between {low} and {low + SLICE_ROWS - 1}"
            yield (
                f"{self._lake_select()} inner join keyed as k on k.row_id = a.row_id "
                f"where a.row_id {within} and k.row_id {within} order by a.row_id"
            )

    def _lake_select(self) -> str:
        """Return the SELECT of the lake's columns over `accepted`, which the joins of keys follow."""
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
            "row_key": "cast(null as varchar)" if contract.is_additive else keys.row_key_sql(contract),
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
        return f"select {selected} from accepted as a"

    def _duck_types(self, schema: pa.Schema) -> list[tuple[str, str]]:
        self.connection.register("lake_shape", schema.empty_table())
        rows = self.connection.execute("describe select * from lake_shape").fetchall()
        self.connection.unregister("lake_shape")
        return [(row[0], row[1]) for row in rows]

    def _write_vault(self) -> None:
        if not keys.holds_persons(self.contract):
            return
        private = keys.private_fields(self.contract)
        names = ", ".join(quoted(f.name) for f in private)
        people = (
            "select submission_id, sheet, row_number, field, value from "
            f"(select submission_id, sheet, row_number, {names} from accepted) unpivot (value for field in ({names}))"
        )
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
