"""What is known of learners beyond the roll: fitness, eyesight, support, scores, choices, and where leavers went.

Each dataset is a view `rows_<dataset>`: the contract's fields as codes, then period, snapshot_date, org (who sends the
row) and pid. Draws depend on the learner, so that eyes, fitness and scores follow a child through the years.
"""

from __future__ import annotations

from synthetic.world import World

FITNESS_WEIGHTS = {
    "bmi_score": (15, 15, 15, 15),
    "vital_capacity_score": (15, 15, 15, 15),
    "sprint_50m_score": (20, 20, 20, 20),
    "sit_reach_score": (30, 20, 10, 10),
    "rope_skipping_score": (20, 20, 10, 0),
    "sit_ups_score": (0, 10, 20, 0),
    "shuttle_run_score": (0, 0, 10, 0),
    "standing_jump_score": (0, 0, 0, 10),
    "strength_score": (0, 0, 0, 10),
    "endurance_score": (0, 0, 0, 20),
}
"""Weight of each item in per cent for grades 1-2, 3-4, 5-6 and 7 on (国家学生体质健康标准 2014)."""
MYOPIA_BY_GRADE = (0.12, 0.15, 0.22, 0.31, 0.40, 0.48, 0.55, 0.64, 0.70, 0.75, 0.78, 0.80, 0.81)
"""Share of short-sighted children from the last kindergarten year to grade 12, about the national survey of 2018."""
MYOPIA_FALL_A_YEAR = 0.005
MAJORS = ("710103", "730701", "720301", "700206", "690104", "740201")
INDUSTRIES = ("A", "C", "C", "E", "F", "F", "G", "H", "I", "O", "P", "Q")
OTHER_CITIES = ("420100", "440300", "310000", "330100")


def make_people(world: World) -> None:
    """Make the views of learners' datasets."""
    _base(world)
    _fitness(world)
    _vision(world)
    _support(world)
    _assessment(world)
    _elective(world)
    _outcome(world)


def _base(world: World) -> None:
    """`pupil_now`: attending learners of a term, with grade number (0 the last kindergarten year) and age."""
    world.db.execute(
        """
        create view pupil_now as
        select t.*, p.name, p.xjh, p.sex_code, p.birth_date, p.left_behind_code, p.is_migrant, p.disability_code,
            s.managing_org, s.sponsor_code, s.school_kind_code,
            cast(right(t.grade_code, 1) as integer) + case t.stage when 'preschool' then -3 when 'primary' then 0
                when 'special' then 0 when 'junior' then 6 when 'higher' then 12 else 9 end as g
        from pupil_term as t inner join pupil as p using (pid) inner join school as s using (school_code)
        where t.status_code = '01'
        """
    )


