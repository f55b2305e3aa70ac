"""Which rows need no cleaning at all: every value is in its canonical form.

Most rows of most files do. For them one cheap condition stands for all the expressions of `ingest.cleaning`, and their
values are plain casts. The condition is stricter than cleaning, never looser: a row that is plain has, after the whole
cleaning, the same values, no fault and no repair (a property test compares the two ways). A type or a spelling that is
not named here is not plain, and its row takes the whole way.
"""

from __future__ import annotations

from collections.abc import Mapping

from edu.codes import code_sets, current_divisions
from edu.contract import Contract, FieldSpec
from edu.identifiers import SCHOOL_CODE_SHAPE, XJH_SHAPE
from ingest.cleaning import RESIDENT_ID_TYPE, is_phone, null_words
from ingest.readers.table import literal, quoted

PLAIN = r"0-9A-Za-z\x{4E00}-\x{9FA5}"
TEXT = rf"[{PLAIN}]([{PLAIN} _.·,，、:：（）()-]*[{PLAIN}）)])?"
"""Text that begins and ends with a letter, digit or common character."""
NAME = r"[\x{4E00}-\x{5C6E}\x{5C70}-\x{70EA}\x{70EC}-\x{951E}\x{9520}-\x{9FA5}]{2,8}"
"""Names in the characters that every encoding holds, but for those of `ingest.cleaning.MOJIBAKE`; other names are judged by
the whole cleaning."""
PHONE = r"(0[0-9]{2,3}[- ]?[2-9][0-9]{6,7}|1[3-9][0-9]{9}|[2-9][0-9]{6,7})"
"""Telephones with the zero of their area code, mobile numbers, and numbers too short to have an area code."""
DECIMAL_DIGITS = 12
VALUE_FORM = "code"
"""The form of values for which rows can be plain; labels are looked up by the whole cleaning."""


def _day_shape(century: str, separator: str) -> str:
    """Return the pattern of a day of the calendar (Gregorian) in the years of some centuries."""
    leap = r"(0[48]|[2468][048]|[13579][26])"
    in_any_year = (
        rf"(0[13578]|1[02]){separator}(0[1-9]|[12]\d|3[01])|(0[469]|11){separator}(0[1-9]|[12]\d|30)"
        rf"|02{separator}(0[1-9]|1\d|2[0-8])"
    )
    return rf"(({century})\d\d{separator}({in_any_year})|(({century}){leap}|2000){separator}02{separator}29)"


def _is_one_of(name: str, words: tuple[str, ...]) -> str:
    """Return the condition that a text is one of some; IN would be a join for each field, which loses the order of rows."""
    return f"list_contains([{', '.join(literal(word) for word in words)}], {name})"


def _full(name: str, pattern: str) -> str:
    return f"regexp_full_match({name}, {literal(pattern)})"


def _free(field: FieldSpec, name: str) -> str:
    """A text without white space at its ends, of no special opening, and no word for nothing."""
    return f"{_full(name, TEXT)} and not {_is_one_of(name, null_words(field))}"


def _number(field: FieldSpec, name: str) -> str:
    pattern = r"\d{1,15}" if field.type == "integer" else rf"\d{{1,{DECIMAL_DIGITS}}}(\.\d{{1,{field.scale}}})?"
    kind = "bigint" if field.type == "integer" else f"decimal({field.precision}, {field.scale})"
    bounds = [f"try_cast({name} as {kind}) >= {field.minimum:.0f}"] if field.minimum is not None else []
    bounds += [f"try_cast({name} as {kind}) <= {field.maximum:.0f}"] if field.maximum is not None else []
    bounds += [f"try_cast({name} as {kind}) <> 0"] if field.zero == "not_yet" else []
    return " and ".join([_full(name, pattern), *bounds])


def _date(name: str) -> str:
    """The date of a text of the shapes 20120901 and 2012-09-01."""
    pieces = f"substr({name}, 1, 4) || '-' || substr({name}, 5, 2) || '-' || substr({name}, 7, 2)"
    return f"try_cast(case when length({name}) = 8 then {pieces} else {name} end as date)"


RESIDENT_ID = rf"[1-9]\d{{5}}{_day_shape('18|19|20', '')}\d{{3}}[\dX]"
"""`edu.identifiers.RESIDENT_ID_SHAPE` with a day that was."""


