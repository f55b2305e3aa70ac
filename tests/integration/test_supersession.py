"""Deliveries in any order of processing: what counts is what a plain replay in effective order leaves.

The second method is a few lines of imperative Python that replay deliveries one after another; the platform derives
the same from ranks in SQL.
"""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from rosters import header, id_number, pupil, write_roster

from edu.clock import now
from edu.paths import Home
from edu.settings import get_settings

SCHOOLS = ("2142000001", "2142000002")
COUNTY = "421002"
PERIODS = ("2023-2024/2", "2024-2025/1")
START = datetime(2024, 9, 5, 8)


@dataclass
class Delivery:
    """One file: who sends it, when, how much it covers, and boarding code by (school, pupil)."""

    number: int
    org: str
    period: str
    coverage: str
    received_at: datetime
    rows: dict[tuple[str, int], str]
    is_withdrawn: bool = False
    submission_id: str = field(default="")


def random_deliveries(seed: int, count: int = 12) -> list[Delivery]:
    """Return deliveries with distinct times; the county's cover one or both schools."""
    rng = random.Random(seed)
    deliveries = []
    for number in range(count):
        org = rng.choice([COUNTY, COUNTY, *SCHOOLS])
        covered = [org] if org in SCHOOLS else rng.sample(SCHOOLS, rng.choice([1, 2]))
        coverage = rng.choice(["full", "partial", "delta"]) if number > 1 else "full"
        size = rng.randint(3, 7) if coverage == "full" else rng.randint(1, 3)
        rows = {(school, serial): rng.choice("12") for school in covered for serial in rng.sample(range(8), size)}
        deliveries.append(
            Delivery(
                number,
                org,
                rng.choice([PERIODS[1], PERIODS[1], PERIODS[0]]),
                coverage,
                START + timedelta(hours=number),
                rows,
                is_withdrawn=number > 0 and rng.random() < 0.2,
            )
        )
    return deliveries


def replay(deliveries: list[Delivery]) -> set[tuple[str, str, str, str]]:
    """Return (period, school, birth date, boarding code) of all pupils after replaying in effective order."""
    state: dict[tuple[str, str], dict[int, str]] = {}
    for delivery in sorted(deliveries, key=lambda item: item.received_at):
        if delivery.is_withdrawn:
            continue
        for school in {school for school, _ in delivery.rows}:
            unit = state.setdefault((delivery.period, school), {})
            if delivery.coverage == "full":
                unit.clear()
            unit.update({serial: code for (of, serial), code in delivery.rows.items() if of == school})
    return {
        (period, school, birth(school, serial), code)
        for (period, school), unit in state.items()
        for serial, code in unit.items()
    }


def birth(school: str, serial: int) -> str:
    """Return a birth date that names the pupil."""
    return f"2012{SCHOOLS.index(school) + 5:02d}{serial + 10:02d}"


def row(school: str, serial: int, boarding: str) -> dict[str, object]:
    number = id_number(serial + 1, birth(school, serial))
    return pupil(
        serial + 1,
        school_code=school,
        birth_date=birth(school, serial),
        id_number=number,
        xjh=f"G{number}",
        sex_code="1" if (serial + 1) % 2 else "2",
        boarding_code=boarding,
    )


def write_registry(path: Path) -> Path:
    names = header("school")
    values = {"办学类型码": "211", "举办者码": "811", "行政区划码": COUNTY, "城乡类型码": "111", "主管单位码": COUNTY}
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(names)
        for school in SCHOOLS:
            writer.writerow(
                [{"学校标识码": school, "学校名称": f"第{school[-1]}小学", **values}.get(n, "") for n in names]
            )
    return path


def build(home: Home) -> None:
    """Build what the current rows of pupils need, from nothing."""
    from warehouse import transform

    home.warehouse.unlink(missing_ok=True)
    transform.run_seeds(home, home.warehouse)
    transform._invoke(
        home,
        home.warehouse,
        "storage",
        ["run", "--select", "+fct_enrolment_snapshot", "+mgt_submission_lineage", "--full-refresh"],
        None,
    )


def counted(home: Home) -> set[tuple[str, str, str, str]]:
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select f.period, s.school_code, strftime(f.birth_date, '%Y%m%d'), f.boarding_code "
            "from storage.fct_enrolment_snapshot as f inner join storage.dim_school as s "
            "on s.school_id = f.school_id and s.period = f.period"
        ).fetchall()
    assert len(rows) == len(set(rows))
    return set(rows)


