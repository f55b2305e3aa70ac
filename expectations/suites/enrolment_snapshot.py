"""Pupils at a snapshot: placed, and about as many as before."""

from __future__ import annotations

from expectations.rule import Rule, Settings, Suite, no_rows, not_null, unique


def build(bounds: Settings) -> list[Rule]:
    """Return the expectations."""
    drop, rise = bounds["volume_drop_maximum_pct"], bounds["volume_rise_maximum_pct"]
    share = bounds["person_multiplicity_maximum_pct"]
    schools, correlation = int(bounds["rank_minimum_schools"]), bounds["rank_correlation_minimum"]
    pupils, rate = int(bounds["rate_minimum_pupils"]), bounds["girls_change_maximum_points"]
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
        no_rows(
            "rank_of_schools_year_on_year",
            "with counted as (select school_id, cast(substr(school_year, 1, 4) as integer) as start_year, term, "
            "count(*) as n from {batch} where is_enrolled group by all), "
            "paired as (select now.start_year, now.term, now.n as n_now, before.n as n_before from counted as now "
            "inner join counted as before on before.school_id = now.school_id and before.term = now.term "
            "and before.start_year = now.start_year - 1), "
            # Spearman: Pearson of the ranks, equal counts sharing the mean of their ranks.
            "ranked as (select start_year, term, "
            "rank() over (partition by start_year, term order by n_now) "
            "+ (count(*) over (partition by start_year, term, n_now) - 1) / 2.0 as rank_now, "
            "rank() over (partition by start_year, term order by n_before) "
            "+ (count(*) over (partition by start_year, term, n_before) - 1) / 2.0 as rank_before from paired) "
            "select count(*) as snapshots from (select start_year, term from ranked group by start_year, term "
            f"having count(*) >= {schools} and corr(rank_now, rank_before) < {correlation}) as shuffled "
            "having count(*) > 0",
            "Large schools stay large: a low rank correlation with the year before means that figures were loaded "
            "against the wrong school, which no total shows.",
        ),
        no_rows(
            "girls_year_on_year",
            "with counted as (select cast(substr(school_year, 1, 4) as integer) as start_year, term, stage, "
            "count(*) as n, 100.0 * count(*) filter (where sex_code = '2') / count(*) as girls_pct from {batch} "
            "where is_enrolled group by all) "
            "select count(*) as stages from counted as now inner join counted as before on before.term = now.term "
            "and before.stage = now.stage and before.start_year = now.start_year - 1 "
            f"where least(now.n, before.n) >= {pupils} and abs(now.girls_pct - before.girls_pct) > {rate} "
            "having count(*) > 0",
            "The share of girls of a stage hardly moves in a year; a jump means that a code was read the wrong way.",
        ),
    ]


SUITE = Suite("storage", "storage.fct_enrolment_snapshot", build)
