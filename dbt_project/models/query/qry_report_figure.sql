-- Cells of the yearly statistical tables, filled from the snapshot of 1 September. Totals are counted on their own and
-- not added up, so that the sums of a table can be checked against them. Ages of learners of special education would
-- single out children of one school: query.report_city_figure has them for the city.
with line as (
    select 'grade' as row_code
    union all
    select 'total' as row_code
),

pupil as (
    select
        roll.school_id,
        roll.school_year,
        form.pupil_table,
        form.is_sensitive,
        roll.grade_code,
        roll.sex_code,
        roll.boarding_code,
        roll.is_migrant,
        {{ school_age('roll.birth_date', 'roll.school_year') }} as age,
        line.row_code
    from {{ ref('fct_enrolment_snapshot') }} as roll
    inner join {{ ref('report_stage') }} as form on form.stage = roll.stage
    cross join line
    where roll.is_enrolled and roll.term = 1
),

pupil_row as (
    select
        school_id,
        school_year,
        pupil_table as table_no,
        is_sensitive,
        case row_code when 'grade' then grade_code else row_code end as row_code,
        sex_code,
        boarding_code,
        is_migrant,
        age
    from pupil
),

pupil_count as (
    select
        school_id,
        school_year,
        table_no,
        row_code,
        count(*) as pupils_total,
        count(*) filter (where sex_code = '1') as pupils_male,
        count(*) filter (where sex_code = '2') as pupils_female,
        count(*) filter (where boarding_code = '2') as pupils_boarding,
        count(*) filter (where is_migrant) as pupils_migrant
    from pupil_row
    group by school_id, school_year, table_no, row_code
),

class_size as (
    select
        class.school_id,
        class.school_year,
        form.pupil_table,
        form.class_table,
        class.grade_code,
        class.class_code,
        count(roll.row_key) as pupils
    from {{ ref('dim_class') }} as class
    inner join {{ ref('report_stage') }} as form on form.stage = class.stage
    left join {{ ref('fct_enrolment_snapshot') }} as roll
        on
            roll.school_id = class.school_id
            and roll.period = class.period
            and roll.class_code = class.class_code
            and roll.is_enrolled
    where class.term = 1
    group by
        class.school_id, class.school_year, form.pupil_table, form.class_table, class.grade_code, class.class_code
),

class_row as (
    select
        *,
        grade_code as row_code
    from class_size
    union all
    select
        *,
        'total' as row_code
    from class_size
),

staff_row as (
    select
        staff.*,
        {{ school_age('staff.birth_date', 'staff.school_year') }} as age,
        'total' as row_code
    from {{ ref('fct_staff_snapshot') }} as staff
    where staff.is_in_service and staff.term = 1
    union all
    select
        staff.*,
        {{ school_age('staff.birth_date', 'staff.school_year') }} as age,
        'female' as row_code
    from {{ ref('fct_staff_snapshot') }} as staff
    where staff.is_in_service and staff.term = 1 and staff.sex_code = '2'
),

staff_column as (
    select
        *,
        case staff_category_code
            when '11' then 'staff_teachers'
            when '12' then 'staff_auxiliary'
            when '13' then 'staff_administration'
            when '14' then 'staff_workers'
            else 'staff_other'
        end as column_code
    from staff_row
),

premises as (
    select
        school_id,
        school_year,
        sum(land_area_m2) as land_area_m2,
        sum(building_area_m2) as building_area_m2,
        sum(teaching_area_m2) as teaching_area_m2,
        sum(indoor_sports_area_m2) as indoor_sports_area_m2,
        sum(sports_ground_area_m2) as sports_ground_area_m2,
        sum(dilapidated_area_m2) as dilapidated_area_m2,
        sum(classrooms) as classrooms,
        sum(multimedia_classrooms) as multimedia_classrooms,
        sum(books) as books,
        sum(equipment_value_yuan) as equipment_value_yuan
    from {{ ref('fct_campus_facility') }}
    group by school_id, school_year
),

