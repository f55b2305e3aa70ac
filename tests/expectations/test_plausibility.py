"""Gates that compare years: schools that changed places, and girls that became boys."""

from __future__ import annotations

import pytest
from scipy.stats import spearmanr
from test_gate import run

from edu.paths import Home

YEARS = """
delete from storage.fct_enrolment_snapshot; delete from analysis.enrolment; delete from analysis.class_size;
create table school_size as select 'S' || i as school_id, 40 + i as n_before, {now} as n_now from range(24) as r(i);
insert into storage.fct_enrolment_snapshot by name
    select school_id || '/' || j as person_id, school_id, date '2024-09-01' as snapshot_date, 'primary' as stage,
        true as is_enrolled, 'c' as class_code, '2024-2025' as school_year, 1 as term,
        case when j % 2 = 0 then '2' else '1' end as sex_code
    from school_size, range(n_before) as p(j)
    union all
    select school_id || '/' || j, school_id, date '2025-09-01', 'primary', true, 'c', '2025-2026', 1,
        case when j % {girls} = 0 then '2' else '1' end
    from school_size, range(n_now) as p(j);
"""
RANKS = {"40 + i": 1.0, "40 + (i * 7) % 24": None, "63 - i": -1.0, "40 + i // 4 * 4": None}


@pytest.mark.parametrize("now", list(RANKS))
def test_schools_that_changed_places_stop_the_build(edu_home: Home, now: str) -> None:
    before = [40 + i for i in range(24)]
    after = [int(eval(now, {"i": i})) for i in range(24)]
    rho = spearmanr(before, after).statistic
    if RANKS[now] is not None:
        assert rho == pytest.approx(RANKS[now])
    report = run(edu_home, "storage", YEARS.format(now=now, girls=2))
    found = any("rank_of_schools_year_on_year" in text for text in report.failed_global)
    assert found == (rho < 0.7)


def test_a_share_of_girls_that_jumps_stops_the_build(edu_home: Home) -> None:
    same = run(edu_home, "storage", YEARS.format(now="40 + i", girls=2))
    assert not any("girls_year_on_year" in text for text in same.failed_global)
    jumped = run(edu_home, "storage", YEARS.format(now="40 + i", girls=3))
    assert any("girls_year_on_year" in text for text in jumped.failed_global)


BAD = [
    ("storage", "insert into storage.map_person values ('xjh:p1', 'p2')", "evidence_key_unique"),
    ("storage", "update storage.unit_status set data_status = 'odd'", "data_status_known"),
    ("publication", "update management.row_count_flow set rows_superseded = 2", "rows_accounted_for"),
    ("publication", "update management.row_count_fact set rows_fact = 41", "no_row_from_nothing"),
    ("publication", "update analysis.enrolment set pupils_female = 1000", "parts_within_whole"),
    ("publication", "delete from analysis.enrolment where snapshot_date = date '2025-09-01'", "total_of_the_fact"),
    ("publication", "update analysis.enrolment set data_status = null", "data_status_present"),
    ("publication", "update analysis.staffing set qualified_pct = 101", "shares_possible"),
]


@pytest.mark.parametrize(("gate", "change", "rule"), BAD, ids=[case[2] for case in BAD])
def test_bad_rows_fail(edu_home: Home, gate: str, change: str, rule: str) -> None:
    assert any(rule in text for text in run(edu_home, gate, change).failed_global)


def test_an_odd_ratio_is_written_down_and_stops_nothing(edu_home: Home) -> None:
    report = run(edu_home, "publication", "update analysis.staffing set full_time_teachers = 2, qualified_teachers = 2")
    assert report.failed_global == []
