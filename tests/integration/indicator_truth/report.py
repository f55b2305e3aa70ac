"""Statistical tables a second time, counted from the true facts: (school_code, division_code, sheet, line, column, value)."""

from __future__ import annotations

PUPIL_TABLES = {
    "preschool": ("学前幼儿", "学前班额"),
    "primary": ("教基3112", "教基2105"),
    "junior": ("教基3115", "教基2106"),
    "senior": ("教基3118", "教基2107"),
    "vocational": ("教基3221", "中职班额"),
    "special": ("教基3120", "特教班额"),
}
SIZES = (
    ("25人及以下", 0, 25),
    ("26-30人", 26, 30),
    ("31-35人", 31, 35),
    ("36-40人", 36, 40),
    ("41-45人", 41, 45),
    ("46-50人", 46, 50),
    ("51-55人", 51, 55),
    ("56-65人", 56, 65),
    ("66人及以上", 66, 9999),
)
COUNTS = {
    "在校生数": "true",
    "其中:男": "sex_code = '1'",
    "其中:女": "sex_code = '2'",
    "寄宿生": "boarding_code = '2'",
    "随迁子女": "is_migrant = '1'",
}
STAFF = {
    "教职工数": "true",
    "专任教师": "category = '11'",
    "教辅人员": "category = '12'",
    "行政人员": "category = '13'",
    "工勤人员": "category = '14'",
    "其他人员": "category not in ('11', '12', '13', '14')",
}
AGES = (
    ("24岁及以下", 0, 24),
    *((f"{first}-{first + 4}岁", first, first + 4) for first in range(25, 60, 5)),
    ("60岁及以上", 60, 150),
)
PREMISES = {
    "占地面积(㎡)": "land_area_m2",
    "校舍建筑面积(㎡)": "building_area_m2",
    "教学及辅助用房(㎡)": "teaching_area_m2",
    "其中:室内体育用房(㎡)": "indoor_sports_area_m2",
    "运动场地(㎡)": "sports_ground_area_m2",
    "危房(㎡)": "dilapidated_area_m2",
    "普通教室(间)": "classrooms",
    "其中:网络多媒体教室(间)": "multimedia_classrooms",
    "图书(册)": "books",
    "教学仪器设备值(元)": "equipment_value_yuan",
}


def cells(year: str) -> str:
    """All cells of one school year that are not zero by having nobody."""
    return " union all ".join([*_pupils(year), *_classes(year), *_staff(year), *_premises(year)])


def _pupils(year: str) -> list[str]:
    found = []
    for stage, (sheet, _) in PUPIL_TABLES.items():
        learners = f"""
            (select p.*, s.division_code from pupil as p join site as s on s.school_code = p.school_code and s.year = p.year
            where p.year = '{year}' and p.stage = '{stage}')
        """
        for line in ("grade_code", "'合计'"):
            for column, condition in COUNTS.items():
                found.append(
                    f"select school_code, division_code, '{sheet}', {line}, '{column}', count(*) filter (where {condition}) "
                    f"from {learners} group by all"
                )
            found.append(
                f"select school_code, division_code, '{sheet}年龄', {line}, age || '岁', count(*) from {learners} group by all"
            )
    return found


def _classes(year: str) -> list[str]:
    found = []
    for stage, (sheet, of_sizes) in PUPIL_TABLES.items():
        classes = f"""
            (select s.school_code, s.division_code, c.grade_code, count(p.pid) as n
            from class as c join site as s on s.school_code = c.school_code and s.period = c.period
            left join pupil as p on p.school_code = c.school_code and p.period = c.period and p.class_code = c.class_code
            where s.year = '{year}' and stage_of(c.grade_code) = '{stage}'
            group by s.school_code, s.division_code, c.grade_code, c.class_code)
        """
        for line in ("grade_code", "'合计'"):
            found += [
                f"select school_code, division_code, '{table}', {line}, '班数', count(*) from {classes} group by all"
                for table in (sheet, of_sizes)
            ]
            found += [
                f"select school_code, division_code, '{of_sizes}', {line}, '{column}', count(*) from {classes} "
                f"where n between {first} and {last} group by all"
                for column, first, last in SIZES
            ]
    return found


def _staff(year: str) -> list[str]:
    found = []
    for line, condition in (("'合计'", "true"), ("'其中:女'", "sex_code = '2'")):
        people = f"""
            (select t.*, s.division_code, t.staff_category_code as category,
                date_sub('year', t.birth_date, make_date(s.start_year, 8, 31)) as age
            from staff as t join site as s on s.school_code = t.school_code and s.period = t.period
            where s.year = '{year}' and t.staff_status_code = '11' and {condition})
        """
        for column, category in STAFF.items():
            found.append(
                f"select school_code, division_code, '教基4148', {line}, '{column}', count(*) filter (where {category}) "
                f"from {people} group by all"
            )
        for sheet, code in (("专任教师学历", "education_code"), ("专任教师职称", "title_code")):
            found.append(
                f"select school_code, division_code, '{sheet}', {line}, {code}, count(*) from {people} "
                f"where category = '11' and {code} is not null group by all"
            )
        for column, first, last in AGES:
            found.append(
                f"select school_code, division_code, '专任教师年龄', {line}, '{column}', count(*) from {people} "
                f"where category = '11' and age between {first} and {last} group by all"
            )
    return found


def _premises(year: str) -> list[str]:
    found = [
        f"select f.school_code, s.division_code, '教基5170', '合计', '{column}', sum(f.{name}) from campus_facility as f "
        f"join site as s on s.school_code = f.school_code and s.year = f.period where f.period = '{year}' "
        f"and f.{name} is not null group by all"
        for column, name in PREMISES.items()
    ]
    found.append(
        f"select school_code, division_code, '教基1001', school_kind_code, '学校数', 1 from site where year = '{year}'"
    )
    return found
