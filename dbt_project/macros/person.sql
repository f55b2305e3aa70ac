{# Where people are seen is a list of `sources`: a dataset, the key that its rows carry and the namespace of it, and whether
   the number of a document or the id of another system stands beside it. #}

{# Each key under which a row names its person, with the row's place; `kind_order` tells the keys of one row apart. A row
   without any number is known by its own key. #}
{% macro person_evidence(sources) -%}
    {%- for source in sources -%}
        {%- set kinds = [] -%}
        {%- set no_number = [] -%}
        {%- if source.key -%}
            {%- do kinds.append((1, "'" ~ source.namespace ~ ":' || " ~ source.key, source.key ~ ' is not null')) -%}
            {%- do no_number.append(source.key ~ ' is null') -%}
        {%- endif -%}
        {%- if source.has_number -%}
            {%- do kinds.append((2, "'cn_id:' || id_number_key", "identity_status = 'verified' and id_number_key is not null")) -%}
            {%- do kinds.append(
                (3, "'passport:' || id_number_key", "identity_status = 'other_document' and id_number_key is not null")
            ) -%}
            {%- do no_number.append(
                "(id_number_key is null or identity_status is null or identity_status not in ('verified', 'other_document'))"
            ) -%}
        {%- endif -%}
        {%- do kinds.append((4, 'row_key', (['row_key is not null'] + no_number) | join(' and '))) -%}
        {%- if source.has_sourced_id -%}
            {%- do kinds.append((5, 'sourced_id_key', 'sourced_id_key is not null')) -%}
        {%- endif -%}
        {%- set is_last_source = loop.last -%}
        {%- for kind_order, evidence_key, condition in kinds %}
    select
        {{ evidence_key }} as evidence_key,
        submission_id,
        coalesce(sheet, '') as sheet,
        row_number,
        {{ kind_order }} as kind_order
    from {{ ref('col_' ~ source.dataset) }}
    where {{ condition }}
    {{ 'union all' if not (loop.last and is_last_source) }}
        {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}

{# The sheets of deliveries in which persons are seen. #}
{% macro person_sheets(sources) -%}
    {%- for source in sources %}
    select
        submission_id,
        coalesce(sheet, '') as sheet
    from {{ ref('col_' ~ source.dataset) }}
    {{ 'union' if not loop.last }}
    {%- endfor -%}
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

{# Rows that count of keys in the query's `conflict`, with the key, the verified ID number beside it, school, date and
   whether the person was on the roll or in service then. Only the rows whose row key ever stood with such a key are
   ranked: they are few. #}
{% macro numbers_in_conflict() -%}
    {%- set on_roll -%}
        status_code in (select status.status_code from {{ ref('student_status') }} as status where status.is_on_roll)
    {%- endset -%}
    {%- set sources = [
        {'dataset': 'student', 'key': 'xjh_key', 'namespace': 'xjh', 'status': 'status_code', 'is_present': on_roll},
        {'dataset': 'staff', 'key': 'staff_no_key', 'namespace': 'gh@school', 'status': 'staff_status_code',
         'is_present': "staff_status_code = '11'"},
    ] -%}
    {% for source in sources %}
    {%- set bearing -%}
        select bearing.row_key
        from {{ ref('col_' ~ source.dataset) }} as bearing
        inner join conflict on conflict.evidence_key = '{{ source.namespace }}:' || bearing.{{ source.key }}
    {%- endset %}
    select
        '{{ source.namespace }}:' || {{ source.key }} as evidence_key,
        'cn_id:' || id_number_key as number_key,
        school_code,
        snapshot_date,
        coalesce({{ source.is_present }}, false) as is_present
    from (
        {{ current_rows(
            source.dataset,
            ['school_code', 'snapshot_date', source.key, 'identity_status', 'id_number_key', source.status],
            deleted_by='sourced_id_key',
            row_keys=bearing
        ) }}
    ) as {{ source.dataset }}_of_conflict
    where identity_status = 'verified'
    {{ 'union all' if not loop.last }}
    {% endfor %}
{%- endmacro %}

{# Joins that find the person of a row that names one by a key, at the school of alias `school`: a key that several
   persons share is, at a school, the person who has it there. #}
{% macro person_joins(rows, namespace, key) -%}
    left join {{ ref('map_shared_key') }} as shared
        on shared.evidence_key = '{{ namespace }}:' || {{ rows }}.{{ key }} and shared.school_id = school.school_id
    left join {{ ref('map_person') }} as by_number on by_number.evidence_key = '{{ namespace }}:' || {{ rows }}.{{ key }}
    left join {{ ref('map_person') }} as by_row
        on by_row.evidence_key = case when {{ rows }}.{{ key }} is null then {{ rows }}.row_key end
{%- endmacro %}

{# The person that person_joins finds. #}
{% macro person_found() -%}
    coalesce(shared.person_id, by_number.person_id, by_row.person_id)
{%- endmacro %}
