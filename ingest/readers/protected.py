"""Workbooks with a password: opened where the sender gave it, else refused with how to send them instead.

The password is held in memory for as long as the file is read. It is written nowhere: not to the archive's manifest,
not to a receipt, not to a log.
"""

from __future__ import annotations

import struct
from pathlib import Path

import msoffcrypto
import olefile

from edu.errors import RejectedFileError
from ingest.readers.guard import unreadable

LOCKED = ("workbook_encrypted", "password_wrong")
"""Reasons of a refusal that another password, or one at all, may undo."""
FILE_BYTES_MAXIMUM = 256 << 20
SPIN_MAXIMUM = 1_000_000
"""Office asks for 100,000 rounds; a file that asks for far more means to keep the machine busy."""
HEAD_BYTES = 1 << 20
ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
FILEPASS = 0x002F


def is_protected(path: Path) -> bool:
    """Whether an OLE2 file is an encrypted .xlsx package or an old workbook under a password."""
    try:
        return _is_protected(path)
    except RejectedFileError:
        # A cut-off file still says that it was encrypted, which is the better advice.
        with path.open("rb") as stream:
            if ENCRYPTED_PACKAGE in stream.read(HEAD_BYTES):
                return True
        raise


def _is_protected(path: Path) -> bool:
    with unreadable(path.name), olefile.OleFileIO(str(path)) as ole:
        names = ["/".join(entry) for entry in ole.listdir()]
        if "EncryptedPackage" in names:
            return True
        name = next((item for item in names if item.lower() in ("workbook", "book")), None)
        if name is None:
            return False
        head = ole.openstream(name).read(4096)
    return has_password_record(head)


def has_password_record(head: bytes) -> bool:
    """Whether the first records of an old workbook's stream hold the one that says how it is encrypted."""
    at = 0
    while at + 4 <= len(head):
        kind, length = struct.unpack_from("<HH", head, at)
        if kind == FILEPASS:
            return True
        if kind == 0:
            # No record of a workbook: noughts stand where the opened form had the record of its password.
            return False
        at += 4 + length
    return False


def opened(path: Path, password: str | None, scratch: Path, name: str) -> Path:
    """Write the opened workbook into the private folder `scratch` and return its path.

    Raises:
        RejectedFileError: there is no password, it is wrong, or the file cannot be opened.
    """
    if not password:
        raise RejectedFileError(
            path.name,
            "workbook_encrypted",
            "Send it without a password through the protected channel, or give the password in <file>.meta.json.",
        )
    if path.stat().st_size > FILE_BYTES_MAXIMUM:
        raise RejectedFileError(path.name, "file_too_large", "Split it and send the parts.")
    target = scratch / f"{name}.opened"
    with unreadable(path.name), path.open("rb") as stream:
        office = msoffcrypto.OfficeFile(stream)
        info = getattr(office, "info", None) or {}
        if int(info.get("spinValue", 0)) > SPIN_MAXIMUM:
            raise RejectedFileError(path.name, "file_unsafe", "Save it as a new .xlsx workbook and send that.")
        try:
            office.load_key(password=password, verify_password=True)
            target.touch(mode=0o600)
            with target.open("wb") as out:
                office.decrypt(out)
        except (msoffcrypto.exceptions.InvalidKeyError, msoffcrypto.exceptions.DecryptionError):
            raise RejectedFileError(
                path.name, "password_wrong", "Give the password of this workbook and send it again."
            ) from None
    return target
