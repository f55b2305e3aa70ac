"""Runs dbt layer by layer, with the gates between, into one DuckDB file."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

import duckdb

from edu import batches, lineage, runs
from edu.clock import now
from edu.errors import EduError, ExitCode, GateFailedError
from edu.lock import BusyError, alone
from edu.paths import Home
from edu.runs import ensure_empty
from edu.settings import PROJECT_ROOT, get_settings
from edu.storage_error import storage_error
from warehouse import built
from warehouse.catalog import CATALOG, SUPPRESSION, write_catalog

log = logging.getLogger(__name__)

LAYERS = ("collection", "storage", "management", "analysis", "query", "visualization")
PROJECT = PROJECT_ROOT / "dbt_project"
GATE_AFTER = {"collection": "collection", "storage": "storage"}
SEED_NOTE, PROJECT_NOTE, STAMPS = "main.loaded_seeds", "main.built_project", "main.node_stamp"
"""Tables of the database that say what its seeds were loaded from, by which project it was built, and of what each node
was made (`dbt_project/macros/engine/stamps.sql`); schema `main` is none of the layers."""
READERS = ("dbt-core", "dbt-adapters", "dbt-duckdb")
"""Packages whose macros, the project's own apart, write the SQL of tables and tests."""
GATE_READERS = ("col_gate_result", "col_held_unit", "col_submission")
"""Collection models that say what the collection gate decided; they are built again after it."""


class DbtError(EduError):
    """A model, test or seed failed; names the node and says what dbt said, without a row's values."""

    def __init__(self, layer: str, node: str, message: str) -> None:
        self.layer = layer
        self.node = node
        super().__init__(f"layer {layer}: {node}: {message} Correct the model or the input and build again.")


class BuildPlaceError(EduError):
    """A build aside was to write where the installation keeps its own, or into no file."""

    exit_code = ExitCode.USAGE

    def __init__(self, out: Path) -> None:
        super().__init__(
            f"--out {out}: name a file outside EDU_HOME; what lies there is the installation's own, which only edu build "
            "without --as-of and --out writes."
        )


GATE_RESULTS = "EDU_GATE_RESULTS"
"""Environment variable of the source `gate_result`: a list of patterns in SQL. An ordinary run reads the installation's own."""


PARSED_NAMES = (GATE_RESULTS, "EDU_HOME", "EDU_WAREHOUSE")
"""Environment variables that are written into the manifest where the project is read."""


class GateOutcome(Protocol):
    """What a gate tells the build."""

    name: str
    failed_global: list[str]
    held_units: list[str]


Gate = Callable[[str, Path, Home], GateOutcome]
"""Name of the gate, the database, and the installation whose `runs/` and `logs/` take what it records."""


@dataclass(frozen=True)
class LayerResult:
    """What was built of a layer."""

    layer: str
    nodes: int
    seconds: float


@dataclass
class BuildResult:
    """What a build did."""

    run_id: str
    database: Path
    layers: list[LayerResult] = field(default_factory=list)
    held_units: list[str] = field(default_factory=list)


_parsed: tuple[tuple[object, ...], Any] | None = None
"""What the project's last parse depended on, and the manifest it gave: reading it again costs as much as a layer."""


