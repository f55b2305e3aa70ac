"""Figures in packages: the exact attack over packages, receivers and versions finds no small number."""

from __future__ import annotations

import hashlib
import random
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow.parquet as pq
import pytest
from scipy.optimize import linprog
from shares import LATER, approved, ask
from typer.testing import CliRunner

from edu.cli import app
from edu.errors import ExitCode
from edu.paths import Home
from warehouse.publish import current_version, publish
from warehouse.sharing.figures import MemoryLostError, OtherFiguresError
from warehouse.sharing.oneroster import ExportError
from warehouse.sharing.package import NoApprovalError, PackagesMissingError, build, build_due
from warehouse.sharing.requests import ShareRequestError, decide, read_releases, revoke

FEW = 5
Truth = dict[tuple[str, str, str], tuple[int, int]]
"""Pupils and boarders by school, grade and sex."""
Shown = dict[tuple[str, str, str], tuple[int | None, int | None]]
FIELDS = "school_id grade_code sex_code pupils pupils_boarding"


def fill(home: Home, truth: Truth) -> None:
    """Replace what the warehouse counts, with a class a grade and sex, and publish it."""
    with duckdb.connect(str(home.warehouse)) as c:
        c.execute("delete from query.enrolment")
        for (school, grade, sex), (pupils, boarders) in truth.items():
            c.execute(
                "insert into query.enrolment values ('2024-2025', 1, '2024-09-01', '421002', '沙市区', ?, '校', "
                "'primary', '小学', ?, '', ?, '', ?, ?)",
                [school, grade, sex, pupils, boarders],
            )
    publish(home)


def packed(home: Home, **more: Any) -> Shown:
    """Return the figures of a new package."""
    done = build(home, approved(home, fields=FIELDS, **more), released_by="丁")
    rows = pq.read_table(done.folder / "school_enrolment.parquet").to_pylist()
    for row in rows:
        assert (row["pupils"] is None) == row["is_hidden"]
        assert (row["pupils_boarding"] is None) == row["pupils_boarding_is_hidden"]
    assert done.rows_hidden == sum(row["is_hidden"] or row["pupils_boarding_is_hidden"] for row in rows)
    return {
        (row["school_id"], row["grade_code"], row["sex_code"]): (row["pupils"], row["pupils_boarding"]) for row in rows
    }


def attack(versions: list[tuple[Truth, Shown]]) -> list[tuple[int, tuple[str, str, str], float, float]]:
    """Return every small number of which packages tell more than that it is small.

    The attacker has all packages, knows how many pupils each grade had in each version, and which figures of a hidden
    grade did not change since they were shown.
    """
    leaks = []
    for number, (truth, shown) in enumerate(versions):
        told = {
            (key, value)
            for other_truth, other in versions
            for key, (value, _) in other.items()
            if value is not None and other_truth.get(key, (0, 0))[0] == value
        }
        for school, grade in {key[:2] for key in truth}:
            cells = sorted({key for key in [*truth, *shown] if key[:2] == (school, grade)})
            total = sum(truth.get(key, (0, 0))[0] for key in cells)
            hidden = [key for key in cells if key in shown and shown[key][0] is None]
            values = {key: truth.get(key, (0, 0))[0] for key in cells}
            for key in cells:
                if not 0 < values[key] < FEW:
                    continue
                if shown.get(key, (None, None))[0] == values[key]:
                    leaks.append((number, key, values[key], values[key]))
                elif hidden:
                    bounds = [
                        (values[k],) * 2 if (k, values[k]) in told or k not in hidden else (0, None) for k in cells
                    ]
                    ends = [
                        sign
                        * linprog(
                            [sign * (k == key) for k in cells], A_eq=[[1] * len(cells)], b_eq=[total], bounds=bounds
                        ).fun
                        for sign in (1, -1)
                    ]
                    # Of a grade that is smaller than that, its size is what is known, and no more may be.
                    if ends[0] > 1 or ends[1] < min(FEW - 1, total):
                        leaks.append((number, key, *ends))
    return leaks


