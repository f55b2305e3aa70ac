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


def half(schools: list[str], pairs: set[tuple[str, str]], draw: random.Random) -> set[str]:
    """Return about half of the schools, so that of most pairs, and of at least one, one is among them and one is not."""
    is_asked: dict[str, bool] = {}
    for one, other in draw.sample(sorted(pairs), len(pairs)):
        is_asked.setdefault(one, not is_asked[other] if other in is_asked else draw.random() < 0.5)
        is_asked.setdefault(other, not is_asked[one])
    return {school for school in schools if is_asked.get(school, draw.random() < 0.5)}


def test_rows_of_a_school_come_from_its_own_part(city: City) -> None:
    """Every model that is made by school, asked for one half of the schools and for the other, gives the whole table.

    Halves are drawn until any two schools of one person stood in different ones: those of spells, and those that rosters
    and approved events name. So what a model says of a person by his other schools is seen.
    """
    city.build()
    target = city.home.logs / "dbt" / "target"
    nodes = json.loads((target / "manifest.json").read_text(encoding="utf-8"))["nodes"].values()
    made_by = [node for node in nodes if node["config"]["meta"].get("made_by")]
    assert {node["config"]["meta"]["made_by"] for node in made_by} == {"school_id"}
    assert len(made_by) >= 7
    draw = random.Random(7)
    with duckdb.connect(str(city.home.warehouse)) as connection:
        found = connection.execute("select distinct school_id from storage.dim_school order by all").fetchall()
        pairs = {
            (str(one), str(other))
            for one, other in connection.execute(
                """
                with seen as (
                    select person_id, school_id from storage.fct_enrolment
                    union
                    select person_id, school_id from storage.fct_enrolment_snapshot
                    union
                    select person_id, school_id from storage.fct_student_event where is_approved
                )
                select distinct one.school_id, other.school_id
                from seen as one
                inner join seen as other on other.person_id = one.person_id and other.school_id > one.school_id
                """
            ).fetchall()
        }
        # What no register names is asked for too.
        schools = sorted({str(school) for (school,) in found}.union(*pairs))
        # Of persons of two schools: spells that do not count beside another, and starts that an approval dates.
        [doubtful, transferred] = connection.execute(
            """
            select count(*) filter (not spell.is_effective), count(*) filter (spell.start_basis = 'event')
            from storage.fct_enrolment as spell
            where exists (
                select 1 from storage.fct_enrolment as other
                where other.person_id = spell.person_id and other.school_id <> spell.school_id
            )
            """
        ).fetchone() or (0, 0)
        assert doubtful
        assert transferred
        left, rounds = set(pairs), 0
        while left or rounds < 3:
            one_half = half(schools, left, draw)
            for asked in (one_half, {*schools} - one_half):
                connection.begin()
                connection.executemany(
                    "insert into main.kept_part values (?)", [[it] for it in schools if it not in asked]
                )
                for node in made_by:
                    sql = (target / "compiled" / "edu" / node["original_file_path"]).read_text(encoding="utf-8")
                    connection.execute(f"create temp table part_of_it as {sql}")
                    whole = f'"{node["schema"]}"."{node["alias"]}"'
                    [missing, added, elsewhere] = connection.execute(
                        f"""
                        with whole as (select * from {whole} where school_id in (select unnest($asked::varchar[])))
                        select
                            (select count(*) from (from whole except all from part_of_it)),
                            (select count(*) from (from part_of_it except all from whole)),
                            (select count(*) from {whole} where school_id in (select unnest($schools)) is not true)
                        """,
                        {"asked": [*asked], "schools": schools},
                    ).fetchone() or (1, 1, 1)
                    assert (missing, added, elsewhere) == (0, 0, 0), node["name"]
                    connection.execute("drop table part_of_it")
                connection.rollback()
            left -= {pair for pair in left if (pair[0] in one_half) != (pair[1] in one_half)}
            rounds += 1


@pytest.mark.parametrize(
    ("first", "place"),
    # The one that is named and what it needs, as dbt may order it; what lands then comes before all other models.
    [("col_student", 1), ("col_unit", 2)],
)
def test_what_lands_while_a_build_runs_is_read_by_the_next(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str, place: int
) -> None:
    """No order of its models that dbt may take lets a build read units whose rows it did not load."""
    folders = (city.out / "inbox").glob(f"*/student/{TERM.replace('/', '-')}/*.csv")
    org = sorted({path.parents[2].name for path in folders})[place]
    late = [send_shorter(city, tmp_path / "late", org, "student", TERM)]
    receipts = []
    real = transform._invoke

    def landing_between(home: Home, database: Path, layer: str, arguments: list[str], *more: Any) -> int:
        if layer != "collection" or arguments[0] != "build" or not late:
            return real(home, database, layer, arguments, *more)
        needed = f"path:models/{layer},+{first}"
        nodes = real(home, database, layer, ["build", "--select", needed], *more)
        receipts.extend(city.collect_files([late.pop()]))
        return nodes + real(home, database, layer, [*arguments, "--exclude", needed], *more)

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

    assert bool(counted("collection.student")) == (first == "col_unit")
    assert not counted("storage.unit_current")
    pipeline.build(city.home)
    assert counted("collection.student")
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
