"""Coverage: a city total is not published as complete while schools are missing after the due date."""

from __future__ import annotations

from edu.contract import contracts
from expectations.rule import Rule, Settings, Suite, no_rows


def build(bounds: Settings) -> list[Rule]:
    """Return the expectations."""
    floors = " ".join(
        f"when '{name}' then {contract.breakers.coverage_min_pct}"
        for name, contract in contracts().items()
        if contract.breakers.coverage_min_pct is not None
    )
    general = bounds["coverage_floor_pct"]
    floor = f"case s.dataset {floors} else {general} end" if floors else str(general)
    return [
        no_rows(
            "coverage_after_due_date",
            "select s.dataset, s.period, "
            "cast(round(100.0 * sum(s.received) / sum(s.expected), 1) as varchar) as coverage_pct "
            "from {batch} as s inner join management.submission_calendar as c using (dataset, period) "
            f"where c.due_at_city < date '{bounds.today.isoformat()}' "
            "group by s.dataset, s.period, c.coverage_floor_pct "
            f"having 100.0 * sum(s.received) < least(c.coverage_floor_pct, {floor}) * sum(s.expected)",
            "Below the floor the total would be read as a fall of the city (catalogue class 44).",
        ),
    ]


SUITE = Suite("publication", "management.submission_status", build)
