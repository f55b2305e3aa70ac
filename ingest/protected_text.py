"""Texts as Excel exports keep them from being read as numbers: `="0716"`. Anything else that begins with = stays as it is."""

from __future__ import annotations

import re

OPENING = '="'
PROTECTED = r'="([^"]*)"'
"""With a quote inside it is a formula of several texts."""
RUNNABLE = r"^\s*[=+@-]"
NUMBER = r"\s*[-+]?\d+(\.\d+)?\s*"
"""What the text may not begin with, because a spreadsheet would run it, and the number that it yet may be."""


def unprotected(text: str) -> str:
    """Return the text within `="…"`; any other text, and one that would be a formula by itself, as it is."""
    match = re.fullmatch(PROTECTED, text)
    if match is None or (re.search(RUNNABLE, match[1]) and not re.fullmatch(NUMBER, match[1])):
        return text
    return match[1]


def inside_sql(column: str) -> str:
    """Return SQL of what stands within `="…"`; null where it is nothing."""
    return f"nullif(regexp_extract({column}, '{PROTECTED}', 1), '')"


def opens_sql(column: str) -> str:
    """Return the quick condition without which no text is protected."""
    return f"starts_with({column}, '{OPENING}')"


def is_protected_sql(column: str) -> str:
    """Return the condition that `unprotected` changes a text."""
    inside = inside_sql(column)
    return (
        f"(regexp_full_match({column}, '{PROTECTED}') and coalesce("
        f"not regexp_matches({inside}, '{RUNNABLE}') or regexp_full_match({inside}, '{NUMBER}'), true))"
    )
