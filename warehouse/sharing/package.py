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
import xlsxwriter

from edu import audit, runs
from edu.clock import now
from edu.errors import EduError, ExitCode, WarehouseError
from edu.paths import PRIVATE_DIR_MODE, Home
from edu.pseudonym import load_key
from edu.sharing_domain import domain_ids
from warehouse import built
from warehouse.catalog import CATALOG
from warehouse.publish import PUBLISHED_SCHEMAS, current_version, unpublished_persons, version_file
from warehouse.query import write
from warehouse.sharing.figures import HIDDEN, PART_SUFFIX, Selection, select_figures
from warehouse.sharing.oneroster import PERSON_TABLES, check_place, write_oneroster
from warehouse.sharing.requests import (
    Item,
    Request,
    ShareRequestError,
    catalog,
    open_request,
    organisations,
    read_requests,
    remove_ended,
)

BUNDLE = "oneroster"
"""Schema name in the catalog of what is a standard bundle and no table."""
EXCEL_ROWS = 1_048_000
RESTRICTED = "storage.map_restriction"
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
- 行数：{rows}；为保护个人而隐藏的数字：{hidden}（字段 {flag}、以 _{flag} 结尾的字段为 true，数值为空，不是零）

个人标识为本接收单位专用的假名，不能与其他单位的数据相互对应。不得用于申请之外的用途，不得再次提供，不得尝试识别个人。
`datapackage.json` 记录每个文件的 SHA-256，收到后请核对。CSV 为 UTF-8 编码，以 `= + - @` 开头的文字前加了单引号。
{fields}"""


class PackagesMissingError(EduError):
    """Some packages that are due could not be built; the others were."""

    exit_code = ExitCode.RUNTIME

    def __init__(self, failed: dict[str, str], built_count: int) -> None:
        shown = "; ".join(f"{request_id}: {why}" for request_id, why in failed.items())
        super().__init__(f"{len(failed)} packages could not be built, {built_count} were: {shown}")


class NoApprovalError(EduError):
    """Nobody approved that this leaves."""

    exit_code = ExitCode.REJECTED

    def __init__(self, receiver: str, org: str, period: str, has_demographics: bool) -> None:
        fields = "roster,demographics" if has_demographics else "roster"
        super().__init__(
            f"no open approval lets a bundle of {org} {period} go to {receiver}; nothing was written. Ask for one: edu share "
            f"request oneroster_roster --receiver {receiver} --org {org} --period {period} --fields {fields}, "
            "then edu share decide."
        )


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
        ShareRequestError: the item or a field is no longer shared, or the organisation is not known.
        WarehouseError: nothing is published, or the persons were built again since.
    """
    wanted = open_request(home, request_id)
    item = catalog(home).get(wanted.item_id)
    if item is None or item.table_name is None:
        raise ShareRequestError(f"item {wanted.item_id} is no longer shared.")
    gone = [name for name in wanted.fields if name not in item.fields]
    if gone:
        raise ShareRequestError(f"{item.item_id} no longer offers {', '.join(gone)}; make a new request.")
    version = current_version(home)
    if version is None:
        raise WarehouseError("nothing is published yet; run edu publish first.")
    is_bundle = item.schema_name == BUNDLE
    if item.schema_name not in PUBLISHED_SCHEMAS:
        _require_published(home, version, PERSON_TABLES if is_bundle else (f"{item.schema_name}.{item.table_name}",))
    table, notes, hidden = (pa.table({}), {}, 0) if is_bundle else _rows(home, wanted, item, version)
    release_id = f"p{uuid.uuid4().hex[:12]}"
    folder = home.outbox / f"share_{wanted.receiver}" / release_id
    aside = folder.with_name(f".{release_id}.part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True, mode=PRIVATE_DIR_MODE)
    folder.parent.chmod(PRIVATE_DIR_MODE)
    try:
        rows = _write_bundle(home, aside, wanted, item) if is_bundle else table.num_rows
        if not is_bundle:
            _write_files(aside, table, notes, item)
        text = NOTE.format(
            **{"request_id": request_id, "item": item.item_name, "receiver": wanted.receiver},
            **{"purpose": wanted.purpose, "expires_on": wanted.expires_on, "version": version, "rows": rows},
            **{"hidden": hidden, "flag": HIDDEN, "fields": _field_lines(table, notes)},
        )
        (aside / "说明.md").write_text(text, encoding="utf-8")
        descriptor = _descriptor(aside, table, notes, wanted, item, version)
        (aside / "datapackage.json").write_text(
            json.dumps(descriptor, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
        )
        # Building may take minutes, in which the approval may have been revoked.
        open_request(home, request_id)
        digest = _sha256(aside / "datapackage.json")
        # Logged first: a package that nobody knows of must not lie in the outbox.
        _log(home, wanted, release_id, version, rows, hidden, digest, released_by)
        aside.replace(folder)
    except BaseException:
        # What did not become a package ends with no approval, so it must not lie there either.
        shutil.rmtree(aside, ignore_errors=True)
        raise
    return Package(release_id, folder, rows, hidden)


def _require_published(home: Home, version: str, read: tuple[str, ...]) -> None:
    """Let no row of a person leave that has passed no gate; `read` are the tables that rows are taken from.

    Raises:
        WarehouseError: the warehouse was built again since, and not published.
    """
    with built.opened(home) as warehouse:
        changed = unpublished_persons(home, warehouse, read)
    if changed:
        raise WarehouseError(
            f"{', '.join(changed)} was built again after version {version} was published, so it has passed no gate. "
            "Run edu build to its end and edu publish, then build the package."
        )


def export_bundle(
    home: Home, org: str, period: str, receiver: str, out: Path, *, has_demographics: bool, released_by: str
) -> Path:
    """Write a OneRoster bundle where it is wanted, by an open approval of just that, and log its release; return `out`.

    Args:
        home: the installation.
        org: the organisation of the approval.
        period: its term.
        receiver: its receiver, whose pseudonyms the bundle has.
        out: a folder, or a file whose name ends in .zip.
        has_demographics: whether birth date, sex and ethnic group go with it.
        released_by: who does this.

    Raises:
        NoApprovalError: no open approval is of this receiver, organisation, term and content.
        ExportError: the organisation has no school in the term; or other things than a bundle are at `out`.
        WarehouseError: nothing is published, or the persons were built again since.
    """
    today = now().date()
    item_ids = {item.item_id for item in catalog(home).values() if item.schema_name == BUNDLE}
    wanted = next(
        (
            known
            for known in read_requests(home)
            if known.state(today) == "open"
            and known.item_id in item_ids
            and (known.receiver, known.scope_org, known.period) == (receiver, org, period)
            and ("demographics" in known.fields or not has_demographics)
        ),
        None,
    )
    if wanted is None:
        raise NoApprovalError(receiver, org, period, has_demographics)
    version = current_version(home)
    if version is None:
        raise WarehouseError("nothing is published yet; run edu publish first.")
    check_place(out)
    _require_published(home, version, PERSON_TABLES)
    release_id = f"p{uuid.uuid4().hex[:12]}"
    aside = home.tmp / f"{release_id}.zip"
    try:
        write_oneroster(home, org, period, receiver, aside, has_demographics=has_demographics)
        open_request(home, wanted.request_id)
        _log(home, wanted, release_id, version, _persons_of(aside), 0, _sha256(aside), released_by)
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.suffix.lower() == ".zip":
            shutil.copyfile(aside, out)
            out.chmod(0o600)
        else:
            shutil.rmtree(out, ignore_errors=True)
            with zipfile.ZipFile(aside) as bundle:
                bundle.extractall(out)
    finally:
        aside.unlink(missing_ok=True)
    return out


def _log(
    home: Home, wanted: Request, release_id: str, version: str, rows: int, hidden: int, digest: str, released_by: str
) -> None:
    """Write a release into the audit log and the log of releases, before anything leaves."""
    details = {"request": wanted.request_id, "receiver": wanted.receiver, "rows": rows, "sha256": digest}
    audit.append(home, "share.release", released_by, wanted.purpose, release_id, details)
    record: dict[str, object] = {
        "release_id": release_id,
        "request_id": wanted.request_id,
        "receiver": wanted.receiver,
        "version": version,
        "rows": rows,
        "rows_hidden": hidden,
        "sha256": digest,
        "released_by": released_by,
        "recorded_at": now(),
    }
    runs.append(home, "share_release", release_id, [record])


def build_due(home: Home, *, released_by: str) -> list[Package]:
    """Build the package of every open approval that has none of the served version yet; first remove what has ended.

    Raises:
        PackagesMissingError: some could not be built; all others were.
    """
    remove_ended(home)
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
    packages, failed = [], dict[str, str]()
    for wanted in due:
        try:
            packages.append(build(home, wanted.request_id, released_by=released_by))
        except EduError as error:
            # One approval that cannot be met keeps no other receiver from what is due.
            failed[wanted.request_id] = str(error)
    if failed:
        raise PackagesMissingError(failed, len(packages))
    return packages


def _rows(home: Home, wanted: Request, item: Item, version: str) -> tuple[pa.Table, dict[str, tuple[str, str]], int]:
    """Return the approved rows, label and description of their columns, and how many figures were hidden."""
    is_published = item.schema_name in PUBLISHED_SCHEMAS
    source = version_file(home, version) if is_published else home.warehouse
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
            values.append(organisations(warehouse, wanted.scope_org))
        if item.count_column is not None:
            selection = Selection(conditions, values)
            table, hidden = select_figures(
                home, connection, item, wanted.fields, selection, version, _threshold(warehouse)
            )
        else:
            # Rows of a person whose data may not be shown leave to nobody, whichever columns were asked for.
            conditions += [
                f'"{name}" not in (select person_id from {RESTRICTED})' for name in sorted(pseudonym_columns)
            ]
            chosen = ", ".join(f'"{name}"' for name in wanted.fields)
            table, hidden = (
                connection.execute(
                    f'select {chosen} from "{item.schema_name}"."{item.table_name}" '
                    f"where {' and '.join(conditions)} order by all",
                    values,
                ).to_arrow_table(),
                0,
            )
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


def _threshold(warehouse: duckdb.DuckDBPyConnection) -> int:
    """Return below which number persons are few."""
    row = warehouse.execute(
        "select max_by(threshold, valid_from) from seed.suppression_threshold where topic = 'ordinary'"
    ).fetchone()
    if row is None or row[0] is None:
        raise WarehouseError("the warehouse has no threshold of small numbers; run edu build.")
    return int(row[0])


def _write_bundle(home: Home, folder: Path, wanted: Request, item: Item) -> int:
    """Write a OneRoster 1.2 bundle of the approved organisation and term; return its persons."""
    out = folder / f"{item.item_id}.zip"
    has_demographics = "demographics" in wanted.fields
    write_oneroster(
        home, str(wanted.scope_org), str(wanted.period), wanted.receiver, out, has_demographics=has_demographics
    )
    return _persons_of(out)


def _persons_of(path: Path) -> int:
    """Return the persons of a bundle."""
    with zipfile.ZipFile(path) as bundle:
        name = next(name for name in bundle.namelist() if name.endswith("users.csv"))
        with bundle.open(name) as stream:
            return sum(1 for _ in csv.reader(io.TextIOWrapper(stream, encoding="utf-8-sig"))) - 1


def _write_files(folder: Path, table: pa.Table, notes: dict[str, tuple[str, str]], item: Item) -> None:
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
    # Names as in the other files, so that all three can be read alike; what they mean stands on a sheet of its own.
    meanings = book.add_worksheet("字段说明")
    meanings.set_column(0, 1, 30)
    for position, pair in enumerate([("字段", "含义"), *_titles(table, notes).items()]):
        meanings.write_row(position, 0, pair)
    book.close()


def _descriptor(
    folder: Path, table: pa.Table, notes: dict[str, tuple[str, str]], wanted: Request, item: Item, version: str
) -> dict[str, Any]:
    """Return the descriptor (Frictionless Data Package 1): files with checksums, fields with type and Chinese title."""
    titles = _titles(table, notes)
    fields = [
        {
            "name": field.name,
            "type": next(
                (name for prefix, name in FIELD_TYPES.items() if str(field.type).startswith(prefix)), "string"
            ),
            "title": titles[field.name],
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


def _titles(table: pa.Table, notes: dict[str, tuple[str, str]]) -> dict[str, str]:
    """Return the Chinese title of each column."""
    return {name: notes[name][0] if name in notes else _flag_title(name, notes) for name in table.column_names}


def _field_lines(table: pa.Table, notes: dict[str, tuple[str, str]]) -> str:
    """Return the columns with their Chinese titles, for the note; nothing for a bundle, whose standard says them."""
    if not table.column_names:
        return ""
    lines = [f"| `{name}` | {title} |" for name, title in _titles(table, notes).items()]
    return "\n".join(["", "| 字段 | 含义 |", "|---|---|", *lines, ""])


def _flag_title(name: str, notes: dict[str, tuple[str, str]]) -> str:
    """Return the Chinese title of a flag that the package adds."""
    of = name.removesuffix(PART_SUFFIX)
    return f"{notes[of][0]}是否隐藏" if of in notes else "是否隐藏"


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while part := stream.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()
