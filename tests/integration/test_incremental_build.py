"""A build that leaves what did not change gives what a full build of the same records gives, whatever was sent."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests_city import City

from edu import pipeline
from edu.paths import Home
from ingest.withdrawal import withdraw
from warehouse import transform
from warehouse.digest import digest

pytestmark = pytest.mark.city
TERM, YEAR = "2025-2026/2", "2025-2026"
LATER = timedelta(days=1)
LEFT = ("storage.fct_fitness", "storage.fct_vision_result", "storage.fct_learning_event", "storage.dim_school")
"""Tables of datasets of which nothing new was sent."""
OF_RUNS = {f"model.edu.{name}" for name in ("col_run_log", "col_gate_result", "mgt_gate_result")}
"""What every build adds to."""


@pytest.fixture(scope="module")
def city(clean_city: City, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """A copy of the clean city that later builds change."""
    before = pytest.MonkeyPatch()
    yield clean_city.copy(tmp_path_factory.mktemp("incremental"))
    before.undo()


def stamps(city: City) -> dict[tuple[str, str], str]:
    """Return the stamp of each node and part that is not of the runs themselves."""
    with duckdb.connect(str(city.home.warehouse), read_only=True) as connection:
        rows = connection.execute("select node, part, stamp from main.node_stamp").fetchall()
    return {(node, part): stamp for node, part, stamp in rows if node not in OF_RUNS}


def node(table: str) -> tuple[str, str]:
    """Return what the stamp of a whole table of storage is found by."""
    return f"model.edu.{table.split('.')[1]}", ""


def is_as_built_anew(city: City, folder: Path) -> bool:
    """Return whether the warehouse has the content of one that is built from nothing, pseudonyms included."""
    aside = folder / "aside.duckdb"
    pipeline.build(city.home, full=True, out=aside)
    return digest(city.home.warehouse, with_pseudonyms=True) == digest(aside, with_pseudonyms=True)


def send_shorter(city: City, folder: Path, org: str, dataset: str, period: str) -> Path:
    """Copy a CSV file of the city's inbox to `folder` without its last row, received a day later."""
    place = city.out / "inbox" / org / dataset / period.replace("/", "-")
    [meta] = place.glob("*.meta.json")
    told = json.loads(meta.read_text(encoding="utf-8"))
    received_at = datetime.fromisoformat(told["received_at"]) + LATER
    target = folder / org / dataset / period.replace("/", "-")
    target.mkdir(parents=True)
    (target / meta.name).write_text(json.dumps({**told, "received_at": received_at.isoformat()}), encoding="utf-8")
    lines = meta.with_name(meta.name.removesuffix(".meta.json")).read_bytes().rstrip(b"\r\n").split(b"\n")
    file = target / meta.name.removesuffix(".meta.json")
    file.write_bytes(b"\n".join(lines[:-1]) + b"\n")
    return file


def a_school_with(city: City, dataset: str, period: str) -> str:
    """Return the first sender of a dataset whose file is a CSV."""
    return min(
        path.parents[2].name for path in (city.out / "inbox").glob(f"*/{dataset}/{period.replace('/', '-')}/*.csv")
    )


def test_nothing_new_changes_no_stamp(city: City) -> None:
    before = stamps(city)
    city.build()
    assert stamps(city) == before


def test_a_roster_sent_again_changes_what_reads_it(city: City, tmp_path: Path) -> None:
    before = stamps(city)
    org = a_school_with(city, "student", TERM)
    [receipt] = city.collect_files([send_shorter(city, tmp_path / "again", org, "student", TERM)])
    assert receipt["status"] == "accepted"
    city.build()
    after = stamps(city)
    assert before[node("storage.fct_enrolment_snapshot")] != after[node("storage.fct_enrolment_snapshot")]
    assert [table for table in LEFT if before[node(table)] != after[node(table)]] == []
    assert is_as_built_anew(city, tmp_path)


def halves(schools: list[str], pairs: list[tuple[str, str]], draw: random.Random) -> set[str]:
    """Return about half of the schools, so that of most pairs one is among them and one is not."""
    is_asked: dict[str, bool] = {}
    for one, other in draw.sample(pairs, len(pairs)):
        is_asked.setdefault(one, not is_asked[other] if other in is_asked else draw.random() < 0.5)
        is_asked.setdefault(other, not is_asked[one])
    return {school for school in schools if is_asked.get(school, draw.random() < 0.5)}


