"""Checks of the statistical tables: within a table (表内), between tables (表间), between levels (上下级), to explain (核实)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

Figures = Mapping[tuple[str, str, str], Decimal]
"""(table, row, column) → figure."""

AGE_SUFFIX = "年龄"
STAFF_TABLE = "教基4148"
STAFF_PARTS = ("staff_teachers", "staff_administration", "staff_auxiliary", "staff_workers", "staff_other")
TEACHER_TABLES = ("专任教师学历", "专任教师职称", "专任教师年龄")
TO_EXPLAIN = "核实"
"""Checks that a school may explain; they are shown and do not stop a report."""
ROWS_NOT_SUMMED = ("total", "female")


@dataclass(frozen=True)
class Check:
    """One check: what must be equal to what (or at most that), the two figures, and whether it holds."""

    kind: str
    table_no: str
    rule: str
    left: Decimal
    right: Decimal
    is_kept: bool

    @property
    def is_broken(self) -> bool:
        """Whether it stops the report."""
        return not self.is_kept and self.kind != TO_EXPLAIN


def check_figures(figures: Figures, class_tables: Mapping[str, str], without_ages: Collection[str] = ()) -> list[Check]:
    """Check the tables of one school, county or city.

    `class_tables` gives each pupil table the one of its classes; `without_ages` are pupil tables of which this level has
    no table of ages.
    """
    checks: list[Check] = []
    rows: dict[tuple[str, str], dict[str, Decimal]] = defaultdict(dict)
    for (table, row, column), value in figures.items():
        rows[table, row][column] = value
    for table, class_table in class_tables.items():
        if (table, "total") not in rows and (class_table, "total") not in rows:
            continue
        checks += _pupils(rows, table, has_ages=table not in without_ages)
        checks += _classes(rows, table, class_table)
    if (STAFF_TABLE, "total") in rows:
        checks += _staff(rows)
    premises = rows.get(("教基5170", "total"), {})
    for part, whole in (
        ("teaching_area_m2", "building_area_m2"),
        ("indoor_sports_area_m2", "teaching_area_m2"),
        ("dilapidated_area_m2", "building_area_m2"),
    ):
        if part in premises and whole in premises:
            checks.append(_at_most(TO_EXPLAIN, "教基5170", f"{part} ≤ {whole}", premises[part], premises[whole]))
    return checks


def check_levels(own: Figures, parts: Figures, label: str) -> list[Check]:
    """Check that the figures of an area equal the same figures reached another way; what one side lacks is zero there."""
    by_table: dict[str, list[tuple[Decimal, Decimal]]] = defaultdict(list)
    for key in sorted(own.keys() | parts.keys()):
        by_table[key[0]].append((own.get(key, Decimal(0)), parts.get(key, Decimal(0))))
    return [
        Check(
            "上下级",
            table,
            label,
            sum((left for left, _ in pairs), Decimal(0)),
            sum((right for _, right in pairs), Decimal(0)),
            all(left == right for left, right in pairs),
        )
        for table, pairs in sorted(by_table.items())
    ]


def _pupils(rows: Mapping[tuple[str, str], dict[str, Decimal]], table: str, *, has_ages: bool) -> list[Check]:
    total = rows.get((table, "total"), {})
    grades = [row for name, row in rows if name == table and row not in ROWS_NOT_SUMMED]
    checks = [
        _equal(
            "表内",
            table,
            f"各年级 {column} 之和 = 合计",
            _sum(rows[table, row].get(column) for row in grades),
            total.get(column, Decimal(0)),
        )
        for column in ("classes", "pupils_total", "pupils_male", "pupils_female", "pupils_boarding", "pupils_migrant")
    ]
    for row in [*sorted(grades), "total"]:
        line = rows.get((table, row), {})
        pupils = line.get("pupils_total", Decimal(0))
        sexes = _sum((line.get("pupils_male"), line.get("pupils_female")))
        ages = _sum(rows.get((f"{table}{AGE_SUFFIX}", row), {}).values())
        checks.append(_equal("表内", table, f"{row} 行：男 + 女 = 在校生数", sexes, pupils))
        if has_ages:
            checks.append(
                _equal("表间", f"{table}{AGE_SUFFIX}", f"{row} 行：各年龄之和 = {table} 在校生数", ages, pupils)
            )
        checks += [
            _at_most("表内", table, f"{row} 行：{part} ≤ 在校生数", line.get(part, Decimal(0)), pupils)
            for part in ("pupils_boarding", "pupils_migrant")
        ]
    return checks


def _classes(rows: Mapping[tuple[str, str], dict[str, Decimal]], table: str, class_table: str) -> list[Check]:
    checks = []
    for name, row in sorted(rows):
        if name != class_table:
            continue
        line = rows[name, row]
        bands = _sum(value for column, value in line.items() if column != "classes")
        checks.append(
            _equal("表内", class_table, f"{row} 行：各班额段之和 = 班数", bands, line.get("classes", Decimal(0)))
        )
        checks.append(
            _equal(
                "表间",
                class_table,
                f"{row} 行：班数 = {table} 班数",
                line.get("classes", Decimal(0)),
                rows.get((table, row), {}).get("classes", Decimal(0)),
            )
        )
    return checks


def _staff(rows: Mapping[tuple[str, str], dict[str, Decimal]]) -> list[Check]:
    checks = []
    for row in ("total", "female"):
        line = rows.get((STAFF_TABLE, row))
        if line is None:
            continue
        parts = _sum(line.get(part) for part in STAFF_PARTS)
        checks.append(
            _equal(
                "表内", STAFF_TABLE, f"{row} 行：各类人员之和 = 教职工数", parts, line.get("staff_total", Decimal(0))
            )
        )
        for table in TEACHER_TABLES:
            kinds = _sum(rows.get((table, row), {}).values())
            checks.append(
                _equal(
                    "表间",
                    table,
                    f"{row} 行：各列之和 = {STAFF_TABLE} 专任教师",
                    kinds,
                    line.get("staff_teachers", Decimal(0)),
                )
            )
    if (STAFF_TABLE, "female") in rows:
        checks += [
            _at_most(
                "表内",
                STAFF_TABLE,
                f"{column}：其中女 ≤ 合计",
                women,
                rows[STAFF_TABLE, "total"].get(column, Decimal(0)),
            )
            for column, women in rows[STAFF_TABLE, "female"].items()
        ]
    return checks


def _sum(values: Iterable[Decimal | None]) -> Decimal:
    return sum((value for value in values if value is not None), Decimal(0))


def _equal(kind: str, table: str, rule: str, left: Decimal, right: Decimal) -> Check:
    return Check(kind, table, rule, left, right, left == right)


def _at_most(kind: str, table: str, rule: str, left: Decimal, right: Decimal) -> Check:
    return Check(kind, table, rule, left, right, left <= right)
