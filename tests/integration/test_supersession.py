"""Deliveries in any order of processing: what counts is what a plain replay in effective order leaves.

The second method is a few lines of imperative Python that replay deliveries one after another; the platform derives
the same from ranks in SQL. Deliveries are files in full, in part and as changes, bundles of OneRoster and extracts with
explicit deletes, pulls from a database whose deletes are found by comparing keys, and withdrawals of all of these.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bundles import manifest, write_zip
from databases import Database, postgres
from rosters import header, id_number, pupil, write_roster

from edu.clock import now
from edu.connector import get_connector
from edu.contract import get_contract
from edu.paths import Home
from edu.settings import get_settings
from warehouse.digest import table_digest

SCHOOLS = ("2142000001", "2142000002")
COUNTY = "421002"
PERIODS = ("2023-2024/2", "2024-2025/1")
START = datetime(2024, 9, 5, 8)
PUPILS = 8
Key = tuple[str, int]
"""School and serial of a pupil."""


@dataclass
class Delivery:
    """One delivery: who sends it, when, how much it covers, boarding code by pupil, and who is gone."""

    number: int
    org: str
    period: str
    coverage: str
    received_at: datetime
    rows: dict[Key, str]
    is_withdrawn: bool = False
    submission_id: str = field(default="")
    carrier: str = "csv"
    """csv; bundle (OneRoster) or marked (an extract), which alone carry explicit deletes; pull, from the database."""
    gone: frozenset[Key] = frozenset()
    table: dict[Key, tuple[str, datetime]] = field(default_factory=dict)
    """What stands in the database at a pull: boarding code and time of the last change."""


def random_deliveries(seed: int, count: int = 14, pulls: int = 3) -> list[Delivery]:
    """Return deliveries with distinct times; the county's cover one or both schools, pulls come between the others."""
    rng = random.Random(seed)
    deliveries: list[Delivery] = []
    pulled = set(rng.sample(range(1, count), pulls))
    table: dict[Key, tuple[str, datetime]] = {}
    for number in range(count):
        if number in pulled:
            deliveries.append(_random_pull(rng, number, table))
            table = deliveries[-1].table
            continue
        carrier = rng.choice(["csv", "csv", "bundle", "marked"]) if number > 1 else "csv"
        org = rng.choice([COUNTY, COUNTY, *SCHOOLS]) if carrier == "csv" else COUNTY
        covered = [org] if org in SCHOOLS else rng.sample(SCHOOLS, rng.choice([1, 2]))
        coverage = rng.choice(["full", "partial", "delta"]) if number > 1 else "full"
        if carrier != "csv":
            coverage = "delta"
        size = rng.randint(3, 7) if coverage == "full" else rng.randint(1, 3)
        rows = {(school, serial): rng.choice("12") for school in covered for serial in rng.sample(range(PUPILS), size)}
        left = {(school, serial) for school in covered for serial in range(PUPILS)} - rows.keys()
        gone = rng.sample(sorted(left), rng.randint(1, 3)) if carrier != "csv" else []
        deliveries.append(
            Delivery(
                number,
                org,
                rng.choice([PERIODS[1], PERIODS[1], PERIODS[0]]),
                coverage,
                START + timedelta(hours=number),
                rows,
                is_withdrawn=number > 0 and rng.random() < 0.2,
                carrier=carrier,
                gone=frozenset(gone),
            )
        )
    return deliveries


