"""Publishes a version: a DuckDB file that is never changed, a page beside it, one atomic switch, and a change log."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from edu import runs
from edu.clock import now
from edu.errors import EduError, ExitCode, WarehouseError
from edu.lock import alone
from edu.paths import Home
from warehouse import built
from warehouse.digest import digest, table_digest
from warehouse.sharing.oneroster import PERSON_TABLES
from warehouse.suppression.release import suppress

PUBLISHED_SCHEMAS = ("query", "visualization")
PUBLISHED_LEVELS = ("L1", "L2")
STORAGE_VERSION = "v1.0.0"
"""Clients of DuckDB 1.0 and later read it."""
CATALOG_SCHEMA = "meta"
PERSON_LEVEL = "L3"
PERSONS_FILE = "persons.json"
SHARE_CATALOG = "management.share_catalog"
GATED_STEPS, LAST_STEP = ("collection", "storage"), "visualization"
"""Steps of a build between which a gate, an error or a kill may stop it."""

SiteWriter = Callable[[Path, Path], None]


class UnknownVersionError(EduError):
    """A version was named that is not there."""

    exit_code = ExitCode.USAGE

    def __init__(self, version: str, known: list[str]) -> None:
        super().__init__(f"version {version} is not published. Published: {', '.join(known) or 'none'}.")


@dataclass(frozen=True)
class Publication:
    """What is served now."""

    version: str
    path: Path
    is_new: bool
    kind: str
    """major, minor, patch; first for the first version; unchanged, or mended, where the content is equal; rollback."""


def current_file(home: Home) -> Path:
    """Return the link to the published file."""
    return home.published / "current.duckdb"


def version_file(home: Home, version: str) -> Path:
    """Return where the file of a version is."""
    return home.published / f"edu_{version}.duckdb"


def current_version(home: Home) -> str | None:
    """Return the version that is served, or null."""
    link = current_file(home)
    return link.resolve().stem.removeprefix("edu_") if link.exists() else None


def read_changelog(home: Home) -> list[dict[str, Any]]:
    """Return the change log, oldest version first."""
    path = home.published / "changelog.json"
    versions: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return versions


def published_persons(home: Home) -> dict[str, str]:
    """Return the digest of each person table that is served or shared, as it was when the warehouse last passed publication."""
    path = home.published / PERSONS_FILE
    known: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return known


def unpublished_persons(home: Home, warehouse: duckdb.DuckDBPyConnection, read: Collection[str]) -> list[str]:
    """Return the person tables that are not what passed the gates of the served version: built again, gone, or new.

    A build that a gate stops leaves the tables of `query` as they were, so what rows are taken from is looked at itself.

    Args:
        home: the installation.
        warehouse: its warehouse.
        read: tables that rows are taken from, beside those of `query`.
    """
    known = published_persons(home)
    held = _columns(warehouse)
    wanted = {name for name in known if _is_served(name)}
    return [
        name
        for name in sorted(wanted | (set(read) & (held.keys() | known.keys())))
        if name not in held or name not in known or _digest(warehouse, name, held[name]) != known[name]
    ]


def _columns(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """Return the columns of every table, in name order."""
    rows = connection.execute(
        "select schema_name || '.' || table_name, list(column_name order by column_name) from duckdb_columns() "
        "where not internal group by all order by all"
    ).fetchall()
    return {name: columns for name, columns in rows}


def _is_served(name: str) -> bool:
    return name.split(".")[0] in PUBLISHED_SCHEMAS


def _digest(connection: duckdb.DuckDBPyConnection, name: str, columns: list[str]) -> str:
    schema, table = name.split(".")
    return table_digest(connection, schema, table, columns)


def _has_ended(home: Home) -> bool:
    """Return whether the last build came to its end; else the layers above tell nothing of a storage that is newer."""
    runs.ensure_empty(home)
    with duckdb.connect() as connection:
        row = connection.execute(
            "select max(finished_at) filter (where step in (select unnest(?))) > coalesce(max(finished_at) filter "
            "(where step = ? and status = 'done'), timestamp '-infinity') "
            f"from read_parquet('{home.runs}/run_log/*.parquet')",
            [list(GATED_STEPS), LAST_STEP],
        ).fetchone()
    return row is None or not row[0]


def _remember_persons(home: Home) -> None:
    """Note which person tables belong to what is served now: those of `query`, and what packages take persons from.

    Of a build that did not come to its end the latter have passed no gate, so what passed before stays noted.
    """
    has_ended = _has_ended(home)
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        held = _columns(connection)
        wanted = connection.execute(
            "select distinct schema_name || '.' || table_name from management.column_catalog "
            "where schema_name in (select unnest(?)) and level = ?",
            [list(PUBLISHED_SCHEMAS), PERSON_LEVEL],
        ).fetchall()
        if SHARE_CATALOG in held:
            wanted += connection.execute(
                f"select distinct schema_name || '.' || table_name from {SHARE_CATALOG} "
                "where table_name is not null and schema_name not in (select unnest(?))",
                [list(PUBLISHED_SCHEMAS)],
            ).fetchall()
        names = sorted({row[0] for row in wanted}.union(PERSON_TABLES) & held.keys())
        known = {name: _digest(connection, name, held[name]) for name in names}
    if not has_ended:
        known = {name: value for name, value in known.items() if _is_served(name)} | {
            name: value for name, value in published_persons(home).items() if not _is_served(name)
        }
    aside = home.published / f".{PERSONS_FILE}.part"
    aside.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    aside.replace(home.published / PERSONS_FILE)


def _published_tables(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Return the tables of the warehouse that may be served: their layer and level say so."""
    return connection.execute(
        "select distinct schema_name, table_name from management.column_catalog "
        "where schema_name in (select unnest(?)) and level in (select unnest(?)) order by all",
        [list(PUBLISHED_SCHEMAS), list(PUBLISHED_LEVELS)],
    ).fetchall()


