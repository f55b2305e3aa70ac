"""Cases from landed rows to decision and rebuild: found, shown, decided, honoured, exported to the right desk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cases_home import FIRST, SECOND, ask, build_all, id_number, land, pupil, school
from openpyxl import load_workbook

from edu import audit
from edu.audit import AuditReasonError, AuditValueError
from edu.paths import Home, get_home
from edu.pseudonym import load_key, pseudonyms
from edu.settings import get_settings
from warehouse.cases import CaseNotFoundError, DecisionError, decide, export_cases, list_cases, show_case

DUAL, COLLIDED, RENUMBERED = 7, 8, 20
BY = {"author": "基教科", "reason": "电话核实"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Two schools: pupil 7 in both, a roll number that came with two ID numbers, and an L number that became G."""
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("cases")
    patch.setenv("EDU_HOME", str(folder / "home"))
    get_settings.cache_clear()
    installation = get_home().ensure()
    for number, period, day in ((1, "2024-2025/1", "2024-09-10"), (2, "2024-2025/2", "2025-03-10")):
        land(
            installation,
            folder,
            "school",
            [school(FIRST, "甲中学"), school(SECOND, "乙中学")],
            period=period,
            received_at=f"{day}T08:00:00",
        )
        collided = pupil(FIRST, COLLIDED, id_number=id_number(COLLIDED if number == 1 else 9), name="王冲突")
        renumbered = pupil(FIRST, RENUMBERED, name="孙临时")
        if number == 1:
            renumbered |= {"xjh": "L" + id_number(920), "id_number": "", "id_type_code": "Z"}
        land(
            installation,
            folder,
            "student",
            [pupil(FIRST, 1), pupil(FIRST, DUAL, name="赵双籍"), collided, renumbered],
            period=period,
            received_at=f"{day}T09:00:00",
        )
        land(
            installation,
            folder,
            "student",
            [pupil(SECOND, 2), pupil(SECOND, DUAL, name="赵双籍", seat_no="3")],
            period=period,
            received_at=f"{day}T10:00:00",
        )
    build_all(installation)
    yield installation
    patch.undo()
    get_settings.cache_clear()


def kinds(home: Home, **filters: Any) -> list[str]:
    return sorted(case["case_kind"] for case in list_cases(home, **filters))


def test_cases_are_listed_for_those_whom_they_concern(home: Home) -> None:
    assert kinds(home) == ["dual_enrolment", "identity_collision"]
    assert kinds(home, org=SECOND) == ["dual_enrolment"]
    assert kinds(home, org="421002") == ["dual_enrolment", "identity_collision"]
    assert kinds(home, org="421003") == []
    dual = list_cases(home, kind="dual_enrolment")[0]
    # Both terms are one case, opened by the second delivery of the first, 181 days before the newest one.
    assert (dual["period"], dual["last_period"], dual["schools"]) == ("2024-2025/1", "2024-2025/2", 2)
    assert (str(dual["opened_on"]), dual["days_open"], dual["status"]) == ("2024-09-10", 181, "open")
    shown = show_case(home, dual["case_id"][:8])
    assert {place["school_code"] for place in shown["places"]} == {FIRST, SECOND}


def test_the_key_with_two_numbers_links_neither(home: Home) -> None:
    people = ask(
        home.warehouse,
        "select count(distinct person_id) from storage.map_person where person_id in "
        "(select evidence_key from storage.map_person_link where id_numbers > 1) or evidence_key like 'cn_id:%'",
    )
    # Numbers of pupils 1, 2, 7, 20 are each their pupil's; 8 and 9 stand alone, and so does the roll number.
    assert people == [(7,)]


def test_a_temporary_and_a_final_number_are_one_child_with_one_spell(home: Home) -> None:
    temporary, final = (
        "xjh:" + str(key)
        for key in pseudonyms(load_key(home), "xjh", ["L" + id_number(920), "G" + id_number(RENUMBERED)]).to_pylist()
    )
    people = ask(
        home.warehouse,
        f"select distinct person_id from storage.map_person where evidence_key in ('{temporary}', '{final}')",
    )
    # The first evidence names the child, and the later number renames nobody.
    assert people == [(temporary,)]
    spells = ask(
        home.warehouse,
        "select school_id, start_date::varchar, start_basis, end_date, is_effective from storage.fct_enrolment "
        f"where person_id = '{temporary}'",
    )
    assert spells == [("S" + FIRST, "2024-09-01", "snapshot", None, True)]


