"""Builds a package: the approved fields, rows and period as Parquet, Excel and CSV with a descriptor and checksums."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import uuid
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import xlsxwriter

from edu import audit, runs
from edu.clock import now
from edu.errors import WarehouseError
from edu.paths import PRIVATE_DIR_MODE, Home
from edu.pseudonym import load_key
from edu.sharing_domain import domain_ids
from warehouse import built
from warehouse.catalog import CATALOG
from warehouse.publish import PUBLISHED_SCHEMAS, current_file, current_version
from warehouse.query import write
from warehouse.serving.access import COUNTY, SCHOOL, logins
from warehouse.sharing.oneroster import write_oneroster
from warehouse.sharing.requests import Item, Request, ShareRequestError, catalog, open_request, read_requests
from warehouse.suppression.figures import Figures, cell_key, link
from warehouse.suppression.solve import protect

HIDDEN = "is_hidden"
BUNDLE = "oneroster"
"""Schema name in the catalog of what is a standard bundle and no table."""
EXCEL_ROWS = 1_048_000
SENSITIVE = ("sensitive", "identifier", "private")
ORGANISATION_COLUMNS = ("school_id", "managing_org", "division_code")
FIELD_TYPES = {"int": "integer", "bool": "boolean", "date": "date", "decimal": "number", "double": "number"}
NOTE = """# 数据包说明

- 申请编号：{request_id}
- 共享事项：{item}
- 接收单位：{receiver}
- 用途：{purpose}
- 使用期限：至 {expires_on}，到期须删除
- 数据版本：{version}
- 行数：{rows}；为保护个人而隐藏的数字：{hidden}（字段 {flag} 为 true，数值为空，不是零）

