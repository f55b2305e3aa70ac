"""Cleaning as algebra: a canonical value is left alone, and every spelling of a value becomes that value."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edu.contract import Contract, FieldSpec, get_contract
from ingest.cleaning import clean_field, plain_column
from ingest.expression import with_steps

SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WIDE = {ord(char): ord(char) + 0xFEE0 for char in "0123456789"}


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def cleaned(
    connection: duckdb.DuckDBPyConnection, contract: Contract, field: FieldSpec, text: str
) -> tuple[Any, str | None, str | None]:
    """Return value, fault and repair of one text."""
    parts, steps = clean_field(field, contract)
    name = field.name
    row = connection.execute(
        f'with given as (select ? as "t_{name}", false as "n_{name}", date \'2024-09-01\' as as_of, '
        f'2023 as derived_entry_year), plain as (select *, {plain_column(field)} as "p_{name}" from given) '
        f"select {parts.value}, {parts.fault}, {parts.fix} from ({with_steps('plain', [steps])})",
        [text],
    ).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


DAYS = st.dates(date(1955, 1, 1), date(2064, 1, 1))


@SETTINGS
@given(day=DAYS)
def test_every_spelling_of_a_day_is_that_day(connection: duckdb.DuckDBPyConnection, day: date) -> None:
    contract = get_contract("student")
    field = contract.field("birth_date")
    for text in (day.isoformat(), f"{day:%Y%m%d}"):
        assert cleaned(connection, contract, field, text) == (day, None, None)
    serial = (day - date(1899, 12, 30)).days
    spellings = [f"{day.year}.{day.month}.{day.day}", f"{day.year}年{day.month:02d}月{day.day}日", str(serial)]
    spellings.append(f"{day:%Y%m%d}".translate(WIDE))
    for text in spellings:
        assert cleaned(connection, contract, field, text) == (day, None, "date_format_fixed")
    for text in (f"{day:%y/%m/%d}", f"{day:%m/%d/%Y}", f"{day:%y%m%d}"):
        assert cleaned(connection, contract, field, text)[:2] == (None, "date_ambiguous")


@pytest.mark.parametrize(
    "text", ["1,70", "1,2,3", "12,", "85,5", "1 70", "1,2345", "1,23 456", ",123", "1234,567", "0,500", "0 500"]
)
def test_marks_that_part_no_thousands_make_no_other_number(connection: duckdb.DuckDBPyConnection, text: str) -> None:
    contract = get_contract("campus_facility")
    assert cleaned(connection, contract, contract.field("equipment_value_yuan"), text)[:2] == (None, "value_unreadable")


@SETTINGS
@given(cents=st.integers(0, 10**11))
def test_every_spelling_of_an_amount_is_that_amount(connection: duckdb.DuckDBPyConnection, cents: int) -> None:
    contract = get_contract("campus_facility")
    field = contract.field("equipment_value_yuan")
    amount = Decimal(cents) / 100
    assert cleaned(connection, contract, field, f"{amount:.2f}") == (amount, None, None)
    assert cleaned(connection, contract, field, f"{amount:,.2f}元") == (amount, None, "number_format_fixed")
    blanks = f"{amount:,.2f}".replace(",", " ")
    assert cleaned(connection, contract, field, f"{blanks} 元")[:2] == (amount, None)
    assert cleaned(connection, contract, field, f"{amount / 10_000:.6f}万元") == (amount, None, "unit_converted")
    assert cleaned(connection, contract, field, f"{amount:.2f}㎡")[:2] == (None, "unit_mismatch")


@SETTINGS
@given(square_metres=st.integers(1, 10**7))
def test_land_in_mu(connection: duckdb.DuckDBPyConnection, square_metres: int) -> None:
    contract = get_contract("campus_facility")
    mu = Decimal(square_metres) / Decimal("666.67")
    value, fault, fix = cleaned(connection, contract, contract.field("land_area_m2"), f"{mu:.6f}亩")
    assert (value, fault, fix) == (Decimal(square_metres), None, "unit_converted")


@SETTINGS
@given(year=st.integers(2000, 2030), number=st.integers(1, 29))
def test_a_canonical_class_name_is_left_alone(connection: duckdb.DuckDBPyConnection, year: int, number: int) -> None:
    contract = get_contract("class")
    field = contract.field("class_name")
    name = f"{year}级{number}班"
    assert cleaned(connection, contract, field, name) == (name, None, None)
    assert cleaned(connection, contract, field, f"{year}届（{number}）班") == (name, None, "class_name_parsed")
    assert cleaned(connection, contract, field, f"（{number}）班") == (f"2023级{number}班", None, "class_name_parsed")


@SETTINGS
@given(tenths=st.integers(40, 52))
def test_decimal_eyesight_is_its_five_mark_record(connection: duckdb.DuckDBPyConnection, tenths: int) -> None:
    contract = get_contract("vision")
    field = contract.field("naked_left")
    marks = Decimal(tenths) / 10
    assert cleaned(connection, contract, field, str(marks)) == (marks, None, None)
    decimal = 10 ** (float(marks) - 5)
    assert cleaned(connection, contract, field, f"{decimal:.4f}") == (marks, None, "vision_notation_fixed")


def test_a_zero_that_says_not_yet_is_no_figure(connection: duckdb.DuckDBPyConnection) -> None:
    contract = get_contract("campus_facility")
    field = contract.field("teaching_area_m2")
    for text in ("0", "0.00", "在建"):
        assert cleaned(connection, contract, field, text) == (None, None, "not_yet_built")
    assert cleaned(connection, contract, field, "-12")[:2] == (None, "out_of_range")
    assert cleaned(connection, contract, contract.field("indoor_sports_area_m2"), "0") == (Decimal(0), None, None)


def test_retired_divisions_follow_the_date(connection: duckdb.DuckDBPyConnection) -> None:
    contract = get_contract("student")
    field = contract.field("household_division_code")
    assert cleaned(connection, contract, field, "421023") == ("421088", None, "division_succeeded")
    assert cleaned(connection, contract, field, "422425") == ("421088", None, "division_succeeded")
    # In use again by another county.
    assert cleaned(connection, contract, field, "421024") == ("421024", None, None)
