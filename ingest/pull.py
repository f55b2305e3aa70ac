"""Pulls from source databases: one consistent snapshot a run, what changed since the last, and the keys that are gone.

A pull extracts to Parquet in a private folder and lands that like any file. Which keys were sent is kept encrypted
beside the vault, because a delete must name its row. Keys are kept before a landing and those that are gone are dropped
after it, so that a pull that is killed anywhere between leaves more keys than were landed, never fewer: the next pull
reads again from the last watermark and still deletes whatever is gone.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from edu import runs
from edu.clock import now
from edu.connector import Connector, ConnectorError, SourceTable
from edu.contract import get_contract
from edu.duck import connect
from edu.paths import Home
from edu.pseudonym import PlatformKey, load_or_create_key
from ingest import lake
from ingest.landing import collect
from ingest.readers.parquet import DELETED_COLUMN, PULLED
from ingest.readers.table import literal, quoted
from ingest.receipt import CollectResult, Receipt
from ingest.submission import Options

KEY_NAME = "pull"
SOURCE = "source"
LANDED = ("accepted", "partly_accepted", "ignored")


@dataclass(frozen=True)
class _Extract:
    """What one table gave."""

    table: SourceTable
    path: Path | None
    """What is to be landed; null where nothing changed."""
    coverage: str
    rows_source: int
    rows_changed: int
    rows_deleted: int
    watermark: str | None
    keys: Path | None
    """Keys that the table has now; null where deletes are not followed."""
    every_key: Path | None
    """These, and those that earlier pulls sent and that may not have been deleted yet."""


def pull(home: Home, connector: Connector, *, received_at: datetime | None = None) -> CollectResult:
    """Land what changed in a source database since the last pull; return the receipts.

    All tables are read in one transaction, so they speak of one moment. The watermark of the run is the newest value in
    that moment, fixed before a row is read.

    Raises:
        ConnectorError: the database cannot be reached or read.
    """
    lake.ensure_state(home)
    key = load_or_create_key(home)
    moment = (received_at or now()).replace(microsecond=0)
    period = connector.period_of(moment.date())
    scratch = Path(tempfile.mkdtemp(dir=home.tmp))
    try:
        receipts: list[Receipt] = []
        for extract in _extract(home, key, connector, period, scratch):
            place = _keys_path(home, connector, extract.table.dataset, period)
            _keep_keys(extract.every_key, place)
            receipt = _land(home, connector, extract, period, moment)
            if receipt:
                receipts.append(receipt)
            if receipt and not receipt.submission_id:
                continue
            is_landed = receipt is None or receipt.status in LANDED
            record = _record(connector, extract, receipt, period, moment)
            if not is_landed:
                # What was refused is read again from where the last pull that was taken in ended.
                record["watermark"] = None
            name = f"{connector.name}-{extract.table.dataset}-{moment:%Y%m%dT%H%M%S}"
            runs.append(home, "pull", name, [record])
            if is_landed:
                _keep_keys(extract.keys, place)
        return CollectResult(receipts)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _land(home: Home, connector: Connector, extract: _Extract, period: str, moment: datetime) -> Receipt | None:
    """Land one extract; null where nothing changed."""
    if extract.path is None:
        return None
    options = Options(
        dataset=extract.table.dataset,
        org=connector.org,
        period=period,
        coverage=extract.coverage,
        profile=PULLED,
        received_at=moment,
    )
    return collect([extract.path], home=home, options=options).receipts[0]


def _keys_path(home: Home, connector: Connector, dataset: str, period: str) -> Path:
    return home.vault / "pull" / f"{connector.name}.{dataset}.{period.replace('/', '-')}.parquet"


def _keep_keys(keys: Path | None, target: Path) -> None:
    if keys:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = target.with_name(f".{target.name}.part")
        shutil.copyfile(keys, aside)
        aside.chmod(0o600)
        aside.replace(target)


def _record(
    connector: Connector, extract: _Extract, receipt: Receipt | None, period: str, moment: datetime
) -> dict[str, object]:
    return {
        "connector": connector.name,
        "dataset": extract.table.dataset,
        "period": period,
        "coverage": extract.coverage,
        "watermark": extract.watermark,
        "rows_source": extract.rows_source,
        "rows_changed": extract.rows_changed,
        "rows_deleted": extract.rows_deleted,
        "submission_id": receipt.submission_id if receipt else None,
        "rows_accepted": receipt.rows_accepted if receipt else 0,
        "rows_quarantined": receipt.rows_quarantined if receipt else 0,
        "received_at": moment,
        "recorded_at": now(),
    }


def last_watermark(home: Home, connector: str, dataset: str, period: str) -> str | None:
    """Return the watermark of the last pull of a table, null where there was none."""
    with connect() as connection:
        row = connection.execute(
            f"select watermark from read_parquet('{home.runs}/pull/*.parquet') where connector = ? and dataset = ? "
            "and period = ? and watermark is not null order by received_at desc, recorded_at desc limit 1",
            [connector, dataset, period],
        ).fetchone()
    return row[0] if row else None


def _extract(home: Home, key: PlatformKey, connector: Connector, period: str, scratch: Path) -> list[_Extract]:
    kind = {"postgres": "postgres_scanner", "mysql": "mysql_scanner"}[connector.type]
    since = {table.dataset: last_watermark(home, connector.name, table.dataset, period) for table in connector.tables}
    dsn = connector.dsn()
    with connect(extensions=(kind, "httpfs")) as connection:
        secret = key.derive("pull").hex()[:32]
        connection.execute(f"pragma add_parquet_key('{KEY_NAME}', '{secret}')")
        # No message of the scanners is passed on: it may quote the DSN or a value.
        try:
            connection.execute(f"attach {literal(dsn)} as {SOURCE} (type {connector.type}, read_only)")
            connection.execute("begin transaction")
        except duckdb.Error as error:
            raise ConnectorError(
                connector.name,
                f"the database does not answer or refuses the login ({type(error).__name__}); check the address, the "
                f"user and the password in {connector.dsn_env}, and that the server is running.",
            ) from None
        dataset = connector.tables[0].dataset
        try:
            places, watermarks = {}, {}
            for table in connector.tables:
                dataset = table.dataset
                places[dataset] = _place(connection, table)
                watermarks[dataset] = _watermark(connection, table, places[dataset])
            extracts = []
            for table in connector.tables:
                dataset = table.dataset
                keys = _keys_path(home, connector, dataset, period)
                extracts.append(
                    _extract_table(
                        connection, table, places[dataset], watermarks[dataset], since[dataset], keys, scratch
                    )
                )
            connection.execute("commit")
        except duckdb.Error as error:
            raise ConnectorError(
                connector.name,
                f"what feeds {dataset} cannot be read ({type(error).__name__}); check its table or query, its columns "
                "and the rights of the user.",
            ) from None
    return extracts


def _place(connection: duckdb.DuckDBPyConnection, table: SourceTable) -> str:
    """Return SQL of where the rows are; what a query gives is read once."""
    if table.table is not None:
        return f"{SOURCE}." + ".".join(quoted(part) for part in table.table.split("."))
    # The query runs here, over tables of the database: what is passed on to MySQL as it is leaves the transaction, and
    # with it the moment. As a part of another SELECT it can be nothing else than one.
    name = f"temp.main.{quoted(f'queried_{table.dataset}')}"
    connection.execute(f"use {SOURCE}")
    connection.execute(f"create temp table {name} as select * from ({table.query}\n) as queried")
    connection.execute("use memory")
    return name


def _watermark(connection: duckdb.DuckDBPyConnection, table: SourceTable, place: str) -> str | None:
    if not table.watermark:
        return None
    row = connection.execute(f"select cast(max({quoted(table.watermark)}) as varchar) from {place}").fetchone()
    return row[0] if row else None


def _columns(connection: duckdb.DuckDBPyConnection, table: SourceTable, place: str) -> dict[str, str]:
    """Return SQL text of each field: flags as 1 and 0, dates without a time, everything else as it is."""
    contract = get_contract(table.dataset)
    kinds = {row[0]: row[1] for row in connection.execute(f"describe select * from {place}").fetchall()}
    found = {}
    for name, column in table.columns.items():
        text = quoted(column)
        kind = kinds.get(column, "VARCHAR")
        if kind == "BOOLEAN":
            text = f"case when {text} then '1' when not {text} then '0' end"
        elif kind.startswith("TIMESTAMP") and contract.field(name).type == "date":
            text = f"cast({text} as date)"
        found[name] = f"cast({text} as varchar)"
    return found


def _extract_table(
    connection: duckdb.DuckDBPyConnection,
    table: SourceTable,
    place: str,
    watermark: str | None,
    since: str | None,
    known_keys: Path,
    scratch: Path,
) -> _Extract:
    contract = get_contract(table.dataset)
    fields = _columns(connection, table, place)
    headers = {name: contract.header(PULLED, name) for name in fields}
    total = connection.execute(f"select count(*) from {place}").fetchone()
    has_known = _has_keys(connection, table, known_keys)
    keys, every_key = _extract_keys(connection, table, place, fields, known_keys if has_known else None, scratch)
    is_delta = bool(table.watermark and since and (has_known or not table.has_deletes))
    changed = f"{quoted(str(table.watermark))} >= {_from(connection, table, place, str(since))}" if is_delta else "true"
    body = ", ".join(f"{fields[name]} as {quoted(headers[name])}" for name in fields)
    select = f"select {body}, false as {quoted(DELETED_COLUMN)} from {place} where {changed}"
    connection.execute(f"create or replace temp table pulled as {select}")
    deleted = 0
    if keys and has_known:
        # Also where all is sent: a school of which no row is left is named by nothing else.
        key = ", ".join(quoted(name) for name in table.key_fields)
        gone = ", ".join(
            f"{'k.' + quoted(name) if name in table.key_fields else 'null'} as {quoted(headers[name])}"
            for name in fields
        )
        row = connection.execute(
            f"insert into pulled select {gone}, true from (select {key} from {_private(known_keys)} "
            f"except select {key} from {_private(keys)}) as k"
        ).fetchone()
        deleted = int(row[0]) if row else 0
    counted = connection.execute(f"select count(*) from pulled where not {quoted(DELETED_COLUMN)}").fetchone()
    rows = int(counted[0]) if counted else 0
    path = None
    if rows or deleted or not is_delta:
        path = scratch / f"{table.dataset}.parquet"
        connection.execute(f"copy (select * from pulled order by all) to '{path}' (format parquet)")
        path.chmod(0o600)
    coverage = "delta" if is_delta else "full"
    source_rows = int(total[0]) if total else 0
    return _Extract(
        table, path, coverage, source_rows, rows, deleted, watermark or since, keys=keys, every_key=every_key
    )


def _has_keys(connection: duckdb.DuckDBPyConnection, table: SourceTable, known_keys: Path) -> bool:
    """Whether the keys of earlier pulls are there, and are those that the connector's columns give now."""
    if not known_keys.exists():
        return False
    kept = {row[0] for row in connection.execute(f"describe select * from {_private(known_keys)}").fetchall()}
    return set(table.key_fields) <= kept