def _random_pull(rng: random.Random, number: int, before: dict[Key, tuple[str, datetime]]) -> Delivery:
    """Change the database at random; return what a pull then sends: all at first, later what changed and who is gone.

    A row counts as changed from the newest change on that the pull before saw, that one included.
    """
    moment = START + timedelta(hours=number)
    every = [(school, serial) for school in SCHOOLS for serial in range(PUPILS)]
    table = dict(before)
    for key in rng.sample(sorted(before), min(len(before), rng.randint(1, 3))):
        del table[key]
    for key in rng.sample(every, 8 if not before else 3):
        table[key] = (rng.choice("12"), moment)
    since = max((at for _, at in before.values()), default=START - timedelta(days=1))
    return Delivery(
        number,
        COUNTY,
        PERIODS[1],
        "delta" if before else "full",
        moment,
        {key: code for key, (code, at) in table.items() if at >= since},
        is_withdrawn=rng.random() < 0.2,
        carrier="pull",
        gone=frozenset(before.keys() - table.keys()),
        table=table,
    )


def replay(deliveries: list[Delivery]) -> set[tuple[str, str, str, str]]:
    """Return (period, school, birth date, boarding code) of all pupils after replaying in effective order."""
    state: dict[tuple[str, str], dict[int, str]] = {}
    for delivery in sorted(deliveries, key=lambda item: item.received_at):
        if delivery.is_withdrawn:
            continue
        for school in {school for school, _ in (*delivery.rows, *delivery.gone)}:
            unit = state.setdefault((delivery.period, school), {})
            if delivery.coverage == "full":
                unit.clear()
            unit.update({serial: code for (of, serial), code in delivery.rows.items() if of == school})
            for of, serial in delivery.gone:
                if of == school:
                    unit.pop(serial, None)
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


def digests(home: Home) -> dict[str, str]:
    """Return the content digest of each table in which the order of processing could show.

    Names of landings and the hour of a withdrawal are of the processing itself.
    """
    found = {}
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        for schema, table in (
            ("storage", "fct_enrolment_snapshot"),
            ("storage", "map_person"),
            ("storage", "unit_current"),
            ("management", "submission_lineage"),
        ):
            columns = [row[0] for row in connection.execute(f"describe {schema}.{table}").fetchall()]
            kept = sorted(set(columns) - {"batch_id", "withdrawn_at"})
            found[table] = table_digest(connection, schema, table, kept)
    return found


def write_bundle(path: Path, delivery: Delivery) -> Path:
    """Write a change as OneRoster: whoever is gone has status tobedeleted."""
    base = ["sourcedId", "status", "dateLastModified"]
    users = [[*base, "enabledUser", "identifier", "grades", "metadata.jyt.boarding_code"]]
    roles = [[*base, "userSourcedId", "roleType", "role", "orgSourcedId"]]
    people = [[*base, "birthDate", "sex"]]
    for key in sorted(delivery.rows.keys() | delivery.gone):
        school, serial = key
        status = "tobedeleted" if key in delivery.gone else "active"
        identity = f"u{school[-1]}{serial}"
        cells = row(school, serial, delivery.rows.get(key, ""))
        users.append([identity, status, "", "true", str(cells["xjh"]), "06", str(cells["boarding_code"])])
        roles.append([f"r{identity}", status, "", identity, "primary", "student", school])
        day = str(cells["birth_date"])
        if key in delivery.rows:
            people.append([identity, status, "", f"{day[:4]}-{day[4:6]}-{day[6:]}", "male"])
    orgs = [[*base, "name", "type", "identifier"], *([s, "", "", f"第{s[-1]}小学", "school", s] for s in SCHOOLS)]
    modes = {"orgs": "bulk", "classes": "absent", "courses": "absent", "enrollments": "absent"}
    files = {"manifest": manifest("delta", **modes), "orgs": orgs, "users": users, "roles": roles}
    return write_zip(path.with_suffix(".zip"), {**files, "demographics": people})


PULLED = ("school_code", "xjh", "birth_date", "grade_code", "status_code", "boarding_code")