个人标识为本接收单位专用的假名，不能与其他单位的数据相互对应。不得用于申请之外的用途，不得再次提供，不得尝试识别个人。
`datapackage.json` 记录每个文件的 SHA-256，收到后请核对。CSV 中以 `= + - @` 开头的文字前加了单引号。
"""


@dataclass(frozen=True)
class Package:
    """What was handed out."""

    release_id: str
    folder: Path
    rows: int
    rows_hidden: int


def build(home: Home, request_id: str, *, released_by: str) -> Package:
    """Build the package of an approved request and log its release.

    Raises:
        ShareRefusedError: there is no open approval.
        ShareRequestError: the item is no longer shared, or the organisation is not known.
    """
    wanted = open_request(home, request_id)
    item = catalog(home).get(wanted.item_id)
    if item is None or item.table_name is None:
        raise ShareRequestError(f"item {wanted.item_id} is no longer shared.")
    version = current_version(home)
    if version is None:
        raise WarehouseError("nothing is published yet; run edu publish first.")
    is_bundle = item.schema_name == BUNDLE
    table, notes, hidden = (pa.table({}), {}, 0) if is_bundle else _rows(home, wanted, item)
    release_id = f"p{uuid.uuid4().hex[:12]}"
    folder = home.outbox / f"share_{wanted.receiver}" / release_id
    aside = folder.with_name(f".{release_id}.part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True, mode=PRIVATE_DIR_MODE)
    folder.parent.chmod(PRIVATE_DIR_MODE)
    rows = _write_bundle(home, aside, wanted, item) if is_bundle else table.num_rows
    if not is_bundle:
        _write_files(aside, table, item)
    text = NOTE.format(
        **{"request_id": request_id, "item": item.item_name, "receiver": wanted.receiver, "purpose": wanted.purpose},
        **{
            "expires_on": wanted.expires_on,
            "version": version,
            "rows": rows,
            "hidden": hidden,
            "flag": HIDDEN,
        },
    )
    (aside / "说明.md").write_text(text, encoding="utf-8")
    descriptor = _descriptor(aside, table, notes, wanted, item, version)
    (aside / "datapackage.json").write_text(
        json.dumps(descriptor, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    digest = _sha256(aside / "datapackage.json")
    details = {"request": request_id, "receiver": wanted.receiver, "rows": rows, "sha256": digest}
    audit.append(home, "share.release", released_by, wanted.purpose, release_id, details)
    record = {
        "release_id": release_id,
        "request_id": request_id,
        "receiver": wanted.receiver,
        "version": version,
        "rows": rows,
        "rows_hidden": hidden,
        "sha256": digest,
        "released_by": released_by,
        "recorded_at": now(),
    }
    # Logged first: a package that nobody knows of must not lie in the outbox.
    runs.append(home, "share_release", release_id, [record])
    aside.replace(folder)
    return Package(release_id, folder, rows, hidden)


def build_due(home: Home, *, released_by: str) -> list[Package]:
    """Build the package of every open approval that has none of the served version yet."""
    version = current_version(home)
    with duckdb.connect() as connection:
        runs.ensure_empty(home)
        done = {
            row[0]
            for row in connection.execute(
                f"select request_id from read_parquet('{home.runs}/share_release/*.parquet') where version = ?",
                [version],
            ).fetchall()
        }
    today = now().date()
    due = [r for r in read_requests(home) if r.state(today) == "open" and r.request_id not in done]
    return [build(home, wanted.request_id, released_by=released_by) for wanted in due]


def _rows(home: Home, wanted: Request, item: Item) -> tuple[pa.Table, dict[str, tuple[str, str]], int]:
    """Return the approved rows, label and description of their columns, and how many figures were hidden."""
    is_published = item.schema_name in PUBLISHED_SCHEMAS
    source = current_file(home).resolve() if is_published else home.warehouse
    with (
        built.opened(home) as warehouse,
        duckdb.connect(str(source), read_only=True) as connection,
    ):
        described = warehouse.execute(
            f"select column_name, label_zh, description, privacy, is_pseudonym from {CATALOG} "
            "where schema_name = ? and table_name = ?",
            [item.schema_name, item.table_name],
        ).fetchall()
        notes = {row[0]: (row[1], row[2]) for row in described}
        pseudonym_columns = {row[0] for row in described if row[4]}
        refused = [row[0] for row in described if row[0] in wanted.fields and row[3] in SENSITIVE]
        if refused:
            raise ShareRequestError(f"{item.item_id}: {', '.join(refused)} is sensitive now and is not shared.")
        present = set(notes)
        conditions, values = ["true"], list[Any]()
        if wanted.period is not None:
            name, value = _period(wanted.period, present)
            conditions.append(name)
            values += value
        if wanted.scope_org is not None:
            conditions.append(_scope(present))
            values.append(_organisations(warehouse, wanted.scope_org))
        helpers = [c for c in (*item.dims, *item.by_columns, item.count_column) if c and c not in wanted.fields]
        chosen = ", ".join(f'"{name}"' for name in (*wanted.fields, *helpers))
        table = connection.execute(
            f'select {chosen} from "{item.schema_name}"."{item.table_name}" where {" and ".join(conditions)} order by all',
            values,
        ).to_arrow_table()
    hidden = 0
    if item.count_column is not None:
        table, hidden = _hide(home, table, item)
        table = table.drop_columns(helpers)
    key = load_key(home)
    for name in pseudonym_columns & set(wanted.fields):
        # The same ids as in the receiver's OneRoster bundles.
        column = table.column(name).combine_chunks().dictionary_encode()
        ids = pa.array(domain_ids(key, wanted.receiver, column.dictionary.to_pylist()), pa.string())
        table = table.set_column(table.schema.get_field_index(name), name, ids.take(column.indices))
    if pseudonym_columns & set(wanted.fields):
        # In the order of the platform's pseudonyms two packages could be laid side by side.
        table = table.sort_by([(name, "ascending") for name in sorted(pseudonym_columns & set(wanted.fields))])
    return table, notes, hidden


def _period(period: str, present: set[str]) -> tuple[str, list[str]]:
    if "period" in present:
        return "period = ?", [period]
    year, _, term = period.partition("/")
    if not term:
        return "school_year = ?", [year]
    return "school_year = ? and term = ?", [year, term]


def _scope(present: set[str]) -> str:
    column = next((name for name in ORGANISATION_COLUMNS if name in present), None)
    if column is None:
        raise ShareRequestError("this item has no column that says whose a row is; ask for all of it.")
    return f"{column} in (select unnest(?))"


def _organisations(warehouse: duckdb.DuckDBPyConnection, org: str) -> list[str]:
    """Return the school ids and codes that belong to an organisation: those that it manages, or the school itself."""
    for login in logins(warehouse):
        if login.group in (COUNTY, SCHOOL) and org in login.orgs and (login.group == SCHOOL or login.orgs[0] == org):
            return list(login.orgs)
    raise ShareRequestError(f"organisation {org} manages no school and is none.")


def _hide(home: Home, table: pa.Table, item: Item) -> tuple[pa.Table, int]:
    """Hide small numbers and what would let them be found; mark and count them.

    The totals of schools are known to everybody, so they are part of what the hidden cells are protected against.
    """
    with built.opened(home) as connection:
        row = connection.execute(
            "select max_by(threshold, valid_from) from seed.suppression_threshold where topic = 'ordinary'"
        ).fetchone()
    threshold = int(row[0]) if row else 5
    count = str(item.count_column)
    columns = [*item.by_columns, *item.dims]
    texts = {name: pc.cast(table.column(name), pa.string()).to_pylist() for name in columns}
    counts = table.column(count).to_pylist()
    slices: dict[tuple[str, ...], dict[str, tuple[dict[str, str], int]]] = {}
    names = list(zip(*(texts[name] for name in columns), strict=True))
    width = len(item.by_columns)
    for values, number in zip(names, counts, strict=True):
        pairs = dict(zip(item.dims, (str(v) for v in values[width:]), strict=True))
        slices.setdefault(values[:width], {})[json.dumps(values[width:])] = (pairs, int(number))
    hidden: set[tuple[str, ...]] = set()
    for by, cells in sorted(slices.items()):
        figures = {cell_key("figures", pairs): number for pairs, number in cells.values()}
        totals: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
        first = item.dims[0]
        for pairs, number in cells.values():
            key = cell_key("totals", {first: pairs[first]})
            totals[key] = totals.get(key, 0) + number
        whole = link([Figures("figures", item.dims, figures), Figures("totals", (first,), totals)])
        release = protect(whole, threshold)
        hidden |= {(*by, *(dict(key[1])[d] for d in item.dims)) for key in release.hidden if key[0] == "figures"}
    flags = pa.array([values in hidden for values in names], pa.bool_())
    for name in (count, *item.blank_columns):
        if name in table.column_names:
            column = table.column(name).combine_chunks()
            empty = pa.scalar(None, column.type)
            table = table.set_column(table.schema.get_field_index(name), name, pc.if_else(flags, empty, column))
    return table.append_column(HIDDEN, flags), len(hidden)


def _write_bundle(home: Home, folder: Path, wanted: Request, item: Item) -> int:
    """Write a OneRoster 1.2 bundle of the approved organisation and term; return its persons."""
    out = folder / f"{item.item_id}.zip"
    has_demographics = "demographics" in wanted.fields
    write_oneroster(
        home, str(wanted.scope_org), str(wanted.period), wanted.receiver, out, has_demographics=has_demographics
    )
    with zipfile.ZipFile(out) as bundle:
        name = next(name for name in bundle.namelist() if name.endswith("users.csv"))
        with bundle.open(name) as stream:
            return sum(1 for _ in csv.reader(io.TextIOWrapper(stream, encoding="utf-8-sig"))) - 1


def _write_files(folder: Path, table: pa.Table, item: Item) -> None:
    for form in ("parquet", "csv"):
        with (folder / f"{item.item_id}.{form}").open("wb") as stream:
            write(table, form, stream)
    if table.num_rows > EXCEL_ROWS:
        return
    book = xlsxwriter.Workbook(
        str(folder / f"{item.item_id}.xlsx"),
        {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
    )
    sheet = book.add_worksheet(item.item_name[:31])
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    sheet.write_row(0, 0, table.column_names)
    number = 0
    for batch in table.to_batches(max_chunksize=10_000):
        columns = [column.to_pylist() for column in batch.columns]
        for values in zip(*columns, strict=True):
            number += 1
            for position, value in enumerate(values):
                if isinstance(value, str):
                    sheet.write_string(number, position, value)
                elif hasattr(value, "isoformat"):
                    sheet.write_datetime(number, position, value, day)
                elif value is not None:
                    sheet.write(number, position, value)
    book.close()


def _descriptor(
    folder: Path, table: pa.Table, notes: dict[str, tuple[str, str]], wanted: Request, item: Item, version: str
) -> dict[str, Any]:
    """Return the descriptor (Frictionless Data Package 1): files with checksums, fields with type and Chinese title."""
    fields = [
        {
            "name": field.name,
            "type": next(
                (name for prefix, name in FIELD_TYPES.items() if str(field.type).startswith(prefix)), "string"
            ),
            "title": notes.get(field.name, ("是否隐藏", ""))[0],
            "description": notes.get(field.name, ("", "Whether the figure is hidden to protect persons."))[1],
        }
        for field in table.schema
    ]
    resources = [
        {
            "name": f"{item.item_id}_{path.suffix[1:]}",
            "path": path.name,
            "format": path.suffix[1:],
            "bytes": path.stat().st_size,
            "hash": f"sha256:{_sha256(path)}",
            **({"schema": {"fields": fields}} if path.suffix not in (".md", ".zip") else {}),
        }
        for path in sorted(folder.iterdir())
    ]
    return {
        "profile": "data-package",
        "name": item.item_id,
        "title": item.item_name,
        "version": version,
        "created": now().isoformat(),
        "sharing": {
            "request_id": wanted.request_id,
            "receiver": wanted.receiver,
            "purpose": wanted.purpose,
            "expires_on": wanted.expires_on.isoformat(),
            "basis": item.basis,
        },
        "resources": resources,
    }


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while part := stream.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()
