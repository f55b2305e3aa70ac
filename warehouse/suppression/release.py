"""Protects the tables of a version that is about to be published, in step with all versions before it.

A model says in `meta.suppression` what its figures are:

- `family`: tables of one family count the same persons and are protected together
- `topic`: a topic of the seed `suppression_threshold`; health, disability and poverty are `sensitive`
- `count`: the column with the number of persons; `of`: for a rate, the column with the number that it is a part of
- `flag`: the column that says that a row is hidden; `blank`: columns that are emptied with it (rates)
- `by`: columns of which every combination is protected for itself; `constants`: those that the table lacks
- `dims`: the other columns of the key, with the coarser levels that follow from them
- `where`: which rows are figures of the family; `is_fixed`: they are known in any case and are never hidden

Means over persons have no counts beside them and follow other rules: `warehouse.suppression.means`.

What was released before lies under `suppression/` (mode 0600), with the true values of what was hidden.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from edu.clock import now as clock_now
from edu.paths import PRIVATE_DIR_MODE, Home
from warehouse.catalog import KEPT_MEAN, read_suppression_rules
from warehouse.suppression.figures import CellKey, Figures, Slice, cell_key, link
from warehouse.suppression.means import MEMORY, keep_means, memory_path, read_means, read_memory
from warehouse.suppression.solve import Release, SuppressionImpossibleError, protect, settle

SENSITIVE_TOPICS = ("health", "disability", "poverty", "sensitive")
PART, INSIDE, OUTSIDE = "_part", "in", "out"
KEPT_RELEASES = 12
"""A slice that was released so often anew keeps its last figures: every change tells a little."""


@dataclass(frozen=True)
class Rule:
    """What a model declares."""

    schema: str
    table: str
    family: str
    topic: str
    count: str
    dims: tuple[str, ...]
    by: tuple[str, ...] = ()
    of: str | None = None
    flag: str | None = None
    blank: tuple[str, ...] = ()
    constants: dict[str, Any] = field(default_factory=dict)
    where: str = "true"
    is_fixed: bool = False

    @property
    def name(self) -> str:
        """Return schema and table."""
        return f"{self.schema}.{self.table}"


@dataclass
class Protected:
    """What was done: per table how many figures there are, are hidden, keep an earlier value; and what to remember."""

    tables: dict[str, dict[str, int]] = field(default_factory=dict)
    history: dict[str, list[Release]] = field(default_factory=dict)
    audit: list[dict[str, Any]] = field(default_factory=list)
    means: pa.Table = field(default_factory=MEMORY.empty_table)

    def remember(self, home: Home) -> None:
        """Write the releases and the audit, for the next version."""
        if not self.tables:
            return
        folder = home.root / "suppression"
        folder.mkdir(exist_ok=True)
        folder.chmod(PRIVATE_DIR_MODE)
        text = json.dumps({name: [_plain(r) for r in releases] for name, releases in self.history.items()})
        aside = folder / ".history.json.part"
        aside.write_text(text, encoding="utf-8")
        aside.chmod(0o600)
        aside.replace(folder / "history.json")
        aside = folder / ".means.parquet.part"
        pq.write_table(self.means, aside)
        aside.chmod(0o600)
        aside.replace(memory_path(home))
        with (folder / "audit.jsonl").open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps(entry, ensure_ascii=False) + "\n" for entry in self.audit)


def _plain(release: Release) -> dict[str, Any]:
    keys = sorted(release.values)
    number = {key: n for n, key in enumerate(keys)}
    return {
        "cells": [
            [key[0], [list(p) for p in key[1]], release.values[key], release.since[key], key in release.hidden]
            for key in keys
        ],
        "equations": [sorted([number[key], sign] for key, sign in row.items()) for row in release.equations],
    }


def _release(plain: dict[str, Any]) -> Release:
    keys: list[CellKey] = [(cell[0], tuple((p[0], p[1]) for p in cell[1])) for cell in plain["cells"]]
    cells = list(zip(keys, plain["cells"], strict=True))
    return Release(
        {key: cell[2] for key, cell in cells},
        {key: cell[3] for key, cell in cells},
        frozenset(key for key, cell in cells if cell[4]),
        [{keys[number]: sign for number, sign in row} for row in plain["equations"]],
    )


def read_history(home: Home) -> dict[str, list[Release]]:
    """Return all releases of every slice, oldest first."""
    path = home.root / "suppression" / "history.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {name: [_release(plain) for plain in releases] for name, releases in known.items()}


def read_rules(connection: duckdb.DuckDBPyConnection, database: str) -> list[Rule]:
    """Return the rules of the tables that a warehouse holds; none where it was built before there were rules."""
    rules = []
    for schema, table, declared in read_suppression_rules(connection, database):
        if KEPT_MEAN not in declared:
            given: dict[str, Any] = {
                key: tuple(value) if isinstance(value, list) else value for key, value in declared.items()
            }
            rules.append(Rule(schema, table, **given))
    return rules


def suppress(home: Home, database: Path) -> Protected:
    """Hide what must be hidden in a copy of the warehouse's tables.

    Raises:
        SuppressionImpossibleError, FiguresDifferError: a declaration does not fit the figures.
    """
    done = Protected()
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"attach '{home.warehouse}' as source (read_only)")
        rules, means = read_rules(connection, "source"), read_means(connection, "source")
        if not rules and not means:
            return done
        done.history = read_history(home)
        thresholds = dict(
            connection.execute(
                "select topic, max_by(threshold, valid_from) from source.seed.suppression_threshold group by topic"
            ).fetchall()
        )
        for family in sorted({rule.family for rule in rules}):
            members = [rule for rule in rules if rule.family == family]
            topic = "sensitive" if any(rule.topic in SENSITIVE_TOPICS for rule in members) else "ordinary"
            _protect_family(connection, members, thresholds[topic], done)
        done.means, counted = keep_means(connection, means, thresholds, read_memory(home))
        for name, numbers in counted.items():
            known = done.tables.setdefault(name, {"figures": 0, "hidden": 0, "kept": 0})
            done.tables[name] = {part: known[part] + number for part, number in numbers.items()}
    return done


def _slices(connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> dict[str, list[Figures]]:
    """Return the figures of a family by slice; a slice is named by its values."""
    found: dict[str, dict[str, tuple[Rule, dict[CellKey, int], dict[CellKey, int]]]] = {}
    for rule in rules:
        columns = [*rule.by, *rule.dims]
        chosen = ", ".join(
            [*(f'"{c}"::varchar' for c in columns), f'"{rule.count}"::bigint', f"{rule.of or 'null'}::bigint"]
        )
        rows = connection.execute(
            f'select {chosen} from "{rule.schema}"."{rule.table}" where ({rule.where}) and "{rule.count}" is not null'
        ).fetchall()
        for *values, count, whole in rows:
            pairs = dict(zip(columns, values, strict=True))
            by = {name: pairs.pop(name) for name in rule.by} | {n: str(v) for n, v in rule.constants.items()}
            place = json.dumps([rule.family, sorted(by.items())], ensure_ascii=False)
            _, parts, wholes = found.setdefault(place, {}).setdefault(rule.name, (rule, {}, {}))
            texts = {name: "" if value is None else value for name, value in pairs.items()}
            if rule.of is None:
                parts[cell_key(rule.name, texts)] = count
            elif whole is not None:
                parts[cell_key(rule.name, texts | {PART: INSIDE})] = count
                parts[cell_key(rule.name, texts | {PART: OUTSIDE})] = whole - count
                wholes[cell_key(f"{rule.name}/{rule.of}", texts)] = whole
    slices: dict[str, list[Figures]] = {}
    for place, tables in found.items():
        for name, (rule, parts, wholes) in sorted(tables.items()):
            extra = (PART,) if rule.of else ()
            slices.setdefault(place, []).append(Figures(name, (*rule.dims, *extra), parts, rule.is_fixed))
            if wholes:
                slices[place].append(Figures(f"{name}/{rule.of}", rule.dims, wholes))
    return slices


def _decide(now: Slice, threshold: int, earlier: list[Release]) -> tuple[Release, int]:
    """Return what to release of a slice and how many figures keep an earlier value."""
    last = earlier[-1] if earlier else None
    allowed, kept = settle(now, threshold, last)
    if last is not None and (allowed.values == last.values or len(earlier) >= KEPT_RELEASES):
        return last, len(kept) if allowed.values == last.values else len(last.values)
    try:
        return protect(allowed, threshold, earlier), len(kept)
    except SuppressionImpossibleError:
        if last is None:
            raise
        return last, len(last.values)


def _protect_family(
    connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule], threshold: int, done: Protected
) -> None:
    released: dict[str, Release] = {}
    for rule in rules:
        done.tables[rule.name] = {"figures": 0, "hidden": 0, "kept": 0}
    for place, figures in sorted(_slices(connection, rules).items()):
        earlier = done.history.setdefault(place, [])
        release, kept = _decide(link(figures), threshold, earlier)
        if not earlier or release is not earlier[-1]:
            earlier.append(release)
        released[place] = release
        small = sum(1 for value in release.values.values() if 0 < value < threshold)
        if release.hidden or kept:
            done.audit.append(
                {
                    "at": clock_now().isoformat(),
                    "slice": json.loads(place),
                    "figures": len(release.values),
                    "primary": small,
                    "complementary": len(release.hidden) - small,
                    "kept": kept,
                }
            )
        for rule in rules:
            done.tables[rule.name]["kept"] += kept if kept and any(k[0] == rule.name for k in release.values) else 0
    for rule in rules:
        _write(connection, rule, released, done.tables[rule.name])


def _write(
    connection: duckdb.DuckDBPyConnection, rule: Rule, released: dict[str, Release], counted: dict[str, int]
) -> None:
    """Put the released values into a table, and empty and mark what is hidden."""
    rows = []
    for place, release in released.items():
        by = dict(json.loads(place)[1])
        hidden = {(key[0], tuple(p for p in key[1] if p[0] != PART)) for key in release.hidden}
        for key, value in release.values.items():
            pairs = dict(key[1])
            if key[0] != rule.name or pairs.pop(PART, INSIDE) != INSIDE:
                continue
            plain = tuple(sorted(pairs.items()))
            whole_key = (f"{rule.name}/{rule.of}", plain)
            is_hidden = (rule.name, plain) in hidden or whole_key in hidden
            rows.append(
                {
                    **{name: by[name] for name in rule.by},
                    **pairs,
                    "_value": value,
                    "_whole": release.values.get(whole_key),
                    "_hidden": is_hidden,
                    "_whole_hidden": whole_key in hidden,
                }
            )
    counted["figures"], counted["hidden"] = len(rows), sum(row["_hidden"] for row in rows)
    if rule.is_fixed and not rows:
        return
    columns = [*rule.by, *rule.dims]
    schema = pa.schema(
        [(c, pa.string()) for c in columns]
        + [("_value", pa.int64()), ("_whole", pa.int64()), ("_hidden", pa.bool_()), ("_whole_hidden", pa.bool_())]
    )
    connection.register("released", pa.Table.from_pylist(rows, schema=schema))
    on = " and ".join(f'coalesce(t."{c}"::varchar, \'\') = released."{c}"' for c in columns) or "true"
    # A figure that is new and small waits at zero, which is not shown either.
    hide = f'(released._hidden or (released._value = 0 and t."{rule.count}" > 0))'
    sets = [f'"{rule.count}" = case when {hide} then null else released._value end']
    sets += [f'"{name}" = case when {hide} then null else t."{name}" end' for name in rule.blank]
    if rule.of:
        sets.append(f'"{rule.of}" = case when released._whole_hidden then null else released._whole end')
    if rule.flag:
        sets.append(f'"{rule.flag}" = {hide}')
    connection.execute(
        f'update "{rule.schema}"."{rule.table}" as t set {", ".join(sets)} from released where ({rule.where}) and {on}'
    )
    # A row that no release knows belongs to a slice that keeps its earlier figures.
    emptied = [f'"{name}" = null' for name in (rule.count, *rule.blank, *([rule.of] if rule.of else []))]
    emptied += [f'"{rule.flag}" = true'] if rule.flag else []
    connection.execute(
        f'update "{rule.schema}"."{rule.table}" as t set {", ".join(emptied)} where ({rule.where}) '
        f'and t."{rule.count}" is not null and not exists (select 1 from released where {on})'
    )
    if rule.flag:
        counted_rows = connection.execute(
            f'select count(*) filter (where "{rule.flag}") from "{rule.schema}"."{rule.table}" where {rule.where}'
        ).fetchone()
        counted["hidden"] = counted_rows[0] if counted_rows else 0
    connection.unregister("released")
