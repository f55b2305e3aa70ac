"""Where a build aside may write: outside the installation, and over a file only once the new one has passed."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from edu.errors import ExitCode
from edu.paths import Home
from warehouse import transform
from warehouse.transform import BuildPlaceError, BuildResult, build


def no_gate(*_: object) -> None:
    raise AssertionError("nothing is built")


@pytest.mark.parametrize(
    "place", ["warehouse.duckdb", "published/current.duckdb", "runs/../warehouse.duckdb", "new.duckdb"]
)
def test_nothing_of_the_installation_is_built_over(edu_home: Home, place: str, tmp_path: Path) -> None:
    edu_home.warehouse.write_bytes(b"live")
    link = tmp_path / "link.duckdb"
    link.symlink_to(edu_home.root / place)
    for out in (edu_home.root / place, link):
        with pytest.raises(BuildPlaceError) as caught:
            build(edu_home, gate=no_gate, as_of="2025-01-10", out=out)  # type: ignore[arg-type]
        assert caught.value.exit_code == ExitCode.USAGE
    assert edu_home.warehouse.read_bytes() == b"live"


def test_a_folder_is_no_file(edu_home: Home, tmp_path: Path) -> None:
    with pytest.raises(BuildPlaceError):
        build(edu_home, gate=no_gate, out=tmp_path)  # type: ignore[arg-type]


def test_the_new_file_takes_the_place_when_it_is_whole(
    edu_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "asof" / "d.duckdb"
    out.parent.mkdir()
    out.write_bytes(b"earlier")
    left = out.with_name(".d.duckdb.part")
    left.mkdir()
    (left / "d.duckdb").write_bytes(b"of a build that was killed")

    def layers(home: Home, records: Home, database: Path, *_: object) -> BuildResult:
        assert out.read_bytes() == b"earlier"
        # Views bear the name of the database, which is that of its file.
        assert database.name == out.name
        with duckdb.connect(str(database)) as connection:
            connection.execute("create table t as select 7 as n")
            connection.execute("create view v as select * from d.main.t")
        return BuildResult("r", database)

    monkeypatch.setattr(transform, "_build", layers)
    assert build(edu_home, gate=no_gate, out=out).database == out  # type: ignore[arg-type]
    with duckdb.connect(str(out), read_only=True) as connection:
        assert connection.execute("select n from v").fetchall() == [(7,)]
    assert [path.name for path in out.parent.iterdir()] == ["d.duckdb"]
