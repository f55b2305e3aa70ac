"""Identifiers become pseudonyms, and each row gets the key of its best evidence."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from edu.contract import Contract, FieldSpec
from edu.pseudonym import PlatformKey, PseudonymMaker
from edu.sharing_domain import recognise
from ingest.cleaning import PSEUDONYM_NAMESPACE_OF_OTHER_DOCUMENTS, RESIDENT_ID_TYPE
from ingest.readers.table import literal, quoted

FOREIGN_NAMESPACE = "oneroster@system"
ROWS_AT_ONCE = 250_000
"""So many rows get their keys at a time, which bounds the memory for them."""


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


def make_keys(connection: duckdb.DuckDBPyConnection, contract: Contract, key: PlatformKey, workers: int) -> None:
    """Make `keyed` (row_id, k_<field>…) of accepted rows, in their order, and `pseudonym` for the vault.

    Most of these identifiers stand in one row: keys are made row by row, because to find the distinct ones and to join
    them again would cost more. `pseudonym` may hold an identifier that is repeated far below more than once.
    """
    _make_table(connection)
    fields = identifier_fields(contract)
    columns = "".join(f", {quoted('k_' + field.name)} varchar" for field in fields)
    connection.execute(f"create or replace temp table keyed (row_id bigint{columns})")
    spaces = [(field, name, condition) for field in fields for name, condition in namespaces(field, contract)]
    values = "".join(
        f", case when {condition} then {canonical_sql(field, contract)} end as v{number}"
        for number, (field, _, condition) in enumerate(spaces)
    )
    first, last = connection.execute("select min(row_id), max(row_id) from accepted").fetchone() or (None, None)
    if first is None:
        return
    with PseudonymMaker(key, workers) as maker:
        for low in range(first, last + 1, ROWS_AT_ONCE):
            rows = connection.execute(
                f"select row_id{values} from accepted where row_id between {low} and {low + ROWS_AT_ONCE - 1} "
                "order by row_id"
            ).to_arrow_table()
            made: dict[str, pa.Array] = {}
            for number, (field, namespace, _) in enumerate(spaces):
                column = rows[f"v{number}"].combine_chunks().dictionary_encode()
                known = _keep(connection, maker, key, namespace, column.dictionary).take(column.indices)
                made[field.name] = pc.coalesce(made[field.name], known) if field.name in made else known
            table = pa.table({"row_id": rows["row_id"], **{f"k_{name}": found for name, found in made.items()}})
            del rows, made
            connection.register("hashed", table)
            connection.execute("insert into keyed select * from hashed")
            connection.unregister("hashed")
            del table
            pa.default_memory_pool().release_unused()


def _make_table(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("create or replace temp table pseudonym (namespace varchar, value varchar, pseudonym varchar)")


def _keep(
    connection: duckdb.DuckDBPyConnection, maker: PseudonymMaker, key: PlatformKey, namespace: str, values: pa.Array
) -> pa.Array:
    """Return the pseudonyms of distinct values, and keep them in `pseudonym`."""
    hashed = maker.make(namespace, values)
    if namespace == FOREIGN_NAMESPACE:
        hashed = _evidence_of_foreign_ids(key, values, hashed)
    if len(values):
        connection.register("hashed", pa.table({"value": values, "pseudonym": hashed}))
        connection.execute("insert into pseudonym select ?, value, pseudonym from hashed", [namespace])
        connection.unregister("hashed")
    return hashed


def make_pseudonyms(connection: duckdb.DuckDBPyConnection, contract: Contract, key: PlatformKey, workers: int) -> None:
    """Make `pseudonym` (namespace, value, pseudonym) of the distinct identifiers of accepted rows.

    For additive datasets, whose rows are many and whose persons few.
    """
    _make_table(connection)
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
    with PseudonymMaker(key, workers) as maker:
        for (namespace,) in names:
            values = (
                connection.execute("select value from identifier_value where namespace = ?", [namespace])
                .to_arrow_table()["value"]
                .combine_chunks()
            )
            _keep(connection, maker, key, namespace, values)
            del values
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


def row_key_sql(contract: Contract) -> str:
    """Return SQL of the row's key over `accepted as a` and `keyed as k`: the first complete evidence group, else the
    place in its file.

    A group without any number, as a place in a class, names no row that shared a number with another person's.
    """
    groups = []
    for group in contract.evidence:
        parts = []
        for name in group:
            field = contract.field(name)
            if field.namespace == FOREIGN_NAMESPACE:
                parts.append(f"k.{quoted('k_' + name)}")
            elif field.type == "identifier":
                parts.append(f"'{field.namespace}:' || k.{quoted('k_' + name)}")
            else:
                parts.append(f"cast(a.{quoted(name)} as varchar)")
        key = " || '/' || ".join(parts)
        has_number = any(contract.field(name).type == "identifier" for name in group)
        groups.append(key if has_number else f"case when not a.shares_number then {key} end")
    place = "'row:' || a.submission_id || '/' || coalesce(a.sheet, '') || '/' || a.row_number"
    return f"coalesce({', '.join([*groups, place])})"