def _extract_keys(
    connection: duckdb.DuckDBPyConnection,
    table: SourceTable,
    place: str,
    fields: dict[str, str],
    known_keys: Path | None,
    scratch: Path,
) -> tuple[Path | None, Path | None]:
    """Write the keys that the table has, and these with those that are known; return the two files."""
    if not (table.has_deletes and table.key_fields):
        return None, None
    keys, every_key = scratch / f"{table.dataset}.keys.parquet", scratch / f"{table.dataset}.every_key.parquet"
    selected = ", ".join(f"{fields[name]} as {quoted(name)}" for name in table.key_fields)
    _copy_private(connection, f"select distinct {selected} from {place}", keys)
    if known_keys is None:
        return keys, keys
    key = ", ".join(quoted(name) for name in table.key_fields)
    _copy_private(
        connection, f"select {key} from {_private(keys)} union select {key} from {_private(known_keys)}", every_key
    )
    return keys, every_key


def _from(connection: duckdb.DuckDBPyConnection, table: SourceTable, place: str, since: str) -> str:
    """Return SQL of where reading begins again: the last watermark less the overlap, where it is a time."""
    kinds = connection.execute(f"describe select {quoted(str(table.watermark))} from {place}").fetchone()
    assert kinds
    if kinds[1].startswith(("TIMESTAMP", "DATE")):
        begin = datetime.fromisoformat(since) - timedelta(minutes=table.overlap_minutes)
        return f"cast({literal(begin.isoformat(sep=' '))} as {kinds[1]})"
    return f"cast({literal(since)} as {kinds[1]})"


def _copy_private(connection: duckdb.DuckDBPyConnection, select: str, path: Path) -> None:
    connection.execute(f"copy ({select}) to '{path}' (format parquet, encryption_config {{footer_key: '{KEY_NAME}'}})")
    path.chmod(0o600)


def _private(path: Path) -> str:
    return f"read_parquet('{path}', encryption_config = {{footer_key: '{KEY_NAME}'}})"
