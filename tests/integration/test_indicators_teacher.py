"""Indicators of teachers equal a second method over the true facts of the city, at every level and cut."""

from __future__ import annotations

from indicator_truth import common, teacher
from tests_city import City


def test_teachers_equal_the_second_method(seeded_city: City) -> None:
    truth = common.open_facts(seeded_city.out / "truth" / "facts")
    truth.execute(teacher.prepare())
    assert common.figure_differences(seeded_city.home.warehouse, truth, teacher.figures()) == []


def test_ages_and_retirements_equal_the_second_method(seeded_city: City) -> None:
    truth = common.open_facts(seeded_city.out / "truth" / "facts")
    truth.execute(teacher.prepare())
    truth.execute(f"attach '{seeded_city.home.warehouse}' as built (read_only)")
    for mart, columns, figures in (
        (
            "select school_year, area_level, area_id, stage, sex_code, age_band, teachers from built.analysis.teacher_age "
            "where teachers > 0",
            "year, area_level, area_id, stage, sex_code, age_band, teachers",
            teacher.ages(),
        ),
        (
            "select school_year, area_level, area_id, year_no, teachers_due, staff_due "
            "from built.analysis.teacher_retirement where staff_due > 0",
            "year, area_level, area_id, year_no, teachers, staff",
            teacher.retirements(),
        ),
    ):
        truth.execute(f"create or replace table figure({columns}) as {figures}")
        assert truth.execute("select count(*) from figure").fetchone() > (100,)
        assert truth.execute(f"({mart}) except select * from figure").fetchall() == []
        assert truth.execute(f"select * from figure except ({mart})").fetchall() == []
