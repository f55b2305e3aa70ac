"""Rules over one row, and copies of rows inside one file.

A rule of the contract gives an SQL condition over `cleaned`, where a field's value is `<field>`, its text is
`t_<field>`, `id_birth` and `id_sex` are what a valid resident ID says, `as_of` is the date that the row speaks of,
`completed_years` the age at it (where a rule asks for it), and `derived_entry_year` the year in which its grade entered.

Conditions are computed for every row: what costs and concerns few of them stands in a CASE behind what is cheap.
"""

from __future__ import annotations

from collections.abc import Callable

from edu.contract import Contract, Rule
from ingest.cleaning import narrow
from ingest.readers.table import literal, quoted

AGE = "completed_years"
COMPLETED_YEARS = "date_part('year', age(as_of, coalesce(id_birth, birth_date)))"
"""The date inside a valid ID number goes before the one that was typed (class 13)."""


def _texts(words: object) -> str:
    assert isinstance(words, list)
    return ", ".join(literal(str(word)) for word in words)


def _placeholder_person(contract: Contract, rule: Rule) -> str:
    """A name and at least one identifier that are both placeholders; a name alone may be a real person's."""
    identifiers = [field for field in contract.fields if field.type == "identifier"]
    any_identifier = " or ".join(
        f"coalesce({quoted('t_' + field.name)} in ({_texts(rule.params['identifiers'])}), false)"
        for field in identifiers
    )
    return f"coalesce({quoted('t_' + rule.field)} in ({_texts(rule.params['names'])}), false) and ({any_identifier})"


def _other_document(_: Contract, rule: Rule) -> str:
    """A number of the shape of a resident ID whose check digit is wrong, under another kind of document."""
    number, kind = quoted(rule.field), quoted(str(rule.params["type_field"]))
    is_wrong = f"regexp_full_match({number}, '\\d{{17}}[\\dX]') and not resident_id_is_valid({number})"
    return f"case when {kind} <> '1' then {is_wrong} end"


def _id_birth_date(_: Contract, rule: Rule) -> str:
    return f"id_birth <> {quoted(rule.field)}"


def _id_sex(_: Contract, rule: Rule) -> str:
    return f"{quoted(rule.field)} in ('1', '2') and id_sex <> {quoted(rule.field)}"


def _id_in_roll_number(_: Contract, rule: Rule) -> str:
    """A formal roll number keeps the identity number of its first registration; other letters hold none."""
    number, roll = quoted(str(rule.params["id_field"])), quoted(rule.field)
    return f"id_birth is not null and starts_with({roll}, 'G') and substr({roll}, 2) <> {number}"


def _grade_entry(_: Contract, rule: Rule) -> str:
    """The school year of entry against that of the grade; a school year begins in August."""
    month = f"cast(substr({quoted(rule.field)}, 5, 2) as integer)"
    year = f"cast(substr({quoted(rule.field)}, 1, 4) as integer) - case when {month} < 8 then 1 else 0 end"
    return f"abs(({year}) - derived_entry_year) > {rule.params['tolerance_years']}"


def _established_post(_: Contract, rule: Rule) -> str:
    """With an established post there is no form of employment and a contract of appointment; without one, a form."""
    flag = quoted(str(rule.params["flag"]))
    employment, contract_kind = quoted(str(rule.params["form"])), quoted(str(rule.params["contract"]))
    if rule.field == rule.params["contract"]:
        return f"{flag} and {contract_kind} <> {literal(str(rule.params['contract_code']))}"
    return f"({flag} and {employment} is not null) or (not {flag} and {employment} is null)"


def _shared_value(_: Contract, rule: Rule) -> str:
    """The first of many rows of one file that have one value.

    By groups and not by a window, which would hold every column of every row.
    """
    text = quoted("t_" + rule.field)
    digits = (
        f"case when regexp_full_match({text}, '[0-9A-Za-z]*') then {text} "
        f"else regexp_replace({text}, '[^0-9A-Za-z]', '', 'g') end"
    )
    return (
        f"row_id in (select min(row_id) from (select row_id, submission_id, {digits} as digits from cleaned "
        f"where {text} is not null) where digits <> '' "
        f"group by submission_id, digits having count(*) >= {rule.params['minimum_rows']})"
    )


def _shared_number(contract: Contract, rule: Rule) -> str:
    """A number that a school's rows of one file give to different persons.

    Rows are two persons' where what they differ in weighs enough: one thing alone may have been corrected between two
    rows of one person. Rows are compared with what is first told of the number, because of three rows of one person
    each may correct another thing. Only rows whose number stands in `repeated`, which `repeated_sql` fills first, are
    compared.
    """
    differs = rule.params["differs"]
    assert isinstance(differs, dict)
    place = _number_place(contract, rule)
    weights = []
    for name, weight in differs.items():
        first = f"first_value({quoted(name)} ignore nulls) over (partition by {place} order by row_id rows between "
        first += "unbounded preceding and unbounded following)"
        weights.append(f"case when {quoted(name)} <> {first} then {weight} else 0 end")
    return (
        f"row_id in (select row_id from (select row_id, hash({place}) as h, {' + '.join(weights)} as differing "
        f"from cleaned where {_has_number(contract, rule)} and hash({place}) in (select h from repeated)) "
        f"qualify max(differing) over (partition by h) >= {rule.params['minimum']})"
    )


