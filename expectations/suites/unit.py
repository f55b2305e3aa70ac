"""Units: which of them cannot be trusted or placed, and are held while the rest goes on.

Judged are the deliveries that count. A steward's release lets one delivery through one expectation; a later delivery
is judged again.
"""

from __future__ import annotations

from edu.contract import contracts
from expectations.rule import Rule, Settings, Suite, no_rows

FIRST_CODE = "select distinct school_code, first_school_code from seed.school_code_change"
# Schools by the registers that count: one that was withdrawn or superseded places nobody.
REGISTERED = (
    "select coalesce(c.first_school_code, d.unit_owner) as first_school_code, r.period, "
    "arg_min(coalesce(r.is_deleted, false), d.delivery_rank) as is_deleted "
    "from collection.school as r inner join collection.delivery as d on d.dataset = 'school' and d.is_current "
    "and d.submission_id = r.submission_id and d.source_owner = r.school_code and d.period = r.period "
    f"left join ({FIRST_CODE}) as c on c.school_code = d.unit_owner where d.unit_owner not like '%:%' group by all"
)
NOT_RELEASED = (
    "not exists (select 1 from collection.release as l where l.dataset = {d}.dataset "
    "and l.school_code = {d}.unit_owner and l.period = {d}.period "
    "and l.submission_id = {d}.submission_id and l.expectation = '{expectation}')"
)


def _not_released(alias: str, expectation: str) -> str:
    return NOT_RELEASED.replace("{d}", alias).replace("{expectation}", expectation)


def _ratios(name: str) -> str:
    """Return the branches of a CASE over datasets with one bound of their contracts."""
    return " ".join(
        f"when '{dataset}' then {getattr(contract.breakers, name)}"
        for dataset, contract in contracts().items()
        if getattr(contract.breakers, name) is not None
    )


def _volume_query() -> str:
    """Return the query of units whose newest full delivery is out of proportion to the last one that could be right.

    A delivery that is itself out of proportion is no measure for the next, unless a steward has released it. What a
    system delivers of one unit under several of its names is one delivery.
    """
    low = f"case dataset {_ratios('volume_min_ratio') or 'when null then 0'} end"
    high = f"case dataset {_ratios('volume_max_ratio') or 'when null then 0'} end"
    minimum = f"case dataset {_ratios('volume_minimum_rows')} end"
    is_out = (
        "coalesce({last}.amount > 0 and greatest({next}.amount, {last}.amount) >= minimum "
        "and ({next}.amount < {last}.amount * low or {next}.amount > {last}.amount * high), false)"
    )
    is_in = f"not {is_out.replace('{last}', 'last').replace('{next}', 'next')}"
    is_held = is_out.replace("{last}", "measure").replace("{next}", "newest")
    is_released = f"not ({_not_released('d', 'volume_against_last_period')})"
    return (
        "with whole as (select d.dataset, d.unit_owner, coalesce(k.first_school_code, d.unit_owner) as lasting_owner, "
        f"d.period, d.snapshot_date, d.submission_id, bool_or({is_released}) as is_released, "
        f"sum(d.rows_accepted) as amount from {{batch}} as d left join ({FIRST_CODE}) as k "
        "on k.school_code = d.unit_owner where d.is_current and d.coverage = 'full' group by all), "
        "placed as (select dataset, unit_owner, period, snapshot_date, submission_id, is_released, "
        f"struct_pack(amount := amount) as newest, {low} as low, {high} as high, {minimum} as minimum, "
        "list(struct_pack(amount := amount, period := period, is_released := is_released)) over ("
        "partition by dataset, lasting_owner order by period, snapshot_date, submission_id "
        "rows between unbounded preceding and 1 preceding) as earlier from whole), "
        "compared as (select * exclude (earlier), list_reduce(earlier, lambda last, next: "
        f"case when next.is_released or {is_in} then next else last end) as measure from placed where len(earlier) > 0) "
        "select dataset, unit_owner as school_code, period, snapshot_date, submission_id, "
        "newest.amount || ' rows after ' || measure.amount || ' in ' || measure.period as observed "
        f"from compared where not is_released and {is_held}"
    )


def _figures_select(dataset: str) -> str:
    """Return a SELECT of the figures of a dataset's whole deliveries that are judged against the year before."""
    breakers = contracts()[dataset].breakers
    part = (
        "concat_ws('/', " + ", ".join(f"r.{name}" for name in breakers.figures_by) + ")"
        if breakers.figures_by
        else "''"
    )
    return " union all ".join(
        f"select w.dataset, w.unit_owner, w.lasting_owner, w.period, w.snapshot_date, w.submission_id, w.is_released, "
        f"'{figure}' as figure, {part} as part, sum(r.{figure}) as amount, {breakers.figure_max_ratio} as ratio "
        f"from whole as w inner join collection.{dataset} as r on r.submission_id = w.submission_id "
        f"and r.school_code = w.source_owner and r.period = w.period "
        f"where w.dataset = '{dataset}' group by all having sum(r.{figure}) > 0"
        for figure in breakers.figures
    )


