"""Statements of learning experience: what is valid, a row and a receipt a statement, one row an id, no person outside."""

from __future__ import annotations

import gzip
import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edu.contract import get_contract
from edu.duck import connect
from edu.errors import RejectedFileError
from edu.paths import Home
from edu.pseudonym import load_key, pseudonyms
from edu.settings import get_settings
from ingest.inbox import discover
from ingest.landing import LandingMemoryError, collect
from ingest.readers import read, xapi
from ingest.receipt import CollectResult
from ingest.submission import Options

CONTRACT = get_contract("learning_event")
OPTIONS = Options(dataset="learning_event", org="421002", period="2024-2025")
HOME_PAGE = "https://xuexi.example.cn"
VOIDED = "http://adlnet.gov/expapi/verbs/voided"
SHA1 = hashlib.sha1(b"mailto:wang@example.cn").hexdigest()


def identity(number: int) -> str:
    return str(uuid.UUID(int=number))


def statement(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a valid statement; a change to None leaves a property out."""
    whole = {
        "id": identity(number),
        "actor": {"account": {"homePage": HOME_PAGE, "name": f"u{number}"}, "name": "王小明"},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/completed", "display": {"zh-CN": "完成"}},
        "object": {
            "id": "https://xuexi.example.cn/activity/12?x=1",
            "definition": {"type": "http://adlnet.gov/expapi/activities/lesson"},
        },
        "result": {
            "score": {"scaled": 0.85, "raw": 85, "min": 0, "max": 100},
            "success": True,
            "completion": False,
            "duration": "PT1M30.5S",
        },
        "context": {
            "registration": identity(99),
            "contextActivities": {"grouping": [{"id": "https://xuexi.example.cn/course/3"}]},
        },
        "timestamp": "2024-09-02T00:30:00Z",
        "version": "1.0.3",
    }
    return {key: value for key, value in (whole | changes).items() if value is not None}


def write(path: Path, *lines: Any) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def rows_of(path: Path, tmp_path: Path) -> list[dict[str, Any]]:
    with connect() as connection:
        result = read(discover(path)[0], CONTRACT, None, connection, tmp_path, "raw")
        assert result.profile == "xapi"
        found = connection.execute(f"select * from ({result.tables[0].relation}) order by row_number")
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def faults(path: Path, tmp_path: Path) -> list[tuple[int, str | None]]:
    return [(row["row_number"], row["row_fault"]) for row in rows_of(path, tmp_path)]


def land(home: Home, *paths: Path) -> CollectResult:
    return collect(list(paths), home=home, options=OPTIONS)


def query(home: Home, kind: str, sql: str) -> list[tuple[Any, ...]]:
    return duckdb.execute(
        f"select {sql} from read_parquet('{home.root}/{kind}/**/*.parquet', union_by_name=true)"
    ).fetchall()


def test_values_of_a_statement(tmp_path: Path) -> None:
    row = rows_of(write(tmp_path / "s.jsonl", statement()), tmp_path)[0]
    assert row == {
        "row_number": 1,
        "row_fault": None,
        "statement_id": identity(1),
        "actor_home_page": HOME_PAGE,
        "actor": "u1",
        "verb_id": "http://adlnet.gov/expapi/verbs/completed",
        "object_id": "https://xuexi.example.cn/activity/12?x=1",
        "object_type": "http://adlnet.gov/expapi/activities/lesson",
        "course_id": "https://xuexi.example.cn/course/3",
        "occurred_at": "2024-09-02T00:30:00Z",
        "score_scaled": "0.8500",
        "is_success": "1",
        "is_completed": "0",
        "duration_s": "90.50",
        "voided_statement_id": None,
    }


def test_an_array_with_a_statement_a_line_is_one_document(tmp_path: Path) -> None:
    lines = [json.dumps(statement(number), ensure_ascii=False) for number in range(1, 6)]
    path = tmp_path / "s.json"
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    assert faults(path, tmp_path) == [(number, None) for number in range(1, 6)]
    path.write_text('{"statements": [\n' + ",\n".join(lines) + "\n]}\n", encoding="utf-8")
    assert faults(path, tmp_path) == [(number, None) for number in range(1, 6)]


def test_a_broken_array_keeps_the_statements_that_are_whole(tmp_path: Path) -> None:
    lines = [json.dumps(statement(number), ensure_ascii=False) for number in range(1, 4)]
    path = tmp_path / "s.json"
    path.write_text("[\n" + ",\n".join([*lines, lines[0][:-20]]), encoding="utf-8")
    assert faults(path, tmp_path) == [(2, None), (3, None), (4, None), (5, "statement_not_json")]
    path.write_text(",\n".join(lines) + ",\n", encoding="utf-8")
    assert faults(path, tmp_path) == [(1, None), (2, None), (3, None)]


def test_names_of_accounts_that_differ_are_different_accounts(edu_home: Home, tmp_path: Path) -> None:
    names = ["abc", "ab c", "ａｂｃ", "'abc", "无", " abc "]
    sent = [
        statement(number, actor={"account": {"homePage": HOME_PAGE, "name": name}})
        for number, name in enumerate(names, start=1)
    ]
    receipt = land(edu_home, write(tmp_path / "s.jsonl", *sent)).receipts[0]
    assert (receipt.status, receipt.rows_accepted) == ("accepted", 6)
    # White space at the ends of a name is no part of it anywhere in the platform.
    assert query(edu_home, "lake", "count(distinct actor_key)") == [(5,)]


@pytest.mark.parametrize("year", ["0000", "1899", "2200", "9999"])
def test_a_time_that_no_client_can_hold_is_none(edu_home: Home, tmp_path: Path, year: str) -> None:
    path = write(tmp_path / "s.jsonl", statement(timestamp=f"{year}-12-31T23:59:59Z"))
    assert land(edu_home, path).receipts[0].rows_accepted == 0


ACTORS: list[tuple[str, dict[str, Any], tuple[str, str]]] = [
    ("account", {"account": {"homePage": HOME_PAGE, "name": "u1"}}, (HOME_PAGE, "u1")),
    ("agent", {"objectType": "Agent", "openid": "https://id.example.cn/w"}, ("openid", "https://id.example.cn/w")),
    ("mailbox", {"mbox": "mailto:wang@example.cn", "name": "王"}, ("mbox", SHA1)),
    ("hash", {"mbox_sha1sum": SHA1.upper()}, ("mbox", SHA1)),
    ("group", {"objectType": "Group", "account": {"homePage": HOME_PAGE, "name": "g"}}, (HOME_PAGE, "g")),
    (
        "group with members",
        {"objectType": "Group", "mbox": "mailto:wang@example.cn", "member": [{"mbox": "mailto:li@example.cn"}]},
        ("mbox", SHA1),
    ),
]


@pytest.mark.parametrize(("actor", "expected"), [case[1:] for case in ACTORS], ids=[case[0] for case in ACTORS])
def test_every_kind_of_actor(tmp_path: Path, actor: dict[str, Any], expected: tuple[str, str]) -> None:
    row = rows_of(write(tmp_path / "s.jsonl", statement(actor=actor)), tmp_path)[0]
    assert (row["row_fault"], row["actor_home_page"], row["actor"]) == (None, *expected)


VALID: list[dict[str, Any]] = [
    {"object": {"objectType": "Activity", "id": "act:1"}},
    {"object": {"objectType": "Agent", "mbox": "mailto:li@example.cn"}},
    {"object": {"objectType": "StatementRef", "id": identity(7)}},
    {
        "object": {
            "objectType": "SubStatement",
            "actor": {"mbox": "mailto:li@example.cn"},
            "verb": {"id": "http://example.cn/v"},
            "object": {"id": "act:2"},
        }
    },
    {"result": {"duration": "P1W"}},
    {"result": {"extensions": {"http://example.cn/x": {"a": [None, {"b": None}]}}}},
    {"timestamp": "2024-09-02T08:30:00.123+08:00"},
    {"timestamp": None, "stored": "2024-09-02T08:30:00Z"},
    {"version": None, "result": None, "context": None},
    {"context": {"instructor": {"mbox": "mailto:li@example.cn"}, "language": "zh-CN", "platform": "某平台"}},
    {"authority": {"account": {"homePage": HOME_PAGE, "name": "lrs"}}},
    {
        "attachments": [
            {
                "usageType": "http://example.cn/u",
                "display": {"zh": "附件"},
                "contentType": "text/plain",
                "length": 3,
                "sha2": "a" * 64,
            }
        ]
    },
]


def test_what_the_specification_allows(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", *(statement(i, **change) for i, change in enumerate(VALID)))
    found = rows_of(path, tmp_path)
    assert [row["row_fault"] for row in found] == [None] * len(VALID)
    assert [row["object_id"] for row in found[:4]] == ["act:1", "Agent", f"urn:uuid:{identity(7)}", "act:2"]
    assert found[4]["duration_s"] == "604800.00"
    assert found[7]["occurred_at"] == "2024-09-02T08:30:00Z"


ACCOUNT = {"homePage": HOME_PAGE, "name": "u1"}
DEEP = '{"id":' + "[" * 40 + "]" * 40 + "}"
INVALID: list[tuple[str, Any]] = [
    ("not_json", '{"id": 1'),
    ("not_json", "[1, 2]"),
    ("not_json", "7"),
    ("not_json", json.dumps(statement())[:-1] + ",}"),
    ("not_json", json.dumps(statement(result={"score": {"scaled": float("nan")}}))),
    ("not_json", json.dumps(statement(actor={"account": {"homePage": HOME_PAGE, "name": "a\0b"}}))),
    ("too_deep", DEEP),
    ("too_deep", '{"id":' + "[" * 40),
    ("property_unknown", statement(more=1)),
    ("property_unknown", json.dumps(statement())[:-1] + f', "id": "{identity(5)}"}}'),
    ("property_unknown", json.dumps(statement())[:-1] + ', "stored": null}'),
    ("id_invalid", statement(id=None)),
    ("id_invalid", statement(id="1234")),
    ("id_invalid", statement(id=7)),
    ("actor_invalid", statement(actor=None)),
    ("actor_invalid", statement(actor={"name": "王"})),
    ("actor_invalid", statement(actor={"account": ACCOUNT, "mbox": "mailto:wang@example.cn"})),
    ("actor_invalid", statement(actor={"account": {"homePage": HOME_PAGE}})),
    ("actor_invalid", statement(actor={"account": {"homePage": "xuexi", "name": "u"}})),
    ("actor_invalid", statement(actor={"account": {"homePage": HOME_PAGE, "name": 7}})),
    ("actor_invalid", statement(actor={"mbox": "wang@example.cn"})),
    ("actor_invalid", statement(actor={"mbox_sha1sum": "abc"})),
    ("actor_invalid", statement(actor={"openid": "w"})),
    ("actor_invalid", statement(actor={"objectType": "Person", "account": ACCOUNT})),
    ("actor_invalid", statement(actor={"account": ACCOUNT, "email": "x"})),
    ("actor_invalid", statement(actor={"account": ACCOUNT, "member": []})),
    ("actor_invalid", statement(actor={"objectType": "Group"})),
    ("actor_invalid", statement(actor={"objectType": "Group", "account": ACCOUNT, "member": [{"name": "x"}]})),
    ("actor_anonymous", statement(actor={"objectType": "Group", "member": [{"account": ACCOUNT}]})),
    ("verb_invalid", statement(verb=None)),
    ("verb_invalid", statement(verb={"id": "completed"})),
    ("verb_invalid", statement(verb={"id": "http://example.cn/v", "display": "完成"})),
    ("object_invalid", statement(object=None)),
    ("object_invalid", statement(object={"id": "activity 12"})),
    ("object_invalid", statement(object={"objectType": "Course", "id": "act:1"})),
    ("object_invalid", statement(object={"objectType": "Agent", "name": "x"})),
    ("object_invalid", statement(object={"objectType": "StatementRef", "id": "act:1"})),
    ("object_invalid", statement(object={"objectType": "SubStatement", "id": identity(3)})),
    ("object_invalid", statement(object={"id": "act:1", "definition": {"type": "lesson"}})),
    ("object_invalid", statement(verb={"id": VOIDED})),
    ("result_invalid", statement(result={"score": {"scaled": 1.01}})),
    ("result_invalid", statement(result={"score": {"scaled": "0.5"}})),
    ("result_invalid", statement(result={"score": {"raw": 101, "min": 0, "max": 100}})),
    ("result_invalid", statement(result={"score": {"raw": -1, "min": 0}})),
    ("result_invalid", statement(result={"score": {"min": 5, "max": 5}})),
    ("result_invalid", statement(result={"success": "true"})),
    ("result_invalid", statement(result={"completion": 1})),
    ("result_invalid", statement(result={"duration": "90"})),
    ("result_invalid", statement(result={"duration": "PT"})),
    ("result_invalid", statement(result={"extensions": {"x": 1}})),
    ("context_invalid", statement(context={"registration": "7"})),
    ("context_invalid", statement(context={"contextActivities": {"course": []}})),
    ("context_invalid", statement(context={"contextActivities": {"grouping": [{"id": "x"}]}})),
    ("context_invalid", statement(context={"team": {"account": ACCOUNT}})),
    (
        "context_invalid",
        statement(object={"objectType": "StatementRef", "id": identity(3)}, context={"platform": "某平台"}),
    ),
    ("timestamp_invalid", statement(timestamp="2024-09-02")),
    ("timestamp_invalid", statement(timestamp="2024-09-02T08:30:00")),
    ("timestamp_invalid", statement(timestamp="2024-02-30T08:30:00Z")),
    ("timestamp_invalid", statement(timestamp="2024-09-02T08:30:00-00:00")),
    ("version_invalid", statement(version="2.0.0")),
    ("version_invalid", statement(version=1.0)),
    ("authority_invalid", statement(authority={"name": "x"})),
    ("attachment_invalid", statement(attachments=[{"usageType": "http://example.cn/u"}])),
]


def test_each_departure_is_the_finding_of_its_statement_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", statement(1), *(text for _, text in INVALID), statement(2))
    expected = [None, *(f"statement_{reason}" for reason, _ in INVALID), None]
    assert faults(path, tmp_path) == list(enumerate(expected, 1))


def test_the_three_forms_of_a_file_give_the_same_rows(tmp_path: Path) -> None:
    every = [statement(1), statement(2, id="x"), statement(3)]
    lines = rows_of(write(tmp_path / "a.jsonl", *every), tmp_path)
    for name, text in (
        ("b.json", json.dumps(every)),
        ("c.json", json.dumps(every, indent=2)),
        ("d.json", json.dumps({"statements": every, "more": ""})),
        ("e.json", json.dumps({"statements": every}, indent=1)),
    ):
        assert rows_of(write(tmp_path / name, text), tmp_path) == lines
    assert rows_of(write(tmp_path / "f.json", json.dumps(statement(1), indent=2)), tmp_path) == lines[:1]


def test_lines_keep_their_numbers_and_blank_ones_are_none(tmp_path: Path) -> None:
    path = tmp_path / "s.ndjson"
    texts = [json.dumps(statement(1)), "", " \t", json.dumps(statement(2)), "{"]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(texts).encode())
    assert faults(path, tmp_path) == [(1, None), (4, None), (5, "statement_not_json")]


def test_a_line_in_another_encoding_is_quarantined_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_bytes(json.dumps(statement(1)).encode() + b'\n{"id": "\xcd\xf5"}\n' + json.dumps(statement(2)).encode())
    assert faults(path, tmp_path) == [(1, None), (2, "statement_not_json"), (3, None)]


def refused(content: bytes, tmp_path: Path, dataset: str = "learning_event") -> str:
    path = tmp_path / "s.json"
    path.write_bytes(content)
    with connect() as connection, pytest.raises(RejectedFileError) as caught:
        read(discover(path)[0], get_contract(dataset), None, connection, tmp_path, "raw")
    return caught.value.reason_code


def test_files_that_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = json.dumps(statement()).encode()
    assert refused(b"", tmp_path) == "file_empty"
    assert refused(b"[]", tmp_path) == "file_empty"
    assert refused(b'{"statements": []}', tmp_path) == "file_empty"
    assert refused(gzip.compress(whole), tmp_path) == "format_unknown"
    assert refused(whole + b"\n" + b" " * 9000 + b"\0", tmp_path) == "file_unsafe"
    assert refused(b"[\n" + whole[:-1] + b"\n]", tmp_path) == "file_unreadable"
    assert refused(b'{"a":\n' * 50_000 + b"1" + b"}\n" * 50_000, tmp_path) == "file_unsafe"
    assert refused(whole, tmp_path, "student") == "format_unknown"
    giant = b'{"id": "' + b"x" * (xapi.LINE_BYTES_MAXIMUM + 1) + b'"}'
    assert refused(whole + b"\n" + giant, tmp_path) == "file_too_large"
    monkeypatch.setattr(xapi, "FILE_BYTES_MAXIMUM", len(whole))
    assert refused(whole + b"\n", tmp_path) == "file_too_large"


def test_a_document_beyond_its_bound_is_refused_in_whatever_layout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    several = [statement(n) for n in range(1, 20)]
    monkeypatch.setattr(xapi, "DOCUMENT_BYTES_MAXIMUM", 4_000)
    for layout in (None, 1):
        assert refused(json.dumps(several, indent=layout).encode(), tmp_path) == "file_too_large"
        assert refused(json.dumps({"statements": several}, indent=layout).encode(), tmp_path) == "file_too_large"
    lines = "\n".join(json.dumps(one) for one in several)
    (tmp_path / "s.jsonl").write_text(lines)
    assert len(rows_of(tmp_path / "s.jsonl", tmp_path)) == 19


def test_a_document_for_which_memory_is_too_small_is_no_fault_of_the_file(
    edu_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is recorded of it, so that the same bytes land once the limit is higher."""
    document = [statement(n) for n in range(1, 12_001)]
    (tmp_path / "s.json").write_text(json.dumps(document))
    with monkeypatch.context() as patch:
        patch.setenv("EDU_LANDING_MEMORY_LIMIT", "24MB")
        get_settings.cache_clear()
        with pytest.raises(LandingMemoryError):
            collect([tmp_path / "s.json"], home=edu_home, options=OPTIONS)
    get_settings.cache_clear()
    assert duckdb.execute(f"select * from read_parquet('{edu_home.runs}/submission/*.parquet')").fetchall() == []
    [receipt] = collect([tmp_path / "s.json"], home=edu_home, options=OPTIONS).receipts
    assert (receipt.status, receipt.rows_accepted) == ("accepted", 12_000)


def test_deep_lines_cost_nothing(tmp_path: Path) -> None:
    deep = '{"a":' * 40_000 + "1" + "}" * 40_000
    wide = statement(1, context={"extensions": {"http://example.cn/x": [{}] * 5_000}})
    nested = statement(2, context={"extensions": {"http://example.cn/x": json.loads("[" * 27 + "]" * 27)}})
    path = write(tmp_path / "s.jsonl", wide, nested, deep)
    assert faults(path, tmp_path) == [(1, None), (2, None), (3, "statement_too_deep")]


def test_a_receipt_a_statement(edu_home: Home, tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", statement(1), statement(2, version="2.0.0"), "{", statement(4, timestamp=None))
    receipt = land(edu_home, path).receipts[0]
    assert (receipt.status, receipt.rows_read, receipt.rows_accepted) == ("partly_accepted", 4, 1)
    assert sorted(query(edu_home, "runs/finding", "row_number, field, reason_code, severity")) == [
        (2, None, "statement_version_invalid", "quarantine"),
        (3, None, "statement_not_json", "quarantine"),
        (4, "occurred_at", "value_missing", "quarantine"),
    ]
    (name,) = edu_home.outbox.glob("421002/*.statements.jsonl")
    assert name.stat().st_mode & 0o777 == 0o600
    assert [json.loads(line) for line in name.read_text().splitlines()] == [
        {"row_number": 1, "statement_id": identity(1), "status": "accepted", "reason_code": None},
        {"row_number": 2, "statement_id": None, "status": "quarantined", "reason_code": "statement_version_invalid"},
        {"row_number": 3, "statement_id": None, "status": "quarantined", "reason_code": "statement_not_json"},
        {"row_number": 4, "statement_id": identity(4), "status": "quarantined", "reason_code": "value_missing"},
    ]


def test_values_in_the_lake(edu_home: Home, tmp_path: Path) -> None:
    voiding = statement(2, verb={"id": VOIDED}, object={"objectType": "StatementRef", "id": identity(1).upper()})
    land(edu_home, write(tmp_path / "s.jsonl", statement(1), voiding))
    names = "row_key, actor_home_page, cast(occurred_at as varchar), cast(score_scaled as varchar), is_success"
    names += ", is_completed, cast(duration_s as varchar), voided_statement_id, actor_key"
    rows = sorted(query(edu_home, "lake/learning_event", names))
    people = pa.array([f"{HOME_PAGE}/u1", f"{HOME_PAGE}/u2"])
    keys = pseudonyms(load_key(edu_home), "xapi@homePage", people).to_pylist()
    expected = (HOME_PAGE, "2024-09-02 08:30:00", "0.8500", True, False, "90.50")
    assert rows == [(identity(1), *expected, None, keys[0]), (identity(2), *expected, identity(1), keys[1])]


def test_one_id_is_one_row(edu_home: Home, tmp_path: Path) -> None:
    changed = statement(2, verb={"id": "http://adlnet.gov/expapi/verbs/failed"})
    lines = [statement(1), statement(2), statement(1, id=identity(1).upper()), changed]
    path = write(tmp_path / "s.jsonl", *lines)
    land(edu_home, path)
    assert sorted(query(edu_home, "runs/finding", "row_number, reason_code, severity")) == [
        (3, "duplicate_row", "fix"),
        (4, "statement_changed", "warn"),
    ]
    assert [receipt.status for receipt in land(edu_home, path).receipts] == ["ignored"]
    land(edu_home, write(tmp_path / "t.jsonl", *lines[:2], statement(3)))
    assert query(edu_home, "lake/learning_event", "count(distinct row_key)") == [(3,)]


SECRETS = ("赵钱孙", "zhaoqiansun@example.cn", "sun-openid", "sun-account", "李家教")


def test_no_person_leaves_the_vault(edu_home: Home, tmp_path: Path) -> None:
    name, mailbox, openid, account, teacher = SECRETS
    actors = [
        {"name": name, "mbox": f"mailto:{mailbox}"},
        {"name": name, "openid": f"https://id.example.cn/{openid}"},
        {"name": name, "account": {"homePage": HOME_PAGE, "name": account}},
        {"objectType": "Group", "member": [{"name": name, "mbox": f"mailto:{mailbox}"}]},
        {"name": name, "mbox": f"mailto:{mailbox}", "openid": f"https://id.example.cn/{openid}"},
    ]
    lines = [statement(i, actor=actor) for i, actor in enumerate(actors)]
    lines += [statement(8, object={"objectType": "Agent", "name": teacher, "mbox": f"mailto:{mailbox}"})]
    lines += [statement(9, context={"instructor": {"name": teacher, "mbox": f"mailto:{mailbox}"}}, id=mailbox)]
    result = land(edu_home, write(tmp_path / "s.jsonl", *lines))
    assert result.receipts[0].rows_accepted == 4
    told = result.to_json()
    for path in edu_home.root.rglob("*.parquet"):
        # What lies in the vault or is encrypted for the steward is told apart below: it cannot be read here.
        if "vault" not in path.parts and "quarantine" not in path.parts:
            told += str(duckdb.execute(f"select * from read_parquet('{path}')").fetchall())
    for path in edu_home.root.rglob("*"):
        if path.is_file() and path.suffix in (".json", ".jsonl", ".log"):
            told += path.read_text(encoding="utf-8")
        if path.is_file() and "quarantine" in path.parts:
            assert not any(secret.encode() in path.read_bytes() for secret in SECRETS)
    assert not [secret for secret in SECRETS if secret in told]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
PATHS = [(key,) for key in statement()] + [
    *(("actor", "account"), ("actor", "mbox"), ("object", "definition"), ("object", "objectType"), ("verb", "display")),
    *(("result", "score"), ("result", "duration"), ("context", "contextActivities"), ("context", "team"), ("more",)),
]


def _changed(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    whole = statement()
    place = whole
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return whole


LINES = st.lists(
    VALUES.map(json.dumps)
    | st.builds(lambda path, value: json.dumps(_changed(path, value)), st.sampled_from(PATHS), VALUES)
    | st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=("Cs",)), min_size=1, max_size=20).filter(
        lambda text: text.strip(" \t") != ""
    ),
    max_size=12,
)


@given(lines=LINES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_lines_are_each_is_a_row(tmp_path: Path, lines: list[str]) -> None:
    path = write(tmp_path / "s.jsonl", statement(), *lines)
    found = faults(path, tmp_path)
    assert [number for number, _ in found] == list(range(1, len(lines) + 2))
    assert found[0] == (1, None)


@given(content=st.binary(max_size=60), opening=st.sampled_from([b"", b"{", b"[", b'{"', b"[{", b'{"a":1}\n']))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bytes_are_read_or_refused(tmp_path: Path, content: bytes, opening: bytes) -> None:
    path = tmp_path / "s.json"
    path.write_bytes(opening + content)
    with connect() as connection:
        try:
            result = read(discover(path)[0], CONTRACT, None, connection, tmp_path, "raw")
        except RejectedFileError:
            return
        connection.execute(f"select * from ({result.tables[0].relation})").fetchall()