def drawn(random_: random.Random) -> Truth:
    """Return a small city: small and large grades, some of one sex."""
    found: Truth = {}
    for school in ("S1000000001", "S1000000002", "S1000000003"):
        for grade in ("11", "12", "13"):
            for sex in random_.sample(["1", "2"], random_.choice([1, 2, 2, 2])):
                pupils = random_.choice([1, 2, 3, 4, 7, 12, 25, 40])
                found[school, grade, sex] = (pupils, random_.choice([0, pupils, pupils // 2, min(pupils, 3)]))
    return found


def changed(random_: random.Random, truth: Truth) -> Truth:
    """Return a later version of a city, some of whose figures changed, by few or by many."""
    found: Truth = {}
    for key, (pupils, boarders) in truth.items():
        more = random_.choice([0, 0, 0, 1, -1, 3, 8, -8, 20])
        if pupils + more > 0:
            found[key] = (pupils + more, min(boarders, pupils + more))
    return found


@pytest.mark.parametrize("seed", range(6))
def test_the_attack_over_versions_finds_nothing(home: Home, seed: int) -> None:
    random_ = random.Random(seed)
    truth = drawn(random_)
    versions = []
    for _ in range(4):
        fill(home, truth)
        versions.append((truth, packed(home)))
        truth = changed(random_, truth)
    assert any(value is None for _, shown in versions for value, _ in shown.values())
    assert any(value is not None for _, shown in versions for value, _ in shown.values())
    assert attack(versions) == []
    for _, shown in versions:
        for pupils, boarders in shown.values():
            if pupils is not None and boarders is not None:
                assert not 0 < boarders < FEW
                assert not 0 < pupils - boarders < FEW


def test_the_attack_would_find_what_is_there_to_find() -> None:
    truth: Truth = {("a", "11", "1"): (3, 0), ("a", "11", "2"): (20, 0)}
    only_one: Shown = {("a", "11", "1"): (None, None), ("a", "11", "2"): (20, 0)}
    assert attack([(truth, only_one)]) == [(0, ("a", "11", "1"), 3.0, 3.0)]
    before: Truth = {("a", "11", "1"): (9, 0), ("a", "11", "2"): (20, 0)}
    both: Shown = {("a", "11", "1"): (None, None), ("a", "11", "2"): (None, None)}
    assert len(attack([(before, dict(before.items())), (truth, both)])) == 1


def test_a_hidden_grade_does_not_say_who_is_not_there(home: Home) -> None:
    fill(
        home,
        {("S1000000001", "11", "1"): (3, 0), ("S1000000002", "11", "1"): (9, 0), ("S1000000002", "11", "2"): (8, 0)},
    )
    shown = packed(home)
    # Three boys and no girl: both rows are there and empty.
    assert shown["S1000000001", "11", "1"] == shown["S1000000001", "11", "2"] == (None, None)
    assert shown["S1000000002", "11", "1"] == (9, 0)


def test_few_boarders_are_hidden_and_those_of_the_other_sex_with_them(home: Home) -> None:
    fill(
        home,
        {
            ("S1000000001", "11", "1"): (30, 2),
            ("S1000000001", "11", "2"): (30, 9),
            ("S1000000001", "12", "1"): (30, 28),
            ("S1000000001", "13", "1"): (30, 0),
        },
    )
    shown = packed(home)
    assert shown["S1000000001", "11", "1"] == (30, None)
    assert shown["S1000000001", "11", "2"] == (30, None)
    assert shown["S1000000001", "12", "1"] == (30, None)
    assert shown["S1000000001", "13", "1"] == (30, 0)


def test_a_later_package_takes_nothing_back(home: Home) -> None:
    first: Truth = {
        ("S1000000001", "11", "1"): (3, 0),
        ("S1000000001", "11", "2"): (20, 0),
        ("S1000000002", "11", "1"): (10, 0),
        ("S1000000002", "11", "2"): (20, 0),
        ("S1000000003", "11", "1"): (10, 0),
        ("S1000000003", "11", "2"): (20, 0),
    }
    fill(home, first)
    packed(home)
    second = first | {
        ("S1000000001", "11", "1"): (8, 0),
        ("S1000000002", "11", "1"): (11, 0),
        ("S1000000003", "11", "1"): (3, 0),
    }
    fill(home, second)
    later = packed(home, receiver="statistics_bureau")
    # What was hidden stays hidden, a change by one waits, and so do few beside a number that is known already.
    assert later["S1000000001", "11", "1"] == later["S1000000001", "11", "2"] == (None, None)
    assert later["S1000000002", "11", "1"] == (10, 0)
    assert later["S1000000003", "11", "1"] == (10, 0)
    fill(home, second | {("S1000000002", "11", "1"): (17, 0), ("S1000000002", "11", "2"): (30, 0)})
    assert packed(home)["S1000000002", "11", "1"] == (17, 0)
    memory = home.root / "suppression" / "shared_school_enrolment.parquet"
    assert memory.stat().st_mode & 0o777 == 0o600


def test_every_receiver_and_scope_is_told_the_same(home: Home) -> None:
    fill(home, drawn(random.Random(1)))
    whole = packed(home)
    for scope in ("421002", "421003", "1000000001"):
        part = packed(home, receiver="statistics_bureau", scope_org=scope)
        assert part
        assert part == {key: value for key, value in whole.items() if key in part}


def test_an_item_that_is_counted_otherwise_needs_a_name_of_its_own(home: Home) -> None:
    packed(home)
    with duckdb.connect(str(home.warehouse)) as c:
        c.execute(
            "update management.share_catalog set dims = 'school_id stage sex_code' where item_id = 'school_enrolment'"
        )
    with pytest.raises(OtherFiguresError, match="item_id of its own"):
        packed(home)


@pytest.fixture
def classes(home: Home) -> Home:
    """The warehouse with two grades of classes."""
    with duckdb.connect(str(home.warehouse)) as c:
        c.execute(
            "create table query.class as select '2024-2025' as school_year, 1 as term, date '2024-09-01' as snapshot_date, "
            "'S1000000001' as school_id, '校' as school_name, '421002' as division_code, 'primary' as stage, grade_code, "
            "'' as grade_name, class_code, pupils, '25人及以下' as size_band_name, false as is_large, false as is_oversize "
            "from (values ('11', '1101', 3), ('11', '1102', 30), ('12', '1201', 30), ('12', '1202', 31)) "
            "as v(grade_code, class_code, pupils)"
        )
        c.execute(
            "insert into management.column_catalog by name select schema_name, table_name, column_name, "
            "column_index as position, '标签' as label_zh, 'text' as description, 'L2' as level, 'ordinary' as privacy, "
            "false as is_volatile, false as is_pseudonym from duckdb_columns() where table_name = 'class'"
        )
    publish(home)
    return home


def test_a_small_class_is_hidden_with_the_others_of_its_grade(classes: Home) -> None:
    fields = "grade_code class_code pupils size_band_name is_large"
    done = build(classes, approved(classes, item="class_size", fields=fields), released_by="丁")
    rows = pq.read_table(done.folder / "class_size.parquet").to_pylist()
    assert [(row["class_code"], row["pupils"], row["size_band_name"]) for row in rows] == [
        ("1101", None, None),
        ("1102", None, None),
        ("1201", 30, "25人及以下"),
        ("1202", 31, "25人及以下"),
    ]


def test_a_class_that_keeps_its_size_keeps_what_is_said_of_it(classes: Home) -> None:
    fields = "class_code pupils size_band_name is_oversize"

    def packed_classes() -> list[tuple[Any, ...]]:
        done = build(classes, approved(classes, item="class_size", fields=fields), released_by="丁")
        rows = pq.read_table(done.folder / "class_size.parquet").to_pylist()
        return [tuple(row[name] for name in fields.split()) for row in rows if row["class_code"] > "12"]

    before = packed_classes()
    assert before == [("1201", 30, "25人及以下", False), ("1202", 31, "25人及以下", False)]
    with duckdb.connect(str(classes.warehouse)) as c:
        # One pupil more in one class keeps the figures of the grade; the other grew by many.
        c.execute("update query.class set pupils = 31 where class_code = '1201'")
        c.execute(
            "update query.class set pupils = 70, size_band_name = '66人及以上', is_oversize = true where class_code = '1202'"
        )
    publish(classes)
    assert packed_classes() == before
    with duckdb.connect(str(classes.warehouse)) as c:
        c.execute("update query.class set pupils = 40 where class_code = '1201'")
    publish(classes)
    assert packed_classes() == [("1201", 40, "25人及以下", False), ("1202", 70, "66人及以上", True)]


def test_figures_that_left_are_not_decided_anew_where_their_memory_is_lost(home: Home) -> None:
    request_id = approved(home)
    build(home, request_id, released_by="丁")
    memory = home.root / "suppression" / "shared_school_enrolment.parquet"
    kept = memory.read_bytes()
    memory.unlink()
    with pytest.raises(MemoryLostError, match=r"suppression/shared_school_enrolment\.parquet.*backup"):
        build(home, request_id, released_by="丁")
    assert not memory.exists()
    # Items that never left, and those without numbers of persons, need none.
    assert build(home, approved(home, item="student_roll", fields="person_id"), released_by="丁").rows == 6
    memory.write_bytes(kept)
    assert build(home, request_id, released_by="丁").rows == 6


def test_a_package_is_of_the_version_that_it_names(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def and_another(place: Home) -> str | None:
        """The next version is published just after a package asked which one is served."""
        version = current_version(place)
        fill(place, {("S1000000002", "11", "1"): (50, 0)})
        return version

    fill(home, {("S1000000001", "11", "1"): (30, 0)})
    request_id = approved(home, fields=FIELDS)
    monkeypatch.setattr("warehouse.sharing.package.current_version", and_another)
    done = build(home, request_id, released_by="丁")
    rows = pq.read_table(done.folder / "school_enrolment.parquet").to_pylist()
    assert [row["school_id"] for row in rows] == ["S1000000001"]


@pytest.mark.parametrize("item", ["student_roll"])
def test_a_restricted_person_is_in_no_package(home: Home, item: str) -> None:
    def rows(fields: str) -> int:
        return build(home, approved(home, item=item, fields=fields), released_by="丁").rows

    before = rows("person_id school_id"), rows("school_id birth_date")
    with duckdb.connect(str(home.warehouse)) as c:
        c.execute("insert into storage.map_restriction values (?)", [f"{1:032x}"])
    # Of three pupils in two terms one is left out, also where the receiver sees no pseudonym.
    assert (rows("person_id school_id"), rows("school_id birth_date")) == (before[0] - 2, before[1] - 2)
    assert before == (6, 6)


def test_one_package_that_cannot_be_built_keeps_no_other_back(home: Home) -> None:
    broken, whole = approved(home), approved(home, item="student_roll", fields="person_id")
    with duckdb.connect(str(home.warehouse)) as c:
        c.execute("update management.share_catalog set fields = 'school_id pupils' where item_id = 'school_enrolment'")
    with pytest.raises(PackagesMissingError, match=rf"1 packages.*1 were: {broken}.*no longer offers"):
        build_due(home, released_by="丁")
    assert len(list((home.outbox / "share_health_bureau").iterdir())) == 1
    with pytest.raises(PackagesMissingError, match="0 were"):
        build_due(home, released_by="丁")
    revoke(home, broken, revoked_by="丙", reason="改目录")
    assert build_due(home, released_by="丁") == []
    assert whole


def test_what_was_revoked_is_no_longer_in_the_outbox(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, ended = approved(home), approved(home, item="student_roll", fields="person_id")
    folders = [build(home, request_id, released_by="丁").folder for request_id in (kept, ended)]
    revoke(home, ended, revoked_by="丙", reason="项目终止")
    assert [folder.exists() for folder in folders] == [True, False]


def test_an_approval_that_is_revoked_meanwhile_yields_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from warehouse.sharing import package
    from warehouse.sharing.requests import ShareRefusedError

    request_id = approved(home)
    write_files = package._write_files

    def and_revoke(*arguments: Any) -> None:
        write_files(*arguments)
        revoke(home, request_id, revoked_by="丙", reason="项目终止")

    monkeypatch.setattr(package, "_write_files", and_revoke)
    with pytest.raises(ShareRefusedError, match="revoked"):
        build(home, request_id, released_by="丁")
    assert read_releases(home) == []
    assert [path for path in home.outbox.rglob("*") if path.is_file()] == []


def test_persons_that_passed_no_gate_do_not_leave(home: Home) -> None:
    from edu.errors import WarehouseError

    with duckdb.connect(str(home.warehouse)) as c:
        c.execute("create table query.student as select 'a' as person_id, 7 as age")
        c.execute(
            "insert into management.column_catalog by name select schema_name, table_name, column_name, "
            "column_index as position, '标签' as label_zh, 'text' as description, 'L3' as level, 'ordinary' as privacy, "
            "false as is_volatile, false as is_pseudonym from duckdb_columns() where table_name = 'student'"
        )
    publish(home)
    request_id = approved(home, item="student_roll", fields="person_id")
    assert build(home, request_id, released_by="丁").rows == 6
    with duckdb.connect(str(home.warehouse)) as c:
        c.execute("update query.student set age = 8")
    with pytest.raises(WarehouseError, match="edu publish"):
        build(home, request_id, released_by="丁")
    # Figures come from the published file, which is what it was.
    assert build(home, approved(home), released_by="丁").rows == 6


def test_a_request_for_an_organisation_that_is_none_is_refused_at_once(home: Home) -> None:
    with pytest.raises(ShareRequestError, match="manages no school"):
        ask(home, scope_org="421099", expires_on=LATER)
    decide(home, ask(home, scope_org="421002"), approve=True, decided_by="乙", reason="符合规定")


@pytest.fixture
def rosters(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Bundles of two persons, whatever the warehouse holds."""

    def bundle(_: Home, org: str, period: str, domain: str, out: Path, *, has_demographics: bool) -> Path:
        with zipfile.ZipFile(out, "w") as written:
            written.writestr("users.csv", f"sourcedId\n{org}-{period}-{domain}-{has_demographics}\nb\n")
        return out

    monkeypatch.setattr("warehouse.sharing.package.write_oneroster", bundle)
    return home


def export(home: Home, out: Path, *more: str) -> Any:
    arguments = ["--org", "421002", "--period", "2024-2025/1", "--domain", "lms", "--out", str(out), *more]
    return CliRunner().invoke(app, ["export-oneroster", *arguments])


ROSTER: dict[str, Any] = {
    **{"item": "oneroster_roster", "fields": "roster", "scope_org": "421002", "period": "2024-2025/1"},
    "receiver": "lms",
}


@pytest.mark.parametrize(
    "other",
    [
        {"scope_org": "421003"},
        {"period": "2024-2025/2"},
        {"receiver": "library"},
        {"item": "student_roll", "fields": "person_id"},
        None,
    ],
)
def test_no_roster_leaves_without_an_approval_of_just_that(
    rosters: Home, tmp_path: Path, other: dict[str, Any] | None
) -> None:
    if other is None:
        ask(rosters, **ROSTER)
    else:
        approved(rosters, **(ROSTER | other))
    result = export(rosters, tmp_path / "out.zip")
    assert isinstance(result.exception, NoApprovalError)
    assert result.exception.exit_code == ExitCode.REJECTED
    assert read_releases(rosters) == []
    assert not (tmp_path / "out.zip").exists()


def test_an_approved_roster_is_written_where_it_is_wanted_and_logged(rosters: Home, tmp_path: Path) -> None:
    request_id = approved(rosters, **ROSTER)
    assert isinstance(export(rosters, tmp_path / "out.zip", "--demographics").exception, NoApprovalError)
    assert export(rosters, tmp_path / "out.zip", "--by", "丁").exit_code == 0
    assert export(rosters, tmp_path / "folder", "--by", "丁").exit_code == 0
    assert (tmp_path / "folder" / "users.csv").read_text().splitlines()[1] == "421002-2024-2025/1-lms-False"
    logged = read_releases(rosters)
    assert [(row["request_id"], row["receiver"], row["rows"], row["released_by"]) for row in logged] == [
        (request_id, "lms", 2, "丁")
    ] * 2
    digest = hashlib.sha256((tmp_path / "out.zip").read_bytes()).hexdigest()
    assert digest in {row["sha256"] for row in logged}
    revoke(rosters, request_id, revoked_by="丙", reason="项目终止")
    assert isinstance(export(rosters, tmp_path / "again.zip").exception, NoApprovalError)


def test_a_roster_replaces_no_folder_of_other_things(rosters: Home, tmp_path: Path) -> None:
    approved(rosters, **ROSTER)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine", encoding="utf-8")
    assert isinstance(export(rosters, mine).exception, ExportError)
    assert (mine / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert read_releases(rosters) == []


def test_a_package_says_in_chinese_what_its_fields_are(home: Home) -> None:
    folder = build(home, approved(home, fields=FIELDS), released_by="丁").folder
    note = (folder / "说明.md").read_text(encoding="utf-8")
    assert "| `pupils_boarding` | 标签 |" in note
    assert "| `pupils_boarding_is_hidden` | 标签是否隐藏 |" in note
    sheet = openpyxl.load_workbook(folder / "school_enrolment.xlsx")["字段说明"]
    assert [row for row in sheet.iter_rows(values_only=True)][:2] == [("字段", "含义"), ("school_id", "标签")]
