"""Tables that systems export as HTML or as SpreadsheetML 2003, usually under the name `.xls`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lxml import etree, html

from edu.errors import RejectedFileError
from ingest.readers.grid import COLUMNS_MAXIMUM, MemorySheet, Merge, Sheet
from ingest.readers.guard import unreadable
from ingest.readers.package import local

FILE_BYTES_MAXIMUM = 64 << 20
CELLS_MAXIMUM = 4_000_000
SPAN_MAXIMUM = 65_534
CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
CHINESE = {"gb2312", "gbk", "gb18030", "x-gbk", "cp936", "euc-cn"}
NO_MARKUP = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|textarea|title)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL
)
TAG = re.compile(r"<(/?)([a-z][^\s/>]*)", re.IGNORECASE)
TAG_PART = re.compile(r""">|=\s*(["'])""")
"""The end of a tag, or the beginning of a value in quotes, in which no tag ends (HTML, 13.2.5)."""
KEPT_AS_TEXT = re.compile(r'="([^"]*)"')
"""What an export writes so that a spreadsheet leaves long digits alone."""
WHITE_SPACE = re.compile(r"[ \t\r\n]+")
HIDDEN_STYLE = re.compile(r"display\s*:\s*none", re.IGNORECASE)


def _content(path: Path) -> bytes:
    if path.stat().st_size > FILE_BYTES_MAXIMUM:
        raise RejectedFileError(path.name, "file_too_large", "Save it as .xlsx or CSV and send it again.")
    return path.read_bytes()


def decode(file: str, content: bytes) -> tuple[str, str]:
    """Return the text of a page and its encoding: by its mark, what it says of itself where true, UTF-8, GB18030.

    Raises:
        RejectedFileError: it is in none of them.
    """
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return content.decode(name, "replace"), name.removesuffix("-sig")
    said = CHARSET.search(content[:4096])
    name = said[1].decode("ascii", "ignore").lower() if said else ""
    for encoding in ("gb18030", "utf-8") if name in CHINESE else ("utf-8", "gb18030"):
        try:
            return content.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise RejectedFileError(file, "encoding_unreadable", "Save it as .xlsx or CSV UTF-8 and send it again.")


def html_sheets(path: Path) -> tuple[list[Sheet], str]:
    """Return the tables of an HTML page as sheets, and the page's encoding.

    Raises:
        RejectedFileError: it is too large or broken, or holds no table.
    """
    text, encoding = decode(path.name, _content(path))
    with unreadable(path.name):
        parser = html.HTMLParser(no_network=True, huge_tree=False, remove_comments=True, remove_pis=True)
        text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text).replace("\0", "")
        # Its end tag may not be left out (HTML, 4.9.1): what lacks one was cut off on its way, and rows with it.
        if _is_within_table(text):
            raise RejectedFileError(path.name, "file_unreadable", "It ends within a table; export it again.")
        root = html.document_fromstring(text, parser=parser)
        found = [_html_table(path.name, table, number) for number, table in enumerate(root.iter("table"), start=1)]
    sheets: list[Sheet] = [sheet for sheet in found if sheet.cells]
    if not sheets:
        raise RejectedFileError(path.name, "file_empty", "The page holds no table; send it again.")
    return sheets, encoding


def _is_within_table(text: str) -> bool:
    """Whether a page ends before a table of it does; what stands in scripts, comments and attributes opens none."""
    depth = 0
    for name, is_end in _tags(NO_MARKUP.sub("", text)):
        if name == "table":
            depth = max(0, depth - 1) if is_end else depth + 1
    return depth > 0


def _tags(text: str) -> Iterator[tuple[str, bool]]:
    """Return the names of the whole tags of a page, and whether each is an end tag.

    Nothing is looked at twice, whatever is left open: what a value without its second quote is in goes to the end.
    """
    place = 0
    while tag := TAG.search(text, place):
        place = tag.end()
        while (part := TAG_PART.search(text, place)) and part[1]:
            place = text.find(part[1], part.end()) + 1
            if not place:
                return
        if part is None:
            return
        place = part.end()
        yield tag[2].lower(), bool(tag[1])


def _span(element: etree._Element, name: str) -> int:
    text = (element.get(name) or "1").strip()
    return min(max(int(text), 1), SPAN_MAXIMUM) if text.isascii() and text.isdigit() and len(text) < 9 else 1


