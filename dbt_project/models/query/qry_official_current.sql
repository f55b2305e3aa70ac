{% set tables = [
    {
        'model': 'ana_enrolment',
        'keys': ['snapshot_date', 'school_id', 'grade_code'],
        'measures': ['pupils', 'pupils_female', 'pupils_boarding'],
    },
    {
        'model': 'ana_class_size',
        'keys': ['snapshot_date', 'school_id', 'class_code', 'grade_code'],
        'measures': ['pupils'],
    },
    {
        'model': 'ana_staffing',
        'keys': ['snapshot_date', 'school_id', 'stage'],
        'measures': ['pupils', 'full_time_teachers', 'qualified_teachers', 'pupil_teacher_ratio'],
    },
    {
        'model': 'ana_balanced_school',
        'keys': ['school_year', 'school_id', 'stage', 'indicator_no'],
        'measures': ['numerator', 'pupils', 'value'],
    },
    {
        'model': 'ana_balanced_county',
        'keys': ['school_year', 'division_code', 'stage', 'indicator_no'],
        'measures': ['mean', 'std', 'cv', 'schools', 'pupils'],
    },
] %}
{% for table in tables %}
    {% set table_loop = loop %}
    {% for measure in table.measures %}
        select
            '{{ table.model[4:] }}' as table_name,
            school_year,
            -- noqa: disable=LT05
            concat_ws('/', cast({{ table['keys'] | join(' as varchar), cast(') }} as varchar)) as row_key,
            '{{ measure }}' as measure,
            cast({{ measure }} as decimal(38, 10)) as value
        from {{ ref(table.model) }}
        {{ 'union all' if not (table_loop.last and loop.last) }}
    {% endfor %}
{% endfor %}
