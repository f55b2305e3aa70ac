-- Indicators of government assurance and quality (教督〔2017〕6号) that the platform's data can say.
with school as (
    select
        school.school_id,
        school.school_year,
        school.division_code,
        school.school_kind_code,
        kind.has_special
    from {{ ref('dim_school') }} as school
    inner join {{ ref('school_kind') }} as kind on kind.school_kind_code = school.school_kind_code
    where school.term = 1 and (kind.is_balanced_evaluated or kind.has_special)
),

due as (
    select
        dataset,
        school_id,
        school_year,
        is_reported,
        data_status
    from {{ ref('unit_expected') }}
    where dataset in ('campus_facility', 'finance') or (dataset = 'student' and term = 1)
),

stage_pupil as (
    select
        learner.school_id,
        learner.school_year,
        learner.stage,
        sum(learner.pupils) as pupils,
        coalesce(sum(learner.pupils) filter (where learner.is_migrant), 0) as migrants,
        -- What the quota of running costs would be for these pupils.
        coalesce(sum(learner.pupils) * max(rule.funding_yuan), 0) as quota_yuan
    from {{ ref('ana_learner_count') }} as learner
    left join {{ ref('compulsory_stage_limit') }} as rule
        on rule.stage = learner.stage and {{ is_valid_in('rule', 'learner.school_year') }}
    group by learner.school_id, learner.school_year, learner.stage
),

pupil as (
    select
        school_id,
        school_year,
        coalesce(sum(pupils) filter (where stage in ('primary', 'junior')), 0) as pupils,
        coalesce(sum(pupils) filter (where stage = 'special'), 0) as special_pupils,
        coalesce(sum(migrants) filter (where stage in ('primary', 'junior')), 0) as migrants,
        coalesce(sum(quota_yuan) filter (where stage in ('primary', 'junior')), 0) as quota_yuan
    from stage_pupil
    group by school_id, school_year
),

stage_class as (
    select
        size.school_id,
        size.school_year,
        size.stage,
        count(*) as classes,
        count(*) filter (where size.pupils <= rule.maximum_class) as classes_within,
        max(rule.classes_a_room) as classes_a_room
    from {{ ref('ana_class_size') }} as size
    inner join {{ ref('compulsory_stage_limit') }} as rule
        on rule.stage = size.stage and {{ is_valid_in('rule', 'size.school_year') }}
    where size.term = 1
    group by size.school_id, size.school_year, size.stage
),

room as (
    select
        school_id,
        school_year,
        case when count(*) = count(music_rooms) then sum(music_rooms) end as music_rooms,
        case when count(*) = count(art_rooms) then sum(art_rooms) end as art_rooms
    from {{ ref('fct_campus_facility') }}
    group by school_id, school_year
),

need as (
    select
        school_id,
        school_year,
        sum(classes) as classes,
        ceil(sum(classes) * 1.0 / max(classes_a_room)) as rooms_needed
    from stage_class
    group by school_id, school_year
),

money as (
    select
        school_id,
        fiscal_year,
        coalesce(sum(amount_yuan) filter (where item_code = '300' and stage_code in ('2', '3')), 0) as given_yuan,
        coalesce(sum(amount_yuan) filter (where item_code = '300' and stage_code = '6'), 0) as special_yuan,
        sum(amount_yuan) filter (where item_code = '220' and stage_code = '0') as running_yuan,
        coalesce(sum(amount_yuan) filter (where item_code = '221' and stage_code = '0'), 0) as training_yuan
    from {{ ref('fct_finance') }}
    group by school_id, fiscal_year
),

migrant as (
    select
        support.school_id,
        support.school_year,
        count(*) as migrants,
        count(*) filter (where support.study_place_code in ('1', '2')) as in_public_places
    from {{ ref('fct_student_support') }} as support
    inner join {{ ref('dim_grade') }} as grade on grade.grade_code = support.grade_code
    where support.support_kind_code = '2' and support.term = 1 and grade.stage in ('primary', 'junior')
    group by support.school_id, support.school_year
),

