"""Rosters of other systems: OneRoster and School Data Sync bundles, as folders or zip files, and what they say of themselves.

The form is told by the names of the files. Names inside a zip are data: only their last part is used, and nothing is
unpacked by them.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

from edu.errors import RejectedFileError

Form = Literal["oneroster", "sds", "sds_v1"]
"""`sds` is School Data Sync v2 and v2.1, whose files are named as in OneRoster; `sds_v1` its first form and the UK's."""

ENTRIES_MAXIMUM = 200
UNPACKED_BYTES_MAXIMUM = 2 << 30
RATIO_MAXIMUM = 400
RATIO_FROM_BYTES = 64 << 20
MANIFEST_BYTES_MAXIMUM = 1 << 20
CHUNK_BYTES = 1 << 20
VERSIONS = ("1.1", "1.2")
DELIMITERS = (",", ";", "\t", "|")
FILES_OF = {
    "school": ("orgs",),
    "class": ("classes", "courses", "enrollments"),
    "staff": ("users", "roles", "demographics"),
    "student": ("users", "roles", "enrollments", "demographics"),
}
"""Dataset to the files that feed it, the one that it cannot do without first."""
V1_FILES_OF = {
    "school": ("school",),
    "class": ("section", "studentenrollment", "teacherroster"),
    "staff": ("teacher",),
    "student": ("student", "studentenrollment"),
}
ONEROSTER_FILES = frozenset(
    (
        *("manifest", "academicsessions", "categories", "classes", "classresources", "courses", "courseresources"),
        *("demographics", "enrollments", "lineitems", "orgs", "relationships", "resources", "results", "roles"),
        *("lineitemlearningobjectiveids", "lineitemscorescales", "resultlearningobjectiveids", "resultscorescales"),
        *("courseflags", "scorescales", "userflags", "userprofiles", "userresources", "users"),
    )
)
"""Files that OneRoster CSV 1.1 and 1.2 and School Data Sync v2 and v2.1 have, read or not; lower case, without suffix."""
PLACING = ("role", "primaryorgsourcedid", "orgsourcedid", "orgsourcedids")
"""Columns of users that say, by letters, what a user is or where; without them and without roles nobody is placed."""
FILES_MISSING = "roster_files_missing"
"""Reason of the refusal of a bundle whose files only add to others that it lacks."""
SDS_V1_FILES = frozenset(
    ("school", "section", "student", "teacher", "studentenrollment", "teacherroster", "user", "guardianrelationship")
)


@dataclass(frozen=True)
class Roster:
    """What a bundle is."""

    form: Form
    system: str | None = None
    """Name of the system that sent it, from the manifest, else the submitter."""
    coverages: Mapping[str, str] = field(default_factory=dict)
    """Dataset that the bundle feeds to full, partial or delta."""
    absent: frozenset[str] = frozenset()
    """Files that the manifest declares absent; they are not read even where they lie there."""

    @property
    def profile(self) -> str:
        return "oneroster" if self.form == "oneroster" else "sds"


def stem(name: str) -> str:
    """Return a file's name in the bundle without folder, suffix and case."""
    return re.split(r"[\\/]", name)[-1].lower().removesuffix(".csv")


def form_of(names: Iterable[str]) -> Form | None:
    """Return the form of a roster by its files' names; null where they are no roster."""
    known = {stem(name) for name in names if name.lower().endswith(".csv")}
    if "manifest" in known and known & (ONEROSTER_FILES - {"manifest"}):
        return "oneroster"
    if known >= {"orgs", "users"}:
        return "sds"
    if "school" in known and known & {"section", "student", "teacher"}:
        return "sds_v1"
    return None


def form_of_zip(path: Path) -> Form | None:
    """Return the form of a roster in a zip; null where it is none or cannot be opened."""
    try:
        with zipfile.ZipFile(path) as archive:
            return form_of(entry.filename for entry in archive.infolist() if not entry.is_dir())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return None


