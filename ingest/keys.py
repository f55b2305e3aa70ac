"""Identifiers become pseudonyms, and each row gets the key of its best evidence."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from edu.contract import Contract, FieldSpec
from edu.pseudonym import PlatformKey, PseudonymMaker
from edu.sharing_domain import recognise
from ingest.cleaning import PSEUDONYM_NAMESPACE_OF_OTHER_DOCUMENTS, RESIDENT_ID_TYPE
from ingest.readers.table import literal, quoted

FOREIGN_NAMESPACE = "oneroster@system"


def identifier_fields(contract: Contract) -> list[FieldSpec]:
    """Return the fields that become keys."""
    return [field for field in contract.fields if field.type == "identifier"]


def namespace_sql(field: FieldSpec, contract: Contract) -> str:
    """Return SQL of the namespace of a field's value: documents other than the resident ID have their own."""
    types = [other.name for other in contract.fields if other.code_set == "SFZJLX"]
    if field.namespace == "cn_id" and types:
        return (
            f"case when coalesce({quoted(types[0])}, '{RESIDENT_ID_TYPE}') = '{RESIDENT_ID_TYPE}' "
            f"then 'cn_id' else '{PSEUDONYM_NAMESPACE_OF_OTHER_DOCUMENTS}' end"
        )
    return literal(str(field.namespace))


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


def make_pseudonyms(connection: duckdb.DuckDBPyConnection, contract: Contract, key: PlatformKey, workers: int) -> None:
    """Make the table `pseudonym` (namespace, value, pseudonym) for the distinct identifiers of accepted rows."""
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
    namespaces = connection.execute("select distinct namespace from identifier_value order by namespace").fetchall()
    with PseudonymMaker(key, workers) as maker:
        for (namespace,) in namespaces:
            values = (
                connection.execute("select value from identifier_value where namespace = ?", [namespace])
                .to_arrow_table()["value"]
                .combine_chunks()
            )
            hashed = maker.make(namespace, values)
            if namespace == FOREIGN_NAMESPACE:
                hashed = _evidence_of_foreign_ids(key, values, hashed)
            table = pa.table({"value": values, "pseudonym": hashed})
            connection.register("hashed", table)
            connection.execute("insert into pseudonym select ?, value, pseudonym from hashed", [namespace])
            connection.unregister("hashed")
            del values, hashed, table
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


def pseudonym_columns(contract: Contract) -> str:
    """Return the columns, each after a comma, that name each identifier's pseudonym `k_<field>`."""
    return "".join(
        f", {quoted('k_' + field.name)}.pseudonym as {quoted('k_' + field.name)}"
        for field in identifier_fields(contract)
    )


def row_key_sql(contract: Contract) -> str:
    """Return SQL of the row's key: the first complete evidence group, else the place in its file."""
    if contract.is_additive:
        return "cast(null as varchar)"
    groups = []
    for group in contract.evidence:
        parts = []
        for name in group:
            field = contract.field(name)
            if field.namespace == FOREIGN_NAMESPACE:
                parts.append(f"{quoted('k_' + name)}.pseudonym")
            elif field.type == "identifier":
                parts.append(f"'{field.namespace}:' || {quoted('k_' + name)}.pseudonym")
            else:
                parts.append(f"cast({quoted(name)} as varchar)")
        groups.append(" || '/' || ".join(parts))
    place = "'row:' || submission_id || '/' || coalesce(sheet, '') || '/' || row_number"
    return f"coalesce({', '.join([*groups, place])})"
