"""Units: which of them cannot be trusted or placed, and are held while the rest goes on."""

from __future__ import annotations

from edu.contract import contracts
from expectations.rule import Rule, Settings, Suite, no_rows


def build(bounds: Settings) -> list[Rule]:
    """Return the expectations."""
    shares = " ".join(f"when '{name}' then {c.max_quarantined_share}" for name, c in contracts().items())
    minimum = int(bounds["quarantined_share_minimum_rows"])
    drop, rise = bounds["unit_volume_drop_maximum_pct"], bounds["unit_volume_rise_maximum_pct"]
    rows = int(bounds["unit_volume_minimum_rows"])
    return [
        no_rows(
            "quarantined_share",
            "with delivered as (select u.*, row_number() over (partition by u.dataset, u.unit_owner, u.period "
            "order by s.received_at desc, s.submission_id desc) as newest_no from {batch} as u "
            "inner join collection.submission as s on s.submission_id = u.submission_id) "
            "select dataset, unit_owner as school_code, period, snapshot_date, "
            "cast(round(100.0 * rows_quarantined / rows_read, 1) as varchar) || ' % of ' || rows_read as observed "
            f"from delivered where newest_no = 1 and rows_read >= {minimum} "
            f"and rows_quarantined > rows_read * case dataset {shares} else 1 end",
            "A delivery of which more than the contract's share cannot be placed is more likely a wrong file than a "
            "school that shrank; a share of few rows says little.",
            scope="unit",
            severity="warning",
        ),
        no_rows(
            "school_registered",
            "select distinct u.dataset, u.unit_owner as school_code, u.period, u.snapshot_date, "
            "'no such school' as observed "
            "from {batch} as u where u.school_code is not null "
            "and (u.dataset <> 'school' or u.unit_owner like '%:%') and not exists ("
            "select 1 from collection.school as r where r.school_code = u.unit_owner and r.school_code not like '%:%' "
            "and (r.period = u.period or substr(r.period, 1, 9) = u.period))",
            "A school that the registry of the period does not have cannot be placed in a county; its rows wait. An "
            "organisation that a system names in its own way waits for its row in the seed organisation_alias.",
            scope="unit",
            severity="warning",
        ),
        no_rows(
            "volume_year_on_year",
            "with delivered as (select u.dataset, u.unit_owner, u.period, u.snapshot_date, u.rows_accepted, "
            "row_number() over (partition by u.dataset, u.unit_owner, u.period "
            "order by s.received_at desc, s.submission_id desc) as newest_no from {batch} as u "
            "inner join collection.submission as s on s.submission_id = u.submission_id "
            "where u.coverage = 'full' and s.status <> 'rejected' and u.period like '____-____%'), "
            "newest as (select * from delivered where newest_no = 1) "
            "select now.dataset, now.unit_owner as school_code, now.period, now.snapshot_date, "
            "before.rows_accepted || ' to ' || now.rows_accepted || ' rows' as observed from newest as now "
            "inner join newest as before on before.dataset = now.dataset and before.unit_owner = now.unit_owner "
            "and before.period = cast(cast(substr(now.period, 1, 4) as integer) - 1 as varchar) || '-' "
            "|| substr(now.period, 1, 4) || substr(now.period, 10) "
            f"where before.rows_accepted >= {rows} and now.dataset in ('student', 'staff', 'class') "
            f"and (now.rows_accepted < before.rows_accepted * (1 - {drop} / 100.0) "
            f"or now.rows_accepted > before.rows_accepted * (1 + {rise} / 100.0))",
            "A school that lost or gained so much in a year more likely sent a part of its file, or another's, than "
            "changed so; it waits until a steward releases it.",
            scope="unit",
            severity="warning",
        ),
        no_rows(
            "registry_present",
            "select count(*) as units from {batch} where school_code is not null "
            "and not exists (select 1 from collection.school) having count(*) > 0",
            "Without any registry every unit would be held and the city would publish zeros.",
        ),
    ]


SUITE = Suite("collection", "collection.unit", build)