@pytest.mark.parametrize("seed", range(3))
def test_rows_of_a_school_come_from_its_own_part(city: City, seed: int) -> None:
    """Every model that is made by school, asked for half of the schools alone, gives their rows of the whole table, also
    of persons whose other school is in the other half."""
    city.build()
    target = city.home.logs / "dbt" / "target"
    nodes = json.loads((target / "manifest.json").read_text(encoding="utf-8"))["nodes"].values()
    made_by = [node for node in nodes if node["config"]["meta"].get("made_by")]
    assert {node["config"]["meta"]["made_by"] for node in made_by} == {"school_id"}
    assert len(made_by) >= 7
    with duckdb.connect(str(city.home.warehouse)) as connection:
        found = connection.execute("select distinct school_id from storage.dim_school order by all").fetchall()
        schools = [str(school) for (school,) in found]
        pairs = connection.execute(
            "select distinct one.school_id, other.school_id from storage.fct_enrolment as one inner join "
            "storage.fct_enrolment as other on other.person_id = one.person_id and other.school_id > one.school_id "
            "order by all"
        ).fetchall()
        asked = halves(schools, pairs, random.Random(seed))
        split = [pair for pair in pairs if (pair[0] in asked) != (pair[1] in asked)]
        assert len(split) * 2 > len(pairs) > 10
        [apart] = connection.execute(
            "select count(*) from storage.fct_enrolment as one inner join storage.fct_enrolment as other "
            "on other.person_id = one.person_id and other.school_id in (select unnest(?)) "
            "where not one.is_effective and one.school_id not in (select unnest(?))",
            [[*asked], [*asked]],
        ).fetchone() or (0,)
        assert apart
        connection.begin()
        kept = [[school] for school in schools if school not in asked]
        connection.executemany("insert into main.kept_part values (?)", kept)
        for node in made_by:
            sql = (target / "compiled" / "edu" / node["original_file_path"]).read_text(encoding="utf-8")
            table = f'"{node["schema"]}"."{node["alias"]}"'
            whole = f"(from {table} where school_id in (select unnest(?::varchar[])))"
            for left, right in ((f"({sql}\n)", whole), (whole, f"({sql}\n)")):
                differing = connection.execute(
                    f"select count(*) from (from {left} except all from {right})", [[*asked]]
                )
                assert differing.fetchone() == (0,), node["name"]
        connection.rollback()


def test_what_lands_while_a_build_runs_is_read_by_the_next(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lands when units were read and rows were not: the one order in which neither the part nor the table is lost."""
    org = sorted(
        {path.parents[2].name for path in (city.out / "inbox").glob(f"*/student/{TERM.replace('/', '-')}/*.csv")}
    )[1]
    late = [send_shorter(city, tmp_path / "late", org, "student", TERM)]
    receipts = []
    real = transform._invoke

    def landing_between(home: Home, database: Path, layer: str, arguments: list[str], *more: Any) -> int:
        if layer != "collection" or arguments[0] != "build" or not late:
            return real(home, database, layer, arguments, *more)
        nodes = real(home, database, layer, ["build", "--select", "col_unit"], *more)
        receipts.extend(city.collect_files([late.pop()]))
        return nodes + real(home, database, layer, [*arguments, "--exclude", "col_unit"], *more)

    monkeypatch.setattr(transform, "_invoke", landing_between)
    pipeline.build(city.home)
    [receipt] = receipts
    assert receipt["status"] == "accepted"

    def counted(table: str) -> int:
        with duckdb.connect(str(city.home.warehouse), read_only=True) as connection:
            [found] = connection.execute(
                f"select count(*) from {table} where submission_id = ?", [receipt["submission_id"]]
            ).fetchone() or (0,)
        return int(found)

    assert counted("collection.student")
    assert not counted("storage.unit_current")
    pipeline.build(city.home)
    assert counted("storage.unit_current")
    assert is_as_built_anew(city, tmp_path)


def test_what_is_taken_back_and_sent_by_others_too(city: City, tmp_path: Path) -> None:
    org = a_school_with(city, "student", TERM)
    with duckdb.connect(str(city.home.warehouse), read_only=True) as connection:
        [(newest,)] = connection.execute(
            "select submission_id from collection.submission where dataset = 'student' and submitter_org = ? "
            "and period = ? order by received_at desc limit 1",
            [org, TERM],
        ).fetchall()
    withdraw(city.home, newest, by="synthetic steward", reason="sent by mistake")
    files = [
        send_shorter(city, tmp_path / "again", a_school_with(city, dataset, period), dataset, period)
        for dataset, period in (("staff", TERM), ("fitness", YEAR), ("class", TERM))
    ]
    assert {receipt["status"] for receipt in city.collect_files(files)} <= {"accepted", "partly_accepted"}
    shutil.rmtree(tmp_path / "again")
    city.build()
    assert is_as_built_anew(city, tmp_path)