figure as (
    select
        school_id,
        school_year,
        '教基1001' as table_no,
        school_kind_code as row_code,
        'schools' as column_code,
        '学校数' as column_name,
        1 as column_order,
        1 as value
    from {{ ref('dim_school') }}
    where term = 1
    {% for code, name in [
        ('pupils_total', '在校生数'), ('pupils_male', '其中:男'), ('pupils_female', '其中:女'),
        ('pupils_boarding', '寄宿生'), ('pupils_migrant', '随迁子女')
    ] %}
        {%- set order = loop.index + 1 %}
        union all
        select
            school_id,
            school_year,
            table_no,
            row_code,
            '{{ code }}' as column_code,
            '{{ name }}' as column_name,
            {{ order }} as column_order,
            {{ code }} as value
        from pupil_count
    {% endfor %}
    union all
    select
        school_id,
        school_year,
        pupil_table as table_no,
        row_code,
        'classes' as column_code,
        '班数' as column_name,
        1 as column_order,
        count(*) as value
    from class_row
    group by school_id, school_year, pupil_table, row_code
    union all
    select
        school_id,
        school_year,
        table_no || '年龄' as table_no,
        row_code,
        'age_' || lpad(cast(age as varchar), 2, '0') as column_code,
        cast(age as varchar) || '岁' as column_name,
        cast(age as integer) as column_order,
        count(*) as value
    from pupil_row
    where age is not null and not is_sensitive
    group by school_id, school_year, table_no, row_code, age
    union all
    select
        school_id,
        school_year,
        class_table as table_no,
        row_code,
        'classes' as column_code,
        '班数' as column_name,
        0 as column_order,
        count(*) as value
    from class_row
    group by school_id, school_year, class_table, row_code
    union all
    select
        class_row.school_id,
        class_row.school_year,
        class_row.class_table as table_no,
        class_row.row_code,
        band.column_code,
        band.band_name as column_name,
        band.lower + 1 as column_order,
        count(*) as value
    from class_row
    inner join {{ ref('report_class_band') }} as band on class_row.pupils between band.lower and band.upper
    group by
        class_row.school_id, class_row.school_year, class_row.class_table, class_row.row_code, band.column_code,
        band.band_name, band.lower
    union all
    select
        school_id,
        school_year,
        '教基4148' as table_no,
        row_code,
        'staff_total' as column_code,
        '教职工数' as column_name,
        0 as column_order,
        count(*) as value
    from staff_row
    group by school_id, school_year, row_code
    {% for code, name in [
        ('staff_teachers', '专任教师'), ('staff_administration', '行政人员'), ('staff_auxiliary', '教辅人员'),
        ('staff_workers', '工勤人员'), ('staff_other', '其他人员')
    ] %}
        {%- set order = loop.index %}
        union all
        select
            school_id,
            school_year,
            '教基4148' as table_no,
            row_code,
            '{{ code }}' as column_code,
            '{{ name }}' as column_name,
            {{ order }} as column_order,
            count(*) filter (where column_code = '{{ code }}') as value
        from staff_column
        group by school_id, school_year, row_code
    {% endfor %}
    {% for table_no, column, code_set in [
        ('专任教师学历', 'education_code', 'XL'), ('专任教师职称', 'title_code', 'TITLE')
    ] %}
        union all
        select
            teacher.school_id,
            teacher.school_year,
            '{{ table_no }}' as table_no,
            teacher.row_code,
            teacher.{{ column }} as column_code,
            label.name as column_name,
            10 as column_order,
            count(*) as value
        from staff_row as teacher
        inner join {{ ref('dim_code') }} as label
            on label.code_set = '{{ code_set }}' and label.code = teacher.{{ column }}
        where teacher.is_full_time_teacher
        group by teacher.school_id, teacher.school_year, teacher.row_code, teacher.{{ column }}, label.name
    {% endfor %}
    union all
    select
        teacher.school_id,
        teacher.school_year,
        '专任教师年龄' as table_no,
        teacher.row_code,
        band.column_code,
        band.band_name as column_name,
        band.lower as column_order,
        count(*) as value
    from staff_row as teacher
    inner join {{ ref('report_teacher_age') }} as band on teacher.age between band.lower and band.upper
    where teacher.is_full_time_teacher
    group by
        teacher.school_id, teacher.school_year, teacher.row_code, band.column_code, band.band_name, band.lower
    {% for code, name in [
        ('land_area_m2', '占地面积(㎡)'), ('building_area_m2', '校舍建筑面积(㎡)'),
        ('teaching_area_m2', '教学及辅助用房(㎡)'), ('indoor_sports_area_m2', '其中:室内体育用房(㎡)'),
        ('sports_ground_area_m2', '运动场地(㎡)'), ('dilapidated_area_m2', '危房(㎡)'), ('classrooms', '普通教室(间)'),
        ('multimedia_classrooms', '其中:网络多媒体教室(间)'), ('books', '图书(册)'),
        ('equipment_value_yuan', '教学仪器设备值(元)')
    ] %}
        {%- set order = loop.index %}
        union all
        select
            school_id,
            school_year,
            '教基5170' as table_no,
            'total' as row_code,
            '{{ code }}' as column_code,
            '{{ name }}' as column_name,
            {{ order }} as column_order,
            {{ code }} as value
        from premises
        where {{ code }} is not null
    {% endfor %}
),

