"""No identifier of the synthetic city stands anywhere outside inbox, outbox, archive, quarantine and vault."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest
from tests_city import City, make_city

pytestmark = pytest.mark.city
PRIVATE = {"inbox", "outbox", "archive", "quarantine", "vault"}
MINIMUM_LENGTH = 8
"""Short names also stand in school names and code tables; numbers and long names are unmistakable."""


WORD = re.compile(r"(?:[^\W_]|·)+")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    """A dirty city, collected, built and published."""
    from dashboards.cockpit import write_site
    from warehouse.publish import publish

    city = make_city(tmp_path_factory.mktemp("leak"), seed=5, defects=2)
    city.collect()
    city.build()
    publish(city.home, site_writer=write_site)
    return city


def test_no_identifier_outside_the_private_folders(city: City) -> None:
    wanted = {line.strip() for line in (city.out / "truth" / "identifiers.txt").read_text("utf-8").splitlines()}
    wanted = {value for value in wanted if len(value) >= MINIMUM_LENGTH}
    assert len(wanted) > 1000
    scanned = 0
    for path in sorted(city.home.root.rglob("*")):
        relative = path.relative_to(city.home.root)
        if not path.is_file() or path.is_symlink() or relative.parts[0] in PRIVATE:
            continue
        scanned += 1
        found = next((piece for piece in words(path) if piece in wanted), None)
        assert found is None, f"an identifier stands in {relative}"
    assert scanned > 20


def test_the_scan_finds_a_planted_identifier(city: City, tmp_path: Path) -> None:
    value = next(
        line.strip()
        for line in (city.out / "truth" / "identifiers.txt").read_text("utf-8").splitlines()
        if len(line.strip()) == 18
    )
    text = tmp_path / "some.log"
    text.write_text(f"row for {value} failed", encoding="utf-8")
    table = tmp_path / "some.parquet"
    duckdb.execute(f"copy (select '{value}' as a) to '{table}' (format parquet)")
    assert value in set(words(text))
    assert value in set(words(table))


def words(path: Path) -> set[str]:
    """All text of a file, split into words; tables are decoded, since their bytes are compressed."""
    if path.suffix in (".duckdb", ".parquet"):
        return table_words(path)
    return set(WORD.findall(path.read_text("utf-8", errors="replace")))


def table_words(path: Path) -> set[str]:
    """Distinct words of every text column of a Parquet or DuckDB file."""
    with duckdb.connect() as connection:
        if path.suffix == ".parquet":
            relations = [f"read_parquet('{path}')"]
        else:
            connection.execute(f"attach '{path}' as db (read_only)")
            relations = [
                f'db."{schema}"."{table}"'
                for schema, table in connection.execute(
                    "select schema_name, table_name from duckdb_tables() where database_name = 'db' "
                    "union all select schema_name, view_name from duckdb_views() "
                    "where database_name = 'db' and not internal"
                ).fetchall()
            ]
        pieces: set[str] = set()
        for relation in relations:
            for name, kind, *_ in connection.execute(f"describe select * from {relation}").fetchall():
                if kind != "VARCHAR":
                    continue
                values = connection.execute(
                    f"select distinct unnest(regexp_split_to_array(\"{name}\", '[^\\w·]+')) from {relation}"
                ).fetchall()
                pieces.update(value for (value,) in values if value)
        return pieces
