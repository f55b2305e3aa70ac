"""Balanced compulsory education: verdicts and gaps from the true seven indicators; assurance and quality from the facts."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import duckdb

from indicator_truth.common import SCHOOL_CUTS, areas

STANDARDS = {
    "primary": ("4.2", "1", "0.9", "4.5", "7.5", "2000", "2.3"),
    "junior": ("5.3", "1", "0.9", "5.8", "10.2", "2500", "2.4"),
}
"""教督〔2017〕6号, indicators 1 to 7."""
PER_HUNDRED = (1, 2, 3, 7)
CV_LIMIT = {"primary": Fraction("0.5"), "junior": Fraction("0.45")}
KINDS = ("211", "218", "311", "312", "341", "345")
FLOOR = Fraction(85, 100)

SCHOOL = f"""
    select s.school_id, s.division_code, s.urban_rural_code, s.sponsor_code, s.year, s.start_year, s.school_kind_code as kind,
        (select count(*) from pupil as p where p.school_code = s.school_code and p.year = s.year and p.stage in ('primary', 'junior')) as n,
        (select count(*) from pupil as p where p.school_code = s.school_code and p.year = s.year and p.stage = 'primary') as n1,
        (select count(*) from pupil as p where p.school_code = s.school_code and p.year = s.year and p.stage = 'special') as special,
        (select count(distinct p.class_code) from pupil as p
            where p.school_code = s.school_code and p.year = s.year and p.stage in ('primary', 'junior')) as classes,
        (select sum(music_rooms) from campus_facility as f where f.school_code = s.school_code and f.period = s.year) as music,
        (select sum(art_rooms) from campus_facility as f where f.school_code = s.school_code and f.period = s.year) as art,
        {
    ", ".join(
        f"coalesce((select sum(amount_yuan) from finance as m where m.school_code = s.school_code and m.period = 'FY' || s.start_year "
        f"and m.item_code = '{item}' and m.stage_code in ({stages})), 0) as {name}"
        for name, item, stages in (
            ("given", "300", "'2', '3'"),
            ("given_special", "300", "'6'"),
            ("running", "220", "'0'"),
            ("training", "221", "'0'"),
        )
    )
},
        (select count(*) from student_support as u where u.school_code = s.school_code and u.period = s.period
            and u.support_kind_code = '2' and u.grade_code[1] in ('1', '2')) as migrants,
        (select count(*) from student_support as u where u.school_code = s.school_code and u.period = s.period
            and u.support_kind_code = '2' and u.grade_code[1] in ('1', '2') and u.study_place_code in ('1', '2')) as placed
    from site as s