@contextmanager
def _environment(home: Home, database: Path, records: Home) -> Iterator[None]:
    """Set what dbt's profile and sources read, for the length of an invocation."""
    settings = get_settings()
    # A build aside is judged anew; what was held before, and since when, stands in the installation's own records.
    gate_results = [f"'{place.runs}/gate_result/*.parquet'" for place in dict.fromkeys((home, records))]
    wanted = {
        GATE_RESULTS: f"[{', '.join(gate_results)}]",
        "EDU_HOME": str(home.root),
        "EDU_WAREHOUSE": str(database),
        "EDU_THREADS": str(settings.threads),
        "EDU_MEMORY_LIMIT": settings.memory_limit,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _invoke(
    home: Home, database: Path, layer: str, arguments: list[str], as_of: str | None, records: Home | None = None
) -> int:
    """Run one dbt command as soon as no program has the database open; return how many nodes it ran.

    `records` is the installation whose gate results count beside the home's own: that of a build aside.

    Raises:
        DbtError: a node failed, or dbt could not start.
        BusyError: a program did not close the database in time.
        StorageFullError, StateFolderError: the installation cannot be written.
    """
    # dbt opens the file before its first node and holds it to its last, so that a refusal has changed nothing.
    return built.when_free(database, lambda: _invoke_now(home, database, layer, arguments, as_of, records))


def _invoke_now(
    home: Home, database: Path, layer: str, arguments: list[str], as_of: str | None, records: Home | None
) -> int:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    folder = home.logs / "dbt"
    options = [
        *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
        *("--target-path", str(folder / "target"), "--log-path", str(folder)),
        *("--vars", f"{{as_of: '{as_of or ''}'}}"),
        *("--quiet", "--no-use-colors", "--log-level", "none"),
    ]
    with _environment(home, database, records or home):
        try:
            manifest = _manifest(folder / "target" / "manifest.json", layer, options)
            outcome = dbtRunner(manifest=manifest).invoke([*arguments, *options])
        finally:
            # The adapter keeps the file open for writing, which would lock out the gates.
            DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    results = getattr(outcome.result, "results", None) or []
    for node in results:
        if str(node.status) in ("error", "fail", "runtime error"):
            raise _failure(layer, node.node.name, node.message)
    if not outcome.success:
        raise _failure(layer, "dbt", str(outcome.exception))
    # What the project runs at the start of each command is no node.
    return sum(node.node.resource_type != "operation" for node in results)


def _manifest(written: Path, layer: str, options: list[str]) -> Any:
    """Return the project as dbt reads it, and leave it at `written`; what was read before serves while nothing changed.

    Raises:
        DbtError, StorageFullError, StateFolderError: the project or the installation is at fault.
    """
    global _parsed
    from dbt.cli.main import dbtRunner

    # Every file by itself: one that is put back bears the time of then.
    present = (path for path in sorted(PROJECT.rglob("*")) if path.is_file())
    files = tuple((path, it.st_mtime_ns, it.st_size) for path in present for it in (path.stat(),))
    environment = tuple(os.environ[name] for name in PARSED_NAMES)
    known = (*options, environment, files)
    if _parsed and _parsed[0] == known and written.exists():
        return _parsed[1]
    outcome = dbtRunner().invoke(["parse", *options])
    if not outcome.success:
        raise _failure(layer, "dbt", str(outcome.exception))
    _parsed = (known, outcome.result)
    return outcome.result


def _failure(layer: str, node: str, message: str | None) -> EduError:
    if built.is_locked(message or ""):
        return BusyError("the warehouse is open")
    return storage_error(message or "", f"layer {layer}") or DbtError(layer, node, _without_values(message))


def _without_values(message: str | None) -> str:
    """Return the kind of an error; a message of the engine may quote a value, so quoted parts are left out."""
    lines = (message or "failed").splitlines()
    words = []
    for line in lines[:4]:
        pieces = line.split('"')
        words.append('"…"'.join(pieces[::2]) if "Conversion" in line or "Constraint" in line else line)
    return " ".join(word.strip() for word in words if word.strip())


def _repair(database: Path) -> None:
    """Set a warehouse aside that cannot be opened; the lake holds all that it held."""
    if not database.exists():
        return
    try:
        built.when_free(database, lambda: duckdb.connect(str(database)).close())
    except duckdb.Error:
        _set_aside(database)


def _set_aside(database: Path) -> None:
    broken = database.with_name(f"{database.name}.broken")
    database.replace(broken)
    database.with_name(database.name + ".wal").unlink(missing_ok=True)
    log.warning("%s could not be opened; it was set aside as %s and is built anew", database.name, broken.name)


def run_seeds(
    home: Home, database: Path, run_id: str | None = None, records: Home | None = None, *, full: bool = False
) -> LayerResult:
    """Load the seeds, after making sure that the database opens and the sources have their columns.

    Seeds that the database has as they are now are not loaded again, unless `full`.
    """
    ensure_empty(home)
    (home.logs / "dbt").mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with _writing(home, database), runs.logged(records or home, run_id or new_run_id(), "seed") as told:
        _repair(database)
        seeds = _files_digest(PROJECT / "dbt_project.yml", PROJECT / "seeds")
        nodes = 0
        _forget_other_project(database)
        if full or _noted(database, SEED_NOTE) != seeds:
            # What was made of other seeds is no longer what it was made from, whichever step saw the project change.
            _note(database, SEED_NOTE, None, f"drop table if exists {STAMPS}")
            nodes = _invoke(home, database, "seed", ["seed", "--full-refresh"], None)
            _note(database, SEED_NOTE, seeds)
        told["rows"] = nodes
    return LayerResult("seed", nodes, time.monotonic() - start)


def _forget_other_project(database: Path) -> None:
    """Forget what each node was made from, where another project made it: of the same inputs it makes other rows.

    Every step asks, because steps of one run may be apart: a task that is run again after its model was mended runs no
    seeds.
    """
    project = _files_digest(PROJECT)
    if built.when_free(database, lambda: _noted(database, PROJECT_NOTE)) != project:
        _note(database, PROJECT_NOTE, project, f"drop table if exists {STAMPS}")


def _files_digest(*places: Path) -> str:
    """Return SHA-256 of the files that are or lie under the places, and of the versions of what reads them."""
    versions = [duckdb.__version__, *(metadata.version(name) for name in READERS)]
    digest = hashlib.sha256("".join(f"{version}\n" for version in versions).encode())
    files = {
        path for place in places for path in ([place] if place.is_file() else place.rglob("*.*")) if path.is_file()
    }
    for path in sorted(files):
        digest.update(f"{path.relative_to(PROJECT)}\n{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _noted(database: Path, note: str) -> str | None:
    """Return the digest that a database notes; null where it has none, or what it is of did not end."""
    if not database.exists():
        return None
    with duckdb.connect(str(database), read_only=True) as connection:
        try:
            row = connection.execute(f"select digest from {note}").fetchone()
        except duckdb.CatalogException:
            return None
    return str(row[0]) if row else None


def _note(database: Path, note: str, digest: str | None, *more: str) -> None:
    """Note a digest in a database, null before what it is of begins; further statements go into the same transaction.

    Raises:
        StorageFullError, StateFolderError: the installation cannot be written.
    """

    def write() -> None:
        with duckdb.connect(str(database)) as connection:
            connection.begin()
            if digest is None:
                connection.execute(f"drop table if exists {note}")
            else:
                connection.execute(f"create or replace table {note} as select ? as digest", [digest])
            for statement in more:
                connection.execute(statement)
            connection.commit()

    try:
        built.when_free(database, write)
    except duckdb.IOException as error:
        raise storage_error(error, "seeds") or error from None


def run_layer(
    layer: str,
    *,
    home: Home,
    database: Path,
    full: bool = False,
    as_of: str | None = None,
    run_id: str | None = None,
    records: Home | None = None,
) -> LayerResult:
    """Build one layer's models and run their tests; the run log and a lineage event say what was read and written.

    `records` takes the log where the database is built aside; no lineage event then says that the layer was written.

    Raises:
        LakeBrokenError: what the collection layer is to read is not what was landed.
        DbtError: a model or test failed.
    """
    place = records or home
    start = time.monotonic()
    arguments = ["build", "--select", f"path:models/{layer}", "--exclude-resource-type", "unit_test"]
    if full:
        arguments.append("--full-refresh")
    if layer == "collection":
        batches.check(home, is_past=bool(as_of))
    with ExitStack() as stack:
        stack.enter_context(_writing(home, database))
        told = stack.enter_context(runs.logged(place, run_id or new_run_id(), layer))
        job = stack.enter_context(lineage.running(home, f"dbt.{layer}")) if place == home else None
        _forget_other_project(database)
        nodes = _invoke(home, database, layer, arguments, as_of, records)
        told["rows"] = nodes
        if job:
            job.inputs, job.outputs = layer_datasets(home, layer)
    return LayerResult(layer, nodes, time.monotonic() - start)


def layer_datasets(home: Home, layer: str) -> tuple[list[str], list[str]]:
    """Return what a layer reads and writes, from dbt's manifest: sources and models of other layers, its own models."""
    path = home.logs / "dbt" / "target" / "manifest.json"
    if not path.exists():
        return [], []
    manifest = json.loads(path.read_text(encoding="utf-8"))
    every = {**manifest["nodes"], **manifest["sources"]}

    def name(node: dict[str, Any]) -> str:
        is_source = node["resource_type"] == "source"
        return f"{node['source_name']}.{node['name']}" if is_source else f"{node['schema']}.{node['alias']}"

    own = [n for n in manifest["nodes"].values() if n["resource_type"] == "model" and n["schema"] == layer]
    outputs = {name(node) for node in own}
    inputs = {name(every[parent]) for node in own for parent in node["depends_on"]["nodes"] if parent in every}
    return sorted(inputs - outputs), sorted(outputs)


def refresh_gate_readers(home: Home, database: Path, as_of: str | None = None, records: Home | None = None) -> None:
    """Build the collection models again that read what the collection gate decided."""
    with _writing(home, database):
        _forget_other_project(database)
        _invoke(home, database, "collection", ["run", "--select", *GATE_READERS], as_of, records)


def finish(home: Home, database: Path) -> None:
    """Drop what no model makes any more, and write the catalog of columns and their comments into a built database."""
    manifest = home.logs / "dbt" / "target" / "manifest.json"
    with _writing(home, database):
        built.when_free(database, lambda: _drop_left(database, manifest))
        built.when_free(database, lambda: write_catalog(database, manifest))


def _drop_left(database: Path, manifest_path: Path) -> None:
    """Drop tables of the layers and seeds that the project does not make: of a model that went or has another name."""
    manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
    made = {
        f"{node['schema']}.{node['alias']}"
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "seed")
    }
    with duckdb.connect(str(database)) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where not internal and schema_name in (select unnest(?))",
            [[*LAYERS, "seed"]],
        ).fetchall()
        for schema, table in tables:
            if f"{schema}.{table}" not in {*made, CATALOG, SUPPRESSION}:
                connection.execute(f'drop table "{schema}"."{table}"')
                log.info("%s.%s is made by no model; it was dropped", schema, table)


