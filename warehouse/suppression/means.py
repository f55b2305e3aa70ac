"""Means over persons that everybody may see: from one version to the next none tells of a change by few.

A mean is published without its counts, but beside a count that is public it gives the other one: pupils by their ratio to
teachers are the teachers. So each mean stands on counts that are released as other counts are: one that changed by few
keeps its earlier value, and the mean is made of those. Where what is kept is so small that a mean of an old and a new
count would mislead, both are kept, and so is the mean. A total is made of the counts that its parts stand on.

A model says in `meta.kept_mean` what its means stand on:

- `topic`: a topic of the seed `suppression_threshold`
- `value`: the column of the mean; `verdict`: that of its comparison with the column `threshold`, where there is one
- `keys`: columns that name a mean, in this table and in that of the counts
- `where`: which rows are means over persons; `is_share`: which of them are parts of a whole (SQL)
- `counts`: table of the warehouse with the counts, summed by the keys; `counts_where`: which of its rows
- `numerator`, `denominator`: its columns; `multiplier`: column of this table, or a number; `places` of the mean
- `total`: a table of the same form that lacks the key `over`; `total_where`: rows of the counts that it stands on

The counts that the last version stood on lie in `suppression/means.parquet` (mode 0600).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from edu.paths import Home
from warehouse.catalog import KEPT_MEAN, read_suppression_rules

LEAST_TIMES = 100
"""A kept count stands beside a new one where it is so many times the threshold: the mean is then off by less than 1 in 100."""
MEMORY = pa.schema(
    [("table_name", pa.string()), ("mean_key", pa.string())]
    + [(name, pa.decimal128(24, 4)) for name in ("numerator", "denominator")]
)


@dataclass(frozen=True)
class MeanRule:
    """What a model declares of its means."""

    schema: str
    table: str
    topic: str
    value: str
    keys: tuple[str, ...]
    where: str
    counts: str
    numerator: str
    denominator: str
    multiplier: str
    counts_where: str = "true"
    is_share: str = "false"
    places: int = 4
    verdict: str | None = None
    total: str | None = None
    over: str | None = None
    total_where: str = "true"

    @property
    def name(self) -> str:
        """Return schema and table."""
        return f"{self.schema}.{self.table}"


def memory_path(home: Home) -> Path:
    """Return where the counts are remembered that means stood on."""
    return home.root / "suppression" / "means.parquet"


def read_memory(home: Home) -> pa.Table:
    """Return the counts that means of the last version stood on; none before the first."""
    path = memory_path(home)
    return pq.read_table(path, schema=MEMORY) if path.exists() else MEMORY.empty_table()


def read_means(connection: duckdb.DuckDBPyConnection, database: str) -> list[MeanRule]:
    """Return the rules of the means that a warehouse holds."""
    rules = []
    for schema, table, declared in read_suppression_rules(connection, database):
        if given := declared.get(KEPT_MEAN):
            rules.append(MeanRule(schema, table, **given | {"keys": tuple(given["keys"])}))
    return rules


def keep_means(
    connection: duckdb.DuckDBPyConnection, rules: Sequence[MeanRule], thresholds: Mapping[str, int], memory: pa.Table
) -> tuple[pa.Table, dict[str, dict[str, int]]]:
    """Make the means of a copy stand on counts that may be told.

    Args:
        connection: the copy, with the warehouse attached as `source`.
        rules: what the models declare.
        thresholds: below which number persons are few, by topic.
        memory: what the means of the last version stood on, in the form of `MEMORY`.

    Returns:
        What the means stand on now, to be remembered, and for each table how many means there are and keep a count.
    """
    connection.register("memory", memory)
    connection.execute("create or replace temp table remembered as select * from memory")
    connection.unregister("memory")
    done = {}
    for rule in rules:
        _settle(connection, rule, thresholds[rule.topic])
        _write(connection, rule)
        if rule.total:
            _write_total(connection, rule)
        row = connection.execute(
            "select count(*) filter (where is_shown), count(*) filter (where is_shown and is_kept) from settled"
        ).fetchone()
        done[rule.name] = {"figures": row[0] if row else 0, "hidden": 0, "kept": row[1] if row else 0}
        if rule.total:
            done.setdefault(rule.total, {"figures": 0, "hidden": 0, "kept": 0})
        connection.execute(
            "delete from remembered where table_name = ? and mean_key in (select mean_key from settled where is_shown)",
            [rule.name],
        )
        connection.execute(
            "insert into remembered select ?, mean_key, told_n, told_d from settled where is_shown", [rule.name]
        )
    kept = connection.execute("select * from remembered order by all").to_arrow_table().cast(MEMORY)
    return kept, done


def _quoted(names: Sequence[str], table: str = "") -> str:
    prefix = f"{table}." if table else ""
    return ", ".join(f'{prefix}"{name}"' for name in names)


def _settle(connection: duckdb.DuckDBPyConnection, rule: MeanRule, threshold: int) -> None:
    """Make `settled`: each mean with its true counts and those that it may stand on."""
    connection.execute(
        f"""
        create or replace temp table settled as
        with counted as (
            select {_quoted(rule.keys)},
                sum("{rule.numerator}")::decimal(24, 4) as n, sum("{rule.denominator}")::decimal(24, 4) as d
            from source.{rule.counts} where {rule.counts_where} group by {_quoted(rule.keys)}
        ),
        present as (
            select {_quoted(rule.keys, "shown")}, to_json([{_texts(rule.keys, "shown")}])::varchar as mean_key,
                counted.n, counted.d, shown."{rule.value}" is not null as is_shown, ({rule.is_share}) as is_share
            from "{rule.schema}"."{rule.table}" as shown inner join counted using ({_quoted(rule.keys)})
            where ({rule.where}) and counted.n is not null and counted.d > 0
        ),
        compared as (
            select present.*, last.numerator as was_n, last.denominator as was_d,
                coalesce(n <> was_n and abs(n - was_n) < {threshold}, false) as is_few_n,
                coalesce(d <> was_d and abs(d - was_d) < {threshold}, false) as is_few_d,
                coalesce(is_share and d - n <> was_d - was_n and abs((d - n) - (was_d - was_n)) < {threshold}, false)
                    as is_few_rest
            from present
            left join remembered as last on last.table_name = ? and last.mean_key = present.mean_key
        ),
        judged as (
            select *, is_few_rest
                or is_few_n and (is_share or was_n < {LEAST_TIMES * threshold})
                or is_few_d and (is_share or was_d < {LEAST_TIMES * threshold}) as is_whole_kept
            from compared
        )
        select {_quoted(rule.keys)}, mean_key, n, d, is_shown,
            case when is_whole_kept or is_few_n then was_n else n end as told_n,
            case when is_whole_kept or is_few_d then was_d else d end as told_d,
            told_n <> n or told_d <> d as is_kept
        from judged
        """,
        [rule.name],
    )


def _texts(names: Sequence[str], table: str) -> str:
    return ", ".join(f"coalesce({table}.\"{name}\"::varchar, '')" for name in names)


def _changes(rule: MeanRule, numerator: str, denominator: str) -> str:
    """Return SQL of what a mean and its verdict become when it stands on other counts."""
    value = f"cast(round(cast({rule.multiplier} * {numerator} as decimal(28, 10)) / {denominator}, {rule.places}) as decimal(18, {rule.places}))"
    sets = [f'"{rule.value}" = {value}']
    if rule.verdict:
        # Each indicator is compared in one direction, whatever its stage and area.
        comparator = (
            "(select min(comparator) from source.seed.indicator_threshold as bound "
            "where bound.indicator_code = shown.indicator_code)"
        )
        sets.append(
            f'"{rule.verdict}" = case when "{rule.verdict}" is null then null '
            f"when {comparator} = '>=' then {value} >= threshold when {comparator} = '<=' then {value} <= threshold end"
        )
    return ", ".join(sets)


def _write(connection: duckdb.DuckDBPyConnection, rule: MeanRule) -> None:
    same = " and ".join(f'settled."{name}" = shown."{name}"' for name in rule.keys)
    connection.execute(
        f'update "{rule.schema}"."{rule.table}" as shown set {_changes(rule, "settled.told_n", "settled.told_d")} '
        f"from settled where {same} and settled.is_kept and settled.is_shown and ({rule.where})"
    )


def _write_total(connection: duckdb.DuckDBPyConnection, rule: MeanRule) -> None:
    """Let a total stand on what its parts stand on; one of whose parts none keeps a count is as it was."""
    keys = [name for name in rule.keys if name != rule.over]
    schema, table = str(rule.total).split(".")
    same = " and ".join(f'added."{name}" = shown."{name}"' for name in keys)
    connection.execute(
        f"""
        create or replace temp table added as
        with moved as (
            select {_quoted(keys)}, sum(told_n - n) as more_n, sum(told_d - d) as more_d
            from settled where is_kept and is_shown group by {_quoted(keys)}
        ),
        counted as (
            select {_quoted(keys)}, sum("{rule.numerator}") as n, sum("{rule.denominator}") as d
            from source.{rule.counts} where {rule.total_where} group by {_quoted(keys)}
        )
        select {_quoted(keys, "moved")}, (n + more_n)::decimal(24, 4) as told_n, (d + more_d)::decimal(24, 4) as told_d
        from moved inner join counted using ({_quoted(keys)})
        """
    )
    connection.execute(
        f'update "{schema}"."{table}" as shown set {_changes(rule, "added.told_n", "added.told_d")} '
        f'from added where {same} and shown."{rule.value}" is not null and ({rule.where})'
    )
