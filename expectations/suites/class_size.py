"""Class sizes: as many pupils as the roster has in classes."""

from __future__ import annotations

from expectations.rule import Rule, Settings, Suite, no_rows, not_null


def build(_: Settings) -> list[Rule]:
    """Return the expectations."""
    return [
        not_null("size_band_code", "A class outside every band is in no share."),
        no_rows(
            "parts_add_up",
            "with classes as (select snapshot_date, sum(pupils) as n from {batch} group by snapshot_date), "
            "roster as (select snapshot_date, count(*) as n from storage.fct_enrolment_snapshot "
            "where is_enrolled and class_code is not null group by snapshot_date) "
            "select count(*) as snapshots from roster left join classes using (snapshot_date) "
            "where classes.n is distinct from roster.n having count(*) > 0",
            "The classes' pupils are the roster's pupils in classes, no more and no fewer.",
        ),
    ]


SUITE = Suite("publication", "analysis.class_size", build)
