"""Teachers: rosters, titles, posts, scarce subjects, rotation, training, ages and retirements."""

from __future__ import annotations

from indicator_truth.common import KIND_STAGES, SCHOOL_CUTS, areas

QUALIFIED = {"preschool": 3, "primary": 3, "junior": 4, "senior": 5, "vocational": 5, "special": 4, "higher": 6}
"""Least level of education by the teachers' law: 3 senior secondary, 4 专科, 5 本科, 6 硕士; one more is higher."""
NORMS = {"primary": 19, "junior": 13.5, "senior": 12.5}
PE = {
    "primary": {1: 6, 2: 6, 3: 7, 4: 7, 5: 7, 6: 7},
    "junior": dict.fromkeys((1, 2, 3), 7),
    "senior": dict.fromkeys((1, 2, 3), 9),
}
ARTS = {
    "primary": dict.fromkeys(range(1, 7), 9),
    "junior": dict.fromkeys(range(1, 4), 18),
    "senior": dict.fromkeys(range(1, 4), 18),
}
IT = {
    "primary": dict.fromkeys((3, 4, 5, 6), 18),
    "junior": dict.fromkeys((1, 2), 18),
    "senior": dict.fromkeys((1, 2), 9),
}
SUBJECTS = {"pe": (PE, ("22",)), "music": (ARTS, ("23", "24")), "art": (ARTS, ("25",)), "it": (IT, ("26", "61"))}
NUMBERED = ("year", "area_level", "area_id", "stage")
COLUMNS = "indicator_code, period, area_level, area_id, stage, breakdown, breakdown_value, value"


def _level() -> str:
    """Level of an education code (GB/T 4658): the tens name it, but a course that was not finished counts one lower."""
    return """case when education_code in ('11') then 7 when education_code in ('14', '17') then 6
        when education_code in ('21', '28', '15', '16', '18', '19') then 5 when education_code in ('31', '22', '23') then 4
        when education_code in ('41', '44', '47', '61', '32', '33') then 3 else 2 end"""


def _prepare() -> str:
    """Teachers in service on 1 September with their stage; stages that a school has."""
    one_stage = " ".join(f"when '{k}' then '{v[0]}'" for k, v in KIND_STAGES.items() if len(v) == 1)
    return f"""
        create or replace table on_roster as
        select t.*, s.school_id, s.division_code, s.year, s.start_year, s.school_kind_code,
            coalesce(
                case teach_stage_code when '1' then 'preschool' when '2' then 'primary' when '3' then 'junior'
                    when '5' then 'junior' when '4' then 'senior' when '8' then 'senior' when '6' then 'vocational'
                    when '7' then 'vocational' when 'A' then 'special' end,
                case s.school_kind_code {one_stage} end) as stage,
            {_level()} as level
        from staff as t join site as s on s.school_code = t.school_code and s.period = t.period
        where t.staff_status_code = '11';
        create or replace table teacher as select * from on_roster where staff_category_code = '11' and stage is not null;
        create or replace table roll as
        select school_code, year, stage, count(*) as pupils from pupil group by all;
        create or replace table post_of as
        select p.*, s.school_id, s.division_code, s.year from staff_post as p
        join site as s on s.school_code = p.school_code and s.year = p.period;
    """


def figures() -> str:
    """All figures of the topic; run `prepare()` first."""
    parts = [_rosters(), _titles(), _posts(), _subjects(), _counsellors(), _rotation(), _training(), _dual()]
    return " union all ".join(f"select * from ({part}) as r({COLUMNS})" for part in parts)


def prepare() -> str:
    """SQL that makes the tables which `figures` reads."""
    return _prepare()


def _summed(code: str, rows: str, value: str, breakdown: str = "all", of: str = "'all'", school: bool = True) -> str:
    group = "" if of.startswith("'") else f", {of}"
    return (
        f"select 'teacher.{code}', year, area_level, area_id, stage, '{breakdown}', {of}, {value} "
        f"from ({areas(rows, school_level=school)}) group by year, area_level, area_id, stage{group}"
    )


