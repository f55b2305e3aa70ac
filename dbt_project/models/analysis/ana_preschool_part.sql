{#- Code, datasets that must have come, numerator, denominator, which kindergartens, whether by fiscal year. -#}
{% set datasets = ['student', 'staff', 'campus_facility', 'finance'] %}
{% set figures = [
    ('inclusive_rate', ['student'], "case is_inclusive when true then children when false then 0 end", 'children', 'true', false),
    ('public_rate', ['student'], 'case when is_private then 0 else children end', 'children', 'true', false),
    ('appropriation_per_child', ['finance', 'student'], 'appropriation_yuan', 'children', 'not is_private', true),
    ('subsidy_per_child', ['finance', 'student'], 'subsidy_yuan', 'children', 'is_private and is_inclusive', true),
    ('class_size_compliance', ['student'], 'case when classes > 0 and classes = classes_within_size then 1 else 0 end',
        'case when classes > 0 then 1 else 0 end', 'true', false),
    ('classes_within_size', ['student'], 'classes_within_size', 'classes', 'true', false),
    ('children_per_teacher', ['student', 'staff'], 'children', 'teachers', 'true', false),
    ('certified_teachers', ['staff'], 'certified_teachers', 'teachers', 'true', false),
    ('outdoor_area', ['campus_facility', 'student'], 'outdoor_play_area_m2', 'children', 'has_own_premises', false),
    ('activity_room_area', ['campus_facility', 'student'], 'activity_room_area_m2', 'children', 'has_own_premises', false),
    ('building_area', ['campus_facility', 'student'], 'building_area_m2', 'children', 'has_own_premises', false),
    ('last_year_children', ['student'], 'children_last_year', 'null', 'true', false),
    ('waived_amount', ['finance'], 'waived_yuan', 'null', "school_year >= '2025-2026'", true),
] %}
with kindergarten as (
    select
        garden.*,
        student_order.sort_order as student_order,
        staff_order.sort_order as staff_order,
        campus_facility_order.sort_order as campus_facility_order,
        finance_order.sort_order as finance_order
    from {{ ref('ana_preschool_kindergarten') }} as garden
    {% for dataset in datasets %}
        inner join {{ ref('data_status') }} as {{ dataset }}_order
            on {{ dataset }}_order.data_status = garden.{{ dataset }}_status
    {% endfor %}
),

figure as (
    {% for code, needed, numerator, denominator, condition, is_fiscal in figures %}
        select
            'preschool.{{ code }}' as indicator_code,
            {{ "'FY' || substr(school_year, 1, 4)" if is_fiscal else 'school_year' }} as period,
            division_code,
            school_id,
            -- The first dataset may be there and the second not: then neither side counts.
            case
                when
                    least({{ needed | join('_order, ') }}_order) > 0
                    then {{ numerator }}
            end
                as numerator,
            case
                when
                    least({{ needed | join('_order, ') }}_order) > 0
                    then {{ denominator }}
            end
                as denominator,
            least({{ needed | join('_order, ') }}_order) as status_order
        from kindergarten
        where {{ condition }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    figure.indicator_code,
    figure.period,
    figure.school_id as area_id,
    figure.division_code,
    figure.school_id,
    'preschool' as stage,
    'all' as breakdown,
    'all' as breakdown_value,
    cast(figure.numerator as decimal(18, 4)) as numerator,
    cast(figure.denominator as decimal(18, 4)) as denominator,
    status.data_status
from figure
inner join {{ ref('data_status') }} as status on status.sort_order = figure.status_order
