-- A topic joins by its name here and a model `ana_<topic>_part`; docs/adr/0014 says what a part is.
{% set topics = [
    'balanced',
    'scale',
    'scale_population',
    'scale_path',
    'scale_retention',
    'preschool',
    'health_fitness',
    'health_graduation',
    'health_vision',
    'health_programme',
    'digital_campus',
    'digital_usage',
    'lifelong',
    'teacher',
    'teacher_post',
    'teacher_growth',
    'vocational',
    'governance',
] %}
{% for topic in topics %}
    select
        indicator_code,
        period,
        area_id,
        division_code,
        school_id,
        stage,
        breakdown,
        breakdown_value,
        numerator,
        denominator,
        data_status
    from {{ ref('ana_' ~ topic ~ '_part') }}
    {{ 'union all' if not loop.last }}
{% endfor %}