def _copy(warehouse: Path, target: Path) -> None:
    """Write the served tables with their comments and the catalog of their columns into a new file."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{warehouse}' as source (read_only)")
        connection.execute(f"attach '{target}' as target (storage_version '{STORAGE_VERSION}')")
        connection.execute("use source")
        tables = _published_tables(connection)
        connection.execute("use target")
        for schema in (*PUBLISHED_SCHEMAS, CATALOG_SCHEMA):
            connection.execute(f"create schema if not exists target.{schema}")
        for schema, table in tables:
            connection.execute(
                f'create table target."{schema}"."{table}" as select * from source."{schema}"."{table}" order by all'
            )
        names = [f"{schema}.{table}" for schema, table in tables]
        connection.execute(
            f"create table target.{CATALOG_SCHEMA}.column_catalog as select * from source.management.column_catalog "
            "where schema_name || '.' || table_name in (select unnest(?)) order by schema_name, table_name, position",
            [names],
        )
        comments = connection.execute(
            "select 'table', schema_name, table_name, null, comment from duckdb_tables() "
            "where database_name = 'source' and comment is not null union all "
            "select 'column', schema_name, table_name, column_name, comment from duckdb_columns() "
            "where database_name = 'source' and comment is not null"
        ).fetchall()
        for kind, schema, table, column, comment in comments:
            if (schema, table) in tables:
                name = f'target."{schema}"."{table}"' + (f'."{column}"' if column else "")
                escaped = comment.replace("'", "''")
                connection.execute(f"comment on {kind} {name} is '{escaped}'")
        connection.execute("checkpoint target")
        connection.execute("use memory")
        connection.execute("detach target")


def _describe(database: Path) -> dict[str, dict[str, Any]]:
    """Return columns, rows and digest of each served table of a file."""
    described = {}
    with duckdb.connect(str(database), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name, list(column_name order by column_index) from duckdb_columns() "
            "where not internal and schema_name in (select unnest(?)) group by all order by all",
            [list(PUBLISHED_SCHEMAS)],
        ).fetchall()
        for schema, table, columns in tables:
            count = connection.execute(f'select count(*) from "{schema}"."{table}"').fetchone()
            described[f"{schema}.{table}"] = {
                "columns": columns,
                "rows": count[0] if count else 0,
                "digest": table_digest(connection, schema, table, sorted(columns)),
            }
    return described


def _changes(before: dict[str, Any] | None, after: dict[str, dict[str, Any]]) -> tuple[str, list[str]]:
    """Return the kind of the change and what changed: removals are major, additions minor, other values patch."""
    if before is None:
        return "first", [f"added table {name}" for name in after]
    old = before["tables"]
    removed = [f"removed table {name}" for name in old if name not in after]
    added = [f"added table {name}" for name in after if name not in old]
    changed = []
    for name in sorted(set(old) & set(after)):
        removed += [f"removed column {name}.{c}" for c in old[name]["columns"] if c not in after[name]["columns"]]
        added += [f"added column {name}.{c}" for c in after[name]["columns"] if c not in old[name]["columns"]]
        if old[name]["rows"] != after[name]["rows"]:
            added.append(f"revised {name}: {old[name]['rows']} to {after[name]['rows']} rows")
        elif old[name]["columns"] == after[name]["columns"] and old[name]["digest"] != after[name]["digest"]:
            changed.append(f"corrected {name}")
    kind = "major" if removed else "minor" if added else "patch"
    return kind, [*removed, *added, *changed]


def _next_version(kind: str, versions: list[dict[str, Any]]) -> str:
    if kind == "first":
        return "1.0.0"
    major, minor, patch = max(tuple(int(part) for part in entry["version"].split(".")) for entry in versions)
    return {"major": f"{major + 1}.0.0", "minor": f"{major}.{minor + 1}.0"}.get(kind, f"{major}.{minor}.{patch + 1}")


def _switch(link: Path, target: str) -> None:
    aside = link.with_name(f".{link.name}.new")
    aside.unlink(missing_ok=True)
    aside.symlink_to(target)
    aside.replace(link)


def _serve(home: Home, version: str) -> None:
    """Let the links point at a version: the file first, then its page."""
    _switch(current_file(home), f"edu_{version}.duckdb")
    if (home.published / f"site_{version}").is_dir():
        _switch(home.published / "site", f"site_{version}")


def _write_changelog(home: Home, versions: list[dict[str, Any]]) -> None:
    path = home.published / "changelog.json"
    aside = path.with_name(f".{path.name}.part")
    aside.write_text(json.dumps(versions, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    aside.replace(path)


def publish(home: Home, *, site_writer: SiteWriter | None = None) -> Publication:
    """Publish what the warehouse holds; equal content makes no new version, but mends a served file that is broken.

    Raises:
        WarehouseError: nothing was built, or the copy is not what the warehouse holds.
        BusyError: another process publishes, or builds.
    """
    with built.reading(home), alone(home.tmp / "publish.lock", "a version is being published"):
        return _publish(home, site_writer)


def _publish(home: Home, site_writer: SiteWriter | None) -> Publication:
    home.published.mkdir(parents=True, exist_ok=True)
    for left in home.published.glob(".new*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    aside = home.published / ".new.duckdb"
    _copy(home.warehouse, aside)
    protected = suppress(home, aside)
    tables = _describe(aside)
    _verify(home.warehouse, tables, set(protected.tables))
    versions = read_changelog(home)
    content = digest(aside)
    served = current_version(home)
    before = next((entry for entry in versions if entry["version"] == served), None)
    if before is not None and before["digest"] == content:
        is_whole = _holds(current_file(home), content)
        if is_whole:
            aside.unlink()
        else:
            _seal(aside, current_file(home).resolve())
        _remember_persons(home)
        return Publication(str(served), current_file(home), not is_whole, "unchanged" if is_whole else "mended")
    newest = versions[-1] if versions else None
    if newest is not None and newest["digest"] == content and version_file(home, newest["version"]).exists():
        # A publication that was killed before the switch, or one that was rolled back: it is there already.
        aside.unlink()
        _remember_persons(home)
        _serve(home, newest["version"])
        return Publication(newest["version"], current_file(home), True, newest["kind"])
    kind, changes = _changes(before, tables)
    version = _next_version(kind, versions)
    final = version_file(home, version)
    if site_writer:
        page = home.published / ".new_site"
        site_writer(aside, page)
        folder = home.published / f"site_{version}"
        shutil.rmtree(folder, ignore_errors=True)
        page.replace(folder)
    _seal(aside, final)
    entry = {
        "version": version,
        "kind": kind,
        "created_at": now().isoformat(),
        "digest": content,
        "changes": changes,
        "tables": tables,
        "suppression": protected.tables,
    }
    protected.remember(home)
    _write_changelog(home, [*versions, entry])
    _remember_persons(home)
    _serve(home, version)
    return Publication(version, current_file(home), True, kind)


def _holds(file: Path, content: str) -> bool:
    """Return whether a file can be read and has a digest."""
    try:
        return digest(file) == content
    except (WarehouseError, duckdb.Error):
        return False


def _seal(aside: Path, final: Path) -> None:
    """Put a written file where it is served from, for reading only."""
    aside.chmod(0o444)
    aside.replace(final)


def _verify(warehouse: Path, tables: dict[str, dict[str, Any]], protected: set[str]) -> None:
    """Compare every copied table with the warehouse's own; of one with hidden figures, the number of rows.

    Raises:
        WarehouseError: a table differs, or there is none.
    """
    if not tables:
        raise WarehouseError("the warehouse holds no table to publish; run edu build to the end.")
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        for name, described in tables.items():
            schema, table = name.split(".")
            if name in protected:
                count = connection.execute(f'select count(*) from "{schema}"."{table}"').fetchone()
                if count is None or count[0] != described["rows"]:
                    raise WarehouseError(f"the copy of {name} has another number of rows; publish again.")
                continue
            if table_digest(connection, schema, table, sorted(described["columns"])) != described["digest"]:
                raise WarehouseError(f"the copy of {name} differs from the warehouse; publish again.")


def rollback(home: Home, version: str) -> Publication:
    """Serve an earlier version again.

    Raises:
        UnknownVersionError: it was never published.
    """
    known = [entry["version"] for entry in read_changelog(home)]
    if version not in known or not version_file(home, version).exists():
        raise UnknownVersionError(version, known)
    _serve(home, version)
    return Publication(version, current_file(home), True, "rollback")
