"""Rules over one row, and copies of rows inside one file.

A rule of the contract gives an SQL condition over `cleaned`, where a field's value is `<field>`, its text is
`t_<field>`, `id_birth` is the birth date inside a valid resident ID, and `as_of` is the date that the row speaks of.
"""

from __future__ import annotations

from collections.abc import Callable

from edu.contract import Contract, Rule
from ingest.readers.table import literal, quoted

AGE = "date_part('year', age(as_of, coalesce(id_birth, birth_date)))"
"""Completed years; the date inside a valid ID number goes before the one that was typed (class 13)."""


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


def _id_birth_date(_: Contract, rule: Rule) -> str:
    return f"id_birth <> {quoted(rule.field)}"


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


def _not_greater(_: Contract, rule: Rule) -> str:
    return f"{quoted(rule.field)} > {quoted(str(rule.params['total']))}"


def _not_before(_: Contract, rule: Rule) -> str:
    return f"{quoted(rule.field)} < {quoted(str(rule.params['start']))}"


def _differs(_: Contract, rule: Rule) -> str:
    return f"{quoted(rule.field)} = {quoted(str(rule.params['other']))}"


KINDS: dict[str, Callable[[Contract, Rule], str]] = {
    "placeholder_person": _placeholder_person,
    "id_birth_date": _id_birth_date,
    "age_limit": _age_limit,
    "age_range": _age_range,
    "grade_age": _grade_age,
    "not_greater": _not_greater,
    "not_before": _not_before,
    "differs": _differs,
}


def rule_columns(contract: Contract) -> list[tuple[str, Rule, str]]:
    """Return column name, rule and condition for each rule of a contract, in its order."""
    return [(f"rule_{i}", rule, KINDS[rule.kind](contract, rule)) for i, rule in enumerate(contract.rules)]


def copies_sql(contract: Contract) -> str:
    """Return a SELECT of the row_id of rows that are copies, field by field, of an earlier row of their submission."""
    texts = ", ".join(quoted("t_" + field.name) for field in contract.fields)
    return f"""
        with hashed as (select row_id, submission_id, hash({texts}) as h from cleaned),
        suspects as (select submission_id, h from hashed group by submission_id, h having count(*) > 1),
        numbered as (
            select c.row_id, row_number() over (partition by c.submission_id, {texts} order by c.row_id) as copy_no
            from cleaned as c
            inner join hashed on hashed.row_id = c.row_id
            inner join suspects on suspects.submission_id = hashed.submission_id and suspects.h = hashed.h
        )
        select row_id from numbered where copy_no > 1
    """
