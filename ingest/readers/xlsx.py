"""Workbooks (.xlsx, .xlsm): each sheet's XML as a stream of rows, cut and cleaned by Arrow and DuckDB.

One way for all sizes: memory is a few pieces and the shared texts, whatever the sheet says of its dimension or wherever
a stray cell stands. Text, numbers, dates, errors and truth values come out as a person sees them.
"""

from __future__ import annotations

import html
import re
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from lxml import etree

from edu.errors import RejectedFileError
from edu.settings import get_settings
from ingest.readers.grid import CELLS, COLUMNS_MAXIMUM, Merge, Sheet
from ingest.readers.package import DateKind, Package, SheetEntry, local, parse_xml

PIECE_BYTES = 4 << 20
ROW_BYTES_MAXIMUM = 16 << 20
"""One row or one text is at most this long."""
SHARED_BYTES_MAXIMUM = 384 << 20
MERGES_MAXIMUM = 200_000
CELL = (
    r"(?s)^(?P<head>[^>]*)>(?:<f(?:\s[^>]*)?(?:/>|>[^<]*</f>))?"
    r"(?:<v(?:\s[^>]*)?>(?P<v>[^<]*)</v>|<is>(?P<i>.*?)</is>)"
)
UNUSUAL = re.compile(
    rb"<!|<\w+:(?:c|row|v|si)[\s>/]|<si\s|</si\s|<c>|<c(?:\s+[a-qs-z]\w*=\"[^\"]*\")*\s*/?>|<c\s+[^>]*'"
)
"""Comments, CDATA, prefixes, single quotes, cells that do not say where they stand, texts with attributes."""
ROW = re.compile(rb"<row\b[^>]*>")
HIDDEN = re.compile(rb'\bhidden="(?:1|true)"')
NUMBER = re.compile(rb'\br="(\d{1,7})"')
MERGE = re.compile(rb'<mergeCell\b[^>]*\bref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")


def column_index(letters: str) -> int:
    """Return the 0-based index of a column's letters."""
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - 64
    return index - 1


def sheets_of(package: Package, connection: duckdb.DuckDBPyConnection) -> list[Sheet]:
    """Return the sheets of a workbook, none of them read yet."""
    shared = _SharedTexts(package)
    styles = package.date_styles()
    return [XlsxSheet(package, entry, connection, shared, styles) for entry in package.sheets]


def _unescaped(texts: pa.StringArray) -> pa.StringArray:
    """Return texts without XML entities, line ends as XML reads them, and with Excel's `_x000D_` escapes decoded."""
    has_entity = pc.match_substring(texts, "&")
    has_escape = pc.match_substring_regex(texts, "_x[0-9A-Fa-f]{4}_")
    special = pc.or_(has_entity, has_escape)
    if not pc.any(special).as_py():
        return texts
    plain = [
        ESCAPE.sub(lambda match: chr(int(match[1], 16)), html.unescape(text))
        for text in texts.filter(special).to_pylist()
    ]
    clean = [text.encode("utf-8", "replace").decode() for text in plain]
    return pc.replace_with_mask(texts, pc.fill_null(special, False), pa.array(clean, texts.type))


def _joined_runs(items: pa.StringArray) -> pa.StringArray:
    """Return the text of rich strings: all their runs, without phonetic guides."""
    # Nearly all are one run without a form of its own.
    texts = pc.struct_field(pc.extract_regex(items, r"^<t(?:\s[^>/]*)?>(?P<t>[^<]*)</t>$"), [0])
    is_rich = pc.and_(items.is_valid(), texts.is_null())
    if pc.any(is_rich).as_py():
        spoken = pc.replace_substring_regex(items.filter(is_rich), r"(?s)<rPh\b.*?</rPh>", "")
        joined = pc.replace_substring_regex(spoken, r"(?s)<t(?:\s[^>]*)?/>", "")
        joined = pc.replace_substring_regex(joined, r"(?s)</t>.*?<t(?:\s[^>]*)?>", "")
        runs = pc.struct_field(pc.extract_regex(joined, r"(?s)<t(?:\s[^>]*)?>(?P<t>[^<]*)</t>"), [0])
        texts = pc.replace_with_mask(texts, is_rich, runs)
    return _unescaped(texts)


class _SharedTexts:
    """The texts that cells refer to by number, read when first asked for."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._texts: pa.ChunkedArray | None = None
        self._reading = Lock()

    def take(self, numbers: pa.Array) -> pa.StringArray:
        """Return texts by number; null where there is none of that number.

        Raises:
            RejectedFileError: the texts are broken or too many.
        """
        with self._reading:
            if self._texts is None:
                self._texts = pa.chunked_array(list(self._read()), pa.string())
        known = pc.if_else(pc.less(numbers, len(self._texts)), numbers, None)
        taken = pc.take(self._texts, known)
        return taken.combine_chunks() if isinstance(taken, pa.ChunkedArray) else taken

    def _read(self) -> Iterator[pa.StringArray]:
        part = self._package.linked("sharedStrings")
        if part is None:
            return
        size = 0
        for piece in _pieces(self._package, part, b"</si>", "si"):
            plain = piece.replace("<si/>", "<si></si>")
            items = pc.split_pattern(pa.array([plain]), "<si>").flatten().slice(1)
            texts = pc.fill_null(_joined_runs(items), "")
            size += texts.nbytes
            if size > SHARED_BYTES_MAXIMUM:
                raise RejectedFileError(self._package.file, "file_too_large", "It holds too many texts; split it.")
            yield texts


def _pieces(package: Package, part: str, end: bytes, rewrite: str) -> Iterator[str]:
    """Return the XML of a part in pieces that end with a whole element `end`, spelled plainly.

    A part that spells its XML in an unusual way is rewritten through a full parser, each `rewrite` element at a time.
    """
    kept = b""
    with package.open(part) as stream:
        piece = stream.read(PIECE_BYTES)
        if not piece.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<") or _is_unusual(package.file, piece):
            yield from _rewritten(package, part, rewrite)
            return
        while piece:
            kept += piece
            cut = kept.rfind(end)
            if cut >= 0:
                yield _plainly_spelled(package.file, kept[: cut + len(end)])
                kept = kept[cut + len(end) :]
            elif len(kept) > ROW_BYTES_MAXIMUM:
                raise RejectedFileError(package.file, "file_too_large", "One row or text is too long; shorten it.")
            piece = stream.read(PIECE_BYTES)
    if kept:
        yield _plainly_spelled(package.file, kept)


def _plainly_spelled(file: str, whole: bytes) -> str:
    """Return whole elements as text; what was read may end within a tag, so that they alone show how they are spelled."""
    if _is_unusual(file, whole):
        raise RejectedFileError(file, "file_unreadable", "Save it as .xlsx again.")
    return whole.decode("utf-8", "strict")


def _is_unusual(file: str, piece: bytes) -> bool:
    if b"<!DOCTYPE" in piece or b"<!ENTITY" in piece:
        raise RejectedFileError(file, "file_unsafe", "Save it as a new .xlsx workbook and send that.")
    return UNUSUAL.search(piece) is not None


def _rewritten(package: Package, part: str, name: str) -> Iterator[str]:
    """Return the elements of a part in the plain spelling, each cell with its place.

    Raises:
        RejectedFileError: the part is too large for this, broken, or declares a document type.
    """
    content = package.read(part)
    root = parse_xml(package.file, content)
    out: list[str] = []
    previous = 0
    for element in root.iter():
        if local(element) == name == "row":
            number = element.get("r", "")
            previous = int(number) if number.isdigit() else previous + 1
            out.append(_plain_row(element, previous))
        elif local(element) == name:
            out.append(f"<si>{_plain_texts(element)}</si>")
        elif local(element) == "mergeCell":
            out.append(f'<mergeCell ref="{html.escape(element.get("ref", ""))}"/>')
    yield "".join(out)


def _plain_row(element: etree._Element, number: int) -> str:
    cells = []
    column = -1
    for cell in element:
        if local(cell) != "c":
            continue
        letters = re.match(r"[A-Z]{1,3}", cell.get("r", ""))
        column = column_index(letters[0]) if letters else column + 1
        value = next((child.text or "" for child in cell if local(child) == "v"), None)
        content = f"<v>{html.escape(value)}</v>" if value is not None else f"<is>{_plain_texts(cell)}</is>"
        marks = "".join(f' {key}="{html.escape(cell.get(key) or "")}"' for key in ("s", "t") if cell.get(key))
        cells.append(f'<c r="{column_letters(column)}{number}"{marks}>{content}</c>')
    hidden = ' hidden="1"' if element.get("hidden") in ("1", "true") else ""
    return f'<row r="{number}"{hidden}>{"".join(cells)}</row>'


def _plain_texts(element: etree._Element) -> str:
    texts = [
        item.text or ""
        for item in element.iter()
        if local(item) == "t" and not any(local(parent) == "rPh" for parent in item.iterancestors())
    ]
    return f"<t>{html.escape(''.join(texts))}</t>"


def column_letters(index: int) -> str:
    """Return the letters of a 0-based column."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


class XlsxSheet:
    """A sheet whose cells are read as a stream; see `ingest.readers.grid.Sheet`."""

    def __init__(
        self,
        package: Package,
        entry: SheetEntry,
        connection: duckdb.DuckDBPyConnection,
        shared: _SharedTexts,
        styles: dict[int, DateKind],
    ) -> None:
        self.name = entry.name
        self.is_hidden = entry.is_hidden
        self.merges: list[Merge] = []
        self.hidden_rows: list[int] = []
        self._package = package
        self._part = entry.part
        self._connection = connection
        self._shared = shared
        self._styles = styles

    def pieces(self) -> Iterator[pa.Table]:
        """Return the cells piece by piece; while one is used, the next ones are taken apart."""
        self.merges, self.hidden_rows = [], []
        found = _pieces(self._package, self._part, b"</row>", "row")
        # Who looks at the beginning alone waits for no more.
        for piece in found:
            self._note(piece.encode())
            yield self._as_seen(self._cells(piece))
            break
        with ThreadPoolExecutor(get_settings().threads) as pool:
            waiting: deque[Future[pa.Table]] = deque()
            for piece in found:
                self._note(piece.encode())
                waiting.append(pool.submit(self._cells, piece))
                if len(waiting) > get_settings().threads:
                    yield self._as_seen(waiting.popleft().result())
            while waiting:
                yield self._as_seen(waiting.popleft().result())

    def _note(self, piece: bytes) -> None:
        """Remember merged ranges and hidden rows of a piece."""
        if b"hidden=" in piece:
            for row in ROW.findall(piece):
                number = NUMBER.search(row)
                if HIDDEN.search(row) and number:
                    self.hidden_rows.append(int(number[1]))
        if b"<mergeCell " in piece:
            for first, first_row, last, last_row in MERGE.findall(piece):
                if len(self.merges) >= MERGES_MAXIMUM:
                    raise RejectedFileError(self._package.file, "file_too_large", "It has too many merged cells.")
                ends = column_index(first.decode()), column_index(last.decode())
                self.merges.append(Merge(int(first_row), ends[0], int(last_row), ends[1]))

    def _cells(self, piece: str) -> pa.Table:
        texts = pc.split_pattern(pa.array([piece]), "<c ").flatten().slice(1)
        parsed = pc.extract_regex(texts, CELL)
        parsed = parsed.filter(parsed.is_valid())
        head, value, inline = (pc.struct_field(parsed, [i]) for i in range(3))
        place = pc.extract_regex(head, r'(?:^|\s)r="(?P<l>[A-Z]{1,3})(?P<n>[0-9]{1,7})"')
        if place.null_count:
            raise RejectedFileError(self._package.file, "file_unreadable", "Save it as .xlsx again.", sheet=self.name)
        kinds = pc.struct_field(pc.extract_regex(head, r'(?:^|\s)t="(?P<t>[^"]*)"'), [0])
        styles = pc.struct_field(pc.extract_regex(head, r'(?:^|\s)s="(?P<s>[0-9]{1,9})"'), [0])
        letters = pc.struct_field(place, [0]).dictionary_encode()
        columns = pa.array([column_index(text) for text in letters.dictionary.to_pylist()], pa.int32())
        is_shared = pc.fill_null(pc.equal(kinds, "s"), False)
        value = _unescaped(value)
        if pc.any(is_shared).as_py():
            shared = self._shared.take(pc.cast(value.filter(is_shared), pa.int64()))
            value = pc.replace_with_mask(value, is_shared, shared)
        cells = pa.table(
            {
                "row": pc.cast(pc.struct_field(place, [1]), pa.int32()),
                "col": columns.take(letters.indices),
                "kind": kinds,
                "style": pc.cast(styles, pa.int32()),
                "value": value,
                "inline": _joined_runs(inline),
            }
        )
        return cells.filter(pc.less(cells.column("col"), COLUMNS_MAXIMUM))

    def _as_seen(self, cells: pa.Table) -> pa.Table:
        """Return the cells with the text that a person sees in them."""
        c = self._connection
        c.register("sheet_cells", cells)
        c.register(
            "date_styles",
            pa.table(
                {
                    "style": pa.array(list(self._styles), pa.int32()),
                    "shows": pa.array(list(self._styles.values()), pa.string()),
                }
            ),
        )
        try:
            return c.execute(as_seen_sql(self._package.is_1904)).to_arrow_table().cast(CELLS)
        finally:
            c.unregister("sheet_cells")
            c.unregister("date_styles")


def as_seen_sql(is_1904: bool) -> str:
    """Return SQL from `sheet_cells` and `date_styles` to cells of shape `CELLS`.

    Whole numbers lose their fraction, others show 15 digits as Excel does, and from 10^15 on, where digits are lost,
    the exponent shows it. In the 1900 system day 0 and 29 February 1900 are shown although they never were.
    """
    if is_1904:
        day = "strftime(date '1904-01-01' + cast(floor(moment) as integer), '%Y-%m-%d')"
    else:
        day = (
            "case when moment < 1 then '1900-01-00' when floor(moment) = 60 then '1900-02-29' else strftime("
            "date '1899-12-30' + cast(floor(moment) + (case when moment < 60 then 1 else 0 end) as integer), "
            "'%Y-%m-%d') end"
        )
    clock = "strftime(timestamp '2000-01-01' + to_seconds(cast(round((moment - floor(moment)) * 86400) as bigint)), '%H:%M:%S')"
    seconds = "cast(round(number * 86400) as bigint)"
    return f"""
        with numbers as (
            select s.row, s.col, s.kind, s.value, s.inline, d.shows,
                case when s.kind is null or s.kind = 'n' then try_cast(s.value as double) end as number
            from sheet_cells as s left join date_styles as d on d.style = s.style
        ),
        moments as (
            -- A moment is rounded to the second before it is divided into day and clock.
            select *, case when number >= 0 and number < 2958466 then round(number * 86400) / 86400 end as moment
            from numbers
        ),
        texts as (
            select row, col, case
                when kind = 'inlineStr' then coalesce(inline, value)
                when kind = 'b' then case value when '1' then 'TRUE' when '0' then 'FALSE' else value end
                -- Of a strict workbook (ISO/IEC 29500-1, 18.18.11), whose dates are texts.
                when kind = 'd' then regexp_replace(
                    regexp_replace(value, 'T00:00(:00(\\.0+)?)?Z?$', ''), 'T(\\d\\d:\\d\\d(:\\d\\d)?).*$', ' \\1')
                when number is null or not isfinite(number) then value
                when shows = 'date' and moment is not null
                    then {day} || case when moment = floor(moment) then '' else ' ' || {clock} end
                when shows = 'time' and moment < 1 then {clock}
                when shows = 'time' and moment is not null then {day} || ' ' || {clock}
                when shows = 'span' and number >= 0 and number < 1000000
                    then printf('%d:%02d:%02d', {seconds} // 3600, {seconds} // 60 % 60, {seconds} % 60)
                when abs(number) >= 1e15 then printf('%.14E', number)
                when number = floor(number) then cast(cast(number as bigint) as varchar)
                else printf('%.15g', number)
            end as text
            from moments
        )
        select row, col, text as value from texts where text is not null and text <> ''
    """