def _figures_query() -> str:
    """Return the query of units with a figure out of all proportion to the last one before it that could be right.

    A figure that is itself out of proportion is no measure for the next, unless a steward has released it.
    """
    selects = " union all ".join(_figures_select(name) for name, c in contracts().items() if c.breakers.figures)
    is_released = f"not ({_not_released('d', 'figures_against_last_year')})"
    return (
        "with whole as (select d.dataset, d.unit_owner, coalesce(k.first_school_code, d.unit_owner) as lasting_owner, "
        f"d.period, d.snapshot_date, d.submission_id, d.source_owner, {is_released} as is_released from {{batch}} as d "
        f"left join ({FIRST_CODE}) as k on k.school_code = d.unit_owner where d.is_current and d.coverage = 'full'), "
        f"figures as ({selects}), "
        "placed as (select *, list(struct_pack(amount := amount, is_released := is_released)) over ("
        "partition by dataset, lasting_owner, figure, part order by period, snapshot_date, submission_id "
        "rows between unbounded preceding and 1 preceding) as earlier from figures), "
        "compared as (select * exclude (earlier), list_reduce(earlier, lambda last, next: case when next.is_released "
        "or (next.amount <= last.amount * ratio and last.amount <= next.amount * ratio) then next else last end"
        ").amount as last_amount from placed where len(earlier) > 0) "
        "select dataset, unit_owner as school_code, period, snapshot_date, submission_id, "
        "string_agg(figure || case when part <> '' then ' of ' || part else '' end || ' is ' || amount || ' after ' "
        "|| last_amount, '; ' order by figure, part) as observed from compared "
        "where not is_released and (amount > last_amount * ratio or last_amount > amount * ratio) group by all"
    )


def build(bounds: Settings) -> list[Rule]:
    """Return the expectations."""
    shares = " ".join(f"when '{name}' then {c.max_quarantined_share}" for name, c in contracts().items())
    minimum = int(bounds["quarantined_share_minimum_rows"])
    return [
        no_rows(
            "quarantined_share",
            "select d.dataset, d.unit_owner as school_code, d.period, d.snapshot_date, d.submission_id, "
            "cast(round(100.0 * d.rows_quarantined / d.rows_read, 1) as varchar) || ' % of ' || d.rows_read as observed "
            f"from {{batch}} as d where d.is_current and d.rows_read >= {minimum} "
            f"and d.rows_quarantined > d.rows_read * case d.dataset {shares} else 1 end "
            f"and {_not_released('d', 'quarantined_share')}",
            "A delivery of which more than the contract's share cannot be placed is more likely a wrong file than a "
            "school that shrank; a share of few rows says little.",
            scope="unit",
            severity="warning",
        ),
        no_rows(
            "volume_against_last_period",
            _volume_query(),
            "A roster that halved or doubled since the last period is more likely a part of it, or two of it, than a "
            "school that changed so; the contract's breakers say what is usual.",
            scope="unit",
            severity="warning",
        ),
        no_rows(
            "figures_against_last_year",
            _figures_query(),
            "An area or a sum of money that is a hundred times last year's, or a hundredth, is in another unit of "
            "measure that nobody wrote down; no school grows or shrinks so within a year.",
            scope="unit",
            severity="warning",
        ),
        no_rows(
            "school_registered",
            "select d.dataset, d.unit_owner as school_code, d.period, d.snapshot_date, d.submission_id, "
            "'no such school' as observed "
            "from {batch} as d inner join collection.unit as u on u.submission_id = d.submission_id "
            "and u.dataset = d.dataset and u.unit_owner = d.unit_owner and u.period = d.period "
            f"left join ({FIRST_CODE}) as k on k.school_code = u.unit_owner "
            "where d.is_current and u.school_code is not null "
            "and (u.dataset <> 'school' or u.unit_owner like '%:%') and not exists ("
            f"select 1 from ({REGISTERED}) as r "
            "where r.first_school_code = coalesce(k.first_school_code, u.unit_owner) and not r.is_deleted "
            "and u.period in (r.period, substr(r.period, 1, 9), 'FY' || substr(r.period, 1, 4), "
            "'FY' || substr(r.period, 6, 4))) "
            "group by d.dataset, d.unit_owner, d.period, d.snapshot_date, d.submission_id",
            "A school that the registry of the period does not have cannot be placed in a county; its rows wait. An "
            "organisation that a system names in its own way waits for its row in the seed organisation_alias.",
            scope="unit",
            severity="warning",
        ),
        no_rows(
            "registry_present",
            "select count(*) as units from {batch} as d inner join collection.unit as u "
            "on u.submission_id = d.submission_id where u.school_code is not null and not exists (select 1 from collection.school) having count(*) > 0",
            "Without any registry every unit would be held and the city would publish zeros.",
        ),
    ]


SUITE = Suite("collection", "collection.delivery", build)
