"""Files made to harm: refused within bounded memory and time; and any bytes at all give a table or a refusal."""

from __future__ import annotations

import io
import json
import random
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import duckdb
import openpyxl
import pytest
import xlwt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rosters import header, pupil, write_roster

from edu.contract import get_contract
from edu.errors import RejectedFileError
from ingest.inbox import discover
from ingest.readers import peek_title, read

NAMES = header("student", "template")
CONTRACT = get_contract("student")
CHILD = """
import json, resource, sys, tempfile
from pathlib import Path
import duckdb
from edu.contract import get_contract
from edu.errors import RejectedFileError
from ingest.inbox import discover
from ingest.readers import peek_title, read
resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
for name in sys.argv[1:]:
    with duckdb.connect(config={"threads": 1, "memory_limit": "300MB"}) as c, tempfile.TemporaryDirectory() as scratch:
        try:
            source = discover(Path(name))[0]
            peek_title(source)
            result = read(source, get_contract("student"), None, c, Path(scratch), "raw")
            said = sum(c.execute(f"select count(*) from ({t.relation})").fetchone()[0] for t in result.tables)
        except RejectedFileError as error:
            said = error.reason_code
    # Not ru_maxrss: it starts with what the process that began this one had.
    peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(json.dumps([Path(name).name, said, peak // 1024]))
"""
PEAK_MB = 700


def workbook(rows: str, more: str = "") -> dict[str, str]:
    """Return the parts of a workbook whose sheet has these rows."""
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    links = "http://schemas.openxmlformats.org/package/2006/relationships"
    return {
        "[Content_Types].xml": "<Types/>",
        "xl/workbook.xml": f'<workbook {main} xmlns:r="{office}"><sheets><sheet name="学生信息" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{links}"><Relationship Id="rId1" Type="{office}/worksheet" '
        'Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f"<worksheet {main}>{more}<sheetData>{rows}</sheetData></worksheet>",
    }


def row(number: int, values: list[str]) -> str:
    from ingest.readers.xlsx import column_letters

    cells = "".join(
        f'<c r="{column_letters(i)}{number}" t="inlineStr"><is><t>{v}</t></is></c>' for i, v in enumerate(values)
    )
    return f'<row r="{number}">{cells}</row>'


def pupil_values() -> list[str]:
    return [pupil(1)[spec.name] or "" for spec in CONTRACT.profile_fields("template")]


def table() -> str:
    return row(1, NAMES) + row(2, pupil_values())


def save(path: Path, parts: dict[str, str], **changes: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**parts, **changes}.items():
            archive.writestr(name, content)
    return path


def bomb(path: Path) -> None:
    """A sheet that unpacks to 5 GB of blanks."""
    parts = workbook(table())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in parts.items():
            if not name.endswith("sheet1.xml"):
                archive.writestr(name, content)
        with archive.open("xl/worksheets/sheet1.xml", "w") as out:
            for _ in range(160):
                out.write(b" " * (1 << 20))


def lying(path: Path) -> None:
    """A directory that says the sheet is small."""
    save(path, workbook(table() + " " * (40 << 20)))
    content = bytearray(path.read_bytes())
    at = content.rfind(b"PK\1\2")
    assert content[at + 46 : at + 46 + 24] == b"xl/worksheets/sheet1.xml"
    struct.pack_into("<L", content, at + 24, 1000)
    path.write_bytes(content)


def overlapping(path: Path) -> None:
    """Two entries over the same bytes."""
    parts = workbook(table())
    save(path, {**parts, "xl/worksheets/sheet2.xml": parts["xl/worksheets/sheet1.xml"]})
    content = bytearray(path.read_bytes())
    first = content.find(b"PK\1\2", content.rfind(b"PK\3\4"))
    places = []
    while first >= 0:
        places.append(first)
        first = content.find(b"PK\1\2", first + 1)
    offset = struct.unpack_from("<L", content, places[-2] + 42)[0]
    struct.pack_into("<L", content, places[-1] + 42, offset)
    path.write_bytes(content)


