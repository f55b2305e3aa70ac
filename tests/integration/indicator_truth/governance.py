"""Governance: inspection of private schools, groups, credit records, public funds."""

from __future__ import annotations

from indicator_truth.common import KIND_STAGES, SCHOOL_CUTS, areas

FUNDS = {"primary": ("2", 720, 300, 100), "junior": ("3", 940, 300, 100), "special": ("6", 7000, 0, 1)}
"""Stage: code in finance, yuan a pupil, yuan more a boarder, pupils that a smaller school counts as (2023 and later)."""


def figures() -> str:
    """All figures of the topic."""
    found = [_inspections(), *_groups(), *_credit(), *_funds()]
    names = "indicator_code, period, area_level, area_id, stage, breakdown, breakdown_value, value"
    return " union all ".join(f"select * from ({part}) as r({names})" for part in found)


def _figure(code: str, rows: str, measure: str, cut: str = "'all', 'all'", *, school: bool = True) -> str:
    group = "" if cut.startswith("'") and cut.count("'") == 4 else f", {cut.split(', ')[1]}"
    return (
        f"select 'governance.{code}', year, area_level, area_id, stage, {cut}, {measure} "
        f"from ({areas(rows, school_level=school)}) group by year, area_level, area_id, stage{group}"
    )


def _inspections() -> str:
    rows = """
        select 'all' as stage, s.year, s.school_id, s.division_code, i.school_code as sent,
            case when i.submitted_on > make_date(s.start_year + 1, 9, 30) then '3' else i.result_code end as result,
            i.submitted_on > make_date(s.start_year + 1, 9, 30) as late
        from site as s left join private_inspection as i on i.school_code = s.school_code and i.period = s.year
        where s.sponsor_code = '999'
    """
    return " union all ".join(
        [
            _figure(
                "inspection_pass_pct", rows, "100.0 * count(*) filter (where result = '1') / nullif(count(sent), 0)"
            ),
            _figure(
                "inspection_fail_pct", rows, "100.0 * count(*) filter (where result = '3') / nullif(count(sent), 0)"
            ),
            _figure("inspection_late", rows, "case when count(sent) > 0 then count(*) filter (where late) end"),
        ]
    )


def _groups() -> list[str]:
    kinds = ", ".join(
        f"('{k}', '{s}')"
        for k, all_ in KIND_STAGES.items()
        for s in all_
        if s in ("preschool", "primary", "junior", "senior")
    )
    found = []
    for (breakdown, value), cut in SCHOOL_CUTS.items():
        rows = f"""
            select k.stage, s.year, s.school_id, s.division_code, exists (select 1 from school_group as g
                where g.school_code = s.school_code and g.period = s.year) as is_member
            from site as s join (values {kinds}) as k(kind, stage) on k.kind = s.school_kind_code where {cut.format(s="s")}
        """
        measure = "100.0 * count(*) filter (where is_member) / count(*)"
        found.append(
            _figure("group_coverage_pct", rows, measure, f"'{breakdown}', '{value}'", school=breakdown == "all")
        )
    return found


def _credit() -> list[str]:
    rows = """
        select 'all' as stage, s.year, s.school_id, s.division_code, c.credit_level_code as level, c.appeal_code as appeal,
            c.is_reviewed from credit_evaluation as c join site as s on s.school_code = c.school_code and s.year = c.period
    """
    reviewed = "100.0 * count(*) filter (where is_reviewed = '1') / count(*)"
    return [
        _figure("credit_records", rows, "count(*)", "'credit_level', level", school=False),
        _figure("credit_appeals", rows, "count(*)", "'appeal', appeal", school=False),
        _figure("credit_reviewed_pct", rows, reviewed, school=False),
    ]


def _funds() -> list[str]:
    found = []
    for stage, (code, each, boarder, least) in FUNDS.items():
        kinds = ", ".join(f"'{k}'" for k, stages in KIND_STAGES.items() if stage in stages)
        for (breakdown, value), cut in SCHOOL_CUTS.items():
            rows = f"""
                select '{stage}' as stage, 'FY' || s.start_year as year, s.school_id, s.division_code, sum(f.amount_yuan) as yuan,
                    any_value(p.n) as n,
                    case when any_value(p.n) > {least} then any_value(p.n) when any_value(p.n) > 0 then {least} else 0 end
                        * {each} + coalesce(any_value(p.boarders), 0) * {boarder} as needed
                from site as s left join finance as f on f.school_code = s.school_code and f.item_code = '300'
                    and f.period = 'FY' || s.start_year and f.stage_code = '{code}'
                left join (select school_code, year, stage, count(*) as n, count(*) filter (where boarding_code = '2') as boarders
                    from pupil group by all) as p
                    on p.school_code = s.school_code and p.year = s.year and p.stage = '{stage}'
                where s.school_kind_code in ({kinds}) and {cut.format(s="s")}
                group by s.start_year, s.school_id, s.division_code
            """
            of = f"'{breakdown}', '{value}'"
            whole = breakdown == "all"
            found.append(
                _figure(
                    "public_funds_per_pupil",
                    rows,
                    "sum(yuan) / nullif(sum(n) filter (where yuan is not null), 0)",
                    of,
                    school=whole,
                )
            )
            found.append(
                _figure(
                    "public_funds_met_pct",
                    rows,
                    "100.0 * sum(yuan) / nullif(sum(needed) filter (where yuan is not null), 0)",
                    of,
                    school=whole,
                )
            )
    return found
