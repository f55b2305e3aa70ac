"""The parts of an .xlsx package, read within bounds and never unpacked to disk.

Nothing in it is believed: not the sizes it states, not the names of its entries, not its `dimension`; no entity of its
XML is expanded and no link is followed.
"""

from __future__ import annotations

import posixpath
import re
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from lxml import etree

from edu.errors import RejectedFileError
from ingest.readers.guard import unreadable

ENTRIES_MAXIMUM = 10_000
DIRECTORY_BYTES_MAXIMUM = 4 << 20
UNPACKED_BYTES_MAXIMUM = 6 << 30
RATIO_MAXIMUM = 400
RATIO_FROM_BYTES = 64 << 20
"""Below this unpacked size a high ratio is an ordinary sparse sheet."""
SMALL_PART_BYTES = 32 << 20
"""A part that is read whole: workbook, relations, styles."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

DateKind = Literal["date", "time", "span"]

BUILT_IN: dict[int, DateKind] = {
    **dict.fromkeys((14, 15, 16, 17, 22, 27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58), "date"),
    **dict.fromkeys((18, 19, 20, 21, 32, 33, 34, 35, 45, 47, 55, 56), "time"),
    46: "span",
}
"""Number formats that the standard gives a meaning (ECMA-376 18.8.30, its Chinese additions included)."""


@dataclass(frozen=True)
class SheetEntry:
    """A sheet of the workbook and the part that holds its cells."""

    name: str
    part: str
    is_hidden: bool


def directory_is_small(path: Path) -> bool:
    """Whether the list of entries at the end of a zip is small enough to be read at all."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        stream.seek(max(0, size - (1 << 16) - 98))
        tail = stream.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + 22:
        return True  # no directory: the zip library says that it is broken
    length = struct.unpack_from("<L", tail, at + 12)[0]
    wide = tail.rfind(b"PK\6\6")
    if wide >= 0 and len(tail) >= wide + 56:
        length = max(length if length != 0xFFFFFFFF else 0, struct.unpack_from("<Q", tail, wide + 40)[0])
    return bool(length <= DIRECTORY_BYTES_MAXIMUM)


def check_archive(path: Path) -> list[str]:
    """Return the names of the entries of a zip that is safe to read.

    Raises:
        RejectedFileError: it is broken, too large, encrypted, or made to harm.
    """
    if not directory_is_small(path):
        raise RejectedFileError(path.name, "file_too_large", "It holds too many entries; save it as .xlsx again.")
    with unreadable(path.name), zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    names = [entry.filename for entry in entries]
    unpacked = sum(entry.file_size for entry in entries)
    packed = max(1, sum(entry.compress_size for entry in entries))
    is_bomb = unpacked > RATIO_FROM_BYTES and unpacked / packed > RATIO_MAXIMUM
    if len(entries) > ENTRIES_MAXIMUM or unpacked > UNPACKED_BYTES_MAXIMUM or is_bomb:
        raise RejectedFileError(path.name, "file_too_large", "Its content is larger than is accepted; split it.")
    if len(set(names)) < len(names) or any(_leads_out(name) for name in names) or _overlap(entries, path):
        raise RejectedFileError(path.name, "file_unsafe", "Save it as a new .xlsx workbook and send that.")
    if any(entry.flag_bits & 1 for entry in entries):
        raise RejectedFileError(path.name, "workbook_encrypted", "Send it without a password, or give the password.")
    if any(entry.compress_type not in METHODS for entry in entries):
        raise RejectedFileError(path.name, "file_unreadable", "Save it as .xlsx again.")
    return names


def _leads_out(name: str) -> bool:
    return "\0" in name or name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) or ":" in name


def _overlap(entries: list[zipfile.ZipInfo], path: Path) -> bool:
    """Whether two entries claim the same bytes, as archives do that unpack to far more than they hold."""
    end = 0
    for entry in sorted(entries, key=lambda item: item.header_offset):
        if entry.header_offset < end:
            return True
        end = entry.header_offset + 30 + entry.compress_size
    return end > path.stat().st_size


def parse_xml(file: str, content: bytes) -> etree._Element:
    """Parse a small XML text without entities, document type or network.

    Raises:
        RejectedFileError: it declares a document type, or is broken.
    """
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise RejectedFileError(file, "file_unsafe", "Save it as a new .xlsx workbook and send that.")
    with unreadable(file):
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
        root = etree.fromstring(content, parser)
        if root.getroottree().docinfo.internalDTD is not None:
            raise RejectedFileError(file, "file_unsafe", "Save it as a new .xlsx workbook and send that.")
        return root


