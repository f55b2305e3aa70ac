-- Each figure needs some of the school's reports; where one of them did not come, its part is missing.
{% set datasets = ['digital_campus', 'student', 'staff', 'campus_facility'] %}
{% set figures = [
    ('campus_standard_share', 'case when is_standard then 1 else 0 end', '1', ['digital_campus']),
    ('wireless_share', 'case when has_wireless then 1 else 0 end', '1', ['digital_campus']),
    ('security_plan_share', 'case when has_security_plan then 1 else 0 end', '1', ['digital_campus']),
    ('bandwidth', 'bandwidth_mbps', '1', ['digital_campus']),
    ('pupils_per_terminal', 'pupils', 'student_terminals', ['digital_campus', 'student']),
    ('teachers_per_terminal', 'teachers', 'teacher_terminals', ['digital_campus', 'staff']),
    ('trained_teacher_share', 'trained_teachers', 'teachers', ['digital_campus', 'staff']),
    ('multimedia_classrooms', 'facility_multimedia', none, ['campus_facility']),
    ('multimedia_share', 'facility_multimedia', 'classrooms', ['campus_facility']),
    (
        'multimedia_different', 'case when reported_multimedia <> facility_multimedia then 1 else 0 end', none,
        ['digital_campus', 'campus_facility']
    )
] %}
with owed as (
    select
        school_id,
        school_year,
        division_code,
    {% for dataset in datasets %}
        coalesce(bool_or(is_reported) filter (where dataset = '{{ dataset }}'), false) as has_{{ dataset }},
        coalesce(max(status.sort_order) filter (where dataset = '{{ dataset }}'), 0) as order_{{ dataset }}
        {{- ',' if not loop.last }}
    {% endfor %}
    from {{ ref('unit_expected') }} as expected
    inner join {{ ref('data_status') }} as status on status.data_status = expected.data_status
    where expected.term = 1
    group by school_id, school_year, division_code
    having count(*) filter (where dataset = 'digital_campus') > 0
),

pupil as (
    select
        school_id,
        school_year,
        count(*) as pupils
    from {{ ref('fct_enrolment_snapshot') }}
    where is_enrolled and term = 1
    group by school_id, school_year
),

teacher as (
    select
        school_id,
        school_year,
        count(*) as teachers
    from {{ ref('fct_staff_snapshot') }}
    where is_in_service and is_full_time_teacher and term = 1
    group by school_id, school_year
),

facility as (
    select
        school_id,
        school_year,
        sum(multimedia_classrooms) as facility_multimedia,
        sum(classrooms) as classrooms
    from {{ ref('fct_campus_facility') }}
    group by school_id, school_year
),

equipped as (
    select
        owed.*,
        campus.is_digital_campus_standard as is_standard,
        campus.has_wireless,
        campus.has_security_plan,
        campus.bandwidth_mbps,
        campus.student_terminals,
        campus.teacher_terminals,
        campus.trained_teachers,
        campus.multimedia_classrooms as reported_multimedia,
        coalesce(pupil.pupils, 0) as pupils,
        coalesce(teacher.teachers, 0) as teachers,
        facility.facility_multimedia,
        facility.classrooms
    from owed
    left join {{ ref('fct_digital_campus') }} as campus
        on campus.school_id = owed.school_id and campus.period = owed.school_year
    left join pupil on pupil.school_id = owed.school_id and pupil.school_year = owed.school_year
    left join teacher on teacher.school_id = owed.school_id and teacher.school_year = owed.school_year
    left join facility on facility.school_id = owed.school_id and facility.school_year = owed.school_year
),

figure as (
    {% for code, numerator, denominator, needs in figures %}
        {%- set is_sent = 'has_' ~ needs | join(' and has_') -%}
        select
            'digital.{{ code }}' as indicator_code,
            school_year,
            school_id,
            division_code,
            cast(case when {{ is_sent }} then {{ numerator }} end as decimal(18, 4)) as numerator,
            cast(case when {{ is_sent }} then {{ denominator or 'null' }} end as decimal(18, 4)) as denominator,
            least(order_{{ needs | join(', order_') }}) as status_order
        from equipped
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    figure.indicator_code,
    figure.school_year as period,
    figure.school_id as area_id,
    figure.division_code,
    figure.school_id,
    'all' as stage,
    'all' as breakdown,
    'all' as breakdown_value,
    figure.numerator,
    figure.denominator,
    status.data_status
from figure
inner join {{ ref('data_status') }} as status on status.sort_order = figure.status_order