@contextmanager
def _writing(home: Home, database: Path) -> Iterator[None]:
    """Keep readers out while a step writes the installation's warehouse; a file aside has none.

    Raises:
        BusyError: readers did not end in time.
    """
    if database != home.warehouse:
        yield
        return
    with built.writing(home):
        yield


def new_run_id() -> str:
    """Return an id for a run: its time, and enough to tell two of one second apart."""
    return f"{now():%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"


def check_as_of(as_of: str | None) -> str | None:
    """Return the day as ISO text.

    Raises:
        EduError: it is no date.
    """
    if as_of is None:
        return None
    try:
        return date.fromisoformat(as_of).isoformat()
    except ValueError:
        raise EduError(f"--as-of {as_of}: is no date; write it like 2025-09-30.") from None


def build(
    home: Home,
    *,
    gate: Gate,
    full: bool = False,
    as_of: str | None = None,
    out: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> BuildResult:
    """Build all layers; stop at a gate that fails globally, go on without the units that one holds.

    With `as_of` or `out` the database is built aside, from nothing: its gates, its run log and its lineage leave no trace
    in the installation's own records, so that what is held and what is served stay as they are. A file that `out` names
    stays as it is until the new one has passed its gates.

    Raises:
        BuildPlaceError: `out` lies in the installation, or is a folder.
        GateFailedError: a check of global scope failed.
        DbtError: a model or test failed.
        LakeBrokenError: what was landed is broken.
        BusyError: another process builds the same file, or has it open.
    """
    day = check_as_of(as_of)
    if out is not None and (home.root.resolve() in out.resolve().parents or out.is_dir()):
        raise BuildPlaceError(out)
    database = out or (home.root / f"as_of_{day}.duckdb" if day else home.warehouse)
    tell = progress or (lambda _: None)
    with building(home, database):
        if database == home.warehouse:
            with built.writing(home):
                return _build(home, home, database, gate, full, day, tell)
        # Under its own name, which views bear, in a folder beside: what stands there stays until the new one has passed.
        folder = database.with_name(f".{database.name}.part")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        aside = Home(home.tmp / "aside" / new_run_id()).ensure()
        try:
            ensure_empty(aside)
            result = _build(home, aside, folder / database.name, gate, full, day, tell)
            database.with_name(database.name + ".wal").unlink(missing_ok=True)
            result.database = result.database.replace(database)
            return result
        finally:
            for left in (aside.root, folder):
                shutil.rmtree(left, ignore_errors=True)


@contextmanager
def building(home: Home, database: Path) -> Iterator[None]:
    """Be the only one that builds or rewrites a database.

    Raises:
        BusyError: another process is at it.
    """
    with alone(home.tmp / f"{database.stem}.build.lock", f"{database.name} is being built"):
        yield


def _build(
    home: Home, records: Home, database: Path, gate: Gate, full: bool, day: str | None, tell: Callable[[str], None]
) -> BuildResult:
    """Build the layers of one database; see `build`."""
    result = BuildResult(new_run_id(), database)
    run_id = result.run_id
    tell("seed")
    result.layers.append(run_seeds(home, database, run_id, records, full=full))
    for layer in LAYERS:
        tell(layer)
        result.layers.append(
            run_layer(layer, home=home, database=database, full=full, as_of=day, run_id=run_id, records=records)
        )
        if layer in GATE_AFTER:
            tell(f"gate {layer}")
            outcome = gate(GATE_AFTER[layer], database, records)
            result.held_units += outcome.held_units
            if outcome.failed_global:
                raise GateFailedError(outcome.name, outcome.failed_global)
        if layer == "collection":
            refresh_gate_readers(home, database, day, records)
    finish(home, database)
    return result