def _rosters() -> str:
    found = []
    standard = " ".join(f"when '{stage}' then {level}" for stage, level in QUALIFIED.items())
    for (breakdown, value), cut in SCHOOL_CUTS.items():
        rows = f"""
            select t.stage, t.year, s.school_id, s.division_code,
                coalesce(any_value(r.pupils), 0) as pupils,
                count(x.sid) as n, count(x.sid) filter (where level >= case t.stage {standard} end) as ok,
                count(x.sid) filter (where level >= 1 + case t.stage {standard} end) as higher,
                count(x.sid) filter (where has_certificate = '1') as certified,
                count(x.sid) filter (where is_backbone = '1') as backbone,
                count(x.sid) filter (where title_code in ('1', '2')) as senior_title
            from (select school_code, year, stage from taught
                union select school_code, year, stage from teacher) as t
            join site as s on s.school_code = t.school_code and s.year = t.year
            left join teacher as x on x.school_code = t.school_code and x.year = t.year and x.stage = t.stage
            left join roll as r on r.school_code = t.school_code and r.year = t.year and r.stage = t.stage
            where {cut.format(s="s")} group by t.stage, t.year, s.school_id, s.division_code
        """
        for code, measure in (
            ("full_time", "sum(n)"),
            ("pupil_teacher_ratio", "sum(pupils) / nullif(sum(n), 0)"),
            ("qualified_pct", "100.0 * sum(ok) / nullif(sum(n), 0)"),
            ("higher_qualified_pct", "100.0 * sum(higher) / nullif(sum(n), 0)"),
            ("certified_pct", "100.0 * sum(certified) / nullif(sum(n), 0)"),
            ("backbone_pct", "100.0 * sum(backbone) / nullif(sum(n), 0)"),
            ("senior_title_pct", "100.0 * sum(senior_title) / nullif(sum(n), 0)"),
        ):
            found.append(_summed(code, rows, measure, breakdown, f"'{value}'", breakdown == "all"))
    return " union all ".join(found)


def _titles() -> str:
    rows = """
        select t.stage, t.year, s.school_id, s.division_code, title, count(x.sid) as n,
            count(x.sid) filter (where coalesce(x.title_code, '9') = title) as titled
        from (select school_code, year, stage from taught union select school_code, year, stage from teacher) as t
        join site as s on s.school_code = t.school_code and s.year = t.year
        cross join (select unnest(['1', '2', '3', '4', '5', '9']) as title)
        left join teacher as x on x.school_code = t.school_code and x.year = t.year and x.stage = t.stage
        group by all
    """
    return _summed("title_share", rows, "100.0 * sum(titled) / nullif(sum(n), 0)", "title", "title")


def _cuts(ownership: bool) -> dict[tuple[str, str], str]:
    return {key: cut for key, cut in SCHOOL_CUTS.items() if ownership or key[0] != "ownership"}


def _posts() -> str:
    norm = " ".join(f"when '{stage}' then {pupils}" for stage, pupils in NORMS.items())
    stages = ", ".join(f"('{k}', '{v[0] if len(v) == 1 else ''}')" for k, v in KIND_STAGES.items())
    found = []
    for (breakdown, value), cut in _cuts(True).items():
        # Kinds' stages alone: pupils of a stage that the school does not have get no posts.
        kinds = ", ".join(f"('{k}', '{stage}')" for k, v in KIND_STAGES.items() for stage in v)
        need = f"""
            select k.stage, s.year, s.school_id, s.division_code, s.school_kind_code, s.approved_posts,
                round(count(p.pid)::decimal(18, 6) / case k.stage {norm} end, 2)::decimal(18, 2) as need
            from site as s join (values {kinds}) as k(kind, stage) on k.kind = s.school_kind_code
            left join pupil as p on p.school_code = s.school_code and p.year = s.year and p.stage = k.stage
            where k.stage in ('primary', 'junior', 'senior') and {cut.format(s="s")}
            group by k.stage, s.year, s.school_id, s.division_code, s.school_kind_code, s.approved_posts
        """
        if breakdown != "ownership":
            found.append(_summed("standard_posts", need, "sum(need)", breakdown, f"'{value}'", breakdown == "all"))
            gap = f"""
                select year, school_id, division_code, school_kind_code, sum(need) - any_value(approved_posts) as gap
                from ({need}) group by all
            """
            gaps = f"""
                select *, 'all' as stage from ({gap}) union all
                select g.*, o.stage from ({gap}) as g join (values {stages}) as o(kind, stage)
                    on o.kind = g.school_kind_code where o.stage <> ''
            """
            found.append(_summed("post_gap", gaps, "sum(gap)", breakdown, f"'{value}'", breakdown == "all"))
        filled = f"""
            select s.year, s.school_id, s.division_code, s.school_kind_code, s.approved_posts,
                (select count(*) from on_roster as t where t.school_code = s.school_code and t.year = s.year
                    and is_establishment = '1') as people
            from site as s where {cut.format(s="s")}
        """
        rows = f"""
            select *, 'all' as stage from ({filled}) union all
            select f.*, o.stage from ({filled}) as f join (values {stages}) as o(kind, stage)
                on o.kind = f.school_kind_code where o.stage <> ''
        """
        measure = "100.0 * sum(people) / nullif(sum(approved_posts), 0)"
        found.append(_summed("post_fill_pct", rows, measure, breakdown, f"'{value}'", breakdown == "all"))
    return " union all ".join(found)