def _identifier(field: FieldSpec, contract: Contract, name: str) -> str:
    if field.namespace == "xjh":
        return _full(name, XJH_SHAPE)
    if field.namespace == "cn_id":
        types = [other.name for other in contract.fields if other.code_set == "SFZJLX"]
        is_resident = f"coalesce({quoted(types[0])}, '{RESIDENT_ID_TYPE}') = '{RESIDENT_ID_TYPE}' and " if types else ""
        return f"{is_resident}{_is_resident_id(name)}"
    return f"{_full(name, rf'[0-9A-Za-z]{{1,{field.width or 64}}}')} and not {_is_one_of(name, null_words(field))}"


def number_column(name: str) -> str:
    """Return the name of the integer of an ID number's first 17 digits, which `is_plain_sql` reads."""
    return quoted(f"{name}_first17")


def _is_resident_id(name: str) -> str:
    """The same as `resident_id_is_valid`, over an integer that is made once."""
    number = number_column(name.strip('"'))
    return f"{_full(name, RESIDENT_ID)} and resident_id_check_of({number}) = substr({name}, 18, 1)"


def with_numbers(contract: Contract, relation: str) -> str:
    """Return a SELECT of a raw relation with the integers that `is_plain_sql` reads."""
    numbers = "".join(
        f", try_cast(substr({quoted(field.name)}, 1, 17) as bigint) as {number_column(field.name)}"
        for field in contract.fields
        if field.namespace == "cn_id"
    )
    return f"select *{numbers} from ({relation})"


def _present(field: FieldSpec, contract: Contract) -> str | None:
    """Return the condition on a value that is there; null where a value always needs the whole cleaning."""
    name = quoted(field.name)
    match field.type:
        case "code" | "flag":
            codes = code_sets()["SFBZ" if field.type == "flag" else str(field.code_set)]
            return _is_one_of(name, tuple(codes))
        case "integer" | "decimal":
            return _number(field, name)
        case "date":
            return _full(name, f"{_day_shape('19|20', '')}|{_day_shape('19|20', '-')}")
        case "year_month":
            return _full(name, r"(19|20)\d{2}(0[1-9]|1[0-2])")
        case "class_name":
            return _full(name, r"(19|20)\d{2}级[1-9]\d?班")
        case "school_code":
            return _full(name, SCHOOL_CODE_SHAPE)
        case "division_code":
            return _is_one_of(name, current_divisions())
        case "identifier":
            return _identifier(field, contract, name)
        case "private" if "name" in field.name:
            return f"{_full(name, NAME)} and not {_is_one_of(name, null_words(field))}"
        case "private":
            return _full(name, PHONE) if is_phone(field) else _free(field, name)
        case "text":
            return f"{_free(field, name)} and length({name}) <= {field.width or 200}"
        case _:
            return None


def is_plain_sql(contract: Contract, fields: tuple[str, ...]) -> str:
    """Return the condition, over raw text columns, that a row is plain; `fields` are those that its form carries."""
    conditions = []
    for field in contract.fields:
        name = quoted(field.name)
        if field.name not in fields:
            if field.mandatory:
                return "false"
            continue
        present = _present(field, contract)
        if present is None:
            conditions.append("false" if field.mandatory else f"{name} is null")
        else:
            conditions.append(
                f"coalesce({present}, false)" if field.mandatory else f"({name} is null or coalesce({present}, false))"
            )
    return " and ".join(f"({condition})" for condition in conditions) or "true"


def judged_sql(contract: Contract, profile: str, columns: Mapping[int, str], relation: str) -> str:
    """Return a SELECT of a relation with `is_plain`; see `ingest.readers.table.Judge`."""
    form = contract.profiles[profile].value_form
    if form != VALUE_FORM:
        return f"select *, false as is_plain from {relation}"
    names = "".join(f", c{i} as {quoted(name)}" for i, name in sorted(columns.items()))
    missing = "".join(
        f", cast(null as varchar) as {quoted(field.name)}"
        for field in contract.fields
        if field.name not in columns.values()
    )
    condition = is_plain_sql(contract, tuple(columns.values()))
    numbered = with_numbers(contract, f"select *{names}{missing} from {relation}")
    return f"select row_number, columns('^c[0-9]+$'), {condition} as is_plain from ({numbered})"


def value_sql(field: FieldSpec) -> str:
    """Return SQL of a plain row's typed value, over a relation named `raw`."""
    name = f"raw.{quoted(field.name)}"
    match field.type:
        case "flag":
            return f"{name} = '1'"
        case "integer":
            return f"try_cast({name} as bigint)"
        case "decimal" | "vision" | "duration":
            return f"try_cast({name} as decimal({field.precision}, {field.scale}))"
        case "date":
            return _date(name)
        case _:
            return name