def write_marked(path: Path, delivery: Delivery) -> Path:
    """Write a change as an extract of a database: whoever is gone is marked, with his key alone."""
    contract = get_contract("student")
    records = []
    for school, serial in sorted(delivery.rows.keys() | delivery.gone):
        is_gone = (school, serial) in delivery.gone
        cells = row(school, serial, delivery.rows.get((school, serial), ""))
        kept = {name: cells[name] if not is_gone or name in PULLED[:2] else None for name in PULLED}
        records.append({contract.header("database", name): kept[name] for name in PULLED} | {MARK: is_gone})
    types = [(contract.header("database", name), pa.string()) for name in PULLED]
    pq.write_table(pa.Table.from_pylist(records, schema=pa.schema([*types, (MARK, pa.bool_())])), path)
    return path


MARK = "is_deleted_at_source"
CONNECTOR = f"""
type: postgres
dsn_env: TEST_SOURCE_DSN
org: "{COUNTY}"
period: {PERIODS[1]}
tables:
  - dataset: student
    table: public.xs
    columns: {{school_code: xxdm, xjh: xjh, birth_date: csrq, grade_code: nj, status_code: zt, boarding_code: jdfs}}
    watermark: gxsj
    overlap_minutes: 0
"""


@pytest.fixture(scope="module")
def source() -> Iterator[Database]:
    with postgres() as server:
        server.execute(
            "create table xs (xxdm char(10), xjh varchar(19), csrq date, nj char(2), zt char(2), jdfs char(1), gxsj timestamp)"
        )
        yield server


def pull_delivery(home: Home, source: Database, delivery: Delivery) -> str | None:
    """Bring the database to where it stands at a pull, and pull; return the submission, null where nothing changed."""
    from ingest.pull import pull

    folder = home.root / "connectors"
    folder.mkdir(exist_ok=True)
    (folder / "roll.yml").write_text(CONNECTOR, encoding="utf-8")
    source.execute("truncate xs")
    for (school, serial), (code, at) in delivery.table.items():
        cells = row(school, serial, code)
        source.execute(
            f"insert into xs values ('{school}', '{cells['xjh']}', '{cells['birth_date']}', '16', '01', '{code}', '{at}')"
        )
    receipts = pull(home, get_connector(home, "roll"), received_at=delivery.received_at).receipts
    assert [receipt.status for receipt in receipts] == (["accepted"] if delivery.rows or delivery.gone else [])
    return receipts[0].submission_id if receipts else None


def land_file(home: Home, folder: Path, delivery: Delivery, expected: str = "accepted") -> str:
    """Write and land a delivery that is a file; return the submission."""
    from ingest.landing import collect
    from ingest.submission import Options

    path = folder / f"{delivery.number}.{'parquet' if delivery.carrier == 'marked' else 'csv'}"
    options = Options(
        dataset=None if delivery.carrier == "bundle" else "student",
        org=delivery.org,
        period=delivery.period,
        coverage=None if delivery.carrier == "bundle" else delivery.coverage,
        profile="database" if delivery.carrier == "marked" else None,
        received_at=delivery.received_at,
    )
    if path.with_suffix(".zip").exists():
        path = path.with_suffix(".zip")
    elif not path.exists():
        match delivery.carrier:
            case "csv":
                write_roster(path, [row(*key, code) for key, code in sorted(delivery.rows.items())])
            case "bundle":
                path = write_bundle(path, delivery)
            case "marked":
                write_marked(path, delivery)
    [receipt] = [r for r in collect([path], home=home, options=options).receipts if r.dataset == "student"]
    assert receipt.status == expected, receipt
    return str(receipt.submission_id)


