{# Where people are seen: the key that a dataset's rows carry, and whether the number of a document stands beside it.
   A dataset of persons joins by one entry in `sources`. #}
{% macro person_rows() -%}
    {%- set sources = [
        {'dataset': 'student', 'key': 'xjh_key', 'namespace': 'xjh', 'has_number': true, 'has_sourced_id': true},
        {'dataset': 'staff', 'key': 'staff_no_key', 'namespace': 'gh@school', 'has_number': true, 'has_sourced_id': true},
        {'dataset': 'lifelong_learner', 'has_number': true},
        {'dataset': 'student_event', 'key': 'xjh_key', 'namespace': 'xjh'},
        {'dataset': 'student_support', 'key': 'xjh_key', 'namespace': 'xjh'},
        {'dataset': 'assessment', 'key': 'xjh_key', 'namespace': 'xjh'},
        {'dataset': 'fitness', 'key': 'xjh_key', 'namespace': 'xjh'},
        {'dataset': 'vision', 'key': 'xjh_key', 'namespace': 'xjh'},
        {'dataset': 'graduate_outcome', 'key': 'xjh_key', 'namespace': 'xjh'},
        {'dataset': 'elective_choice', 'key': 'xjh_key', 'namespace': 'xjh'},
        {'dataset': 'staff_post', 'key': 'staff_no_key', 'namespace': 'gh@school'},
        {'dataset': 'staff_training', 'key': 'staff_no_key', 'namespace': 'gh@school'},
        {'dataset': 'staff_rotation', 'key': 'staff_no_key', 'namespace': 'gh@school'},
        {'dataset': 'credit_evaluation', 'key': 'staff_no_key', 'namespace': 'gh@school'},
    ] -%}
    {% for source in sources %}
    select
        {% if source.key %}
        '{{ source.namespace }}:' || {{ source.key }} as evidence_key,
        {% else %}
        cast(null as varchar) as evidence_key,
        {% endif %}
        {% if source.has_number %}
        case when identity_status = 'verified' then 'cn_id:' || id_number_key end as cn_id_key,
        case when identity_status = 'other_document' then 'passport:' || id_number_key end as passport_key,
        {% else %}
        cast(null as varchar) as cn_id_key,
        cast(null as varchar) as passport_key,
        {% endif %}
        {% if source.has_sourced_id %}
        sourced_id_key as sourced_key,
        {% else %}
        cast(null as varchar) as sourced_key,
        {% endif %}
        row_key,
        submission_id,
        sheet,
        row_number
    from {{ ref('col_' ~ source.dataset) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
{%- endmacro %}

{# Pairs of a key and a document's number in the rows that count now: a corrected delivery takes its old pairs away. The
   id that another system has for a person is weaker than a number: beside one it is seen with it, and beside a key it
   joins what the two were seen with, unless that would join two numbers. #}
{% macro person_pairs() -%}
    {%- set sources = [
        {'dataset': 'student', 'key': 'xjh_key', 'namespace': 'xjh'},
        {'dataset': 'staff', 'key': 'staff_no_key', 'namespace': 'gh@school'},
    ] -%}
    {% for source in sources %}
    select
        coalesce('{{ source.namespace }}:' || {{ source.key }}, sourced_id_key) as evidence_key,
        case identity_status when 'verified' then 'cn_id:' else 'passport:' end || id_number_key as number_key,
        identity_status = 'verified' as is_resident_id,
        submission_id
    from (
        {{ current_rows(source.dataset, [
            'submission_id', source.key, 'sourced_id_key', 'identity_status', 'id_number_key'
        ]) }}
    ) as numbered_{{ source.dataset }}
    where
        coalesce({{ source.key }}, sourced_id_key) is not null
        and identity_status in ('verified', 'other_document')
        and id_number_key is not null
    union all
    select
        '{{ source.namespace }}:' || {{ source.key }} as evidence_key,
        sourced_id_key as number_key,
        false as is_resident_id,
        submission_id
    from ({{ current_rows(source.dataset, ['submission_id', source.key, 'sourced_id_key']) }}) as sourced_{{ source.dataset }}
    where
        {{ source.key }} is not null
        and sourced_id_key is not null
        and sourced_id_key <> '{{ source.namespace }}:' || {{ source.key }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
{%- endmacro %}
