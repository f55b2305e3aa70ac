"""Units in which numbers arrive: those of the contract, and those that convert to them (dirty-data class 34).

A unit is taken from the header or from the cell, never guessed from the size of a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

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