def repeated_sql(contract: Contract, rule: Rule, part: int, parts: int) -> str:
    """Return a SELECT of the hashes of the numbers that several rows of one school and file have, of one part of all.

    Each part counts its share of the numbers, which bounds the memory for them.
    """
    h = f"hash({_number_place(contract, rule)})"
    return (
        f"select {h} as h from cleaned where {_has_number(contract, rule)} and {h} % {parts} = {part} "
        "group by h having count(*) > 1"
    )


def _number_place(contract: Contract, rule: Rule) -> str:
    within = rule.params.get("within", [])
    assert isinstance(within, list)
    return ", ".join(["submission_id", *(quoted(str(name)) for name in (contract.school_field, *within, rule.field))])


def _has_number(contract: Contract, rule: Rule) -> str:
    """Return the condition of a row that a number names: with a school, the number, and none of those that go `unless` it."""
    unless = rule.params.get("unless", [])
    assert isinstance(unless, list)
    missing = "".join(f" and {quoted(str(name))} is null" for name in unless)
    school = quoted(str(contract.school_field))
    return f"not is_deleted and {school} is not null and {quoted(rule.field)} is not null{missing}"


def _same_number(_: Contract, rule: Rule) -> str:
    """Two numbers of identity documents of one row that are one, however they are written."""
    numbers = [
        f"upper(regexp_replace({narrow(quoted('t_' + name))}, '[^0-9A-Za-z]', '', 'g'))"
        for name in (rule.field, str(rule.params["other"]))
    ]
    return (
        f"case when {quoted('t_' + rule.field)} is not null then {numbers[0]} <> '' and {numbers[0]} = {numbers[1]} end"
    )


def _sum_differs(_: Contract, rule: Rule) -> str:
    """A total that is not the sum of its parts; a part that is missing says nothing."""
    parts = rule.params["parts"]
    assert isinstance(parts, list)
    return f"{quoted(rule.field)} <> {' + '.join(quoted(part) for part in parts)}"


def _of_cell(contract: Contract, rule: Rule) -> tuple[str, str]:
    """Return the window of cells that stand in one line of a form with a cell, and that its form is one of the rule's."""
    along = str(rule.params["along"])
    across = next(name for name in contract.place_fields if name != along)
    school, table = contract.school_field, str(rule.params["table_field"])
    of = ", ".join(f"{name if name == 'submission_id' else quoted(str(name))}" for name in ("submission_id", school))
    return (
        f"partition by {of}, {quoted(table)}, {quoted(across)}",
        f"{quoted(table)} in ({_texts(rule.params['tables'])})",
    )


def _cell_sum_differs(contract: Contract, rule: Rule) -> str:
    """A total cell that is not the sum of the cells of its line.

    A part marked as not applicable counts as none. A part that is not filled in says nothing, so that the total is then
    only too small where the others exceed it.
    """
    of, is_of_form = _of_cell(contract, rule)
    along, value = quoted(str(rule.params["along"])), quoted(rule.field)
    parts = rule.params["parts"]
    assert isinstance(parts, list)
    is_part = f"{along} in ({_texts(parts)})"
    told = f"{value} is not null or coalesce({quoted(str(rule.params['mark']))}, '0') = '1'"
    summed = f"sum({value}) filter (where {is_part}) over ({of})"
    present = f"count(distinct case when {is_part} and ({told}) then {along} end) over ({of})"
    return (
        f"{is_of_form} and {along} = {literal(str(rule.params['total']))} and "
        f"({value} < {summed} or ({value} > {summed} and {present} = {len(parts)}))"
    )


def _cell_part_exceeds(contract: Contract, rule: Rule) -> str:
    """A part of a line that is greater than the line's total."""
    of, is_of_form = _of_cell(contract, rule)
    along, value = quoted(str(rule.params["along"])), quoted(rule.field)
    total = f"max({value}) filter (where {along} = {literal(str(rule.params['total']))}) over ({of})"
    return f"{is_of_form} and {along} in ({_texts(rule.params['parts'])}) and {value} > {total}"


def _not_filled(_: Contract, rule: Rule) -> str:
    """A row with neither a value nor the mark that there can be none."""
    return f"{quoted('t_' + rule.field)} is null and coalesce({quoted(str(rule.params['mark']))}, '0') <> '1'"


