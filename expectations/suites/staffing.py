"""Staffing: shares within a hundred, and a ratio of the city that can be."""

from __future__ import annotations

from expectations.rule import Rule, Settings, Suite, in_set, no_rows, not_null, unique
from expectations.suites.enrolment import STATUSES


def build(bounds: Settings) -> list[Rule]:
    """Return the expectations."""
    low, high = bounds["pupil_teacher_ratio_minimum"], bounds["pupil_teacher_ratio_maximum"]
    return [
        unique(["school_id", "snapshot_date", "stage"], "A stage of a school has one figure at a snapshot."),
        not_null("data_status", "A figure without a state may be read as final."),
        in_set("data_status", STATUSES, "Another status is one that no page can explain."),
        no_rows(
            "shares_possible",
            "select count(*) as rows_found from {batch} where qualified_pct > 100 or higher_qualified_pct > 100 "
            "or qualified_teachers > full_time_teachers having count(*) > 0",
            "A part of the teachers is not more than all of them.",
        ),
        no_rows(
            "ratio_of_the_city",
            "select count(*) as stages from (select snapshot_date, stage from {batch} "
            "where pupils is not null and full_time_teachers is not null and stage in ('primary', 'junior', 'senior') "
            "group by snapshot_date, stage having sum(full_time_teachers) > 0 and "
            f"(1.0 * sum(pupils) / sum(full_time_teachers) < {low} or 1.0 * sum(pupils) / sum(full_time_teachers) > {high})) "
            "as odd having count(*) > 0",
            "Outside these bounds pupils or teachers of a whole stage are missing.",
            severity="warning",
        ),
    ]


SUITE = Suite("publication", "analysis.staffing", build)
