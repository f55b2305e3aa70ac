"""Loads the files of a roster as text tables whose columns are named by letters alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from edu.errors import RejectedFileError
from ingest.readers.csv import detect_encoding
from ingest.readers.table import quoted
from ingest.roster import Bundle, delimiter_of

BLOCK_BYTES = 8 << 20
COLUMNS_MAXIMUM = 500
KEY_COLUMNS = {
    "orgs": (("sourcedid",),),
    "users": (("sourcedid",),),
    "roles": (("usersourcedid",), ("orgsourcedid",)),
    "classes": (("sourcedid",),),
    "courses": (("sourcedid",),),
    "enrollments": (("classsourcedid",), ("usersourcedid",)),
    "demographics": (("usersourcedid", "sourcedid"),),
    "school": (("sisid", "dfenumber", "id"),),
    "section": (("sisid", "id"),),
    "student": (("sisid", "id"),),
    "teacher": (("sisid", "id"),),
    "studentenrollment": (("sectionsisid", "sectionid"), ("sisid", "id")),
    "teacherroster": (("sectionsisid", "sectionid"), ("sisid", "id")),
}
"""Columns that tell what a record of a file is about, by letters: of each group one. Without them a file says nothing of
anybody (OneRoster 1.1 and 1.2 CSV, required fields; School Data Sync v1, v2 and v2.1)."""

MORE_OF_OTHERS = ("courses", "demographics")
"""Files that only say more of what others hold; where one is empty, nothing more is said."""


@dataclass(frozen=True)
class Tables:
    """What of a bundle was loaded: table name and columns by stem."""

    names: dict[str, str]
    columns: dict[str, set[str]]

    def has(self, stem: str, column: str | None = None) -> bool:
        return stem in self.names and (column is None or plain(column) in self.columns[stem])

    def column(self, stem: str, *candidates: str, alias: str = "t") -> str:
        """Return SQL of the first of several columns that is not empty; null where none exists."""
        found = [plain(name) for name in candidates if plain(name) in self.columns.get(stem, ())]
        values = [f"nullif(trim({alias}.{quoted(name)}), '')" for name in found]
        return f"coalesce({', '.join(values)})" if values else "cast(null as varchar)"

    def jyt(self, stem: str, field: str) -> str:
        return self.column(stem, f"metadata.jyt.{field}")


def plain(header: str) -> str:
    """Return a header without case, spaces and punctuation: `SIS ID`, `sourcedId` and `Sourced_ID` are told by letters."""
    return re.sub(r"[^0-9a-z]", "", header.lower())


def load(bundle: Bundle, wanted: set[str], connection: duckdb.DuckDBPyConnection, scratch: Path, prefix: str) -> Tables:
    names: dict[str, str] = {}
    columns: dict[str, set[str]] = {}
    size = 0
    for stem in sorted(wanted & bundle.names):
        path = bundle.copy(stem, scratch, size)
        size += path.stat().st_size
        table = f"{prefix}_{stem}"
        if path.stat().st_size:
            columns[stem] = _load_csv(path, bundle.path.name, connection, table)
            names[stem] = table
        elif stem not in MORE_OF_OTHERS:
            raise RejectedFileError(
                bundle.path.name, "file_empty", f"{stem}.csv has no header; send it again, or leave it out.", sheet=stem
            )
        path.unlink()
    return Tables(names, columns)


def _load_csv(path: Path, bundle: str, connection: duckdb.DuckDBPyConnection, table: str) -> set[str]:
    """Load one file as text, each record with its ordinal (the header is 1, blank ones count); return its columns, named
    by letters."""
    encoding, _ = detect_encoding(path)
    place = path.stem
    uneven: list[int] = []
    blank: list[int] = []
    above = 0
    with path.open(encoding=encoding, errors="replace", newline="") as stream:
        while (line := stream.readline()) and not line.strip("\ufeff \t\r\n"):
            above += 1
        delimiter = delimiter_of(line)

    def judge(row: pacsv.InvalidRow) -> str:
        if not row.text.strip(f'{delimiter}, \t\r\n"'):
            blank.append(row.number - above)
            return "skip"
        uneven.append(row.actual_columns)
        return "error"

    def reader(names: list[str]) -> pacsv.CSVStreamingReader:
        return pacsv.open_csv(
            path,
            # Records are numbered only where one thread reads them; blank ones are counted as others are.
            read_options=pacsv.ReadOptions(
                block_size=BLOCK_BYTES,
                encoding="utf8" if encoding == "utf-8" else encoding,
                skip_rows=above,
                use_threads=False,
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=judge
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
            ),
        )

    try:
        # Only the reader knows how it spells a column: with a mark of the encoding or a blank before it, a column that is
        # not asked for as text would be taken for numbers, and 0007 would become 7.
        with reader([]) as first:
            names = first.schema.names
        uneven.clear()
        blank.clear()
        with reader(names) as whole:
            found = whole.read_all()
    except (pa.ArrowInvalid, pa.ArrowKeyError, UnicodeDecodeError):
        problem = f"A record of {place}.csv has {uneven[0]} columns" if uneven else f"{place}.csv cannot be told apart"
        raise RejectedFileError(
            bundle, "table_uneven", f"{problem}; mend the commas and quotes.", sheet=place
        ) from None
    letters = [plain(name.replace("\ufeff", "")) for name in found.column_names]
    if len(letters) > COLUMNS_MAXIMUM:
        raise RejectedFileError(bundle, "file_too_large", f"{place}.csv has {len(letters)} columns.", sheet=place)
    for group in KEY_COLUMNS.get(place, ()):
        if not any(name in letters for name in group):
            raise RejectedFileError(
                bundle, "mandatory_column_missing", f"{place}.csv has no column {group[0]}; add it.", sheet=place
            )
    # A file with these columns has a header, and what stands there is no value.
    doubled = sorted({name for name in letters if name and letters.count(name) > 1})
    if doubled:
        raise RejectedFileError(
            bundle, "header_ambiguous", f"{place}.csv has {doubled[0]} twice; keep one.", sheet=place
        )
    kept = [i for i, name in enumerate(letters) if name]
    content = pa.table([found.column(i).cast(pa.string()) for i in kept], names=[letters[i] for i in kept])
    ordinals = pa.array(range(2, content.num_rows + len(blank) + 2), pa.int32())
    ordinals = ordinals.filter(pc.invert(pc.is_in(ordinals, pa.array(blank, pa.int32()))))
    content = content.append_column("row_number_", ordinals)
    connection.register("roster_records", content)
    says = " or ".join(f"trim({quoted(letters[i])}) <> ''" for i in kept)
    connection.execute(f"create or replace temp table {table} as select * from roster_records where {says}")
    connection.unregister("roster_records")
    return {letters[i] for i in kept}