def test_an_export_names_a_schools_own_rows_and_no_others(home: Home) -> None:
    done = export_cases(home, SECOND, **BY)
    assert (done.cases, done.names) == (1, 1)
    assert done.path.parent == home.outbox / SECOND
    assert done.path.stat().st_mode & 0o777 == 0o600
    cells = [cell.value for row in load_workbook(done.path).active.iter_rows(min_row=2) for cell in row]
    assert "赵双籍" in cells
    assert "王冲突" not in cells
    first = export_cases(home, FIRST, **BY)
    names = {row[3].value for row in load_workbook(first.path).active.iter_rows(min_row=2)}
    assert names == {"赵双籍", "王冲突"}
    assert export_cases(home, "421002", **BY).names == 0
    logged = [entry for entry in audit.entries(home) if entry["action"] == "cases.export"]
    assert [entry["subject"] for entry in logged] == [SECOND, FIRST, "421002"]
    assert audit.verify(home).is_whole


def test_a_decision_needs_what_its_case_needs(home: Home) -> None:
    dual = list_cases(home, kind="dual_enrolment")[0]["case_id"]
    for refused, options in (("link", {}), ("effective_school", {}), ("confirm", {"school": FIRST})):
        with pytest.raises(DecisionError):
            decide(home, dual, refused, **options, **BY)
    with pytest.raises(DecisionError, match="not one that case"):
        decide(home, dual, "effective_school", school="3142000009", **BY)
    with pytest.raises(CaseNotFoundError):
        show_case(home, "000000000000")
    with pytest.raises(AuditReasonError):
        decide(home, dual, "confirm", author="基教科", reason=" ")
    with pytest.raises(AuditValueError):
        decide(home, dual, "confirm", author="基教科", reason=f"身份证 {id_number(7)} 属实")
    assert show_case(home, dual)["decisions"] == []


@pytest.mark.city
def test_a_decision_is_honoured_and_survives_a_rebuild(home: Home, tmp_path: Path) -> None:
    dual = list_cases(home, kind="dual_enrolment")[0]["case_id"]
    collision = list_cases(home, kind="identity_collision")[0]["case_id"]
    decide(home, dual, "effective_school", school=SECOND, **BY)
    decide(home, collision, "link", **BY)
    build_all(home, full=True)
    assert kinds(home) == []
    decided = {case["case_id"]: case for case in list_cases(home, status="decided")}
    assert set(decided) == {dual, collision}
    assert decided[dual]["decision"] == "effective_school"
    assert decided[collision]["decided_by"] == "基教科"
    joined = ask(
        home.warehouse,
        "select count(distinct person_id), count(*) from storage.map_person where person_id = "
        f"(select subject_key from management.\"case\" where case_id = '{collision}')",
    )
    # The roll number and its two ID numbers are one person now, named by the roll number, which came first.
    assert joined == [(1, 3)]
    # Before the decision was recorded, the build says what it said then.
    earlier = build_all(home, as_of="2020-01-01", out=tmp_path / "before.duckdb")
    assert ask(earlier, "select count(*) from collection.decision") == [(0,)]
    decide(home, collision, "reopen", **BY)
    build_all(home)
    assert kinds(home) == ["identity_collision"]


def test_a_second_key_must_be_one_of_the_case(home: Home) -> None:
    """Grants a link of keys that came together only: pupil 1 is a stranger to the roll number with two ID numbers."""
    collision = list_cases(home, kind="identity_collision")[0]["case_id"]
    dual = list_cases(home, kind="dual_enrolment", status=None)[0]["case_id"]
    key = load_key(home)
    stranger, own = (
        "cn_id:" + str(name) for name in pseudonyms(key, "cn_id", [id_number(1), id_number(9)]).to_pylist()
    )
    before = {case: len(show_case(home, case)["decisions"]) for case in (collision, dual)}
    for case, decision, refused in (
        (collision, "link", stranger),
        (collision, "keep_apart", "nobody"),
        (collision, "reopen", own),
        (dual, "confirm", id_number(1)),
    ):
        with pytest.raises(DecisionError) as caught:
            decide(home, case, decision, other_key=refused, **BY)
        assert refused not in str(caught.value)
    assert {case: len(show_case(home, case)["decisions"]) for case in (collision, dual)} == before
    decide(home, collision, "keep_apart", other_key=own, **BY)
    assert show_case(home, collision)["decisions"][-1]["other_key"] == own
    assert audit.entries(home)[-1]["details"]["other_key"] == own