def many_entries(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in workbook(table()).items():
            archive.writestr(name, content)
        for number in range(12_000):
            archive.writestr(f"x/{number}", "")


def with_doctype(part: str) -> Callable[[Path], None]:
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))
    declared = f'<!DOCTYPE x [<!ENTITY l0 "ha"><!ENTITY out SYSTEM "file:///etc/hostname">{laughs}]>'

    def write(path: Path) -> None:
        parts = workbook(row(1, NAMES) + row(2, ["&l11;&out;"] * len(NAMES)))
        save(path, {**parts, part: declared + parts[part]})

    return write


def text(content: str | bytes) -> Callable[[Path], None]:
    return lambda path: (path.write_bytes(content.encode() if isinstance(content, str) else content), None)[1]


def page(content: str) -> str:
    return f"<html><table><tr>{''.join(f'<td>{n}</td>' for n in NAMES)}</tr>{content}</table></html>"


CASES: dict[str, tuple[Callable[[Path], object], object]] = {
    "bomb.xlsx": (bomb, "file_too_large"),
    "lying.xlsx": (lying, "file_unreadable"),
    "overlapping.xlsx": (overlapping, "file_unsafe"),
    "entries.xlsx": (many_entries, "file_too_large"),
    "path.xlsx": (lambda p: save(p, {**workbook(table()), "../../etc/cron.d/x": "x"}), "file_unsafe"),
    "laughs_sheet.xlsx": (with_doctype("xl/worksheets/sheet1.xml"), "file_unsafe"),
    "laughs_book.xlsx": (with_doctype("xl/workbook.xml"), "file_unsafe"),
    "dimension.xlsx": (lambda p: save(p, workbook(table(), '<dimension ref="A1:XFD1048576"/>')), 1),
    "far_cell.xlsx": (
        lambda p: save(p, workbook(table() + '<row r="1048576"><c r="XFD1048576" t="str"><v> </v></c></row>')),
        1,
    ),
    "far_merge.xlsx": (
        lambda p: save(
            p,
            {
                **workbook(table()),
                "xl/worksheets/sheet1.xml": workbook(table())["xl/worksheets/sheet1.xml"].replace(
                    "</sheetData>", '</sheetData><mergeCells><mergeCell ref="A2:A1048576"/></mergeCells>'
                ),
            },
        ),
        1,
    ),
    "wide.xlsx": (lambda p: save(p, workbook(row(1, NAMES + ["x"] * 16_000) + row(2, pupil_values()))), 1),
    "long_cell.xlsx": (
        lambda p: save(p, workbook(row(1, NAMES) + row(2, ["x" * (40 << 20)]))),
        "file_too_large",
    ),
    "lost_part.xlsx": (
        lambda p: save(p, {k: v for k, v in workbook(table()).items() if "sheet1" not in k}),
        "file_empty",
    ),
    "columns.csv": (text(",".join(NAMES + ["x"] * 2_000_000)), {"file_too_large", "header_not_found"}),
    "nul.csv": (text(",".join(NAMES) + "\n" + "\0" * 100), "format_unknown"),
    "line.csv": (text(",".join(NAMES) + "\n" + "x" * (60 << 20)), "file_too_large"),
    "quotes.csv": (text(",".join(NAMES) + "\n" + '"a\n' * 1_000_000), "table_uneven"),
    "spans.xls": (text(page("<tr>" + "<td colspan=65534 rowspan=65534>x</td>" * 3_000 + "</tr>")), {0, 1}),
    "deep.xls": (text(page("<tr><td>" + "<table><tr><td>" * 3_000 + "x")), None),
    "xml.xls": (
        text(
            '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
            '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"><t>&b;</t></Workbook>'
        ),
        "file_unsafe",
    ),
    "gzip.csv": (text(zlib.compress(b"x")[:0] + b"\x1f\x8b\x08" + bytes(50)), "format_unknown"),
    "pdf.xlsx": (text(b"%PDF-1.7 \x00"), "format_unknown"),
    "cut.xlsx": (text(b"PK\x03\x04" + bytes(100)), "file_unreadable"),
    "wide.parquet": (text(b"PAR1" + b"\xff" * 1000 + struct.pack("<L", 2**31 - 1) + b"PAR1"), "file_unreadable"),
}


