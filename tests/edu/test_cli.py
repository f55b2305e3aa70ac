"""The command line as a user calls it: exit codes, messages, JSON; no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rosters import pupil, write_roster


def edu(home: Path, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edu.cli", *arguments],
        env={**os.environ, "EDU_HOME": str(home), "HOME": str(home), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with one roster landed."""
    folder = tmp_path_factory.mktemp("cli") / "a home 家"
    roster = write_roster(folder.parent / "r.csv", [pupil(1), pupil(3, name="张三", id_number="111111")])
    result = edu(
        folder, "collect", str(roster), "--dataset", "student", "--org", "421002", "--period", "2024-2025/1", "--json"
    )
    assert result.returncode == 3, result.stderr
    receipt = json.loads(result.stdout)["receipts"][0]
    assert (receipt["status"], receipt["rows_read"], receipt["rows_quarantined"]) == ("partly_accepted", 2, 1)
    return folder


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["collect", "no-such-file.csv"], 2, "no such file or folder"),
        (
            ["collect", "pyproject.toml", "--dataset", "weather", "--org", "421002", "--period", "2024-2025/1"],
            2,
            "weather",
        ),
        (["collect", "pyproject.toml", "--dataset", "student"], 2, "org, period"),
        (
            ["collect", "pyproject.toml", "--dataset", "student", "--org", "421002", "--period", "2024"],
            2,
            "2024-2025/1",
        ),
        (["collect", "pyproject.toml", "--snapshot-date", "yesterday"], 2, "2024-09-01"),
        (
            ["collect", "README.md", "--dataset", "student", "--org", "421002", "--period", "2024-2025/1"],
            3,
            "header_not_found",
        ),
        (["publish"], 1, "edu build"),
        (["gate", "storage"], 1, "edu build"),
        (["gate", "nothing"], 2, "nothing"),
        (["query", "select 1"], 1, "edu publish"),
        (["publish", "--rollback", "9.9.9"], 2, "9.9.9"),
        (["digest"], 1, "does not exist"),
        (["template", "weather"], 2, "weather"),
        (["build", "--as-of", "tomorrow"], 1, "2025-09-30"),
        (["synth", "--out", "x", "--scale", "0"], 2, "scale"),
        (["no-such-command"], 2, "no-such-command"),
    ],
)
def test_errors_are_one_line_and_a_code(
    home: Path, tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    root = Path(__file__).resolve().parents[2]
    result = edu(home if arguments[0] == "collect" else tmp_path / "empty", *arguments, cwd=root)
    assert result.returncode == code, result.stderr
    assert words in result.stderr.replace("\n", " ") + result.stdout
    assert "Traceback" not in result.stderr


def test_status_as_json(home: Path) -> None:
    content = json.loads(edu(home, "status", "--json").stdout)
    assert [(row["dataset"], row["rows_read"]) for row in content["submissions"]] == [("student", 2)]
    assert content["published"]["version"] is None


def test_status_is_chinese_and_without_values(home: Path) -> None:
    result = edu(home, "status")
    assert "学生学籍信息" in result.stdout
    assert "张三" not in result.stdout + result.stderr


def test_a_template_is_written(tmp_path: Path) -> None:
    result = edu(tmp_path / "home", "template", "student", "--out", str(tmp_path / "t.xlsx"))
    assert result.returncode == 0
    assert (tmp_path / "t.xlsx").read_bytes().startswith(b"PK")


def test_a_quote_in_the_home_is_refused(tmp_path: Path) -> None:
    result = edu(tmp_path / "it's", "status")
    assert result.returncode == 2
    assert "quote" in result.stderr


def test_a_submission_is_taken_back_landed_again_and_counted_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    roster = write_roster(tmp_path / "r.csv", [pupil(1), pupil(3, class_code="#REF!")])
    arguments = ("--dataset", "student", "--org", "421002", "--period", "2024-2025/1", "--json")
    receipt = json.loads(edu(home, "collect", str(roster), *arguments).stdout)["receipts"][0]
    identity = receipt["submission_id"]
    again = edu(home, "reland", identity)
    assert (again.returncode, identity in again.stdout) == (0, True), again.stderr
    content = json.loads(edu(home, "status", "--json").stdout)
    assert [(row["files"], row["rows_read"]) for row in content["submissions"]] == [(1, 2)]
    assert [(row["reason_code"], row["findings"]) for row in content["findings"]] == [("formula_error", 1)]
    reason = ("--reason", "发错了", "--by", "steward")
    taken = [edu(home, "withdraw", identity, *reason) for _ in range(2)]
    assert [result.returncode for result in taken] == [0, 0]
    assert taken[0].stdout.startswith("已撤回")
    assert taken[1].stdout.startswith("此前已撤回")


@pytest.mark.parametrize(
    "arguments",
    [
        ("withdraw", "s000", "--reason", "x", "--by", "steward"),
        ("reland", "s000"),
        (
            "release",
            "--dataset",
            "student",
            "--school",
            "2142000001",
            "--period",
            "2024-2025/1",
            "--reason",
            "x",
            "--by",
            "y",
        ),
    ],
    ids=["withdraw", "reland", "release"],
)
def test_what_does_not_exist_is_said_in_a_line(home: Path, arguments: tuple[str, ...]) -> None:
    result = edu(home, *arguments)
    assert result.returncode in (1, 2)
    assert result.stderr.strip()
    assert "Traceback" not in result.stderr
