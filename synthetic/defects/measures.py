"""Defects of what is measured of learners and plans: notations, units and signs (classes 33, 34, 46, 47)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from synthetic.defects.plan import CellEdit, RowClass, Scene, UnitColumn

CLEARLY_LOW = Decimal("4.9")
"""Eyesight below which a sphere above zero is doubted."""


def percent(_: Scene, row: dict[str, object], number: int) -> CellEdit | None:
    """A percent sign where the row's unit is per cent, and one where the row says that the unit is another."""
    if row["target_value"] is None or row["indicator_unit"] != "%":
        return None
    text = f"{row['target_value']}%"
    if number % 2:
        return CellEdit(33, 0, "target_value", text, "quarantined", others={"indicator_unit": "年"}, is_dropped=True)
    return CellEdit(33, 0, "target_value", text, "fixed")


def eyesight(_: Scene, row: dict[str, object], number: int) -> CellEdit | None:
    """Decimal notation, two values in a cell, or a sphere that has lost its minus."""
    naked, sphere = row["naked_left"], row["sphere_left"]
    if naked is None or sphere is None:
        return None
    marks = Decimal(str(naked))
    if number % 3 == 0:
        decimal = (Decimal(10) ** (marks - 5)).quantize(Decimal("0.01"), ROUND_HALF_UP)
        return CellEdit(46, 0, "naked_left", str(decimal), "fixed")
    if number % 3 == 1:
        return CellEdit(46, 0, "naked_left", f"{naked}/{row['naked_right']}", "accepted_incomplete")
    if marks >= CLEARLY_LOW or Decimal(str(sphere)) >= 0:
        return None
    return CellEdit(46, 0, "sphere_left", str(-Decimal(str(sphere))), "warned")


def run_time(_: Scene, row: dict[str, object], number: int) -> CellEdit | None:
    """Minutes and seconds as they are written by hand, and a number that may be either."""
    if row["endurance_s"] is None:
        return None
    minutes, seconds = divmod(Decimal(str(row["endurance_s"])), 60)
    if number % 4 == 3:
        return CellEdit(47, 0, "endurance_s", f"{minutes}.{int(seconds):02d}", "accepted_incomplete")
    forms = (f"{minutes}'{seconds:05.2f}\"", f"{minutes}分{seconds:05.2f}秒", f"{minutes}:{int(seconds):02d}")
    return CellEdit(47, 0, "endurance_s", forms[number % 4], "fixed")


def bare_unit(row: dict[str, object], number: int) -> CellEdit:
    """An amount in 万元 or an area in 亩 that nothing says to be one: it stands where 元 and ㎡ are meant."""
    name, factor = (("equipment_value_yuan", Decimal(10_000)), ("land_area_m2", Decimal("666.67")))[number % 2]
    return CellEdit(
        34,
        0,
        name,
        f"{Decimal(str(row[name])) / factor:.2f}",
        "held",
        expected_in="collection.held_unit",
        is_unit_lost=True,
    )


def _to_mu(value: object) -> str:
    return f"{Decimal(str(value)) / Decimal('666.67'):.6f}"


def _to_minutes(value: object) -> str:
    minutes, seconds = divmod(int(Decimal(str(value))), 60)
    return f"{minutes}.{seconds:02d}"


MEASURE_CLASSES = (
    RowClass(33, ("plan_indicator",), percent),
    RowClass(46, ("vision",), eyesight),
    RowClass(47, ("fitness",), run_time, share=0.8),
)
UNIT_COLUMNS = (
    UnitColumn(34, "campus_facility", "outdoor_play_area_m2", "（亩）", _to_mu),
    UnitColumn(47, "fitness", "endurance_s", "（分.秒）", _to_minutes),
)
