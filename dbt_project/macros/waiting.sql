{# Whose part of which delivery waits for a decision: a unit, and what is said of the file as a whole, which belongs to its
   sender, where all of its units do. #}
{% macro waiting_owners() -%}
    select distinct
        submission_id,
        unit_owner
    from {{ ref('col_waiting') }}
    union
    select
        submission.submission_id,
        submission.submitter_org
    from {{ ref('col_submission') }} as submission
    inner join {{ ref('col_unit') }} as unit on unit.submission_id = submission.submission_id
    left join {{ ref('col_waiting') }} as waiting
        on waiting.submission_id = unit.submission_id and waiting.unit_owner = unit.unit_owner
    group by submission.submission_id, submission.submitter_org
    having count(*) = count(waiting.submission_id)
{%- endmacro %}
