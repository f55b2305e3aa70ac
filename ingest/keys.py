"""Identifiers become pseudonyms, and each row gets the key of its best evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from edu.contract import Contract, FieldSpec
from edu.pseudonym import PlatformKey, pseudonyms
from edu.sharing_domain import recognise
from ingest.cleaning import PSEUDONYM_NAMESPACE_OF_OTHER_DOCUMENTS, RESIDENT_ID_TYPE
from ingest.readers.table import literal, quoted

FOREIGN_NAMESPACE = "oneroster@system"
SAMPLE = 1_000
"""Where most of so many values are distinct, all are hashed as they come."""
ROWS_AT_ONCE = 1_000_000
"""So many rows are compared with each other at a time, which bounds the memory for them."""


def identifier_fields(contract: Contract) -> list[FieldSpec]:
    """Return the fields that become keys."""
    return [field for field in contract.fields if field.type == "identifier"]


def private_fields(contract: Contract) -> list[FieldSpec]:
    """Return the fields that are kept in the vault alone."""
    return [field for field in contract.fields if field.type == "private" and field.is_kept]


def holds_persons(contract: Contract) -> bool:
    """Whether a landing of accepted rows writes a segment of the vault."""
    return bool(private_fields(contract) or identifier_fields(contract))


def namespaces(field: FieldSpec, contract: Contract) -> list[tuple[str, str]]:
    """Return the namespaces of a field's values, each with the SQL of when it holds.

    Documents other than the resident ID have their own.
    """
    types = [other.name for other in contract.fields if other.code_set == "SFZJLX"]
    if field.namespace == "cn_id" and types:
        is_resident = f"coalesce({quoted(types[0])}, '{RESIDENT_ID_TYPE}') = '{RESIDENT_ID_TYPE}'"
        return [("cn_id", is_resident), (PSEUDONYM_NAMESPACE_OF_OTHER_DOCUMENTS, f"not {is_resident}")]
    return [(str(field.namespace), "true")]


def namespace_sql(field: FieldSpec, contract: Contract) -> str:
    """Return SQL of the namespace of a field's value."""
    whens = " ".join(f"when {condition} then {literal(name)}" for name, condition in namespaces(field, contract))
    return f"case {whens} end"


def canonical_sql(field: FieldSpec, contract: Contract) -> str:
    """Return SQL of the canonical value: numbers that a school or a system gives carry its code."""
    name = quoted(field.name)
    if field.namespace == "gh@school":
        return f"{quoted(str(contract.school_field))} || '/' || {name}"
    if field.namespace == "xapi@homePage":
        return f"actor_home_page || '/' || {name}"
    if field.namespace == "learner@system":
        return f"submitter_org || '/' || {name}"
    return name


def value_columns(contract: Contract) -> dict[str, str]:
    """Return, over `accepted`, SQL of what `keys_of` needs of a row: its canonical values, and its other evidence."""
    columns = {
        f"v_{field.name}_{namespace}": f"case when {condition} then {canonical_sql(field, contract)} end"
        for field in identifier_fields(contract)
        for namespace, condition in namespaces(field, contract)
    }
    for name in sorted({name for group in contract.evidence for name in group}):
        if contract.field(name).type != "identifier":
            columns[f"e_{name}"] = f"cast({quoted(name)} as varchar)"
    return {**columns, "shares_number": "shares_number"}


@dataclass(frozen=True)
class Keys:
    """What identifiers of rows became, each an array over the rows; of null there is null."""

    values: dict[str, pa.Array]
    """By field: canonical values."""
    namespaces: dict[str, pa.Array]
    pseudonyms: dict[str, pa.Array]
    row_key: pa.Array


def keys_of(rows: pa.Table, contract: Contract, key: PlatformKey) -> Keys:
    """Make the keys of rows: those of `value_columns`, and their place.

    Most of these identifiers stand in one row: to find those that stand in several costs more than it saves where they
    are few.
    """
    made = Keys({}, {}, {}, pa.nulls(rows.num_rows, pa.string()))
    for field in identifier_fields(contract):
        for namespace, _ in namespaces(field, contract):
            values = _column(rows, f"v_{field.name}_{namespace}")
            if values.null_count == len(values) and field.name in made.values:
                continue
            named = pa.repeat(namespace, len(values))
            if values.null_count:
                named = pc.if_else(values.is_valid(), named, pa.scalar(None, pa.string()))
            for of, found in (
                (made.values, values),
                (made.namespaces, named),
                (made.pseudonyms, _pseudonyms(values, namespace, key)),
            ):
                of[field.name] = pc.coalesce(of[field.name], found) if field.name in of else found
    return replace(made, row_key=_row_key(rows, made, contract))


