"""Pupils at a snapshot: placed, and about as many as before."""

from __future__ import annotations

from expectations.rule import Rule, Settings, Suite, no_rows, not_null, unique


def build(bounds: Settings) -> list[Rule]:
    """Return the expectations."""
    drop, rise = bounds["volume_drop_maximum_pct"], bounds["volume_rise_maximum_pct"]
    share = bounds["person_multiplicity_maximum_pct"]
    return [
        not_null("person_id", "A row without a person cannot be counted once."),
        not_null("stage", "A pupil without a stage is in no figure."),
        unique(["person_id", "school_id", "snapshot_date"], "One pupil is counted once in a school."),
        no_rows(
            "volume_of_the_city",
            "with counted as (select snapshot_date, count(*) as n, count(distinct school_id) as schools "
            "from {batch} where is_enrolled group by snapshot_date), "
            "compared as (select n, schools, lag(n) over (order by snapshot_date) as n_before, "
            "lag(schools) over (order by snapshot_date) as schools_before from counted) "
            "select count(*) as snapshots from compared where schools >= 0.9 * schools_before "
            f"and (n < n_before * (1 - {drop} / 100.0) or n > n_before * (1 + {rise} / 100.0)) having count(*) > 0",
            "The city does not lose or gain so many pupils in half a year while as many schools report.",
        ),
        no_rows(
            "persons_in_two_schools",
            "with places as (select snapshot_date, person_id, count(*) as n from {batch} where is_enrolled "
            "group by snapshot_date, person_id) select count(*) as snapshots from ("
            "select snapshot_date from places group by snapshot_date "
            f"having 100.0 * count(*) filter (where n > 1) > {share} * count(*)) as many having count(*) > 0",
            "A few are transfers in flight or 双重学籍 and become cases; many mean that keys were mixed up.",
        ),
    ]


SUITE = Suite("storage", "storage.fct_enrolment_snapshot", build)