def _fitness(world: World) -> None:
    parts = []
    for band, condition in enumerate(("g <= 2", "g <= 4", "g <= 6", "true")):
        terms = [f"{weights[band]} * {item}" for item, weights in FITNESS_WEIGHTS.items() if weights[band]]
        parts.append(f"when {condition} then ({' + '.join(terms)}) / 100.0")
    weighted = f"case {' '.join(parts)} end"
    first_grade = {"sit_ups_score": (3, 6), "rope_skipping_score": (1, 6), "shuttle_run_score": (5, 6)}
    items = []
    for item in FITNESS_WEIGHTS:
        if item == "bmi_score":
            continue
        low, high = first_grade.get(item, (7 if FITNESS_WEIGHTS[item][0] == 0 else 1, 99))
        items.append(
            f"case when not exempt and g between {low} and {high} then cast(greatest(10, least(100, "
            f"round(58 + 40 * ability + 26 * (rnd('{item}' || pid || start_year) - 0.5)))) as decimal(5, 1)) end as {item}"
        )
    fields = ", ".join(FITNESS_WEIGHTS)
    world.db.execute(
        f"""
        create view rows_fitness as
        with tested as (
            select *, least(1.0, 0.75 * rnd('fit' || pid) + 0.25 * rnd('fit' || school_code)
                    + 0.01 * (start_year - 2018)) as ability,
                disability_code is not null or rnd('exempt' || pid) < 0.003 as exempt,
                cast(make_date(start_year, 10, 8) + draw('fitday' || school_code || start_year, 35) as date) as test_date,
                cast(case when g <= 6 then 84 + 5.9 * (g + 6) else 155 + 1.8 * least(g - 6, 5)
                    + case when sex_code = '1' and g > 7 then 7 else 0 end end + 14 * (rnd('height' || pid) - 0.5)
                    as decimal(4, 1)) as height_cm,
                13.2 + 0.42 * least(g, 14) + 8 * pow(rnd('bmi' || pid), 1.4) as bmi
            from pupil_now
            where term = 1 and stage in ('primary', 'junior', 'senior', 'vocational', 'higher')
        ),
        scored as (
            select *, case when not exempt then cast(case when bmi < 13.3 + 0.28 * least(g, 12) then 80
                    when bmi <= 17.9 + 0.52 * least(g, 12) then 100 when bmi <= 20.7 + 0.55 * least(g, 12) then 80
                    else 60 end as decimal(5, 1)) end as bmi_score,
                {", ".join(items)}
            from tested
        ),
        summed as (
            select *, case when not exempt then cast(case when ability > 0.93 then 1 + draw('bonus' || pid || start_year, 10)
                else 0 end as decimal(5, 1)) end as bonus_score,
                case when not exempt then {weighted} end as standard
            from scored
        ),
        totalled as (select *, cast(round(standard + bonus_score, 1) as decimal(5, 1)) as reported_total from summed)
        select school_code, name, xjh, sex_code, grade_code, class_code, test_date,
            case when exempt then '1' else '0' end as is_exempt, height_cm,
            cast(bmi * height_cm * height_cm / 10000 as decimal(4, 1)) as weight_kg,
            case when not exempt then cast(900 + 260 * g * 0.8 + 900 * ability as bigint) end as vital_capacity_ml,
            case when not exempt then cast(12.6 - 0.22 * least(g, 14) - 2.2 * ability as decimal(4, 1)) end as sprint_50m_s,
            case when not exempt and g >= 5 then cast(case when g <= 6 then 132 - 30 * ability
                else 330 - 95 * ability end as decimal(18, 2)) end as endurance_s,
            {fields}, bonus_score, reported_total,
            case when reported_total >= 90 then '1' when reported_total >= 80 then '2' when reported_total >= 60 then '3'
                when reported_total is not null then '4' end as reported_level_code,
            school_year as period, cast(null as date) as snapshot_date, managing_org as org, pid, stage
        from totalled
        """
    )


def _vision(world: World) -> None:
    shares = ", ".join(str(share) for share in MYOPIA_BY_GRADE)
    eyes = ("left", "right")
    spheres = ", ".join(
        f"cast(case when is_myopic then -0.75 - round(24 * (share - u)) / 4 - 0.25 * draw('{eye}' || pid, 3) "
        f"else 0.25 * draw('{eye}far' || pid, 6) end as decimal(4, 2)) as sphere_{eye}"
        for eye in eyes
    )
    cylinders = ", ".join(
        f"cast(-0.25 * draw('{eye}cyl' || pid, 4) as decimal(4, 2)) as cylinder_{eye}" for eye in eyes
    )
    naked = ", ".join(
        f"cast(case when is_myopic and ok_lens then 5.0 when is_myopic then greatest(3.7, 4.9 + 0.16 * (sphere_{eye} + 0.75)) "
        f"when rnd('{eye}dim' || pid) < 0.04 then 4.9 else 5.0 + 0.1 * draw('{eye}sharp' || pid, 3) end as decimal(3, 1)) "
        f"as naked_{eye}"
        for eye in eyes
    )
    corrected = ", ".join(
        f"case when glasses then cast(4.9 + 0.1 * draw('{eye}cor' || pid, 3) as decimal(3, 1)) end as corrected_{eye}"
        for eye in eyes
    )
    world.db.execute(
        f"""
        create view rows_vision as
        with seen as (
            select *, [{shares}][g + 1] - {MYOPIA_FALL_A_YEAR} * (start_year - 2018) as share, rnd('eye' || pid) as u
            from pupil_now
            where term = 1 and stage in ('preschool', 'primary', 'junior', 'senior', 'vocational') and g between 0 and 12
        ),
        judged as (
            select *, u < share as is_myopic, u < share and g >= 3 and rnd('ok' || pid) < 0.04 as ok_lens,
                u < share and g >= 1 and rnd('glasses' || pid) < 0.72 and rnd('ok' || pid) >= 0.04 as glasses
            from seen
        ),
        measured as (select *, {spheres}, {cylinders} from judged)
        select school_code, name, xjh, sex_code, grade_code, class_code,
            cast(make_date(start_year, 9, 20) + draw('eyeday' || school_code || start_year, 30) as date) as screened_on,
            {naked}, {corrected}, sphere_left, sphere_right, cylinder_left, cylinder_right,
            case when glasses then '1' else '0' end as wears_glasses, case when ok_lens then '1' else '0' end as wears_ok_lens,
            period, cast(null as date) as snapshot_date, managing_org as org, pid, stage
        from measured
        """
    )


