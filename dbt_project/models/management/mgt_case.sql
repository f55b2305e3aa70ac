with two_numbers as (
    select
        'student' as dataset,
        school_code,
        period,
        'xjh:' || xjh_key as subject_key
    from {{ ref('col_student') }}
    where xjh_key is not null and identity_status = 'verified'
),

collided as (
    select 'xjh:' || xjh_key as subject_key
    from {{ ref('col_student') }}
    where xjh_key is not null and identity_status = 'verified'
    group by xjh_key
    having count(distinct id_number_key) > 1
),

opened as (
    select
        'unknown_school' as case_kind,
        unit.dataset,
        unit.unit_owner as school_code,
        unit.period,
        unit.unit_owner as subject_key,
        '该学校标识码不在本期学校登记中,数据暂不入库' as detail_zh
    from {{ ref('unit_current') }} as unit
    left join {{ ref('dim_school') }} as school
        on school.school_code = unit.unit_owner and (school.period = unit.period or school.school_year = unit.period)
    where unit.dataset not in ('school', 'learning_activity_daily') and school.school_id is null
    union
    select
        'identity_collision',
        two_numbers.dataset,
        two_numbers.school_code,
        two_numbers.period,
        two_numbers.subject_key,
        '同一学籍号对应两个不同的身份证号,未合并,请核查'
    from two_numbers
    inner join collided on collided.subject_key = two_numbers.subject_key
    union
    select
        'two_schools',
        'student',
        min(school.school_code),
        pupil.period,
        pupil.person_id,
        '同一学生同一时点在两所学校有学籍,两处均保留,请核查'
    from {{ ref('fct_enrolment_snapshot') }} as pupil
    inner join {{ ref('dim_school') }} as school on school.school_id = pupil.school_id and school.period = pupil.period
    where pupil.is_enrolled
    group by pupil.period, pupil.person_id
    having count(distinct pupil.school_id) > 1
)

select
    {{ row_hash(['case_kind', 'dataset', 'school_code', 'period', 'subject_key']) }} as case_id,
    case_kind,
    dataset,
    school_code,
    period,
    subject_key,
    detail_zh
from opened