def _refuse(path: Path, reason_code: str, what_to_do: str) -> RejectedFileError:
    return RejectedFileError(path.name, reason_code, what_to_do)


def _entries(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the CSV entries of a zip by stem.

    Raises:
        RejectedFileError: it is a bomb, encrypted, or holds two files of one name.
    """
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    unpacked = sum(entry.file_size for entry in entries)
    packed = max(1, sum(entry.compress_size for entry in entries))
    is_bomb = unpacked > RATIO_FROM_BYTES and unpacked / packed > RATIO_MAXIMUM
    if len(entries) > ENTRIES_MAXIMUM or unpacked > UNPACKED_BYTES_MAXIMUM or is_bomb:
        raise _refuse(path, "file_too_large", "Its content is larger than is accepted; split it.")
    found: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        if not entry.filename.lower().endswith(".csv") or stem(entry.filename).startswith("._"):
            continue
        if entry.flag_bits & 1:
            raise _refuse(path, "workbook_encrypted", "Remove the password and send it through the protected channel.")
        if stem(entry.filename) in found:
            raise _refuse(path, "bundle_inconsistent", f"It holds {stem(entry.filename)}.csv twice; send one.")
        found[stem(entry.filename)] = entry
    return found


class Bundle:
    """The files of an open roster, by stem."""

    def __init__(self, path: Path, archive: zipfile.ZipFile | None) -> None:
        self.path = path
        self._archive = archive
        if archive is not None:
            self._entries = _entries(path, archive)
            self.names = frozenset(self._entries)
        else:
            self._files: dict[str, Path] = {}
            for item in sorted(path.iterdir()):
                if item.suffix.lower() == ".csv" and item.is_file():
                    if stem(item.name) in self._files:
                        raise _refuse(path, "bundle_inconsistent", f"It holds {stem(item.name)}.csv twice; send one.")
                    self._files[stem(item.name)] = item
            self.names = frozenset(self._files)

    def _open(self, name: str) -> IO[bytes]:
        return self._archive.open(self._entries[name]) if self._archive else self._files[name].open("rb")

    def copy(self, name: str, folder: Path, already: int = 0) -> Path:
        """Write one file as `<name>.csv` into a private folder; return its path.

        Raises:
            RejectedFileError: it is broken, or larger than the zip declares.
        """
        target = folder / f"{name}.csv"
        size = already
        try:
            with self._open(name) as stream, target.open("wb") as out:
                target.chmod(0o600)
                while piece := stream.read(CHUNK_BYTES):
                    size += len(piece)
                    if size > UNPACKED_BYTES_MAXIMUM:
                        raise _refuse(self.path, "file_too_large", "Its content is larger than is accepted; split it.")
                    out.write(piece)
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            raise _refuse(
                self.path, "file_unreadable", f"{name}.csv is broken ({type(error).__name__}); send it again."
            ) from None
        return target

    def text(self, name: str) -> str:
        """Return the beginning of one small file as text, in any encoding that the other files may have."""
        try:
            with self._open(name) as stream:
                content = stream.read(MANIFEST_BYTES_MAXIMUM)
            is_wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
            return content.decode("utf-16" if is_wide else "utf-8-sig", errors="replace")
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
            raise _refuse(
                self.path, "file_unreadable", f"{name}.csv is broken ({type(error).__name__}); send it again."
            ) from None


@contextmanager
def open_bundle(path: Path) -> Iterator[Bundle]:
    """Open a folder or zip.

    Raises:
        RejectedFileError: the zip cannot be opened, or is hostile.
    """
    if path.is_dir():
        yield Bundle(path, None)
        return
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise _refuse(path, "file_unreadable", "The zip is broken; send it again.") from None
    with archive:
        yield Bundle(path, archive)


def _slug(text: str) -> str | None:
    slug = re.sub(r"[^a-z0-9_-]+", "-", text.strip().lower()).strip("-")[:40]
    return slug or None


def delimiter_of(header: str) -> str:
    """Return what parts the cells of a header: whatever gives the most of them, a comma before the others."""
    try:
        return max(DELIMITERS, key=lambda mark: len(next(csv.reader([header], delimiter=mark), [])))
    except csv.Error:  # No header; the reader says what is wrong with it.
        return DELIMITERS[0]


def _properties(text: str) -> dict[str, str]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(next(iter(text.lstrip().splitlines()), "")))
    return {row[0].strip().lower(): row[1].strip() for row in rows if len(row) > 1}


def _shown(name: str) -> str:
    """Return the name of a file where the standard has one of it; what else a manifest holds may be anything."""
    return f"{name}.csv" if name in ONEROSTER_FILES else "a file"


def _files_missing(path: Path, what: str) -> RejectedFileError:
    advice = "a change of a pupil needs his records in users, roles and enrollments, of staff in users and roles"
    return _refuse(
        path, FILES_MISSING, f"{what}; {advice}, of a class in classes, with its primary teacher's enrollment."
    )


def _says_no_place(path: Path) -> bool:
    """Whether the header of a bundle's users has no column that says what a user is, or where."""
    with open_bundle(path) as bundle:
        header = next(iter(bundle.text("users").lstrip().splitlines()), "")
    letters = {re.sub(r"[^0-9a-z]", "", cell.lower()) for cell in header.split(delimiter_of(header))}
    return bool(header) and not letters & set(PLACING)


def describe(path: Path, form: Form) -> Roster:
    """Return what a bundle says of itself: its system, and for each dataset whether it is all or a change.

    A manifest is believed: a file that it declares absent is not read, and one that it declares must be there. Without
    one every file is bulk. The registry of schools is never replaced by a roster: its rows are merged one by one.

    Raises:
        RejectedFileError: the manifest names a version that is not read or a file that is not there, or the files that
            are left only add to others.
    """
    with open_bundle(path) as bundle:
        properties = _properties(bundle.text("manifest")) if "manifest" in bundle.names else {}
        names = bundle.names
    # Without what it says, a change would be taken for the whole and supersede it.
    if "manifest" in names and not any(key == "oneroster.version" or key.startswith("file.") for key in properties):
        raise _refuse(path, "bundle_inconsistent", "Its manifest.csv cannot be read; send it as the standard has it.")
    version = properties.get("oneroster.version")
    if version and not version.startswith(VERSIONS):
        told = f"OneRoster {version}" if re.fullmatch(r"\d(\.\d)*", version) else "Its version"
        raise _refuse(path, "bundle_inconsistent", f"{told} is not read; send 1.1 or 1.2.")
    modes = {
        key.split(".", 1)[1].lower(): value.lower() for key, value in properties.items() if key.startswith("file.")
    }
    for name, mode in modes.items():
        if mode not in ("absent", "bulk", "delta"):
            # What stands there may be anything, and is not repeated.
            raise _refuse(
                path, "bundle_inconsistent", "The mode of a file in its manifest is none of absent, bulk or delta."
            )
        if mode != "absent" and name not in names:
            raise _refuse(
                path, "bundle_inconsistent", f"The manifest declares {_shown(name)}, which is not there; add it."
            )
    absent = frozenset(name for name, mode in modes.items() if mode == "absent")
    coverages = {}
    for dataset, files in (V1_FILES_OF if form == "sds_v1" else FILES_OF).items():
        present = [name for name in files if name in names - absent]
        if files[0] not in present and not (dataset in ("staff", "student") and "roles" in present):
            continue
        is_delta = any(modes.get(name) == "delta" for name in present)
        coverages[dataset] = "delta" if is_delta else "partial" if dataset == "school" else "full"
    if not coverages:
        raise _files_missing(path, "It has none of orgs, classes and users")
    if coverages.keys() <= {"staff", "student"} and "roles" not in names - absent and _says_no_place(path):
        raise _files_missing(path, "users.csv says neither role nor school, and there is no roles.csv")
    return Roster(form, _slug(properties.get("source.systemcode", "")), coverages, absent)
