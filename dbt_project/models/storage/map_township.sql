-- A township code differs between yearly editions: county and name, in one edition, say which township is meant. The
-- newest edition that has the name gives the code that figures use.
with listed as (
    select
        division_code,
        township_name,
        edition,
        township_code
    from {{ ref('township') }}
),

newest as (
    select
        division_code,
        township_name,
        township_code,
        row_number() over (
            partition by division_code, township_name
            order by edition desc, township_code asc
        ) as newest_no
    from listed
)

select
    listed.division_code,
    listed.township_name,
    listed.edition,
    listed.township_code,
    newest.township_code as current_township_code
from listed
inner join newest
    on
        newest.division_code = listed.division_code
        and newest.township_name = listed.township_name
        and newest.newest_no = 1