"""
NORMAL = f"kind in {KINDS}"
FIGURES = (
    (
        "music_art_rooms",
        "compulsory",
        "100.0 * avg(cast(least(music, art) >= ceil(classes / 12.0) as integer)) filter (where classes > 0)",
        NORMAL,
        "year",
        True,
    ),
    (
        "music_art_rooms_lacking",
        "compulsory",
        "sum(greatest(ceil(classes / 12.0) - music, 0) + greatest(ceil(classes / 12.0) - art, 0))",
        NORMAL,
        "year",
        True,
    ),
    (
        "school_within_size",
        "compulsory",
        "100.0 * avg(cast(n <= case when kind in ('312', '345') then 2500 else 2000 end as integer)) filter (where n > 0)",
        NORMAL,
        "year",
        True,
    ),
    (
        "small_school_funding",
        "compulsory",
        "100.0 * avg(cast(given >= 100 * (720.0 * n1 + 940.0 * (n - n1)) / n as integer)) filter (where n between 1 and 99)",
        NORMAL,
        "'FY' || start_year",
        True,
    ),
    (
        "special_school_funding",
        "special",
        "sum(given_special) / nullif(sum(special), 0)",
        "kind[1] = '5'",
        "'FY' || start_year",
        True,
    ),
    (
        "training_spend_share",
        "compulsory",
        "100.0 * sum(training) / nullif(sum(running), 0)",
        NORMAL,
        "'FY' || start_year",
        True,
    ),
    ("migrant_public_rate", "compulsory", "100.0 * sum(placed) / nullif(sum(migrants), 0)", NORMAL, "year", False),
)
"""Indicator, stage, its definition over schools, which of them, the period, whether a school has its own figure."""


def figures() -> str:
    """All figures of assurance and quality that can be computed."""
    parts = []
    for (breakdown, value), cut in SCHOOL_CUTS.items():
        for code, stage, definition, which, period, by_school in FIGURES:
            rows = f"select * from school_figure as s where {which} and {cut.format(s='s')}"
            parts.append(
                f"select 'balanced.{code}', {period}, area_level, area_id, '{stage}', '{breakdown}', '{value}', {definition} "
                f"from ({areas(rows, school_level=by_school and breakdown == 'all')}) group by all"
            )
        rows = f"""
            select t.stage, t.year, s.school_id, s.division_code, c.size <= case t.stage when 'primary' then 45 else 50 end as fits
            from taught as t join site as s on s.school_code = t.school_code and s.year = t.year
            left join (
                select school_code, year, stage, class_code, count(*) as size from pupil group by all
            ) as c on c.school_code = t.school_code and c.year = t.year and c.stage = t.stage and c.class_code is not null
            where t.stage in ('primary', 'junior') and s.school_kind_code in {KINDS} and {cut.format(s="s")}
        """
        parts.append(
            f"select 'balanced.classes_within_size', year, area_level, area_id, stage, '{breakdown}', '{value}', "
            f"100.0 * avg(cast(fits as integer)) from ({areas(rows, school_level=breakdown == 'all')}) group by all"
        )
    return (
        f"with school_figure as materialized ({SCHOOL}) select * from ("
        + " union all ".join(parts)
        + ") as r(indicator_code, period, area_level, area_id, stage, breakdown, breakdown_value, value)"
    )


REQUIREMENTS: tuple[tuple[str, int, int, str, str | None, float | None], ...] = (
    ("assurance", 1, 1, "balanced.layout_planning", None, None),
    ("assurance", 2, 1, "balanced.urban_rural_unified", None, None),
    ("assurance", 3, 1, "balanced.music_art_rooms", ">=", 100),
    ("assurance", 4, 1, "balanced.school_within_size", ">=", 100),
    ("assurance", 5, 1, "balanced.classes_within_size/primary", ">=", 100),
    ("assurance", 5, 2, "balanced.classes_within_size/junior", ">=", 100),
    ("assurance", 6, 1, "balanced.small_school_funding", ">=", 100),
    ("assurance", 7, 1, "balanced.special_school_funding", ">=", 7000),
    ("assurance", 8, 1, "balanced.teacher_salary", None, None),
    ("assurance", 9, 1, "teacher.training_complete_pct", ">=", 100),
    ("assurance", 10, 1, "balanced.county_establishment", None, None),
    ("assurance", 11, 1, "teacher.rotation_pct", ">=", 10),
    ("assurance", 11, 2, "teacher.rotation_backbone_pct", ">=", 20),
    ("assurance", 12, 1, "teacher.certified_pct", ">=", 100),
    ("assurance", 13, 1, "balanced.nearby_enrolment", None, None),
    ("assurance", 14, 1, "balanced.quota_allocation", None, None),
    ("assurance", 15, 1, "balanced.migrant_public_rate", ">=", 85),
    ("quality", 1, 1, "scale.retention_three_year", ">=", 95),
    ("quality", 2, 1, "balanced.disabled_enrolment_rate", None, None),
    ("quality", 3, 1, "balanced.charter_management", None, None),
    ("quality", 4, 1, "balanced.training_spend_share", ">=", 5),
    ("quality", 5, 1, "balanced.digital_teaching", None, None),
    ("quality", 6, 1, "balanced.moral_education", None, None),
    ("quality", 7, 1, "balanced.full_curriculum", None, None),
    ("quality", 8, 1, "balanced.no_overload", None, None),
    ("quality", 9, 1, "balanced.national_monitoring", None, None),
)
"""The 24 requirements with their measures: comparison and standard, none where nobody sends the data."""
TOO_SHORT = ("teacher.training_complete_pct", "scale.retention_three_year")
"""A city of two school years cannot say what took five years or three."""


def requirement_values() -> str:
    """Measures of counties, the zone with the county that it lies in: (year, county, code, value).

    Tables of `teacher.prepare()` are read.
    """
    county = "case division_code when '421071' then '421002' else division_code end"
    parts = [
        f"select year, {county} as county, 'balanced.{code}' as code, {definition} as value from school_figure "
        f"where {which} group by all"
        for code, _, definition, which, _, _ in FIGURES
    ]
    parts += [
        f"""
        select s.year, {county}, 'balanced.classes_within_size/{stage}', 100.0 * avg(cast(n <= {most} as integer))
        from (select school_code, year, class_code, count(*) as n from pupil
            where stage = '{stage}' and class_code is not null group by all) as c
        join site as s on s.school_code = c.school_code and s.year = c.year where s.school_kind_code in {KINDS} group by all
        """
        for stage, most in (("primary", 45), ("junior", 50))
    ]
    parts.append(
        f"select year, {county}, 'teacher.certified_pct', 100.0 * count(*) filter (where has_certificate = '1') / count(*) "
        "from teacher where stage in ('primary', 'junior') group by all"
    )
    moved = f"""
        select s.year, {county.replace("division_code", "s.division_code")} as county, r.is_rotated = '1' as has_moved,
            r.is_backbone = '1' as leads
        from staff_rotation as r join site as s on s.school_code = r.school_code and s.year = r.period
        join on_roster as t on t.sid = r.sid and t.school_code = r.school_code and t.year = r.period
        where r.is_eligible = '1' and t.stage in ('primary', 'junior')
    """
    parts.append(
        "select year, county, 'teacher.rotation_pct', 100.0 * count(*) filter (where has_moved) / count(*) "
        f"from ({moved}) group by all"
    )
    parts.append(
        "select year, county, 'teacher.rotation_backbone_pct', 100.0 * count(*) filter (where leads) / count(*) "
        f"from ({moved}) where has_moved group by all"
    )
    return f"with school_figure as materialized ({SCHOOL}) " + " union all ".join(parts)


def seven(world: Path) -> dict[tuple[str, str, str, str], dict[int, tuple[Fraction, int]]]:
    """Give (year, county, school, stage) its seven (numerator, pupils), from the true world."""
    found: dict[tuple[str, str, str, str], dict[int, tuple[Fraction, int]]] = defaultdict(dict)
    with (world / "analysis.balanced_school.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            key = (row["school_year"], row["division_code"], row["school_id"], row["stage"])
            found[key][int(row["indicator_no"])] = (Fraction(row["numerator"]), int(row["pupils"]))
    return found


def value_of(no: int, numerator: Fraction, pupils: int) -> Fraction:
    """Value of one of the seven."""
    return numerator * (100 if no in PER_HUNDRED else 1) / pupils


def verdict(stage: str, indicators: dict[int, tuple[Fraction, int]]) -> bool:
    """At least six of seven, the other to 85 %."""
    shares = [value_of(no, *pair) / Fraction(STANDARDS[stage][no - 1]) for no, pair in indicators.items()]
    return sum(share >= 1 for share in shares) >= 6 and min(shares) >= FLOOR


def gap(stage: str, no: int, numerator: Fraction, pupils: int, share: Fraction = Fraction(1)) -> Fraction:
    """What is lacking to a share of the standard, whole persons and rooms, areas and money to the cent."""
    needed = Fraction(STANDARDS[stage][no - 1]) * share * pupils / (100 if no in PER_HUNDRED else 1)
    steps = 1 if no in PER_HUNDRED else 100
    # The true numerators are written to four places.
    lacking = round(needed - numerator, 4)
    return Fraction(max(0, math.ceil(lacking * steps)), steps)


def variation(pairs: list[Fraction], weights: list[int]) -> float:
    """Pupil-weighted coefficient of variation."""
    total = sum(weights)
    mean = sum(value * weight for value, weight in zip(pairs, weights, strict=True)) / total
    square = sum(weight * (value - mean) ** 2 for value, weight in zip(pairs, weights, strict=True)) / total
    return math.sqrt(square) / float(mean) if mean else math.nan


def rows(warehouse: Path, query: str) -> list[tuple]:  # type: ignore[type-arg]
    """Rows of the built warehouse."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(query).fetchall()
