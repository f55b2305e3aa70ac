-- A township code differs between yearly editions: county and name, in one edition, say which township is meant. The
-- newest edition that has the name gives the code that figures use. A county that has another code since is the same
-- county.
with succession as (
    select
        division_code,
        max(successor_code) as successor_code
    from {{ ref('division_succession') }}
    group by division_code
),

listed as (
    select
        township.division_code,
        coalesce(succession.successor_code, township.division_code) as county_code,
        township.township_name,
        township.edition,
        township.township_code
    from {{ ref('township') }} as township
    left join succession on succession.division_code = township.division_code
),

newest as (
    select
        county_code,
        township_name,
        township_code,
        row_number() over (
            partition by county_code, township_name
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
        newest.county_code = listed.county_code
        and newest.township_name = listed.township_name
        and newest.newest_no = 1