def _subjects() -> str:
    found = []
    for subject, (rules, codes) in SUBJECTS.items():
        for stage, grades in rules.items():
            digit = {"primary": 1, "junior": 2, "senior": 3}[stage]
            kinds = ", ".join(f"'{kind}'" for kind, stages in KIND_STAGES.items() if stage in stages)
            # Whole numbers: classes times what makes the rule's divisors one (126 is a multiple of 6, 7, 9 and 18).
            weight = " ".join(f"when '{digit}{grade}' then {126 // each}" for grade, each in grades.items())
            rows = f"""
                select '{stage}' as stage, '{subject}' as subject, s.year, s.school_id, s.division_code,
                    (coalesce((select sum(case grade_code {weight} else 0 end) from class as c
                        where c.school_code = s.school_code and c.period = s.period), 0) + 125) // 126 as need,
                    (select count(*) from teacher as t where t.school_code = s.school_code and t.year = s.year
                        and t.stage = '{stage}' and subject_code in ({", ".join(f"'{c}'" for c in codes)})) as have
                from site as s where s.school_kind_code in ({kinds})
            """
            found += _subject_figures(rows)
    return " union all ".join(found)


def _subject_figures(rows: str) -> list[str]:
    share = "100.0 * sum(case when have < need then have else need end) / nullif(sum(need), 0)"
    return [
        _summed(
            "subject_shortage", rows, "sum(case when need > have then need - have else 0 end)", "subject", "subject"
        ),
        _summed("subject_filled_pct", rows, share, "subject", "subject"),
    ]


def _counsellors() -> str:
    kinds = ", ".join(
        f"'{kind}'"
        for kind, stages in KIND_STAGES.items()
        if set(stages) & {"primary", "junior", "senior", "vocational"}
    )
    rows = f"""
        select 'all' as stage, 'mental' as subject, s.year, s.school_id, s.division_code, 1 as need,
            (select count(distinct sid) from post_of as p where p.school_id = s.school_id and p.year = s.year
                and is_mental_health = '1') as have
        from site as s where s.school_kind_code in ({kinds})
    """
    return " union all ".join(_subject_figures(rows))


def _rotation() -> str:
    found = []
    for (breakdown, value), cut in _cuts(False).items():
        moved = f"""
            select r.*, s.school_id, s.division_code, s.year, t.stage as taught_stage from staff_rotation as r
            join site as s on s.school_code = r.school_code and s.year = r.period
            left join on_roster as t on t.sid = r.sid and t.school_code = r.school_code and t.year = r.period
            where {cut.format(s="s")}
        """
        rows = f"""
            select * replace ('all' as stage) from ({moved}) union all
            select * replace (taught_stage as stage) from ({moved}) where taught_stage is not null
        """
        fit = "count(*) filter (where is_eligible = '1'"
        for code, measure in (
            ("rotation_pct", f"100.0 * {fit} and is_rotated = '1') / nullif({fit}), 0)"),
            (
                "rotation_backbone_pct",
                f"100.0 * {fit} and is_rotated = '1' and is_backbone = '1') / nullif({fit} and is_rotated = '1'), 0)",
            ),
            ("county_assigned", "count(*) filter (where is_rotated = '1' and rotation_kind_code = '1')"),
        ):
            found.append(_summed(code, rows, measure, breakdown, f"'{value}'", breakdown == "all"))
    return " union all ".join(found)