def test_files_made_to_harm(tmp_path: Path) -> None:
    """All of them in one process of 6 GB of addresses: its peak memory and time hold for each."""
    paths = []
    for name, (write, _) in CASES.items():
        write(tmp_path / name)
        paths.append(str(tmp_path / name))
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", CHILD, *paths], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    said = {name: (outcome, peak) for name, outcome, peak in map(json.loads, done.stdout.splitlines())}
    wrong = {
        name: said[name]
        for name, (_, expected) in CASES.items()
        if expected is not None and said[name][0] not in (expected if isinstance(expected, set) else {expected})
    }
    assert wrong == {}
    assert max(peak for _, peak in said.values()) < PEAK_MB, said
    assert time.monotonic() - started < 120
    assert not (tmp_path.parent / "etc").exists()


@cache
def samples() -> dict[str, bytes]:
    """Return one small valid file of each format."""
    made = openpyxl.Workbook()
    sheet = made.active
    assert sheet is not None
    sheet.append(NAMES)
    sheet.append(pupil_values())
    xlsx = io.BytesIO()
    made.save(xlsx)
    old = xlwt.Workbook()
    old_sheet = old.add_sheet("学生信息")
    for number, values in enumerate((NAMES, pupil_values())):
        for column, value in enumerate(values):
            old_sheet.write(number, column, value)
    xls = io.BytesIO()
    old.save(xls)
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        for name, content in workbook(table()).items():
            archive.writestr(name, content)
    columns = ", ".join(f"'{value}' as \"{name}\"" for name, value in zip(NAMES, pupil_values(), strict=True))
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        duckdb.execute(f"copy (select {columns}) to '{folder}/p' (format parquet)")
        parquet = (Path(folder) / "p").read_bytes()
        roster = write_roster(Path(folder) / "r.csv", [pupil(1), pupil(3)]).read_bytes()
    body = "".join(f"<td>{value}</td>" for value in pupil_values())
    return {
        "xlsx": xlsx.getvalue(),
        "stored": stored.getvalue(),
        "xls": xls.getvalue(),
        "parquet": parquet,
        "csv": roster,
        "html": page(f"<tr>{body}</tr>").encode(),
    }


def outcome(folder: Path, content: bytes) -> None:
    """Read the bytes: a table with fields of the contract, or a refusal; nothing else may come out."""
    path = folder / "upload"
    path.write_bytes(content)
    peek_title(discover(path)[0])
    known = {spec.name for spec in CONTRACT.fields}
    with duckdb.connect(config={"threads": 1}) as connection:
        try:
            result = read(discover(path)[0], CONTRACT, None, connection, folder, "raw")
        except RejectedFileError as error:
            refusal = error
            result = None
        if result is None:
            assert refusal.reason_code
            return
        for found in result.tables:
            assert found.fields
            assert set(found.fields) <= known
            connection.execute(f"select count(*), max(row_number) from ({found.relation})").fetchall()


@pytest.mark.parametrize("kind", sorted(samples()))
@settings(max_examples=40, deadline=10_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), changes=st.integers(1, 8))
def test_a_damaged_file_is_read_or_refused(tmp_path: Path, kind: str, seed: int, changes: int) -> None:
    """Bytes flipped, cut out, doubled, or the file cut short."""
    chance = random.Random(seed)
    content = bytearray(samples()[kind])
    for _ in range(changes):
        at = chance.randrange(max(1, len(content)))
        match chance.randrange(5):
            case 0:
                content[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del content[at : at + chance.randrange(1, 64)]
            case 2:
                piece = content[at : at + chance.randrange(1, 64)]
                content[at:at] = piece
            case 3:
                content[at : at + 4] = struct.pack("<L", chance.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF)))
            case _:
                del content[max(4, len(content) - chance.randrange(200)) :]
    outcome(tmp_path, bytes(content))


@settings(max_examples=150, deadline=10_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.sampled_from(
        [
            b"",
            b"PK\x03\x04",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            b"PAR1",
            b"<html><table>",
            b"\xff\xfe",
            b"\xef\xbb\xbf",
        ]
    ),
    rest=st.binary(max_size=2_000),
)
def test_any_bytes_are_refused_or_read(tmp_path: Path, start: bytes, rest: bytes) -> None:
    outcome(tmp_path, start + rest)
