"""What each worked question must answer, by a second method: SQL over the true facts, numbered as the page is."""

from __future__ import annotations

TRUTH: dict[int, str] = {
    1: """
        select stage_name(stage), count(*) from pupil where year = '2025-2026' group by stage
    """,
    2: """
        select division_name(s.division_code), count(*) from pupil p join site s using (school_code, year)
        where p.year = '2025-2026' and p.stage = 'primary' group by s.division_code
    """,
    3: """
        select year, count(*), count(*) - lag(count(*)) over (order by year) from pupil group by year
    """,
    4: """
        select case when s.urban_rural_code like '11%' then '城区' when s.urban_rural_code like '12%' then '镇区' else '乡村' end,
            count(distinct s.school_code), count(*)
        from pupil p join site s using (school_code, year) where p.year = '2025-2026' and p.stage = 'primary' group by 1
    """,
    5: """
        select stage_name(p.stage), 100.0 * count(*) filter (where s.sponsor_code = '999') / count(*)
        from pupil p join site s using (school_code, year) where p.year = '2025-2026' group by p.stage
    """,
    6: """
        select s.school_id, s.school_name, count(*) from pupil p join site s using (school_code, year)
        where p.year = '2025-2026' group by s.school_id, s.school_name order by 3 desc, 1 limit 10
    """,
    7: """
        select division_name(division_code), count(*) from (
            select s.school_code, s.division_code, count(*) as n from pupil p join site s using (school_code, year)
            where p.year = '2025-2026' and s.school_kind_code in ('211', '218') group by all)
        where n < 50 group by division_code
    """,
    8: """
        select stage_name(stage), 100.0 * count(*) filter (where sex_code = '2') / count(*) from pupil where year = '2025-2026' group by stage
    """,
    9: """
        select division_name(s.division_code), 100.0 * count(*) filter (where p.boarding_code = '2') / count(*)
        from pupil p join site s using (school_code, year) where p.year = '2025-2026' and p.stage = 'junior' group by s.division_code
    """,
    10: """
        select year, count(*) from pupil where grade_code = '11' group by year
    """,
    11: """
        select kind_name(s.school_kind_code), sum(f.land) / sum(n.n)
        from site s
        join (select school_code, school_year as year, sum(land_area_m2) as land from campus_facility group by all) f using (school_code, year)
        join (select school_code, year, count(*) as n from pupil group by all) n using (school_code, year)
        where s.year = '2025-2026' and f.land is not null group by 1
    """,
    12: """
        select case when s.urban_rural_code like '11%' then '城区' when s.urban_rural_code like '12%' then '镇区' else '乡村' end, sum(f.area) / sum(n.n)
        from site s join (select school_code, school_year as year, sum(building_area_m2) as area from campus_facility group by all) f using (school_code, year)
        join (select school_code, year, count(*) as n from pupil group by all) n using (school_code, year)
        where s.year = '2025-2026' and s.school_kind_code in ('211', '218') and f.area is not null group by 1
    """,
    13: """
        select division_name(s.division_code), sum(f.books) / sum(n.n) from site s
        join (select school_code, school_year as year, sum(books) as books from campus_facility group by all) f using (school_code, year)
        join (select school_code, year, count(*) as n from pupil group by all) n using (school_code, year)
        where s.year = '2025-2026' and s.school_kind_code in ('211', '218') and f.books is not null group by s.division_code
    """,
    14: """
        select stage_name(stage), count(*), avg(pupils) from w_class_size where school_year = '2025-2026' and term = 1 group by stage
    """,
    15: """
        select division_name(division_code), 100.0 * count(*) filter (where pupils >= 56) / count(*)
        from w_class_size where school_year = '2025-2026' and term = 1 group by division_code
    """,
    16: """
        select school_id, grade_name(grade_code), class_code, pupils from w_class_size
        where school_year = '2025-2026' and term = 1 order by pupils desc, school_id, class_code limit 5
    """,
    17: """
        select stage_name(c.stage), sum(r.reported_pupils), sum(c.pupils) from w_class_size c
        join (select s.school_id, k.class_code, k.reported_pupils from class k join site s on s.school_code = k.school_code and s.period = k.period
            where k.period = '2025-2026/1') r on r.school_id = c.school_id and r.class_code = c.class_code
        where c.school_year = '2025-2026' and c.term = 1 group by c.stage
    """,
    18: """
        select stage_name(stage), sum(full_time_teachers), sum(pupils) / sum(full_time_teachers)
        from w_staffing where school_year = '2025-2026' and term = 1 group by stage
    """,
    19: """
        select division_name(division_code), 100.0 * sum(higher_qualified_teachers) / sum(full_time_teachers)
        from w_staffing where school_year = '2025-2026' and term = 1 and stage = 'junior' group by division_code
    """,
    20: """
        select stage_name(stage), count(*) filter (where age < 35), count(*) filter (where age between 35 and 49), count(*) filter (where age >= 50)
        from teacher where year = '2025-2026' group by stage
    """,
    21: """
        select division_name(s.division_code), sum(coalesce(t.n, 0)), 100.0 * sum(coalesce(t.n, 0)) / sum(p.n)
        from site s join (select school_code, year, count(*) as n from pupil where stage = 'primary' group by all) p using (school_code, year)
        left join (select school_code, year, count(*) as n from teacher where stage = 'primary' and subject_code in ('22', '23', '24', '25') group by all) t
            using (school_code, year)
        where s.year = '2025-2026' group by s.division_code
    """,
    22: """
        select stage_name(stage), 100.0 * count(*) filter (where sex_code = '2') / count(*) from teacher where year = '2025-2026' group by stage
    """,
    23: """
        select school_id, sum(backbone_teachers) as n from w_staffing where school_year = '2025-2026' and term = 1 and stage in ('primary', 'junior')
        group by school_id order by n desc, school_id limit 10
    """,
    24: """
        select division_name(s.division_code), sum(r.total) / sum(r.n)
        from (select school_code, count(score) as n, sum(100 * score / full_score) as total from assessment
            where period = '2024-2025/2' and assessment_kind_code = '4' and grade_code = '22' and subject_code = '14' group by 1) r
        join site s on s.school_code = r.school_code and s.year = '2024-2025' where r.n >= 5 group by s.division_code
    """,
    25: """
        select subject_name(subject_code), count(*) from assessment where period = '2024-2025/2' and assessment_kind_code = '4' group by 1
    """,
    26: """
        select division_name(s.division_code), count(*) filter (where v.naked_left < 5 or v.naked_right < 5), count(*), null
        from vision v join site s on s.school_code = v.school_code and s.year = v.period[:9]
        where v.period = '2025-2026/1' and v.stage = 'primary' and v.naked_left is not null and v.naked_right is not null group by s.division_code
    """,
    27: """
        select stage_name(stage), count(*) filter (where reported_level_code in ('1', '2')), null
        from fitness where period = '2024-2025' and stage in ('primary', 'junior') and is_exempt is distinct from '1' group by stage
    """,
    28: """
        select stage_name(stage), count(*) filter (where left_behind_code in ('1', '2')), null from pupil
        where year = '2025-2026' and stage in ('primary', 'junior') group by stage
    """,
    29: """
        select division_name(s.division_code), 100.0 * count(*) filter (where d.is_digital_campus_standard = '1') / count(*)
        from digital_campus d join site s on s.school_code = d.school_code and s.year = d.period where d.period = '2025-2026' group by s.division_code
    """,
    30: """
        select case when s.urban_rural_code like '11%' then '城区' when s.urban_rural_code like '12%' then '镇区' else '乡村' end,
            100.0 * sum(d.student_terminals) / sum(n.n)
        from digital_campus d join site s on s.school_code = d.school_code and s.year = d.period
        join (select school_code, year, count(*) as n from pupil group by all) n on n.school_code = d.school_code and n.year = d.period
        where d.period = '2025-2026' group by 1
    """,
    31: """
        select s.school_id, sum(u.minutes) as n from resource_usage u join site s on s.school_code = u.school_code and s.year = u.period[:9]
        where u.period like '2024-2025/%' group by 1 order by n desc, 1 limit 5
    """,
    32: """
        select division_name(s.division_code), sum(f.amount_yuan) from finance f
        join site s on s.school_code = f.school_code and s.start_year = cast(f.period[3:] as integer)
        where f.period = 'FY2024' and f.item_code = '220' group by s.division_code
    """,
    33: """
        select s.sponsor_code = '999', 100 * sum(f.amount_yuan) filter (where f.item_code = '210') / sum(f.amount_yuan) filter (where f.item_code = '200')
        from finance f join site s on s.school_code = f.school_code and s.start_year = cast(f.period[3:] as integer) where f.period = 'FY2024' group by 1
    """,
    34: """
        select division_name(division_code), count(*) filter (where is_met = 'true') from w_balanced_county
        where school_year = '2025-2026' and stage = 'primary' group by division_code
    """,
    35: """
        select division_name(division_code), stage_name(stage), school_year, 100.0 * count(*) filter (where pupils >= 56) / count(*)
        from w_class_size where term = 1 and stage = 'junior' group by division_code, stage, school_year
    """,
    36: """
        select * from (values ('班级信息', 100.0, 0), ('教职工信息', 100.0, 0), ('学生学籍信息', 100.0, 0))
    """,
}