joined as (
    select
        school.*,
        coalesce(pupil.pupils, 0) as pupils,
        coalesce(pupil.special_pupils, 0) as special_pupils,
        coalesce(pupil.migrants, 0) as migrants_on_roll,
        coalesce(pupil.quota_yuan, 0) as quota_yuan,
        coalesce(need.classes, 0) as classes,
        coalesce(need.rooms_needed, 0) as rooms_needed,
        room.music_rooms,
        room.art_rooms,
        size_rule.maximum_pupils,
        coalesce(money.given_yuan, 0) as given_yuan,
        coalesce(money.special_yuan, 0) as special_yuan,
        coalesce(money.running_yuan, 0) as running_yuan,
        coalesce(money.training_yuan, 0) as training_yuan,
        migrant.migrants,
        migrant.in_public_places
    from school
    left join pupil on pupil.school_id = school.school_id and pupil.school_year = school.school_year
    left join need on need.school_id = school.school_id and need.school_year = school.school_year
    left join room on room.school_id = school.school_id and room.school_year = school.school_year
    left join money
        on money.school_id = school.school_id and money.fiscal_year = {{ period_year('school.school_year') }}
    left join migrant on migrant.school_id = school.school_id and migrant.school_year = school.school_year
    left join {{ ref('compulsory_size_limit') }} as size_rule
        on
            size_rule.school_kind_code = school.school_kind_code
            and {{ is_valid_in('size_rule', 'school.school_year') }}
),

{#- Code, first dataset, second dataset, numerator, denominator, which schools, whether by fiscal year. -#}
{% set figures = [
    ('music_art_rooms', 'campus_facility', 'student',
        'case when classes = 0 then 0 when music_rooms + art_rooms is null then null'
        ~ ' when least(music_rooms, art_rooms) >= rooms_needed then 1 else 0 end',
        'case when classes > 0 then 1 else 0 end', 'not has_special', false),
    ('music_art_rooms_lacking', 'campus_facility', 'student',
        'case when classes = 0 then 0 when music_rooms + art_rooms is not null'
        ~ ' then greatest(rooms_needed - music_rooms, 0) + greatest(rooms_needed - art_rooms, 0) end',
        '0', 'not has_special', false),
    ('school_within_size', 'student', 'student', 'case when pupils > 0 and pupils <= maximum_pupils then 1 else 0 end',
        'case when pupils > 0 then 1 else 0 end', 'not has_special', false),
    ('small_school_funding', 'finance', 'student',
        'case when pupils between 1 and 99 and given_yuan * pupils >= 100 * quota_yuan then 1 else 0 end',
        'case when pupils between 1 and 99 then 1 else 0 end', 'not has_special', true),
    ('special_school_funding', 'finance', 'student', 'special_yuan', 'special_pupils', 'has_special', true),
    ('training_spend_share', 'finance', 'finance', 'training_yuan', 'running_yuan', 'not has_special', true),
    ('migrant_public_rate', 'student', 'student',
        'case when migrants_on_roll = 0 and migrants is null then 0 else in_public_places end',
        'coalesce(migrants, 0)', 'not has_special', false),
] %}

figure as (
    {% for code, first, second, numerator, denominator, condition, is_fiscal in figures %}
        select
            'balanced.{{ code }}' as indicator_code,
            {{ "'FY' || substr(school_year, 1, 4)" if is_fiscal else 'school_year' }} as period,
            school_year,
            division_code,
            school_id,
            '{{ 'special' if condition == 'has_special' else 'compulsory' }}' as stage,
            '{{ first }}' as first_dataset,
            '{{ second }}' as second_dataset,
            cast({{ numerator }} as decimal(18, 4)) as numerator,
            cast({{ denominator }} as decimal(18, 4)) as denominator
        from joined
        where {{ condition }}
        union all
    {% endfor %}
    select
        'balanced.classes_within_size' as indicator_code,
        joined.school_year as period,
        joined.school_year,
        joined.division_code,
        joined.school_id,
        taught.stage,
        'student' as first_dataset,
        'student' as second_dataset,
        coalesce(stage_class.classes_within, 0) as numerator,
        coalesce(stage_class.classes, 0) as denominator
    from joined
    inner join {{ ref('bridge_school_stage') }} as taught
        on
            taught.school_id = joined.school_id
            and taught.school_year = joined.school_year
            and taught.term = 1
            and taught.stage in ('primary', 'junior')
    left join stage_class
        on
            stage_class.school_id = joined.school_id
            and stage_class.school_year = joined.school_year
            and stage_class.stage = taught.stage
    where not joined.has_special
),

claim as (
    select
        figure.indicator_code,
        figure.period,
        figure.school_id,
        figure.division_code,
        figure.stage,
        'all' as breakdown,
        'all' as breakdown_value,
        due.is_reported and figure.numerator is not null as is_reported,
        case when due.dataset = figure.first_dataset then figure.numerator else 0 end as numerator,
        case when due.dataset = figure.first_dataset then figure.denominator else 0 end as denominator,
        due.data_status
    from figure
    inner join due
        on
            due.school_id = figure.school_id
            and due.school_year = figure.school_year
            and due.dataset in (figure.first_dataset, figure.second_dataset)
)

{{ parts_of_claims('claim') }}
