"""Views of persons hold every pupil and teacher of the city, with the age that the birth date gives."""

from __future__ import annotations

from indicator_truth.common import open_facts
from tests_city import City


def test_pupils_are_all_there_with_their_age(clean_city: City) -> None:
    assert _differences(clean_city, "student", "pid") == []


def test_staff_are_all_there_with_their_age(clean_city: City) -> None:
    assert _differences(clean_city, "staff", "sid") == []


def _differences(city: City, table: str, person: str) -> list[tuple[str, ...]]:
    """Compare persons by school, date, sex and age: ids of the truth and of the platform are not the same."""
    with open_facts(city.out / "truth" / "facts") as truth:
        truth.execute(f"attach '{city.home.warehouse}' as built (read_only)")
        groups = "snapshot_date, sex_code, age_years, count(*) as persons"
        return truth.execute(
            f"""
            with real as (
                select 'S' || school_code as school_id, snapshot_date, sex_code,
                    date_sub('year', birth_date, snapshot_date) as age_years, {person} as person
                from {table}
            ),
            world as (select school_id, {groups} from real group by all),
            mart as (select school_id, {groups} from built.query.{table} group by all)
            select school_id, snapshot_date::varchar, sex_code
            from ((table world except table mart) union all (table mart except table world))
            order by all limit 20
            """
        ).fetchall()
