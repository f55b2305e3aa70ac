"""优质均衡 by county: eight divisions, and coefficients that can be."""

from __future__ import annotations

from expectations.rule import Rule, Settings, Suite, no_rows, unique


def build(_: Settings) -> list[Rule]:
    """Return the expectations."""
    return [
        unique(["school_year", "division_code", "stage", "indicator_no"], "One figure has one value."),
        no_rows(
            "only_counties",
            "select count(*) as rows_found from {batch} as b inner join storage.dim_division as d "
            "on d.division_code = b.division_code and d.is_current where d.division_level <> 'county' "
            "having count(*) > 0",
            "A zone has no verdict of its own.",
        ),
        no_rows(
            "coefficient_possible",
            "select count(*) as rows_found from {batch} where cv < 0 or (data_status <> 'missing' and mean is null) "
            "having count(*) > 0",
            "A coefficient is not negative, and a figure that is not missing has a mean.",
        ),
    ]


SUITE = Suite("publication", "analysis.balanced_county", build)
