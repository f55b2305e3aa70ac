with kindergarten as (
    select
        school.school_id,
        school.school_year,
        school.division_code,
        school.evaluated_division_code,
        school.is_private,
        -- A public kindergarten is inclusive by law, whatever the field says.
        case when school.is_private then school.is_inclusive else true end as is_inclusive,
        -- Attached classes have no premises of their own.
        school.school_kind_code = '111' as has_own_premises
    from {{ ref('dim_school') }} as school
    inner join {{ ref('school_kind') }} as kind on kind.school_kind_code = school.school_kind_code
    where school.term = 1 and kind.has_preschool
),

due as (
    select
        dataset,
        school_id,
        school_year,
        data_status
    from {{ ref('unit_expected') }}
    where
        dataset in ('campus_facility', 'finance')
        or (dataset in ('student', 'staff') and term = 1)
),

child as (
    select
        school_id,
        school_year,
        sum(pupils) as children,
        coalesce(sum(pupils) filter (where grade_code = '03'), 0) as children_last_year
    from {{ ref('ana_learner_count') }}
    where stage = 'preschool'
    group by school_id, school_year
),

class_size as (
    select
        school_id,
        school_year,
        class_code,
        sum(pupils) as children,
        case when min(grade_code) = max(grade_code) then min(grade_code) else 'mixed' end as grade_code
    from {{ ref('ana_class_size') }}
    where stage = 'preschool' and term = 1
    group by school_id, school_year, class_code
),

class_judged as (
    select
        class_size.school_id,
        class_size.school_year,
        count(*) as classes,
        count(*) filter (where class_size.children <= rule.maximum) as classes_within_size
    from class_size
    inner join {{ ref('kindergarten_class_size') }} as rule
        on rule.grade_code = class_size.grade_code and {{ is_valid_in('rule', 'class_size.school_year') }}
    group by class_size.school_id, class_size.school_year
),

teacher as (
    select
        school_id,
        school_year,
        count(*) as teachers,
        count(*) filter (where has_certificate) as certified_teachers
    from {{ ref('fct_staff_snapshot') }}
    where term = 1 and teach_stage = 'preschool' and is_full_time_teacher and is_in_service
    group by school_id, school_year
),

premises as (
    select
        school_id,
        school_year,
        case when count(*) = count(outdoor_play_area_m2) then sum(outdoor_play_area_m2) end as outdoor_play_area_m2,
        case when count(*) = count(activity_room_area_m2) then sum(activity_room_area_m2) end
            as activity_room_area_m2,
        case when count(*) = count(building_area_m2) then sum(building_area_m2) end as building_area_m2
    from {{ ref('fct_campus_facility') }}
    group by school_id, school_year
),

money as (
    select
        school_id,
        fiscal_year,
        coalesce(sum(amount_yuan) filter (where item_code = '300'), 0) as appropriation_yuan,
        coalesce(sum(amount_yuan) filter (where item_code = '310'), 0) as subsidy_yuan,
        coalesce(sum(amount_yuan) filter (where item_code = '330'), 0) as waived_yuan
    from {{ ref('fct_finance') }}
    where stage_code = '1'
    group by school_id, fiscal_year
),

joined as (
    select
        kindergarten.*,
        child.children,
        child.children_last_year,
        class_judged.classes,
        class_judged.classes_within_size,
        teacher.teachers,
        teacher.certified_teachers,
        premises.outdoor_play_area_m2,
        premises.activity_room_area_m2,
        premises.building_area_m2,
        money.appropriation_yuan,
        money.subsidy_yuan,
        money.waived_yuan,
        coalesce(student_due.data_status, 'missing') as student_status,
        coalesce(staff_due.data_status, 'missing') as staff_status,
        coalesce(campus_facility_due.data_status, 'missing') as campus_facility_status,
        coalesce(finance_due.data_status, 'missing') as finance_status
    from kindergarten
    left join child on child.school_id = kindergarten.school_id and child.school_year = kindergarten.school_year
    left join class_judged
        on class_judged.school_id = kindergarten.school_id and class_judged.school_year = kindergarten.school_year
    left join teacher
        on teacher.school_id = kindergarten.school_id and teacher.school_year = kindergarten.school_year
    left join premises
        on
            premises.school_id = kindergarten.school_id
            and premises.school_year = kindergarten.school_year
            and kindergarten.has_own_premises
    left join money
        on
            money.school_id = kindergarten.school_id
            and money.fiscal_year = {{ period_year('kindergarten.school_year') }}
    {% for dataset in ['student', 'staff', 'campus_facility', 'finance'] %}
        left join due as {{ dataset }}_due
            on
                {{ dataset }}_due.dataset = '{{ dataset }}'
                and {{ dataset }}_due.school_id = kindergarten.school_id
                and {{ dataset }}_due.school_year = kindergarten.school_year
    {% endfor %}
)

select
    school_year,
    division_code,
    evaluated_division_code,
    school_id,
    is_private,
    is_inclusive,
    has_own_premises,
    {% for column in ['children', 'children_last_year', 'classes', 'classes_within_size'] -%}
        cast(case when student_status <> 'missing' then coalesce({{ column }}, 0) end as bigint) as {{ column }},
    {% endfor -%}
    {% for column in ['teachers', 'certified_teachers'] -%}
        cast(case when staff_status <> 'missing' then coalesce({{ column }}, 0) end as bigint) as {{ column }},
    {% endfor -%}
    {% for column in ['outdoor_play_area_m2', 'activity_room_area_m2', 'building_area_m2'] -%}
        cast(case when campus_facility_status <> 'missing' then {{ column }} end as decimal(18, 2)) as {{ column }},
    {% endfor -%}
    {% for column in ['appropriation_yuan', 'subsidy_yuan', 'waived_yuan'] -%}
        cast(case when finance_status <> 'missing' then coalesce({{ column }}, 0) end as decimal(18, 2))
            as {{ column }},
    {% endfor -%}
    student_status,
    staff_status,
    campus_facility_status,
    finance_status
from joined
