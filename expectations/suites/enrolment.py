"""Enrolment: as many pupils as the fact has, each school and grade once."""

from __future__ import annotations

from expectations.rule import Rule, Settings, Suite, in_set, no_rows, not_null, unique

STATUSES = ["missing", "provisional", "school_confirmed", "county_approved", "official"]


def build(_: Settings) -> list[Rule]:
    """Return the expectations."""
    return [
        unique(["school_id", "snapshot_date", "grade_code"], "A grade of a school has one figure at a snapshot."),
        not_null("data_status", "A figure without a state may be read as final."),
        in_set("data_status", STATUSES, "Another status is one that no page can explain."),
        no_rows(
            "parts_within_whole",
            "select count(*) as rows_found from {batch} where pupils_female > pupils or pupils_boarding > pupils "
            "or pupils <= 0 having count(*) > 0",
            "A part is not more than its whole, and a grade without pupils has no row.",
        ),
        no_rows(
            "total_of_the_fact",
            "with mart as (select snapshot_date, sum(pupils) as n from {batch} group by snapshot_date), "
            "fact as (select snapshot_date, count(*) as n from storage.fct_enrolment_snapshot where is_enrolled "
            "group by snapshot_date) select count(*) as snapshots from fact full join mart using (snapshot_date) "
            "where mart.n is distinct from fact.n having count(*) > 0",
            "A school that a join drops takes its pupils out of the city's total unseen.",
        ),
    ]


SUITE = Suite("publication", "analysis.enrolment", build)
