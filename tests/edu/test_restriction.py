"""A restriction is recorded for a pseudonym, never for a person's own number, and is in the audit log."""

from __future__ import annotations

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


def test_what_is_recorded_without_keys_names_the_person_alone(edu_home: Home) -> None:
    name = record(edu_home, PERSON, action="restrict", actor="officer", reason="本人申请")
    rows = pq.read_table(edu_home.runs / "restriction" / f"{name}.parquet").to_pylist()
    assert [(row["person_id"], row["evidence_key"]) for row in rows] == [(PERSON, None)]


@pytest.mark.parametrize("person", ["李明", "420103201201010013", "", "xjh:李明"])
def test_a_name_or_number_is_refused(edu_home: Home, person: str) -> None:
    with pytest.raises((NoPseudonymError, audit.AuditValueError)) as caught:
        record(edu_home, person, action="restrict", actor="officer", reason="本人申请")
    assert not person or person not in str(caught.value)
    assert list((edu_home.runs / "restriction").glob("r*.parquet")) == []
