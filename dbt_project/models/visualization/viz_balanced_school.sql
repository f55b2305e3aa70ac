-- Of the seven resource indicators the four that count no persons (areas, equipment, classrooms) are public by school;
-- the others of a school are few teachers and stay inside (analysis.balanced_school).
select
    balanced.school_year,
    balanced.division_code,
    division.division_name,
    balanced.school_id,
    school.school_name,
    school.urban_rural_group,
    balanced.stage,
    stage.stage_name,
    balanced.indicator_no,
    rule.indicator_name,
    rule.unit,
    balanced.value,
    balanced.threshold,
    balanced.is_met,
    balanced.data_status
from {{ ref('ana_balanced_school') }} as balanced
inner join {{ ref('balanced_threshold') }} as rule
    on
        rule.indicator_no = balanced.indicator_no
        and rule.stage = balanced.stage
        and {{ is_valid_in('rule', 'balanced.school_year') }}
inner join {{ ref('dim_school') }} as school
    on school.school_id = balanced.school_id and school.school_year = balanced.school_year and school.term = 1
inner join {{ ref('dim_stage') }} as stage on stage.stage = balanced.stage
left join {{ ref('dim_division') }} as division
    on division.division_code = balanced.division_code and division.is_current
where balanced.indicator_no between 4 and 7
