"""Files that a disk cut or emptied: told by name, and landed again where the archive has what they were made of."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from rosters import SCHOOL, pupil, write_roster
from typer.testing import CliRunner

from edu import runs, vault
from edu.batches import LakeBrokenError, ReceiptsBrokenError, RecordsBrokenError, broken, named_if_broken
from edu.cli import app
from edu.duck import connect
from edu.errors import EduError, ExitCode
from edu.paths import Home
from edu.pseudonym import load_key
from edu.vault import VaultError
from ingest import archive, lake
from ingest.landing import collect
from ingest.replay import UnmendableError, findings, mend, receipts, verify
from ingest.submission import Options
from ingest.withdrawal import withdraw
from warehouse.status import status

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "overwritten": lambda content: content[:4] + bytes(len(content) - 8) + content[-4:],
}


def land(home: Home, file: Path, period: str) -> str:
    """Land a roster of one school; return its submission."""
    options = Options(dataset="student", org=SCHOOL, period=period)
    [receipt] = collect([file], home=home, options=options).receipts
    return str(receipt.submission_id)


@pytest.fixture
def two(edu_home: Home, tmp_path: Path) -> tuple[str, str]:
    """Two landings; of the first, one of three rows is quarantined and has a finding."""
    rows = [pupil(1), pupil(2), pupil(3, grade_code="99")]
    first = land(edu_home, write_roster(tmp_path / "a.csv", rows), "2024-2025/1")
    return first, land(edu_home, write_roster(tmp_path / "b.csv", [pupil(4)]), "2024-2025/2")


def file_of(home: Home, pattern: str, submission: str) -> Path:
    """Return the file that the one landing of a submission wrote."""
    [landing] = receipts(home, submission)
    [path] = home.root.glob(pattern.format(batch=landing["batch_id"]))
    return path


def damage(path: Path, how: str) -> bytes:
    """Damage a file; return what it was."""
    content = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(DAMAGES[how](content))
    return content


def said(*arguments: str) -> str:
    """Run a command that fails with a message for people; return it."""
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=True)
    assert result.exit_code == ExitCode.RUNTIME
    assert isinstance(result.exception, SystemExit | EduError), result.exception
    return result.output + str(result.exception)


def private_rows(home: Home) -> list[tuple[object, ...]]:
    """Return what the vault and its segments hold of rows."""
    with vault.reading(home, load_key(home)) as connection:
        return connection.execute("select * from person_row order by all").fetchall()


def quarantined(home: Home) -> list[tuple[object, ...]]:
    """Return what was set aside."""
    with connect(extensions=("httpfs",)) as connection:
        lake.use_quarantine_key(connection, load_key(home))
        return lake.read_quarantine(connection, home).order("all").fetchall()


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("pattern", ["lake/student/*/{batch}.parquet", "runs/finding/{batch}.parquet"])
def test_verify_names_the_submissions_of_a_file_that_cannot_be_read(
    edu_home: Home, two: tuple[str, str], pattern: str, how: str
) -> None:
    path = file_of(edu_home, pattern, two[0])
    before = damage(path, how)
    done = verify(edu_home)
    assert (done.submissions, done.differing) == (2, [two[0]])
    text = said("replay", "--all", "--verify")
    assert two[0] in text
    assert two[1] not in text
    assert mend(edu_home).submissions == 1
    assert path.read_bytes() == before
    assert verify(edu_home).differing == []


@pytest.mark.parametrize("how", DAMAGES)
def test_receipts_that_cannot_be_read_are_named_whoever_asks(
    edu_home: Home, two: tuple[str, str], tmp_path: Path, how: str
) -> None:
    path = file_of(edu_home, "runs/submission/{batch}.parquet", two[1])
    before = damage(path, how)
    another = write_roster(tmp_path / "c.csv", [pupil(5)])
    for ask in (
        lambda: verify(edu_home),
        lambda: mend(edu_home),
        lambda: receipts(edu_home, two[0]),
        lambda: status(edu_home),
        lambda: land(edu_home, another, "2023-2024/1"),
    ):
        with pytest.raises(ReceiptsBrokenError, match=path.name):
            ask()
    assert another.exists()
    path.write_bytes(before)
    assert verify(edu_home).differing == []


@pytest.mark.parametrize("how", DAMAGES)
def test_units_that_cannot_be_read_stop_a_landing_until_they_are_mended(
    edu_home: Home, two: tuple[str, str], tmp_path: Path, how: str
) -> None:
    path = file_of(edu_home, "runs/unit/{batch}.parquet", two[0])
    before = damage(path, how)
    another = write_roster(tmp_path / "c.csv", [pupil(5)])
    with pytest.raises(
        LakeBrokenError, match=re.escape(f"runs/unit/{path.name} cannot be read. Run edu replay --mend")
    ):
        land(edu_home, another, "2023-2024/1")
    mend(edu_home)
    assert path.read_bytes() == before
    assert land(edu_home, another, "2023-2024/1") in {row["submission_id"] for row in receipts(edu_home)}


def test_findings_that_cannot_be_read_are_named(edu_home: Home, two: tuple[str, str]) -> None:
    [landing] = receipts(edu_home, two[0])
    path = file_of(edu_home, "runs/finding/{batch}.parquet", two[0])
    damage(path, "cut")
    with pytest.raises(LakeBrokenError, match=path.name):
        findings(edu_home, two[0], landing["batch_id"])
    with pytest.raises(LakeBrokenError, match=path.name):
        status(edu_home)


def test_a_withdrawal_that_cannot_be_read_is_no_receipt_and_nothing_mends_it(
    edu_home: Home, two: tuple[str, str], tmp_path: Path
) -> None:
    withdraw(edu_home, two[1], by="steward", reason="the wrong file")
    [path] = [each for each in edu_home.runs.glob("withdrawal/*.parquet") if not each.name.startswith("_")]
    damage(path, "cut")
    another = write_roster(tmp_path / "c.csv", [pupil(5)])
    for ask in (lambda: mend(edu_home), lambda: land(edu_home, another, "2023-2024/1")):
        with pytest.raises(RecordsBrokenError, match=f"runs/withdrawal/{path.name} cannot be read. Restore") as caught:
            ask()
        assert not isinstance(caught.value, ReceiptsBrokenError)


def test_a_decision_that_cannot_be_read_stops_a_landing_by_name(edu_home: Home, tmp_path: Path) -> None:
    runs.append(edu_home, "correction", "k1", [dict.fromkeys(runs.RUN_SCHEMAS["correction"].names, None)])
    damage(edu_home.runs / "correction" / "k1.parquet", "cut")
    with pytest.raises(RecordsBrokenError, match=r"runs/correction/k1\.parquet cannot be read"):
        land(edu_home, write_roster(tmp_path / "c.csv", [pupil(5)]), "2023-2024/1")


@pytest.mark.parametrize("how", DAMAGES)
def test_a_landing_whose_record_of_files_cannot_be_read_is_landed_again(
    edu_home: Home, two: tuple[str, str], how: str
) -> None:
    path = file_of(edu_home, "runs/batch_file/{batch}.parquet", two[0])
    before = damage(path, how)
    assert [(file.path, file.problem) for file in broken(edu_home)] == [
        (f"runs/batch_file/{path.name}", "cannot be read")
    ]
    assert mend(edu_home).submissions == 1
    assert path.read_bytes() == before
    assert broken(edu_home) == []


def test_what_fails_for_another_reason_is_not_put_to_the_files(edu_home: Home, two: tuple[str, str]) -> None:
    path = file_of(edu_home, "runs/submission/{batch}.parquet", two[0])
    with pytest.raises(duckdb.BinderException), named_if_broken(edu_home, "submission"):
        duckdb.execute(f"select no_such_column from read_parquet('{path}')")


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize(
    "pattern", ["vault/segments/{batch}.parquet", "vault/match/{batch}.parquet", "quarantine/{batch}.parquet"]
)
def test_an_encrypted_file_that_cannot_be_read_is_told_and_written_again(
    edu_home: Home, two: tuple[str, str], pattern: str, how: str
) -> None:
    path = file_of(edu_home, pattern, two[0])
    names, raw = private_rows(edu_home), quarantined(edu_home)
    # Three pupils: two accepted in the first file, one in the second, each with a name; one row was set aside.
    assert (len([row for row in names if row[3] == "name"]), len(raw)) == (3, 1)
    damage(path, how)
    assert verify(edu_home).differing == [two[0]]
    assert verify(edu_home, two[1]).differing == []
    done = mend(edu_home)
    assert (done.landings, done.submissions) == (1, 1)
    assert (private_rows(edu_home), quarantined(edu_home)) == (names, raw)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert verify(edu_home).differing == []
    assert mend(edu_home).landings == 0


def test_a_segment_that_is_not_there_is_lost_unless_the_vault_took_it_in(edu_home: Home, two: tuple[str, str]) -> None:
    names = private_rows(edu_home)
    file_of(edu_home, "vault/segments/{batch}.parquet", two[0]).unlink()
    assert verify(edu_home).differing == [two[0]]
    assert mend(edu_home).submissions == 1
    assert private_rows(edu_home) == names
    vault.merge_segments(edu_home, load_key(edu_home))
    assert not list(edu_home.vault.glob("segments/*.parquet"))
    assert verify(edu_home).differing == []
    assert mend(edu_home).landings == 0
    # Quarantine goes by retention, and nothing asks for it.
    file_of(edu_home, "quarantine/{batch}.parquet", two[0]).unlink()
    assert verify(edu_home).differing == []


def test_an_encrypted_file_that_the_archive_cannot_give_again_is_never_taken_as_it_is(
    edu_home: Home, two: tuple[str, str]
) -> None:
    damage(file_of(edu_home, "vault/segments/{batch}.parquet", two[0]), "cut")
    file_of(edu_home, "runs/batch_file/{batch}.parquet", two[0]).unlink()
    archive.manifest_path(edu_home, two[0]).unlink()
    with pytest.raises(UnmendableError, match=two[0]):
        mend(edu_home)


@pytest.mark.parametrize("how", DAMAGES)
def test_a_merge_names_the_segment_that_cannot_be_read_and_loses_nothing(
    edu_home: Home, two: tuple[str, str], how: str
) -> None:
    names = private_rows(edu_home)
    path = file_of(edu_home, "vault/segments/{batch}.parquet", two[0])
    damage(path, how)
    with pytest.raises(VaultError, match=rf"{path.name} .*edu replay --mend"):
        vault.merge_segments(edu_home, load_key(edu_home))
    assert len(list(edu_home.vault.glob("segments/*.parquet"))) == 2
    mend(edu_home)
    assert vault.merge_segments(edu_home, load_key(edu_home)).segments == 2
    assert private_rows(edu_home) == names