def _html_table(file: str, table: etree._Element, number: int) -> MemorySheet:
    sheet = MemorySheet(f"表{number}", [])
    covered: dict[int, int] = {}
    """Column to the last row that a cell above still covers."""
    row = steps = 0
    for line in table.iter("tr"):
        if next(line.iterancestors("table")) is not table:
            continue
        row += 1
        column = 0
        if line.get("hidden") is not None or HIDDEN_STYLE.search(line.get("style") or ""):
            sheet.hidden_rows.append(row)
        for cell in line:
            if cell.tag not in ("td", "th"):
                continue
            while covered.get(column, 0) >= row:
                column += 1
                steps += 1
            wide, tall = _span(cell, "colspan"), _span(cell, "rowspan")
            text = _html_text(cell)
            if text and column < COLUMNS_MAXIMUM:
                sheet.cells.append((row, column, text))
            if wide > 1 or tall > 1:
                sheet.merges.append(Merge(row, column, row + tall - 1, column + wide - 1))
            if tall > 1:
                for inner in range(column, min(column + wide, COLUMNS_MAXIMUM)):
                    covered[inner] = row + tall - 1
                    steps += 1
            column += wide
        # A cell may say that it covers more than the whole page holds, and so may each.
        if len(sheet.cells) + steps > CELLS_MAXIMUM:
            raise RejectedFileError(file, "file_too_large", "Save it as .xlsx or CSV and send it again.")
    return sheet


def _html_text(cell: etree._Element) -> str:
    """Return what a browser shows of a cell: breaks as line ends, runs of white space as one space."""
    pieces: list[str] = [] if len(cell) else [WHITE_SPACE.sub(" ", cell.text or "")]
    for element in cell.iter() if len(cell) else ():
        is_own = next(element.iterancestors("table"), None) is next(cell.iterancestors("table"), None)
        if isinstance(element.tag, str) and is_own and element.tag not in ("script", "style"):
            pieces.append("\n" if element.tag == "br" else "")
            pieces.append(WHITE_SPACE.sub(" ", element.text or ""))
        if element is not cell and is_own:
            pieces.append(WHITE_SPACE.sub(" ", element.tail or ""))
    text = "".join(pieces).replace("\xa0", " ").strip()
    kept = KEPT_AS_TEXT.fullmatch(text)
    return kept[1] if kept else text


def spreadsheetml_sheets(path: Path) -> list[Sheet]:
    """Return the sheets of a SpreadsheetML 2003 workbook.

    Raises:
        RejectedFileError: it is too large or broken, or declares a document type.
    """
    content = _content(path)
    with unreadable(path.name):
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
        root = etree.fromstring(content, parser)
        if root.getroottree().docinfo.internalDTD is not None:
            raise RejectedFileError(path.name, "file_unsafe", "Save it as a new .xlsx workbook and send that.")
        return [_xml_sheet(path.name, item) for item in root.iter() if local(item) == "Worksheet"]


def _own(element: etree._Element, name: str) -> str | None:
    return next((str(v) for k, v in element.attrib.items() if etree.QName(k).localname == name), None)


def _number(element: etree._Element, name: str) -> int | None:
    text = _own(element, name)
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 8 else None


def _xml_sheet(file: str, worksheet: etree._Element) -> MemorySheet:
    sheet = MemorySheet(_own(worksheet, "Name") or "", [])
    row = 0
    for element in worksheet.iter():
        kind = local(element)
        if kind == "Visible" and (element.text or "") in ("SheetHidden", "SheetVeryHidden"):
            sheet.is_hidden = True
        if kind != "Row":
            continue
        row = max(row + 1, min(_number(element, "Index") or 0, 1 << 20))
        if _own(element, "Hidden") == "1":
            sheet.hidden_rows.append(row)
        column = -1
        for cell in element:
            if local(cell) != "Cell":
                continue
            column = max(column + 1, (_number(cell, "Index") or 0) - 1)
            wide, tall = _number(cell, "MergeAcross") or 0, _number(cell, "MergeDown") or 0
            text = _xml_text(cell)
            if text and column < COLUMNS_MAXIMUM:
                sheet.cells.append((row, column, text))
            if wide or tall:
                sheet.merges.append(Merge(row, column, row + tall, column + wide))
            column += wide
        if len(sheet.cells) > CELLS_MAXIMUM:
            raise RejectedFileError(file, "file_too_large", "Save it as .xlsx or CSV and send it again.")
    return sheet


def _xml_text(cell: etree._Element) -> str:
    from ingest.readers.xls import text_of

    data = next((child for child in cell if local(child) == "Data"), None)
    if data is None:
        return ""
    text = "".join(str(piece) for piece in data.itertext())
    kind = _own(data, "Type")
    if kind == "DateTime":
        return text.replace("T", " ").removesuffix(".000").removesuffix(" 00:00:00")
    if kind == "Boolean":
        return "TRUE" if text == "1" else "FALSE"
    if kind == "Number":
        try:
            return text_of(float(text)) or ""
        except (ValueError, OverflowError):
            return text
    return text