def land(
    home: Home,
    folder: Path,
    deliveries: list[Delivery],
    order: list[int],
    cuts: set[int],
    source: Database | None = None,
) -> None:
    """Land in an order, those of `cuts` twice or withdrawn at once; then withdraw the others."""
    from ingest.landing import collect
    from ingest.submission import Options
    from ingest.withdrawal import withdraw

    registry = write_registry(folder / "school.csv")
    for period in PERIODS:
        options = Options(dataset="school", org=COUNTY, period=period, received_at=START - timedelta(days=1))
        collect([registry], home=home, options=options)
    for number in order:
        delivery = deliveries[number]
        if delivery.carrier == "pull":
            assert source
            delivery.submission_id = pull_delivery(home, source, delivery) or ""
        else:
            delivery.submission_id = land_file(home, folder, delivery)
        if delivery.is_withdrawn and delivery.submission_id and number in cuts:
            withdraw(home, delivery.submission_id, by="steward", reason="sent by mistake")
    for number in sorted(cuts):
        if deliveries[number].carrier != "pull":
            assert land_file(home, folder, deliveries[number], "ignored") == deliveries[number].submission_id
    for delivery in deliveries:
        if delivery.is_withdrawn and delivery.submission_id:
            withdraw(home, delivery.submission_id, by="steward", reason="sent by mistake")


def home_at(path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    key = path.parent / "platform.key"
    key.write_text("7c" * 32)
    monkeypatch.setenv("EDU_KEY_FILE", str(key))
    monkeypatch.setenv("EDU_HOME", str(path))
    get_settings.cache_clear()
    return Home(path).ensure()


def check(seed: int, source: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SOURCE_DSN", source.dsn)
    deliveries = random_deliveries(seed)
    assert {item.carrier for item in deliveries} == {"csv", "bundle", "marked", "pull"}
    rng = random.Random(seed + 1)
    seen = []
    for turn in range(2):
        order = list(range(len(deliveries)))
        if turn:
            rng.shuffle(order)
            # A database is pulled as time goes on; only what else is landed between is in any order.
            pulls = iter(sorted(number for number in order if deliveries[number].carrier == "pull"))
            order = [next(pulls) if deliveries[number].carrier == "pull" else number for number in order]
        # The same files each time: a zip that is written anew has other bytes.
        folder = tmp_path / "files"
        folder.mkdir(exist_ok=True)
        home = home_at(tmp_path / f"home{turn}", monkeypatch)
        land(home, folder, deliveries, order, set(rng.sample(order, 4)), source)
        build(home)
        assert counted(home) == replay(deliveries)
        seen.append((digests(home), lineage(home)))
    assert seen[0] == seen[1]
    withdrawn = {item.submission_id for item in deliveries if item.is_withdrawn and item.submission_id}
    assert {identity for identity, state, *_ in seen[0][1] if state == "withdrawn"} == withdrawn
    get_settings.cache_clear()


@pytest.mark.city
def test_any_order_of_processing_leaves_what_a_plain_replay_leaves(
    source: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(5, source, tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 6, 8, 9, 10])
def test_more_orders(seed: int, source: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(seed, source, tmp_path, monkeypatch)


def test_what_is_deleted_stays_so_until_it_is_sent_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One pupil after another by hand: gone by a bundle, gone and sent again, gone before he came."""
    first, second, third = ((SCHOOLS[0], serial) for serial in range(3))

    def at(number: int, carrier: str, rows: dict[Key, str], gone: set[Key], coverage: str = "delta") -> Delivery:
        moment = START + timedelta(hours=number)
        return Delivery(number, COUNTY, PERIODS[1], coverage, moment, rows, carrier=carrier, gone=frozenset(gone))

    deliveries = [
        at(0, "csv", {first: "1", second: "1"}, set(), "full"),
        at(1, "bundle", {}, {first, second}),
        at(2, "marked", {second: "2"}, {third}),
        at(3, "bundle", {third: "1"}, set()),
    ]
    left = {(PERIODS[1], SCHOOLS[0], birth(*second), "2"), (PERIODS[1], SCHOOLS[0], birth(*third), "1")}
    assert replay(deliveries) == left
    for turn, order in enumerate([[0, 1, 2, 3], [3, 1, 0, 2]]):
        folder = tmp_path / f"files{turn}"
        folder.mkdir()
        home = home_at(tmp_path / f"home{turn}", monkeypatch)
        land(home, folder, deliveries, order, set())
        build(home)
        assert counted(home) == left
    get_settings.cache_clear()


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