def _support(world: World) -> None:
    """One row a support: the traits of the roll say who is left behind, migrant or disabled."""
    world.db.execute(
        """
        create view rows_student_support as
        with kinds as (
            select *, unnest([
                case when stage in ('primary', 'junior') and left_behind_code in ('1', '2') then '1' end,
                case when stage in ('primary', 'junior') and is_migrant = '1' then '2' end,
                case when stage <> 'higher' and disability_code is not null then '3' end,
                case when rnd('aid' || pid) < 0.09 then '4' end,
                case when stage = 'junior' and rnd('drop' || pid || t) < 0.002 then '5' end
            ]) as support_kind_code
            from pupil_now
        ),
        aided as (
            select *, case when support_kind_code = '4' then case stage when 'preschool' then '1' when 'senior' then '4'
                when 'vocational' then '6' when 'higher' then '8' else '2' end end as aid_item_code
            from kinds where support_kind_code is not null
        )
        select school_code, name, xjh, grade_code, support_kind_code,
            case when support_kind_code = '1' then left_behind_code end as left_behind_code,
            case when support_kind_code = '2' then case when sponsor_code <> '999' then '1'
                when rnd('bought' || school_code) < 0.5 then '2' else '3' end end as study_place_code,
            case when support_kind_code = '3' then disability_code end as disability_code,
            case when support_kind_code = '3' then 1 + draw('severe' || pid, 4) end as disability_level,
            case when support_kind_code = '3' then case when stage = 'special' then '3'
                when rnd('placed' || pid) < 0.9 then '1' else '4' end end as placement_code,
            case when support_kind_code = '4' then case when rnd('poor' || pid) < 0.3 then '1' else '21' end end as difficulty_code,
            case when support_kind_code = '4' then (1 + draw('why' || pid, 4))::varchar end as difficulty_reason_code,
            aid_item_code,
            cast(case aid_item_code when '1' then 500 when '2' then case when right(grade_code, 1) > '3' then 625 else 500 end
                when '4' then 1000 when '6' then 1000 when '8' then 1650 end as decimal(12, 2)) as aid_amount_yuan,
            case when support_kind_code = '5' then cast(snapshot_date - 5 - draw('gone' || pid, 40) as date) end as found_on,
            case when support_kind_code = '5' then (1 + draw('back' || pid || t, 5))::varchar end as return_code,
            period, snapshot_date, managing_org as org, pid, stage
        from aided
        """
    )


def _assessment(world: World) -> None:
    """End-of-term tests in a share of classes, and the city's monitoring of grades 4 and 8 everywhere."""
    world.db.execute(
        """
        create view rows_assessment as
        with sat as (
            select *, '1' as kind from pupil_now
            where stage in ('primary', 'junior', 'senior') and g >= 3 and rnd('exam' || school_code || class_code) < 0.05
            union all
            select *, '4' as kind from pupil_now where g in (4, 8) and stage in ('primary', 'junior') and term = 2
        ),
        papers as (
            select *, unnest(case when g >= 8 then ['13', '14', '41', '16'] else ['13', '14', '41'] end) as subject_code,
                case when kind = '4' or g <= 6 then 100 when g <= 9 then 120 else 150 end as full_score
            from sat
        ),
        marked as (
            select *, rnd('absent' || pid || subject_code || t) < 0.004 as is_absent,
                greatest(0.05, least(1.0, 0.42 + 0.36 * rnd('able' || pid) + 0.12 * rnd('taught' || school_code || subject_code)
                    + 0.2 * (rnd('mark' || pid || subject_code || t || kind) - 0.4))) as share
            from papers
        ),
        scored as (select *, case when not is_absent then cast(round(2 * share * full_score) / 2 as decimal(5, 1)) end as score from marked)
        select school_code, name, xjh, grade_code, class_code, kind as assessment_kind_code, subject_code,
            case when term = 1 then make_date(start_year + 1, 1, 12) else make_date(start_year + 1, 6, 20) end as exam_date,
            case when is_absent then '03' else '01' end as exam_nature_code, score, cast(full_score as decimal(5, 1)) as full_score,
            case when score >= 0.85 * full_score then 'A' when score >= 0.75 * full_score then 'B'
                when score >= 0.6 * full_score then 'C' when score is not null then 'D' end as level_code,
            period, cast(null as date) as snapshot_date, managing_org as org, pid, stage
        from scored
        """
    )