-- A grade or band that the school's own form counts and the snapshot has nobody of differs too: its cell is zero where
-- the table is filled for the school. Premises that were not reported are no zero.
heading as (
    select distinct -- one heading a column, however many schools
        table_no,
        column_code,
        column_name,
        column_order
    from figure
),

filled as (
    select distinct -- a table's total has several cells
        school_id,
        school_year,
        table_no
    from figure
    where row_code = 'total' and table_no <> '教基5170'
),

cell as (
    select
        school_id,
        school_year,
        table_no,
        row_code,
        column_code,
        column_name,
        column_order,
        value
    from figure
    union all
    select
        form.school_id,
        form.school_year,
        form.table_no,
        form.row_code,
        form.column_code,
        heading.column_name,
        heading.column_order,
        0 as value
    from {{ ref('fct_base_table_figure') }} as form
    inner join filled
        on
            filled.school_id = form.school_id
            and filled.school_year = form.school_year
            and filled.table_no = form.table_no
    inner join heading on heading.table_no = form.table_no and heading.column_code = form.column_code
    left join figure
        on
            figure.school_id = form.school_id
            and figure.school_year = form.school_year
            and figure.table_no = form.table_no
            and figure.row_code = form.row_code
            and figure.column_code = form.column_code
    where form.value <> 0 and figure.school_id is null
)

select
    figure.school_year,
    school.snapshot_date,
    school.division_code,
    division.division_name,
    figure.school_id,
    school.school_code,
    school.school_name,
    figure.table_no,
    figure.row_code,
    coalesce(
        case figure.row_code when 'total' then '合计' when 'female' then '其中:女' end, grade.grade_name,
        school.school_kind_name
    ) as row_name,
    figure.column_code,
    figure.column_name,
    figure.column_order,
    cast(figure.value as decimal(18, 2)) as value,
    cast(base.value as decimal(18, 2)) as base_table_value
from cell as figure
inner join {{ ref('dim_school') }} as school
    on school.school_id = figure.school_id and school.school_year = figure.school_year and school.term = 1
left join {{ ref('dim_grade') }} as grade
    on grade.grade_code = figure.row_code and figure.table_no <> '教基1001'
left join {{ ref('dim_division') }} as division
    on division.division_code = school.division_code and division.is_current
left join {{ ref('fct_base_table_figure') }} as base
    on
        base.school_id = figure.school_id
        and base.school_year = figure.school_year
        and base.table_no = figure.table_no
        and base.row_code = figure.row_code
        and base.column_code = figure.column_code