def _training() -> str:
    found = []
    for (breakdown, value), cut in SCHOOL_CUTS.items():
        # A school that sent nothing has no figure; what it would have added is not zero.
        rows = f"""
            select t.stage, t.year, s.school_id, s.division_code,
                case when sent.school_code is not null then (select count(*) from teacher as x
                    where x.school_code = t.school_code and x.year = t.year and x.stage = t.stage) end as n,
                case when sent.school_code is not null then coalesce((select sum(h.hours) from teacher as x
                    join staff_training as h on h.sid = x.sid and h.period = x.year and h.is_passed = '1'
                    where x.school_code = t.school_code and x.year = t.year and x.stage = t.stage), 0) end as hours
            from (select school_code, year, stage from taught where (school_code, year, stage) in (
                    select (s.school_code, s.year, k.stage) from site as s join (values {_kinds()}) as k(kind, stage)
                    on k.kind = s.school_kind_code)
                union select school_code, year, stage from teacher) as t
            join site as s on s.school_code = t.school_code and s.year = t.year
            left join (select distinct school_code, period from staff_training) as sent
                on sent.school_code = t.school_code and sent.period = t.year
            where {cut.format(s="s")}
        """
        by_school = breakdown == "all"
        hours = "sum(hours) / nullif(sum(n), 0)"
        found.append(_summed("training_hours", rows, hours, breakdown, f"'{value}'", by_school))
        # Two school years of data say nothing of five.
        never = "cast(null as double)"
        found.append(_summed("training_complete_pct", rows, never, breakdown, f"'{value}'", by_school))
    return " union all ".join(found)


def _kinds() -> str:
    return ", ".join(f"('{kind}', '{stage}')" for kind, stages in KIND_STAGES.items() for stage in stages)


def _dual() -> str:
    found = []
    kinds = ", ".join(f"'{kind}'" for kind, stages in KIND_STAGES.items() if "vocational" in stages)
    for (breakdown, value), cut in SCHOOL_CUTS.items():
        if breakdown == "residence":
            continue
        rows = f"""
            select 'vocational' as stage, s.year, s.school_id, s.division_code, p.is_dual_qualified as dual
            from site as s left join post_of as p on p.school_id = s.school_id and p.year = s.year
            where s.school_kind_code in ({kinds}) and {cut.format(s="s")}
        """
        measure = "100.0 * count(*) filter (where dual = '1') / nullif(count(dual), 0)"
        found.append(_summed("dual_qualified_pct", rows, measure, breakdown, f"'{value}'", breakdown == "all"))
    return " union all ".join(found)


def ages() -> str:
    """Pyramid: (year, area_level, area_id, stage, sex_code, age_band, teachers), only where there is someone."""
    rows = """
        select year, school_id, division_code, stage, sex_code,
            date_sub('year', birth_date, make_date(start_year, 9, 1)) as age from teacher
    """
    band = """case when age is null then 'unknown' when age < 25 then 'to_24' when age >= 60 then 'from_60'
        else (age // 5 * 5) || '_' || (age // 5 * 5 + 4) end"""
    return f"select year, area_level, area_id, stage, sex_code, {band}, count(*) from ({areas(rows)}) group by all"


def retirements() -> str:
    """Ten years: (year, area_level, area_id, year_no, teachers, staff), only where there is someone.

    By the table of births: men born in January 1965 are the first to wait a month longer, and every fourth month of
    birth adds one until 63; the same from January 1970 for women cadres until 58, and every second from January 1975
    for women workers until 55.
    """
    rows = """
        select year, school_id, division_code, start_year, staff_category_code, birth_date,
            case when sex_code = '1' then 1965 when staff_category_code = '14' then 1975 else 1970 end as first_year,
            case when sex_code = '1' then 60 when staff_category_code = '14' then 50 else 55 end as age,
            case when sex_code = '2' and staff_category_code = '14' then 2 else 4 end as step,
            case when sex_code = '2' and staff_category_code = '14' then 60 else 36 end as most
        from on_roster where birth_date is not null and sex_code in ('1', '2')
    """
    born = f"""
        select *, (year(birth_date) - first_year) * 12 + month(birth_date) as nth from ({rows})
    """
    dated = f"""
        select *, make_date(start_year, 9, 1) as day, birth_date + to_years(age)
            + to_months(case when nth < 1 then 0 when ceil(nth / step) > most then most else ceil(nth / step) end::integer)
            as leaves
        from ({born})
    """
    numbered = f"""
        select *, case when leaves < day then 1 else date_sub('year', day, leaves::date) + 1 end as year_no from ({dated})
    """
    return f"""
        select year, area_level, area_id, year_no, count(*) filter (where staff_category_code = '11'), count(*)
        from ({areas(numbered)}) where year_no <= 10 group by all
    """
