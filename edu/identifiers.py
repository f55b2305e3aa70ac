"""Identifiers of Chinese education administration: Python functions, and the same rules as DuckDB macros.

Sources: GB 11643-1999 (resident ID number), GB 32100-2015 and GB 11714-1997 (unified social credit code and the
organisation code inside it), 中小学生学籍管理办法 2013 (学籍号), 教育部学校(机构)代码管理办法 2010 (学校标识码).
"""

from __future__ import annotations

import re
from datetime import date

RESIDENT_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
RESIDENT_ID_CHECKS = "10X98765432"
RESIDENT_ID_SHAPE = r"[1-9]\d{5}(18|19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{3}[\dX]"
RESIDENT_ID_15_SHAPE = r"[1-9]\d{5}\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{3}"
XJH_SHAPE = r"[GJL]\d{17}[\dX]"
SCHOOL_CODE_SHAPE = r"(11|21|22|31|32|33|34|35|36|37|41|42|51|91|92|93)\d{8}"
USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
USCC_SHAPE = rf"[{USCC_ALPHABET}]{{2}}\d{{6}}[{USCC_ALPHABET}]{{10}}"
ORG_CODE_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_BASE36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def resident_id_check_digit(first17: str) -> str:
    """Return the 18th character for the first 17 digits (GB 11643, ISO 7064 MOD 11-2)."""
    total = sum(weight * int(digit) for weight, digit in zip(RESIDENT_ID_WEIGHTS, first17, strict=True))
    return RESIDENT_ID_CHECKS[total % 11]


def resident_id_birth_date(text: str) -> date:
    """Return the date in positions 7 to 14.

    Raises:
        ValueError: these positions are no date.
    """
    return date(int(text[6:10]), int(text[10:12]), int(text[12:14]))


def is_resident_id(text: str) -> bool:
    """Whether the text is an 18-character number with a real date and the right check character.

    The region prefix is not tested: prefixes are retired and reused, and a number is kept for life.
    """
    if not re.fullmatch(RESIDENT_ID_SHAPE, text, re.ASCII):
        return False
    try:
        resident_id_birth_date(text)
    except ValueError:
        return False
    return text[17] == resident_id_check_digit(text[:17])


def resident_id_from_15(text: str) -> str | None:
    """Return the 18-character form of a 15-digit number of the first generation, or null if it is none."""
    if not re.fullmatch(RESIDENT_ID_15_SHAPE, text, re.ASCII):
        return None
    first17 = f"{text[:6]}19{text[6:]}"
    full = first17 + resident_id_check_digit(first17)
    return full if is_resident_id(full) else None


def is_xjh(text: str) -> bool:
    """Whether the text is a 学籍号: G (formal), J (formal without ID) or L (temporary) and 18 characters."""
    return re.fullmatch(XJH_SHAPE, text, re.ASCII) is not None


def is_school_code(text: str) -> bool:
    """Whether the text is a 学校标识码: 10 digits that open with a class of institution; there is no check digit."""
    return re.fullmatch(SCHOOL_CODE_SHAPE, text, re.ASCII) is not None


def uscc_check(first17: str) -> str:
    """Return the 18th character of a unified social credit code (GB 32100, weights 3^(i-1) mod 31)."""
    total = sum(USCC_ALPHABET.index(char) * pow(3, i, 31) for i, char in enumerate(first17))
    return USCC_ALPHABET[(31 - total % 31) % 31]


def org_code_check(first8: str) -> str:
    """Return the 9th character of an organisation code (GB 11714): 10 is X, 11 is 0."""
    total = sum(_BASE36.index(char) * weight for char, weight in zip(first8, ORG_CODE_WEIGHTS, strict=True))
    return {10: "X", 11: "0"}.get(11 - total % 11, str(11 - total % 11))


def is_uscc(text: str) -> bool:
    """Whether the text is a unified social credit code with both check characters right."""
    if not re.fullmatch(USCC_SHAPE, text, re.ASCII):
        return False
    return text[16] == org_code_check(text[8:16]) and text[17] == uscc_check(text[:17])


def identifier_macros() -> list[str]:
    """Return `CREATE TEMP MACRO` statements that apply the rules above to whole columns.

    `resident_id_check_character(t)`, `resident_id_is_valid(t)`, `resident_id_from_15(t)`, `xjh_is_valid(t)`,
    `school_code_is_valid(t)`, `uscc_is_valid(t)`; each takes one VARCHAR, null gives null.
    """

    def digit(position: int) -> str:
        return f"(ascii(substr(t, {position}, 1)) - 48)"

    # Digits of one integer are some three times as fast as characters of a text. A digit is its leading digits less ten
    # times those before it; modulo 11, ten times is once less: each leading part counts by the weights of two digits.
    id_sum = " + ".join(
        f"{(weight + after) % 11} * (n // {10 ** (16 - i)})"
        for i, (weight, after) in enumerate(zip(RESIDENT_ID_WEIGHTS, (*RESIDENT_ID_WEIGHTS[1:], 0), strict=True))
        if (weight + after) % 11
    )
    uscc_sum = " + ".join(
        f"{pow(3, i, 31)} * (strpos('{USCC_ALPHABET}', substr(t, {i + 1}, 1)) - 1)" for i in range(17)
    )
    org_sum = " + ".join(
        f"{weight} * (strpos('{_BASE36}', substr(t, {i + 9}, 1)) - 1)" for i, weight in enumerate(ORG_CODE_WEIGHTS)
    )
    org_check = f"(11 - ({org_sum}) % 11)"
    bodies = {
        "resident_id_check_character": "resident_id_check_of(try_cast(substr(t, 1, 17) as bigint))",
        "resident_id_is_valid": (
            f"regexp_full_match(t, '{RESIDENT_ID_SHAPE}') and try_strptime(substr(t, 7, 8), '%Y%m%d') is not null "
            "and resident_id_check_character(t) = substr(t, 18, 1)"
        ),
        "resident_id_from_15": (
            f"case when regexp_full_match(t, '{RESIDENT_ID_15_SHAPE}') "
            "and try_strptime('19' || substr(t, 7, 6), '%Y%m%d') is not null "
            "then substr(t, 1, 6) || '19' || substr(t, 7) "
            "|| resident_id_check_character(substr(t, 1, 6) || '19' || substr(t, 7)) end"
        ),
        "xjh_is_valid": f"regexp_full_match(t, '{XJH_SHAPE}')",
        "school_code_is_valid": f"regexp_full_match(t, '{SCHOOL_CODE_SHAPE}')",
        "uscc_is_valid": (
            f"regexp_full_match(t, '{USCC_SHAPE}') "
            f"and substr(t, 17, 1) = case {org_check} when 10 then 'X' when 11 then '0' "
            f"else cast({org_check} as varchar) end "
            f"and substr(t, 18, 1) = substr('{USCC_ALPHABET}', cast((31 - ({uscc_sum}) % 31) % 31 as integer) + 1, 1)"
        ),
    }
    check = f"substr('{RESIDENT_ID_CHECKS}', cast(({id_sum}) % 11 as integer) + 1, 1)"
    return [
        f"create or replace temp macro resident_id_check_of(n) as ({check})",
        *(f"create or replace temp macro {name}(t) as ({body})" for name, body in bodies.items()),
    ]
