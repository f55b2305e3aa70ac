-- Figures of the newest school year that has a first-term snapshot.
with newest as (
    select max(school_year) as school_year
    from {{ ref('ana_enrolment') }}
    where term = 1
),

pupil as (
    select
        enrolment.school_year,
        cast(sum(enrolment.pupils) as decimal(18, 2)) as value
    from {{ ref('ana_enrolment') }} as enrolment
    inner join newest on newest.school_year = enrolment.school_year
    where enrolment.term = 1
    group by enrolment.school_year
),

school as (
    select
        dim.school_year,
        cast(count(*) as decimal(18, 2)) as value
    from {{ ref('dim_school') }} as dim
    inner join newest on newest.school_year = dim.school_year
    where dim.term = 1
    group by dim.school_year
),

teacher as (
    select
        staffing.school_year,
        cast(sum(staffing.full_time_teachers) as decimal(18, 2)) as value
    from {{ ref('ana_staffing') }} as staffing
    inner join newest on newest.school_year = staffing.school_year
    where staffing.term = 1
    group by staffing.school_year
),

class as (
    select
        size.school_year,
        cast(count(*) as decimal(18, 2)) as value,
        cast(round(100.0 * count(*) filter (where size.is_large) / count(*), 2) as decimal(18, 2)) as large_pct
    from {{ ref('ana_class_size') }} as size
    inner join newest on newest.school_year = size.school_year
    where size.term = 1
    group by size.school_year
),

county as (
    select
        met.school_year,
        cast(count(*) filter (where met.indicators_met = met.indicators) as decimal(18, 2)) as value
    from (
        select
            balanced.school_year,
            balanced.division_code,
            count(*) as indicators,
            count(*) filter (where balanced.is_met) as indicators_met
        from {{ ref('ana_balanced_county') }} as balanced
        inner join newest on newest.school_year = balanced.school_year
        group by balanced.school_year, balanced.division_code
    ) as met
    group by met.school_year
)

select
    school_year,
    1 as sort_order,
    'pupils' as metric,
    '在校生' as label_zh,
    value,
    '人' as unit,
    '各级各类学校在读学生' as note_zh
from pupil
union all
select
    school_year,
    2,
    'schools',
    '学校(机构)',
    value,
    '所',
    '本学年登记的机构'
from school
union all
select
    school_year,
    3,
    'full_time_teachers',
    '专任教师',
    value,
    '人',
    '在职专任教师'
from teacher
union all
select
    school_year,
    4,
    'classes',
    '班级',
    value,
    '个',
    '按学籍名册统计'
from class
union all
select
    school_year,
    5,
    'large_class_pct',
    '大班额比例',
    large_pct,
    '%',
    '56 人及以上班级占比'
from class
union all
select
    school_year,
    6,
    'balanced_counties',
    '差异系数全部达标',
    value,
    '个县(市、区)',
    '小学、初中各七项均达标'
from county
