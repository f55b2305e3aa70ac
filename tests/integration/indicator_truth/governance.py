"""Governance: inspection of private schools, groups, credit records, public funds."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import duckdb

from indicator_truth.common import KIND_STAGES, SCHOOL_CUTS, areas
from indicator_truth.teacher import QUALIFIED

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


def ledger() -> str:
    """Entries of suspected dropout: period, area_level, area_id, entries, states 1 to 5, those still open, schools."""
    rows = """
        select u.period, s.school_id, s.division_code, u.school_code,
            case when u.support_kind_code = '5' then u.return_code end as state
        from student_support as u join site as s on s.school_code = u.school_code and s.year = u.period[:9]
    """
    states = ", ".join(f"count(*) filter (where state = '{state}')" for state in "12345")
    return f"""
        select period, area_level, area_id, count(state), {states}, count(*) filter (where state in ('1', '5')),
            count(distinct school_code)
        from ({areas(rows)}) group by all
    """


MEASURES = (
    *(
        "higher_teachers",
        "backbone_teachers",
        "arts_sports_teachers",
        "teaching_area",
        "sports_area",
        "equipment_value",
    ),
    "multimedia_classrooms",
)
"""The seven resources in the order of their numbers; fewer is worse of all of them."""
OF_TEACHERS = {
    "pupil_teacher_ratio": ("pupils", "n", 1, "more"),
    "higher_qualified_pct": ("higher", "n", 100, "less"),
    "senior_title_pct": ("senior", "n", 100, "less"),
}
"""Numerator, denominator, multiplier, and whether more or less is worse."""
HALF_A_PLACE = 0.00005


def group_gaps(truth: duckdb.DuckDBPyConnection, world: Path) -> dict[tuple[str, ...], tuple[float | int | None, ...]]:
    """Give (year, group, stage, indicator) its core value, members' value, members, those with a value, those behind,
    and what the four places of the true numerators leave open.

    Tables of `teacher.prepare()` are read. A school's value is a share of its own pupils or teachers; those of several
    schools are added up before they are divided.
    """
    standard = " ".join(f"when '{stage}' then {level}" for stage, level in QUALIFIED.items())
    own: dict[tuple[str, str], list[tuple[str, str, float, float]]] = defaultdict(list)
    with (world / "analysis.balanced_school.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            code = f"balanced.{MEASURES[int(row['indicator_no']) - 1]}"
            each = 100 if int(row["indicator_no"]) in (1, 2, 3, 7) else 1
            own[row["school_year"], row["school_id"]].append(
                (row["stage"], code, each * float(row["numerator"]), float(row["pupils"]))
            )
    staffed = truth.execute(
        f"""
        select t.year, s.school_id, t.stage, coalesce(any_value(r.pupils), 0) as pupils, count(x.sid) as n,
            count(x.sid) filter (where level >= 1 + case t.stage {standard} end) as higher,
            count(x.sid) filter (where title_code in ('1', '2')) as senior
        from (select school_code, year, stage from taught union select school_code, year, stage from teacher) as t
        join site as s on s.school_code = t.school_code and s.year = t.year
        left join teacher as x on x.school_code = t.school_code and x.year = t.year and x.stage = t.stage
        left join roll as r on r.school_code = t.school_code and r.year = t.year and r.stage = t.stage
        group by t.year, s.school_id, t.stage
        """
    ).fetchall()
    for year, school, stage, *counts in staffed:
        of = dict(zip(("pupils", "n", "higher", "senior"), counts, strict=True))
        for code, (top, bottom, each, _) in OF_TEACHERS.items():
            own[year, school].append((stage, f"teacher.{code}", each * of[top], of[bottom]))
    sides: dict[tuple[str, ...], dict[bool, list[tuple[float, float]]]] = defaultdict(lambda: {True: [], False: []})
    for year, group, school, role in truth.execute(
        "select g.period, g.group_code, s.school_id, g.member_role_code from school_group as g "
        "join site as s on s.school_code = g.school_code and s.year = g.period"
    ).fetchall():
        for stage, code, top, bottom in own[year, school]:
            sides[year, group, stage, code][role == "1"].append((top, bottom))
    found: dict[tuple[str, ...], tuple[float | int | None, ...]] = {}
    for key, both in sides.items():
        if not both[False]:
            continue
        core, members = (_together(both[side]) for side in (True, False))
        values = [top / bottom for top, bottom in both[False] if bottom]
        sign = -1 if OF_TEACHERS.get(key[3].partition(".")[2], ("", "", 1, "less"))[3] == "more" else 1
        behind = 0 if core is None else sum(sign * (value - core) < -1e-9 for value in values)
        open_to = max(
            (
                100 * len(side) * HALF_A_PLACE / sum(bottom for _, bottom in side if bottom)
                for side in both.values()
                if any(b for _, b in side)
            ),
            default=0.0,
        )
        found[key] = (core, members, len(both[False]), len(values), behind, open_to)
    return found


def _together(parts: list[tuple[float, float]]) -> float | None:
    top, bottom = sum(t for t, b in parts if b), sum(b for _, b in parts)
    return top / bottom if bottom else None