def _age_limit(_: Contract, rule: Rule) -> str:
    stages = _texts(rule.params["exempt_stages"])
    return (
        f"({AGE} < {rule.params['minimum']} or {AGE} > {rule.params['maximum']}) "
        f"and coalesce(grade_stage, '') not in ({stages})"
    )


def _age_range(_: Contract, rule: Rule) -> str:
    return f"{AGE} < {rule.params['minimum']} or {AGE} > {rule.params['maximum']}"


def _grade_age(_: Contract, __: Rule) -> str:
    return f"{AGE} < grade_age_minimum or {AGE} > grade_age_maximum"


def _empty_in_delta(_: Contract, rule: Rule) -> str:
    """A row of a delta without a value that its whole row had: it takes that value away."""
    return f"coverage = 'delta' and not is_deleted and {quoted('t_' + rule.field)} is null"


def _not_greater(_: Contract, rule: Rule) -> str:
    return f"{quoted(rule.field)} > {quoted(str(rule.params['total']))}"


def _not_before(_: Contract, rule: Rule) -> str:
    return f"{quoted(rule.field)} < {quoted(str(rule.params['start']))}"


def _differs(_: Contract, rule: Rule) -> str:
    return f"{quoted(rule.field)} = {quoted(str(rule.params['other']))}"


def _percent_of_other_unit(_: Contract, rule: Rule) -> str:
    """A percent sign in a row whose own unit, in another field, is not per cent: which of the two holds is unclear."""
    unit, text = quoted("t_" + str(rule.params["unit_field"])), quoted("t_" + rule.field)
    return f"regexp_matches({text}, '[%％]\\s*$') and coalesce({unit} not in ('%', '％', '百分比'), true)"


def _sphere_sign(_: Contract, rule: Rule) -> str:
    """A sphere above zero of an eye that sees little without glasses: near-sighted eyes have a minus."""
    naked = quoted(str(rule.params["naked"]))
    return f"{quoted(rule.field)} > 0 and {naked} < {rule.params['naked_below']}"


KINDS: dict[str, Callable[[Contract, Rule], str]] = {
    "placeholder_person": _placeholder_person,
    "other_document": _other_document,
    "id_birth_date": _id_birth_date,
    "id_sex": _id_sex,
    "id_in_roll_number": _id_in_roll_number,
    "grade_entry": _grade_entry,
    "established_post": _established_post,
    "shared_value": _shared_value,
    "shared_number": _shared_number,
    "same_number": _same_number,
    "sum_differs": _sum_differs,
    "cell_sum_differs": _cell_sum_differs,
    "cell_part_exceeds": _cell_part_exceeds,
    "not_filled": _not_filled,
    "age_limit": _age_limit,
    "age_range": _age_range,
    "grade_age": _grade_age,
    "empty_in_delta": _empty_in_delta,
    "not_greater": _not_greater,
    "not_before": _not_before,
    "differs": _differs,
    "percent_of_other_unit": _percent_of_other_unit,
    "sphere_sign": _sphere_sign,
}


EMPTYING = ("shared_number",)
"""Kinds of rules that compare rows with each other, after `repeated_sql` found which numbers repeat, and leave their field
empty where they find something: the value is not that of this row's person."""


def rule_columns(contract: Contract) -> list[tuple[str, Rule, str]]:
    """Return column name, rule and condition for each rule of a contract, in its order."""
    return [(f"rule_{i}", rule, KINDS[rule.kind](contract, rule)) for i, rule in enumerate(contract.rules)]


def needs_age(contract: Contract) -> bool:
    """Whether a rule asks for `completed_years`."""
    return any(rule.kind in ("age_limit", "age_range", "grade_age") for rule in contract.rules)


def copies_sql(contract: Contract) -> str:
    """Return a SELECT of the row_id of rows that are copies, field by field, of an earlier row of their submission.

    Rows are told apart by a hash of their identifiers first, which is cheap and leaves few of most files.
    """
    texts = ", ".join(quoted("t_" + field.name) for field in contract.fields)
    own = ", ".join(quoted("t_" + field.name) for field in contract.fields if field.type == "identifier")
    first = f"hash(submission_id, {own or texts})"
    return f"""
        with repeated as (select {first} as g from cleaned group by g having count(*) > 1),
        hashed as (
            select row_id, submission_id, hash({texts}) as h from cleaned where {first} in (select g from repeated)
        ),
        suspects as (select submission_id, h from hashed group by submission_id, h having count(*) > 1),
        numbered as (
            select c.row_id, row_number() over (partition by c.submission_id, {texts} order by c.row_id) as copy_no
            from cleaned as c
            inner join hashed on hashed.row_id = c.row_id
            inner join suspects on suspects.submission_id = hashed.submission_id and suspects.h = hashed.h
        )
        select row_id from numbered where copy_no > 1
    """
