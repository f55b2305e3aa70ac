"""Writes what was accepted to the lake and the vault, and what was not to quarantine."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from edu.contract import Contract
from edu.duck import give_memory_back
from edu.keyed_hash import VALUES_AT_ONCE
from edu.paths import Home
from edu.pseudonym import PlatformKey
from edu.vault import NAMESPACE, PERSON, PLACE, PSEUDONYM, VALUE, write_segment
from ingest import keys, lake, linking
from ingest.examination import Examination
from ingest.readers.table import literal, quoted

SLICE_ROWS = 2 * VALUES_AT_ONCE
"""So many rows get their keys and are written at a time."""


@dataclass(frozen=True)
class _Made:
    """What is written of a slice of accepted rows."""

    lake: pa.Table
    keys: pa.Table
    vault: pa.Table | None
    match: pa.Table | None


def _in_order(rows: pa.Table) -> pa.Table:
    """Return rows by `row_id`. They are mostly in this order, and to find that out costs less than a sort."""
    ids = rows["row_id"].to_numpy()
    return rows if bool((ids[1:] > ids[:-1]).all()) else rows.take(pa.array(np.argsort(ids, kind="stable")))


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
        if contract.is_additive:
            keys.make_pseudonyms(c, contract, self.key)
            if c.execute("select 1 from accepted limit 1").fetchone():
                lake.copy_to(
                    c, f"{self._lake_select()} from accepted as a {keys.pseudonym_joins(contract)}", self._path
                )
                self._write_vault()
        else:
            self._write_slices()
            self.examination.find_repeated_keys()
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

    @property
    def _path(self) -> Path:
        return lake.lake_path(self.home, self.contract.dataset, self.period, self.batch_id)

    def _write_slices(self) -> None:
        """Write accepted rows slice by slice to lake, vault and match, and make `row_keys` (row_id, row_key).

        Each row is read once. While one slice is read, keys of the one before it are made, and the one before that is
        written.
        """
        c = self.connection
        c.execute("create or replace temp table row_keys (row_id bigint, row_key varchar)")
        first, last = c.execute("select min(row_id), max(row_id) from accepted").fetchone() or (None, None)
        if first is None:
            return
        schema = self.contract.lake_schema()
        fields = keys.identifier_fields(self.contract)
        with ExitStack() as stack:
            hashing = stack.enter_context(ThreadPoolExecutor(1))
            of_lake = stack.enter_context(
                lake.Slices(self._path, schema, ["row_key", *(f"{field.name}_key" for field in fields)])
            )
            of_vault = stack.enter_context(lake.Stream(c, self._write_segment))
            of_match = stack.enter_context(lake.Stream(c, self._write_match))

            def take(made: _Made) -> None:
                of_lake.write(made.lake)
                if made.vault is not None:
                    of_vault.write(made.vault)
                if made.match is not None:
                    of_match.write(made.match)
                c.register("made_keys", made.keys)
                c.execute("insert into row_keys select * from made_keys")
                c.unregister("made_keys")

            before: Future[_Made] | None = None
            for select in self._slices(first, last):
                rows = _in_order(c.execute(select).to_arrow_table())
                made = before.result() if before else None
                before = hashing.submit(self._made, rows, schema)
                if made:
                    take(made)
                    give_memory_back()
            if before:
                take(before.result())
        give_memory_back()

    def _slices(self, first: int, last: int) -> Iterator[str]:
        """Give the SELECT of each slice of accepted rows, in the order of the files."""
        columns = {"row_id": "row_id", **keys.value_columns(self.contract)}
        columns |= {f"{PERSON}{field.name}": quoted(field.name) for field in keys.private_fields(self.contract)}
        if linking.has_match(self.contract):
            columns |= linking.text_columns()
        more = "".join(f", {sql} as {quoted(name)}" for name, sql in columns.items())
        for low in range(first, last + 1, SLICE_ROWS):
            yield f"{self._lake_select()}{more} from accepted as a where row_id between {low} and {low + SLICE_ROWS - 1}"

    def _made(self, rows: pa.Table, schema: pa.Schema) -> _Made:
        """Make the keys of rows and what is written of them."""
        contract = self.contract
        made = keys.keys_of(rows, contract, self.key)
        found = {f"{name}_key": pseudonyms for name, pseudonyms in made.pseudonyms.items()} | {"row_key": made.row_key}
        of_lake = pa.table(
            [found.get(name, rows[name] if name not in found else None) for name in schema.names], schema.names
        )
        of_vault = of_match = None
        if keys.holds_persons(contract):
            columns = {name: rows[name] for name in PLACE}
            columns |= {
                f"{PERSON}{field.name}": rows[f"{PERSON}{field.name}"] for field in keys.private_fields(contract)
            }
            for field in keys.identifier_fields(contract):
                pseudonyms = made.pseudonyms[field.name]
                if field.namespace == keys.FOREIGN_NAMESPACE:
                    # An id that the platform gave out says nothing that the vault does not hold under its own number.
                    is_own = pc.starts_with(pseudonyms, keys.FOREIGN_NAMESPACE)
                    pseudonyms = pc.if_else(is_own, pseudonyms, pa.scalar(None, pa.string()))
                columns[PSEUDONYM + field.name] = pseudonyms
                columns[NAMESPACE + field.name] = made.namespaces[field.name]
                columns[VALUE + field.name] = made.values[field.name]
            of_vault = pa.table(columns)
        if linking.has_match(contract):
            of_match = linking.hashes_of(rows, made.pseudonyms["xjh"], self.key)
        return _Made(
            of_lake.cast(schema), pa.table({"row_id": rows["row_id"], "row_key": made.row_key}), of_vault, of_match
        )

    def _write_segment(self, connection: duckdb.DuckDBPyConnection, select: str) -> None:
        write_segment(self.home, self.key, self.batch_id, connection, select)

    def _write_match(self, connection: duckdb.DuckDBPyConnection, select: str) -> None:
        linking.write_match(connection, self.home, self.key, self.batch_id, select)

    def _lake_select(self) -> str:
        """Return the SELECT of the lake's columns over `accepted as a`; of keys, where rows are additive, which joins
        bring, and else not."""
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
            "row_key": "cast(null as varchar)",
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
                columns[f"{spec.name}_key"] = f"{name}.pseudonym" if contract.is_additive else "cast(null as varchar)"
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
        return f"select {selected}"

    def _duck_types(self, schema: pa.Schema) -> list[tuple[str, str]]:
        self.connection.register("lake_shape", schema.empty_table())
        rows = self.connection.execute("describe select * from lake_shape").fetchall()
        self.connection.unregister("lake_shape")
        return [(row[0], row[1]) for row in rows]

    def _write_vault(self) -> None:
        """Write the segment of additive rows, whose persons are few: persons' rows, then each identifier once."""
        if not keys.holds_persons(self.contract):
            return
        place = ", ".join(PLACE)
        private = keys.private_fields(self.contract)
        persons = "".join(f", {quoted(field.name)} as {quoted(PERSON + field.name)}" for field in private)
        self._write_segment(
            self.connection,
            f"select {place}{persons} from accepted where {'true' if private else 'false'} union all by name "
            f"select pseudonym as {PSEUDONYM}identifier, namespace as {NAMESPACE}identifier, value as {VALUE}identifier "
            f"from pseudonym where namespace <> {literal(keys.FOREIGN_NAMESPACE)} "
            f"or starts_with(pseudonym, {literal(keys.FOREIGN_NAMESPACE)})",
        )