def _elective(world: World) -> None:
    world.db.execute(
        """
        create view rows_elective_choice as
        select school_code, name, xjh, sex_code, grade_code, class_code,
            case when rnd('first' || pid) < case when sex_code = '1' then 0.68 else 0.5 end then '16' else '21' end
                as first_subject_code,
            ['12', '12', '12', '17', '17', '18'][1 + draw('pair' || pid, 6)] as second_subject_code,
            ['17', '18', '20', '18', '20', '20'][1 + draw('pair' || pid, 6)] as third_subject_code,
            make_date(entry_year + 1, 1, 15) as chosen_on, case when rnd('rechosen' || pid || start_year) < 0.02 then '1' else '0' end
                as is_changed,
            school_year as period, make_date(start_year + 1, 3, 1) as snapshot_date, managing_org as org, pid, stage
        from pupil_now where stage = 'senior' and term = 2
        """
    )


def _outcome(world: World) -> None:
    majors = "[" + ", ".join(f"'{code}'" for code in MAJORS) + "]"
    industries = "[" + ", ".join(f"'{code}'" for code in INDUSTRIES) + "]"
    others = "[" + ", ".join(f"'{code}'" for code in OTHER_CITIES) + "]"
    world.db.execute(
        f"""
        create view rows_graduate_outcome as
        with leaving as (
            select l.*, rnd('choice' || l.pid) as choice, rnd('out' || l.pid) as out, n.school_code as next_code
            from pupil_now as l
            left join pupil_term as n on n.pid = l.pid and n.start_year = l.start_year + 1 and n.term = 1 and n.stage <> l.stage
            where l.term = 2 and l.grade_code in ('23', '33', '43', '54')
        ),
        gone as (
            select *, case
                when stage = 'junior' then case when choice < 0.62 then '15' when choice < 0.95 then '13'
                    when out < 0.5 then '20' else '60' end
                when stage = 'senior' then case when choice < 0.28 or out < 0.45 then '11' when out < 0.93 then '12'
                    when out < 0.95 then '30' when out < 0.97 then '20' else '60' end
                when stage = 'vocational' then case when out < 0.34 then '12' when out < 0.9 then '20'
                    when out < 0.93 then '30' when out < 0.98 then '60' else '99' end
                else case when out < 0.18 then '11' when out < 0.88 then '20' when out < 0.9 then '30' when out < 0.91 then '40'
                    when out < 0.98 then '60' else '99' end end as outcome_code
            from leaving
        )
        select school_code, name, xjh, sex_code, grade_code,
            case when stage in ('vocational', 'higher') then {majors}[1 + draw('major' || pid, {len(MAJORS)})] end as major_code,
            (start_year + 1) || '06' as graduated_ym,
            case when rnd('done' || pid) < 0.993 then '1' when rnd('done' || pid) < 0.997 then '2' else '3' end as completion_code,
            outcome_code, case when outcome_code like '1%' then next_code end as next_school_code,
            case when outcome_code = '20' then case when rnd('job' || pid) < 0.9 then '1' else '5' end end as employment_kind_code,
            case when outcome_code = '20' then {industries}[1 + draw('trade' || pid, {len(INDUSTRIES)})] end as industry_code,
            case when outcome_code = '20' then (1 + draw('firm' || pid, 6))::varchar end as employer_kind_code,
            case when outcome_code = '20' then case when rnd('local' || pid) < 0.55 then household
                else {others}[1 + draw('city' || pid, {len(OTHER_CITIES)})] end end as employer_division_code,
            case when outcome_code = '20' and stage in ('vocational', 'higher') then
                case when rnd('match' || pid) < 0.7 + 0.1 * rnd('match' || school_code) then '1' else '0' end end as is_matched_major,
            case when stage in ('vocational', 'higher') then case when rnd('skill' || pid) < 0.8 then '1' else '0' end end
                as has_skill_certificate,
            make_date(start_year + 1, 8, 20) as reported_on,
            school_year as period, cast(null as date) as snapshot_date, managing_org as org, pid, stage
        from (select *, case division_code when '421071' then '421002' else division_code end as household from gone)
        """
    )