def lineage(home: Home) -> list[tuple[object, ...]]:
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        return connection.execute(
            "select submission_id, state, superseded_by, units, units_current "
            "from management.submission_lineage order by submission_id"
        ).fetchall()


def land(home: Home, folder: Path, deliveries: list[Delivery], order: list[int], cuts: set[int]) -> None:
    """Land in an order, several files in one call where no cut lies between them; then withdraw."""
    from ingest.landing import collect
    from ingest.submission import Options
    from ingest.withdrawal import withdraw

    registry = write_registry(folder / "school.csv")
    for period in PERIODS:
        options = Options(dataset="school", org=COUNTY, period=period, received_at=START - timedelta(days=1))
        collect([registry], home=home, options=options)
    for number in order:
        delivery = deliveries[number]
        path = write_roster(folder / f"{number}.csv", [row(*key, code) for key, code in sorted(delivery.rows.items())])
        options = Options(
            dataset="student",
            org=delivery.org,
            period=delivery.period,
            coverage=delivery.coverage,
            received_at=delivery.received_at,
        )
        receipt = collect([path], home=home, options=options).receipts[0]
        assert receipt.status == "accepted", receipt
        delivery.submission_id = str(receipt.submission_id)
        if delivery.is_withdrawn and number in cuts:
            withdraw(home, delivery.submission_id, by="steward", reason="sent by mistake")
    for delivery in deliveries:
        if delivery.is_withdrawn:
            withdraw(home, delivery.submission_id, by="steward", reason="sent by mistake")


def home_at(path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    key = path.parent / "platform.key"
    key.write_text("7c" * 32)
    monkeypatch.setenv("EDU_KEY_FILE", str(key))
    monkeypatch.setenv("EDU_HOME", str(path))
    get_settings.cache_clear()
    return Home(path).ensure()


def check(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deliveries = random_deliveries(seed)
    rng = random.Random(seed + 1)
    seen = []
    for turn in range(2):
        order = list(range(len(deliveries)))
        if turn:
            rng.shuffle(order)
        folder = tmp_path / f"files{turn}"
        folder.mkdir()
        home = home_at(tmp_path / f"home{turn}", monkeypatch)
        land(home, folder, deliveries, order, set(rng.sample(order, 4)))
        build(home)
        assert counted(home) == replay(deliveries)
        seen.append(lineage(home))
    assert seen[0] == seen[1]
    withdrawn = {item.submission_id for item in deliveries if item.is_withdrawn}
    assert {identity for identity, state, *_ in seen[0] if state == "withdrawn"} == withdrawn
    get_settings.cache_clear()


def test_any_order_of_processing_leaves_what_a_plain_replay_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(5, tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 6, 7, 8, 9])
def test_more_orders(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(seed, tmp_path, monkeypatch)


def test_an_earlier_time_sees_what_was_not_yet_withdrawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ingest.withdrawal import withdraw
    from warehouse import transform

    first = Delivery(0, COUNTY, PERIODS[1], "full", START, {(SCHOOLS[0], 1): "1", (SCHOOLS[0], 2): "1"})
    second = Delivery(1, COUNTY, PERIODS[1], "full", START + timedelta(hours=1), {(SCHOOLS[0], 1): "2"})
    home = home_at(tmp_path / "home", monkeypatch)
    land(home, tmp_path, [first, second], [1, 0], set())
    tomorrow = now() + timedelta(days=1)
    withdraw(home, second.submission_id, by="steward", reason="the wrong file", recorded_at=tomorrow)
    build(home)
    assert {state[0]: state[1:3] for state in lineage(home)}[second.submission_id] == ("withdrawn", None)
    assert counted(home) == replay([first])
    home.warehouse.unlink()
    transform.run_seeds(home, home.warehouse)
    day = now().date().isoformat()
    transform._invoke(
        home, home.warehouse, "storage", ["run", "--select", "+fct_enrolment_snapshot", "+mgt_submission_lineage"], day
    )
    assert counted(home) == replay([first, second])
    states = {state[0]: state[1:3] for state in lineage(home)}
    assert states[first.submission_id] == ("superseded", second.submission_id)
    assert states[second.submission_id] == ("current", None)
