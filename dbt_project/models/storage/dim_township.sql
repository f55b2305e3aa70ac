-- What a code means is what the newest edition that has it says.
with ranked as (
    select
        township_code,
        township_name,
        division_code,
        edition,
        current_township_code,
        row_number() over (
            partition by township_code
            order by edition desc, township_name asc
        ) as newest_no
    from {{ ref('map_township') }}
)

select
    township_code,
    township_name,
    division_code,
    edition,
    current_township_code
from ranked
where newest_no = 1
