"""Only a person whom the warehouse knows is restricted; what was given instead is neither kept nor repeated."""

from __future__ import annotations

import duckdb
import pyarrow.parquet as pq
import pytest

from edu import audit
from edu.errors import WarehouseError
from edu.paths import Home
from edu.restriction import record as record_any
from warehouse.restriction import UnknownPersonError, record

PERSON, KEY, GONE = ("xjh:" + digit * 32 for digit in "abc")
BY = {"actor": "officer", "reason": "本人申请"}


@pytest.fixture
def home(edu_home: Home) -> Home:
    """One person with two keys, and the restriction of a key that is no evidence any more."""
    with duckdb.connect(str(edu_home.warehouse)) as connection:
        connection.execute("create schema storage")
        connection.execute("create table storage.map_person (evidence_key varchar, person_id varchar)")
        connection.executemany("insert into storage.map_person values (?, ?)", [[PERSON, PERSON], [KEY, PERSON]])
    record_any(edu_home, GONE, action="restrict", actor="officer", reason="本人申请")
    return edu_home


@pytest.mark.parametrize("action", ["restrict", "lift"])
@pytest.mark.parametrize("person", ["no-such-person", "cn_id:" + "0" * 32, "abc/张三/家住沙市", f"{PERSON}/张三"])
def test_nobody_is_refused(home: Home, person: str, action: str) -> None:
    with pytest.raises(UnknownPersonError) as caught:
        record(home, person, action=action, **BY)
    assert person not in str(caught.value)
    assert len(list((home.runs / "restriction").glob("r*.parquet"))) == 1
    assert len(audit.entries(home)) == 1


def test_a_person_is_restricted_by_any_key_and_a_key_that_went_can_still_be_lifted(home: Home) -> None:
    for person, action in ((PERSON, "restrict"), (KEY, "restrict"), (KEY, "lift"), (GONE, "lift")):
        assert record(home, person, action=action, **BY)
    with pytest.raises(UnknownPersonError):
        record(home, GONE, action="restrict", **BY)
    assert [entry["subject"] for entry in audit.entries(home)] == [GONE, PERSON, KEY, KEY, GONE]


def test_every_key_of_the_person_of_now_is_recorded_and_each_can_be_lifted(home: Home) -> None:
    name = record(home, KEY, action="restrict", **BY)
    rows = pq.read_table(home.runs / "restriction" / f"{name}.parquet").to_pylist()
    assert [(row["person_id"], row["evidence_key"]) for row in rows] == [(KEY, PERSON), (KEY, KEY)]
    # A key that is no evidence any more, and was never what named the person.
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("delete from storage.map_person")
    assert record(home, PERSON, action="lift", **BY)


def test_without_a_warehouse_nobody_is_known(edu_home: Home) -> None:
    with pytest.raises(WarehouseError, match="edu build"):
        record(edu_home, PERSON, action="restrict", **BY)
