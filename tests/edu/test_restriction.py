"""A restriction is recorded for a pseudonym, never for a person's own number, and is in the audit log."""

from __future__ import annotations

import duckdb
import pyarrow.parquet as pq
import pytest

from edu import audit
from edu.paths import Home
from edu.restriction import NoPseudonymError, record

PERSON = "xjh:" + "0123456789abcdef" * 2


def test_restricting_and_lifting_are_recorded_and_logged(edu_home: Home) -> None:
    first = record(edu_home, PERSON, action="restrict", actor="officer", reason="本人申请")
    second = record(edu_home, PERSON, action="lift", actor="officer", reason="本人撤回")
    rows = [pq.read_table(edu_home.runs / "restriction" / f"{name}.parquet").to_pylist()[0] for name in (first, second)]
    assert [(row["person_id"], row["action"]) for row in rows] == [(PERSON, "restrict"), (PERSON, "lift")]
    assert [entry["action"] for entry in audit.entries(edu_home)] == ["restriction.restrict", "restriction.lift"]


def test_every_key_of_the_person_of_now_is_recorded(edu_home: Home) -> None:
    keys = [f"xjh:{number:032x}" for number in (1, 2, 3)]
    with duckdb.connect(str(edu_home.warehouse)) as connection:
        connection.execute("create schema storage; create table storage.map_person (evidence_key text, person_id text)")
        connection.executemany(
            "insert into storage.map_person values (?, ?)", list(zip(keys, [keys[0], keys[0], keys[2]], strict=True))
        )
    recorded = [
        record(edu_home, key, action="restrict", actor="officer", reason="本人申请") for key in (keys[1], PERSON)
    ]
    known, unknown = (pq.read_table(edu_home.runs / "restriction" / f"{name}.parquet").to_pylist() for name in recorded)
    assert [(row["person_id"], row["evidence_key"]) for row in known] == [(keys[1], keys[0]), (keys[1], keys[1])]
    assert [(row["person_id"], row["evidence_key"]) for row in unknown] == [(PERSON, None)]


@pytest.mark.parametrize("person", ["李明", "420103201201010013", "", "xjh:李明"])
def test_a_name_or_number_is_refused(edu_home: Home, person: str) -> None:
    with pytest.raises((NoPseudonymError, audit.AuditValueError)) as caught:
        record(edu_home, person, action="restrict", actor="officer", reason="本人申请")
    assert not person or person not in str(caught.value)
    assert list((edu_home.runs / "restriction").glob("r*.parquet")) == []
