"""Identifiers against published golden values and against a second implementation inside DuckDB."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edu.identifiers import (
    identifier_macros,
    is_resident_id,
    is_school_code,
    is_uscc,
    is_xjh,
    org_code_check,
    resident_id_check_digit,
    resident_id_from_15,
)

VALID_IDS = [
    "11010519491231002X",
    "440524188001010014",
    "81000019980902013X",
    "421002201209012014",
    "421088198506150021",
    "421023197602031329",
]
INVALID_IDS = ["421002201209012018", "42100220120230201X", "421002201209012", "", "42100220120901201x"]


@pytest.fixture(scope="module")
def duck() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for macro in identifier_macros():
        connection.execute(macro)
    return connection


@pytest.mark.parametrize("text", VALID_IDS)
def test_valid_ids(text: str) -> None:
    assert is_resident_id(text)


@pytest.mark.parametrize("text", INVALID_IDS)
def test_invalid_ids(text: str) -> None:
    assert not is_resident_id(text)


def test_fifteen_digits() -> None:
    assert resident_id_from_15("110105491231002") == "11010519491231002X"
    assert resident_id_from_15("110105491331002") is None


@pytest.mark.parametrize("text", ["91350100M000100Y43", "11320000MB151840XJ", "12421002MB00000197"])
def test_credit_codes(text: str) -> None:
    assert is_uscc(text)
    assert not is_uscc(text[:17] + ("0" if text[17] != "0" else "1"))


def test_organisation_codes() -> None:
    assert org_code_check("MB151840") == "X"
    assert org_code_check("M000100Y") == "4"


def test_shapes() -> None:
    assert is_xjh("G421002201209012014")
    assert not is_xjh("X421002201209012014")
    assert is_school_code("2142000001")
    assert not is_school_code("214200000")
    assert not is_school_code("9942000001")


DIGITS = st.text("0123456789", min_size=15, max_size=18)
RESIDENT = st.builds(
    lambda d, y, m, day, s: (
        f"421002{y}{m:02d}{day:02d}{s:03d}" + resident_id_check_digit(f"421002{y}{m:02d}{day:02d}{s:03d}")
    ),
    st.none(),
    st.integers(1900, 2025),
    st.integers(1, 12),
    st.integers(1, 31),
    st.integers(0, 999),
)


@settings(max_examples=150, deadline=None)
@given(text=st.one_of(DIGITS, RESIDENT, st.text(max_size=20)))
def test_the_macros_agree_with_the_functions(duck: duckdb.DuckDBPyConnection, text: str) -> None:
    row = duck.execute(
        "select resident_id_is_valid(t), resident_id_from_15(t), xjh_is_valid('G' || t), school_code_is_valid(t), "
        "uscc_is_valid(t) from (select $1 as t)",
        [text],
    ).fetchone()
    assert row == (
        is_resident_id(text),
        resident_id_from_15(text),
        is_xjh("G" + text),
        is_school_code(text),
        is_uscc(text),
    )


def test_credit_code_macro(duck: duckdb.DuckDBPyConnection) -> None:
    assert duck.execute("select uscc_is_valid('11320000MB151840XJ')").fetchone() == (True,)


@given(st.text("0123456789", min_size=17, max_size=17), st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_is_always_seen(first17: str, place: int, shift: int) -> None:
    changed = first17[:place] + str((int(first17[place]) + shift) % 10) + first17[place + 1 :]
    assert resident_id_check_digit(first17) != resident_id_check_digit(changed)
