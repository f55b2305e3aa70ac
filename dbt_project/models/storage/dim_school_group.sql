-- Where reports name one group differently, one of the names stands for all: the last in the order of the alphabet.
select
    period as school_year,
    group_code,
    max(group_name) as group_name
from {{ ref('fct_school_group') }}
group by period, group_code
