"""Digital and lifelong figures equal a second method over the true facts of the city."""

from __future__ import annotations

from indicator_truth import common, digital, lifelong
from tests_city import City


def test_digital_equals_the_second_method(seeded_city: City) -> None:
    truth = common.open_facts(seeded_city.out / "truth" / "facts")
    assert common.figure_differences(seeded_city.home.warehouse, truth, digital.figures()) == []


def test_lifelong_equals_the_second_method(seeded_city: City) -> None:
    truth = common.open_facts(seeded_city.out / "truth" / "facts")
    assert common.figure_differences(seeded_city.home.warehouse, truth, lifelong.figures()) == []


def test_online_learning_equals_the_second_method(seeded_city: City) -> None:
    truth = common.open_facts(seeded_city.out / "truth" / "facts")
    expected = truth.execute(f"select * from ({digital.online()}) order by all").fetchall()
    truth.execute(f"attach '{seeded_city.home.warehouse}' as built (read_only)")
    found = truth.execute(
        "select period, course_id, learners, active_days, learner_days, enrolments, completions "
        "from built.analysis.online_learning where source = 'xapi' order by all"
    ).fetchall()
    assert found == expected
    assert found