def local(element: etree._Element) -> str:
    """Return an element's name without its namespace; empty for comments."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _children(root: etree._Element, name: str) -> Iterator[etree._Element]:
    return (element for element in root.iter() if local(element) == name)


class Package:
    """An open .xlsx package that `check_archive` passed."""

    def __init__(self, path: Path) -> None:
        self.file = path.name
        with unreadable(self.file):
            self._archive = zipfile.ZipFile(path)
        self._names = set(self._archive.namelist())
        relations = self._relations("", "_rels/.rels")
        books = [target for kind, target in relations.values() if kind == "officeDocument"]
        self._book = books[0] if books and books[0] in self._names else "xl/workbook.xml"
        folder, name = posixpath.split(self._book)
        self._links = self._relations(folder, f"{folder}/_rels/{name}.rels".lstrip("/"))
        root = parse_xml(self.file, self.read(self._book))
        properties = next(_children(root, "workbookPr"), None)
        self.is_1904 = properties is not None and properties.get("date1904", "0") in ("1", "true", "on")
        self.sheets = tuple(self._sheets(root))

    def __enter__(self) -> Package:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def read(self, part: str) -> bytes:
        """Return a small part whole.

        Raises:
            RejectedFileError: it is missing, broken, or too large to be what it should be.
        """
        with self.open(part) as stream:
            content = stream.read(SMALL_PART_BYTES + 1)
        if len(content) > SMALL_PART_BYTES:
            raise RejectedFileError(self.file, "file_too_large", "Its content is larger than is accepted; split it.")
        return content

    def open(self, part: str) -> IO[bytes]:
        """Return a stream over a part."""
        with unreadable(self.file):
            return _Guarded(self._archive.open(part), self.file)  # type: ignore[return-value]

    def linked(self, kind: str) -> str | None:
        """Return the part that the workbook names for a purpose, such as `sharedStrings`."""
        for name, target in self._links.values():
            if name == kind and target in self._names:
                return target
        return None

    def date_styles(self) -> dict[int, DateKind]:
        """Return the cell styles that show a number as a date, a time of day or a span of time."""
        part = self.linked("styles")
        if part is None:
            return {}
        root = parse_xml(self.file, self.read(part))
        custom = {
            int(item.get("numFmtId", "0")): date_kind(item.get("formatCode", ""))
            for item in _children(root, "numFmt")
            if item.get("numFmtId", "").isdigit()
        }
        kinds: dict[int, DateKind] = {}
        for formats in _children(root, "cellXfs"):
            for style, item in enumerate(formats):
                number = item.get("numFmtId", "0")
                known = int(number) if number.isdigit() else 0
                kind = custom.get(known) if known in custom else BUILT_IN.get(known)
                if kind:
                    kinds[style] = kind
            break
        return kinds

    def _relations(self, folder: str, part: str) -> dict[str, tuple[str, str]]:
        """Return id → (kind, part) of the links in a relations part; links that lead outside are left out."""
        if part not in self._names:
            return {}
        found = {}
        for link in _children(parse_xml(self.file, self.read(part)), "Relationship"):
            if link.get("TargetMode") == "External":
                continue
            target = link.get("Target", "")
            place = target.lstrip("/") if target.startswith("/") else posixpath.join(folder, target)
            found[link.get("Id", "")] = (link.get("Type", "").rsplit("/", 1)[-1], posixpath.normpath(place))
        return found

    def _sheets(self, root: etree._Element) -> Iterator[SheetEntry]:
        for element in _children(root, "sheet"):
            link = next((str(v) for k, v in element.attrib.items() if etree.QName(k).localname == "id"), "")
            kind, part = self._links.get(link, ("", ""))
            if kind == "worksheet" and part in self._names:
                state = element.get("state", "visible")
                yield SheetEntry(element.get("name", ""), part, state in ("hidden", "veryHidden"))


class _Guarded:
    """A stream whose failures are refusals."""

    def __init__(self, stream: IO[bytes], file: str) -> None:
        self._stream = stream
        self._file = file

    def read(self, size: int) -> bytes:
        with unreadable(self._file):
            return self._stream.read(size)

    def __enter__(self) -> _Guarded:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


def date_kind(code: str) -> DateKind | None:
    """Return what a number format code shows, or null where it shows a plain number."""
    if re.search(r"\[(?:h+|m+|s+)\]", code, re.IGNORECASE):
        return "span"
    plain = re.sub(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]|(?i:am/pm|a/p|general)', "", code.split(";")[0]).lower()
    if re.search(r"[yd]|(?<!0)e(?![+-])", plain):
        return "date"
    if re.search(r"[hs]", plain):
        return "time"
    return "date" if "m" in plain else None
