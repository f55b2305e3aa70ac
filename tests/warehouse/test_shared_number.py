"""One roll number under two ID numbers at two schools: two children, each with what is his."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cases_home import CITY, FIRST, SECOND, ask, build_all, event, id_number, land, pupil, school

from edu.paths import Home, get_home
from edu.pseudonym import load_key, pseudonyms
from edu.settings import get_settings
from warehouse.restriction import record

# Two builds of their own.
pytestmark = pytest.mark.city

OWNER, MISTYPED, RENEWED, SHARED_RENEWED, COPIED = 30, 31, 32, 33, 34


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """In the second term SECOND types the roll number of FIRST's pupil for one of its own; another's ID number changed."""
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("shared")
    patch.setenv("EDU_HOME", str(folder / "home"))
    get_settings.cache_clear()
    installation = get_home().ensure()
    mistyped = pupil(SECOND, MISTYPED, name="钱误填", xjh="G" + id_number(OWNER))
    copied = pupil(SECOND, COPIED, name="周误抄", xjh="G" + id_number(SHARED_RENEWED))
    for number, period, day in ((1, "2024-2025/1", "2024-09-10"), (2, "2024-2025/2", "2025-03-10")):
        register = [school(FIRST, "甲中学"), school(SECOND, "乙中学")]
        land(installation, folder, "school", register, period=period, received_at=f"{day}T08:00:00")
        renewed = [
            pupil(FIRST, serial, name="孙换证", id_number=id_number(serial if number == 1 else serial + 10))
            for serial in (RENEWED, SHARED_RENEWED)
        ]
        for org, rows in (
            (FIRST, [pupil(FIRST, OWNER, name="赵本人"), *renewed]),
            (SECOND, [pupil(SECOND, 2), *([mistyped, copied] if number == 2 else [])]),
        ):
            land(installation, folder, "student", rows, period=period, received_at=f"{day}T09:00:00", org=org)
    screened = {"grade_code": "21", "class_code": "2401", "screened_on": "2025-04-01", "naked_left": "5.0"}
    for school_code, name, sex in ((FIRST, "赵本人", "2"), (SECOND, "钱误填", "1")):
        row = {"school_code": school_code, "name": name, "xjh": "G" + id_number(OWNER), "sex_code": sex, **screened}
        land(
            installation,
            folder / school_code,
            "vision",
            [row],
            period="2024-2025/2",
            received_at="2025-04-02T09:00:00",
            org=school_code,
        )
    left = event(FIRST, OWNER, "21", "2025-05-06", name="赵本人", to_school_code=SECOND)
    land(
        installation, folder, "student_event", [left], period="2024-2025/2", received_at="2025-05-07T09:00:00", org=CITY
    )
    build_all(installation)
    yield installation
    patch.undo()
    get_settings.cache_clear()


def person(home: Home, namespace: str, value: str) -> str:
    """Return the key that names a person by one number."""
    return f"{namespace}:{pseudonyms(load_key(home), namespace, [value]).to_pylist()[0]}"


def people(home: Home) -> tuple[str, str]:
    """Return the persons that two ID numbers name."""
    return person(home, "cn_id", id_number(OWNER)), person(home, "cn_id", id_number(MISTYPED))


def test_each_child_stands_on_his_own_roll(home: Home) -> None:
    owner, mistyped = people(home)
    rolls = ask(
        home.warehouse,
        "select person_id, school_id, period from storage.fct_enrolment_snapshot "
        f"where person_id in ('{owner}', '{mistyped}') order by period, school_id",
    )
    assert rolls == [
        (owner, "S" + FIRST, "2024-2025/1"),
        (owner, "S" + FIRST, "2024-2025/2"),
        (mistyped, "S" + SECOND, "2024-2025/2"),
    ]
    spells = ask(
        home.warehouse,
        "select person_id, school_id, start_date::varchar, end_date::varchar, end_basis, is_effective "
        f"from storage.fct_enrolment where person_id in ('{owner}', '{mistyped}') order by school_id",
    )
    assert spells == [
        (owner, "S" + FIRST, "2024-09-01", "2025-05-06", "event", True),
        (mistyped, "S" + SECOND, "2025-03-01", None, None, True),
    ]


def test_what_names_the_shared_number_is_that_of_the_child_at_its_school(home: Home) -> None:
    owner, mistyped = people(home)
    seen = ask(home.warehouse, "select school_id, person_id from storage.fct_vision order by school_id")
    assert seen == [("S" + FIRST, owner), ("S" + SECOND, mistyped)]
    assert ask(home.warehouse, "select person_id, to_school_id from storage.fct_student_event") == [
        (owner, "S" + SECOND)
    ]


def test_an_id_number_that_changed_leaves_one_child(home: Home) -> None:
    """Also where another school bears the roll number too: then the child is known by the first ID number."""
    for child in (
        person(home, "xjh", "G" + id_number(RENEWED)),
        person(home, "cn_id", id_number(SHARED_RENEWED)),
    ):
        spells = ask(
            home.warehouse,
            f"select school_id, start_date::varchar, end_date from storage.fct_enrolment where person_id = '{child}'",
        )
        assert spells == [("S" + FIRST, "2024-09-01", None)]
    renewed = person(home, "cn_id", id_number(SHARED_RENEWED + 10))
    assert ask(home.warehouse, f"select * from storage.fct_enrolment where person_id = '{renewed}'") == []


def test_the_numbers_are_cases_and_nobody_is_enrolled_twice(home: Home) -> None:
    cases = ask(home.warehouse, 'select case_kind, count(*) from management."case" group by all order by all')
    assert cases == [("identity_collision", 3)]


def test_a_restriction_of_the_number_hides_whoever_may_be_meant(home: Home) -> None:
    """Until one of them is lifted by himself; totals keep both."""
    owner, mistyped = people(home)
    shown = (
        f"select person_id from query.student where person_id in ('{owner}', '{mistyped}') group by all order by all"
    )
    pupils = "select sum(pupils) from analysis.enrolment"
    before = ask(home.warehouse, pupils)
    assert ask(home.warehouse, shown) == sorted([(owner,), (mistyped,)])
    because = {"actor": "数据管理员", "reason": "监护人申请"}
    record(home, person(home, "xjh", "G" + id_number(OWNER)), action="restrict", **because)
    build_all(home)
    assert ask(home.warehouse, shown) == []
    record(home, mistyped, action="lift", **because)
    build_all(home)
    assert ask(home.warehouse, shown) == [(mistyped,)]
    assert ask(home.warehouse, pupils) == before