def _pseudonyms(values: pa.Array, namespace: str, key: PlatformKey) -> pa.Array:
    """Return the pseudonyms of values that may be repeated; null of null."""
    first = values.slice(0, SAMPLE)
    if not values.null_count and len(first.unique()) * 2 > len(first):
        distinct, indices = values, None
    else:
        encoded = values.dictionary_encode()
        distinct, indices = encoded.dictionary, encoded.indices
    hashed = pseudonyms(key, namespace, distinct)
    if namespace == FOREIGN_NAMESPACE:
        hashed = _evidence_of_foreign_ids(key, distinct, hashed)
    return hashed if indices is None else hashed.take(indices)


def _column(rows: pa.Table, name: str) -> pa.Array:
    return rows[name].cast(pa.string()).combine_chunks()


def _joined(parts: Sequence[pa.Array | str], separator: str) -> pa.Array:
    """Return texts joined row by row; null where one is null."""
    return pc.binary_join_element_wise(*(pa.scalar(p) if isinstance(p, str) else p for p in parts), separator)


def _row_key(rows: pa.Table, made: Keys, contract: Contract) -> pa.Array:
    """Return the rows' keys: the first complete evidence group, else the place in its file.

    A group without any number, as a place in a class, names no row that shared a number with another person's.
    """
    found = pa.nulls(rows.num_rows, pa.string())
    for group in contract.evidence:
        if not found.null_count:
            return found
        parts = []
        for name in group:
            field = contract.field(name)
            if field.type != "identifier":
                parts.append(_column(rows, f"e_{name}"))
            elif field.namespace == FOREIGN_NAMESPACE:
                parts.append(made.pseudonyms[name])
            else:
                parts.append(_joined([str(field.namespace), made.pseudonyms[name]], ":"))
        group_key = _joined(parts, "/") if len(parts) > 1 else parts[0]
        if not any(contract.field(name).type == "identifier" for name in group):
            shares = rows["shares_number"].combine_chunks()
            group_key = pc.if_else(shares, pa.scalar(None, pa.string()), group_key)
        found = pc.coalesce(found, group_key)
    if not found.null_count:
        return found
    place = [
        pc.binary_join_element_wise("row:", _column(rows, "submission_id"), ""),
        pc.fill_null(_column(rows, "sheet"), ""),
        _column(rows, "row_number"),
    ]
    return pc.coalesce(found, _joined(place, "/"))


def make_pseudonyms(connection: duckdb.DuckDBPyConnection, contract: Contract, key: PlatformKey) -> None:
    """Make `pseudonym` (namespace, value, pseudonym) of the distinct identifiers of accepted rows.

    For additive datasets, whose rows are many and whose persons few.
    """
    connection.execute("create or replace temp table pseudonym (namespace varchar, value varchar, pseudonym varchar)")
    fields = identifier_fields(contract)
    if not fields:
        return
    every = " union all ".join(
        f"select {namespace_sql(field, contract)} as namespace, {canonical_sql(field, contract)} as value "
        f"from accepted where {quoted(field.name)} is not null"
        for field in fields
    )
    connection.execute(
        f"create or replace temp table identifier_value as select distinct namespace, value from ({every}) where value is not null"
    )
    names = connection.execute("select distinct namespace from identifier_value order by namespace").fetchall()
    for (namespace,) in names:
        values = (
            connection.execute("select value from identifier_value where namespace = ?", [namespace])
            .to_arrow_table()["value"]
            .combine_chunks()
        )
        hashed = pseudonyms(key, namespace, values)
        if namespace == FOREIGN_NAMESPACE:
            hashed = _evidence_of_foreign_ids(key, values, hashed)
        if len(values):
            connection.register("hashed", pa.table({"value": values, "pseudonym": hashed}))
            connection.execute("insert into pseudonym select ?, value, pseudonym from hashed", [namespace])
            connection.unregister("hashed")
        del values, hashed
        pa.default_memory_pool().release_unused()


def _evidence_of_foreign_ids(key: PlatformKey, values: pa.Array, hashed: pa.Array) -> pa.Array:
    """Return the evidence of ids of other systems: the person's own where the platform gave the id out.

    Such a key carries its namespace, because it may be that of any evidence.
    """
    texts = values.to_pylist()
    own = recognise(key, texts)
    return pa.array(
        [known or f"{FOREIGN_NAMESPACE}:{digest}" for known, digest in zip(own, hashed.to_pylist(), strict=True)],
        pa.string(),
    )


def pseudonym_joins(contract: Contract) -> str:
    """Return the joins that bring each identifier's pseudonym as `k_<field>.pseudonym`."""
    return "\n".join(
        f"left join pseudonym as {quoted('k_' + field.name)} on {quoted('k_' + field.name)}.namespace = "
        f"{namespace_sql(field, contract)} and {quoted('k_' + field.name)}.value = {canonical_sql(field, contract)}"
        for field in identifier_fields(contract)
    )
