"""Units in which numbers arrive: those of the contract, and those that convert to them (dirty-data class 34).

A unit is taken from the header or from the cell, never guessed from the size of a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from edu.contract import FieldSpec

OWN_WORDS = {
    "人": ("人", "名", "个"),
    "个": ("个", "人", "名", "间", "台"),
    "间": ("间", "个"),
    "册": ("册", "本"),
    "元": ("元",),
    "㎡": ("㎡", "m²", "m2", "平方米", "平米"),
    "%": ("%",),
    "次": ("次",),
    "台": ("台",),
    "岁": ("岁", "周岁"),
    "分": ("分",),
    "秒": ("秒",),
    "cm": ("cm", "厘米"),
    "kg": ("kg", "千克", "公斤"),
    "毫升": ("毫升", "ml", "mL"),
}
"""Unit of a contract → how it is written in a cell."""
CONVERSIONS = {
    "元": {"万元": "10000", "万": "10000", "亿元": "100000000"},
    "㎡": {"亩": "666.67", "公顷": "10000", "平方公里": "1000000", "平方千米": "1000000"},
    "%": {"‰": "0.1", "小数": "100"},
}
"""Unit of a contract → other unit → factor; 1 亩 is 666.67 ㎡ as statistics of schools reckon."""
MINUTES_AND_SECONDS = "分.秒"
"""The unit of a column in which 3.45 is 3 minutes 45 seconds (class 47)."""
MINUTE_WORDS = ("分.秒", "分秒", "分、秒", "分′秒″", "分'秒\"", "min.s", "m.ss")
WIDE = "".join(chr(0xFF01 + place) for place in range(94)) + "\u3000\u00a0"
NARROW = "".join(chr(0x21 + place) for place in range(94)).replace("'", "''") + "  "
"""Full-width characters and blanks, and what they are in ASCII, as the inside of SQL strings."""


def own_words(unit: str | None) -> set[str]:
    """Return how a unit is written; the unit itself where nothing else is known."""
    return set(OWN_WORDS.get(unit or "", (unit,) if unit else ()))


def conversions(unit: str | None) -> dict[str, str]:
    """Return other units of the same quantity with their factors, longest words first."""
    found = CONVERSIONS.get(unit or "", {})
    return dict(sorted(found.items(), key=lambda item: (-len(item[0]), item[0])))


def every_word() -> set[str]:
    """Return every unit that is known."""
    words = {word for group in OWN_WORDS.values() for word in group}
    return words | {word for group in CONVERSIONS.values() for word in group}


def suffix(words: Iterable[str]) -> str:
    """Return a pattern of one of the words at the end of a text."""
    ordered = sorted(words, key=lambda word: (-len(word), word))
    return "(" + "|".join(re.escape(word) for word in ordered) + ")$"


def in_own_unit(field: FieldSpec, unit: str, cell: str) -> str:
    """Return SQL of a column's text brought from the unit that its header names to the unit of its field.

    A cell that names a unit itself, or that is no number, stays as it is: what it says goes before the header. A number
    in a unit of another quantity takes the unit's word, by which the cleaning refuses it. Minutes and seconds need two
    digits of seconds below 60: of 3.4 nobody can say whether it is 3 min 4 s or a spreadsheet's 3 min 40 s.
    """
    narrowed = f"translate({cell}, '{WIDE}', '{NARROW}')"
    bare = f"replace(replace(ltrim(trim({narrowed}), ''''), ',', ''), ' ', '')"
    if field.type == "duration":
        seconds = f"60 * cast(split_part({bare}, '.', 1) as integer) + cast(split_part({bare}, '.', 2) as integer)"
        return f"case when regexp_full_match({bare}, '\\d{{1,3}}\\.[0-5]\\d') then cast({seconds} as varchar) else {cell} end"
    is_number = f"regexp_full_match({bare}, '-?\\d+(\\.\\d+)?')"
    factor = conversions(field.unit).get(unit)
    if factor is None:
        return f"case when {is_number} then {bare} || '{unit}' else {cell} end"
    scale = 0 if field.type == "integer" else field.scale
    converted = f"round(try_cast({bare} as decimal(18, 6)) * {factor}, {scale})"
    return (
        f"case when {is_number} then coalesce(cast(cast({converted} as decimal(38, {scale})) as varchar), {cell}) "
        f"else {cell} end"
    )
