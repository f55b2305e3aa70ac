"""What a file is by its bytes; its suffix is never believed."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Literal

from edu.errors import RejectedFileError

Kind = Literal["xlsx", "parquet", "csv"]

OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
ZIP_ENTRIES_MAXIMUM = 10_000
UNPACKED_BYTES_MAXIMUM = 2 << 30
RATIO_MAXIMUM = 400
RATIO_FROM_BYTES = 64 << 20
"""Below this unpacked size a high ratio is an ordinary sparse sheet."""
UTF16 = (b"\xff\xfe", b"\xfe\xff")


def kind_of(path: Path) -> Kind:
    """Return the format of a file.

    Raises:
        RejectedFileError: it is empty, encrypted, broken, hostile, or of a format that is not read.
    """
    with path.open("rb") as stream:
        head = stream.read(8192)
    if not head:
        raise RejectedFileError(path.name, "file_empty", "Send the file again with its content.")
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(OLE2):
        return _ole2(path)
    if head.startswith(b"PK\x03\x04"):
        return _zip(path)
    stripped = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if stripped.startswith((b"<!doctype html", b"<html", b"<table", b"<?xml", b"%pdf", b"{\\rtf")):
        raise RejectedFileError(path.name, "format_unknown", "Save it as .xlsx or CSV and send it again.")
    if b"\0" in head and not head.startswith(UTF16):
        raise RejectedFileError(path.name, "format_unknown", "It is no text; save it as .xlsx or CSV.")
    return "csv"


def _ole2(path: Path) -> Kind:
    if ENCRYPTED_PACKAGE in path.read_bytes():
        raise RejectedFileError(
            path.name, "workbook_encrypted", "Remove the password and send it through the protected channel."
        )
    raise RejectedFileError(path.name, "file_unreadable", "It is an old .xls workbook; save it as .xlsx.")


def _zip(path: Path) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise RejectedFileError(path.name, "file_unreadable", "The workbook is broken; save it again.") from None
    unpacked = sum(entry.file_size for entry in entries)
    packed = max(1, sum(entry.compress_size for entry in entries))
    is_bomb = unpacked > RATIO_FROM_BYTES and unpacked / packed > RATIO_MAXIMUM
    if len(entries) > ZIP_ENTRIES_MAXIMUM or unpacked > UNPACKED_BYTES_MAXIMUM or is_bomb:
        raise RejectedFileError(path.name, "file_too_large", "Its content is larger than is accepted; split it.")
    if not any(entry.filename == "xl/workbook.xml" for entry in entries):
        raise RejectedFileError(path.name, "format_unknown", "The archive is no .xlsx workbook.")
    return "xlsx"
