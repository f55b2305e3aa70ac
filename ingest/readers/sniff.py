"""What a file is by its bytes; its suffix is never believed."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Literal

from edu.errors import RejectedFileError
from ingest.readers.package import check_archive

Kind = Literal["xlsx", "ole2", "html", "xml2003", "parquet", "json", "csv"]

OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
UTF16 = (b"\xff\xfe", b"\xfe\xff")
HTML = (b"<!doctype html", b"<html", b"<table", b"<meta", b"<head", b"<body", b"<style")
JSON = re.compile(rb'\{\s*(["}]|$)|\[\s*([{\]]|$)')
"""How statements begin; no table's first cell does."""
OTHER = (b"%pdf", b"{\\rtf", b"\x1f\x8b", b"rar!", b"7z\xbc\xaf", b"bzh", b"\xfd7zxz", b"\x89png", b"\xff\xd8\xff")


SPREADSHEET = b"urn:schemas-microsoft-com:office:spreadsheet"
"""The namespace of SpreadsheetML 2003."""
ASIDE = (("<!--", "-->"), ("<?", "?>"), ("<!", ">"))
"""How what is no element begins and ends."""
PIECE_BYTES, TAG_MAXIMUM = 1 << 16, 1 << 18

TEXT_PART, TEXT_STREAM = "word/document.xml", "WordDocument"
"""What a text document holds in place of a workbook: as a package (.docx, new .wps), as an old file (.doc, old .wps)."""


def text_document(path: Path) -> RejectedFileError:
    """Return the refusal of a text document, which may hold a table that nobody can tell from the text around it."""
    return RejectedFileError(
        path.name, "text_document", "It is a text document; paste the table into a workbook and save that as .xlsx."
    )


def kind_of(path: Path) -> Kind:
    """Return the format of a file.

    Raises:
        RejectedFileError: it is empty, broken, hostile, or of a format that is not read.
    """
    with path.open("rb") as stream:
        head = stream.read(8192)
    if not head:
        raise RejectedFileError(path.name, "file_empty", "Send the file again with its content.")
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(OLE2):
        return "ole2"
    if head.startswith(b"PK\x03\x04"):
        names = check_archive(path)
        if "[Content_Types].xml" in names and any(name.endswith("workbook.xml") for name in names):
            return "xlsx"
        if TEXT_PART in names:
            raise text_document(path)
        raise RejectedFileError(path.name, "format_unknown", "The archive is no .xlsx workbook; save it as .xlsx.")
    return _text_kind(path, head)


def _root_tag(path: Path, head: bytes) -> bytes:
    """Return the tag that opens the root of an XML file, in small letters; empty where none is found.

    What may stand before it (white space, declarations, comments) may be long; of that no more than a piece is held.
    """
    decoder = codecs.getincrementaldecoder("utf-16" if head.startswith(UTF16) else "latin-1")("ignore")
    with path.open("rb") as stream:
        pieces = (decoder.decode(piece) for piece in iter(lambda: stream.read(PIECE_BYTES), b""))
        rest = next(pieces, "").removeprefix("\xef\xbb\xbf")
        while True:
            rest = rest.lstrip()
            if len(rest) < len("<!--"):
                more = next(pieces, None)
                if more is None:
                    return b""
                rest += more
                continue
            end = next((end for start, end in ASIDE if rest.startswith(start)), None)
            if end is None:
                break
            while end not in rest:
                more = next(pieces, None)
                if more is None:
                    return b""
                rest = rest[1 - len(end) :] + more if len(end) > 1 else more
            rest = rest.partition(end)[2]
        while ">" not in rest and len(rest) < TAG_MAXIMUM and (more := next(pieces, None)):
            rest += more
    return rest.partition(">")[0][:TAG_MAXIMUM].lower().encode("ascii", "ignore")


def _text_kind(path: Path, head: bytes) -> Kind:
    text = head
    if head.startswith(UTF16):
        text = head.decode("utf-16", "ignore").encode("utf-8", "ignore")
    text = text.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"<"):
        root = text if SPREADSHEET in text else _root_tag(path, head)
        if SPREADSHEET in root:
            return "xml2003"
        if root.startswith(HTML) or text.startswith(HTML) or b"<table" in text or b"<html" in text:
            return "html"
        raise RejectedFileError(path.name, "format_unknown", "Save it as .xlsx or CSV and send it again.")
    if text.startswith(OTHER):
        raise RejectedFileError(path.name, "format_unknown", "Save it as .xlsx or CSV and send it again.")
    if b"\0" in head and not head.startswith(UTF16):
        raise RejectedFileError(path.name, "format_unknown", "It is no text; save it as .xlsx or CSV.")
    return "json" if JSON.match(text) else "csv"
