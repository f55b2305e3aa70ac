with reported as (
    {{ current_rows('population', [
        'submitter_org', 'period', 'row_key', 'division_code', 'population_kind_code', 'age', 'sex_code',
        'persons'
    ], owner='submitter_org') }}
)

select
    reported.submitter_org,
    reported.period,
    {{ period_year('reported.period') }} as fiscal_year,
    reported.row_key,
    reported.division_code,
    reported.population_kind_code,
    reported.age,
    reported.sex_code,
    reported.persons
from reported
