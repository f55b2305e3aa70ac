"""Cases: what a person has to decide. Lists them, records decisions, exports a school's own with names.

A decision is input data: one record under `runs/decision/` with author, reason and time. Models honour it in every
later build, and `case_id` is made of what the case is about, so the decision finds its case again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import xlsxwriter

from edu import audit, runs
from edu.clock import now
from edu.errors import EduError, ExitCode
from edu.paths import PRIVATE_DIR_MODE, Home
from edu.pseudonym import load_key
from edu.rejoin import names_of_rows
from warehouse import built

PERSON_KINDS = ("dual_enrolment", "transfer_in_flight", "graduate_not_cleared", "empty_enrolment")
LINKING = ("link", "keep_apart")
JUDGING = ("confirm", "dismiss")
DECISIONS = {
    "identity_collision": LINKING,
    "dual_enrolment": ("effective_school", *JUDGING),
    "staff_two_posts": ("effective_school", *JUDGING),
}
"""Decisions that a kind of case allows besides reopen; every other kind allows confirm and dismiss."""
KIND_NAMES = {
    "identity_collision": "证件冲突",
    "dual_enrolment": "双重学籍",
    "empty_enrolment": "疑似空挂学籍",
    "transfer_in_flight": "转学在途",
    "graduate_not_cleared": "毕业未清",
    "school_alias": "校名不一致",
    "staff_two_posts": "一人两岗",
    "unknown_school": "学校未登记",
    "two_submitters": "两个单位报送",
    "school_without_pupils": "学段无在校生",
    "snapshot_off_calendar": "时点不符",
}
LIST_COLUMNS = (
    "case_id, case_kind, dataset, school_code, period, last_period, subject_key, schools, detail_zh, status, "
    "opened_on, days_open, decision, decided_by, decided_on"
)
PREFIX_MINIMUM = 6
SCHOOL_CODE_WIDTH = 10
HEADINGS = ("个案编号", "类型", "学年学期", "姓名", "班号", "说明", "立案日期", "未结天数", "处理意见", "理由")


class CaseNotFoundError(EduError):
    """No case has this id, or several begin with it."""

    exit_code = ExitCode.USAGE

    def __init__(self, case_id: str, found: int) -> None:
        what = "no case has this id" if not found else f"{found} cases begin with this"
        super().__init__(f"case {case_id}: {what}; edu cases list shows them.")


class DecisionError(EduError):
    """A decision that its case does not allow, or that lacks what it needs."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True)
class Export:
    """A file of cases for one organisation."""

    path: Path
    cases: int
    names: int


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
    return list(connection.execute(sql, list(values)).to_arrow_table().to_pylist())


def list_cases(
    home: Home, *, kind: str | None = None, org: str | None = None, status: str | None = "open"
) -> list[dict[str, Any]]:
    """Return cases, oldest first; `org` is a school code or the division code of a managing organisation."""
    conditions, values = ["true"], []
    for column, value in (("case_kind", kind), ("status", status)):
        if value:
            conditions.append(f"{column} = ?")
            values.append(value)
    if org:
        conditions.append(
            "case_id in (select case_id from management.case_school where school_code = ? or school_code in "
            "(select school_code from storage.dim_school where managing_org = ?))"
        )
        values += [org, org]
    with built.opened(home) as connection:
        return _rows(
            connection,
            f'select {LIST_COLUMNS} from management."case" where {" and ".join(conditions)} '
            "order by opened_on, case_kind, case_id",
            values,
        )


def show_case(home: Home, case_id: str) -> dict[str, Any]:
    """Return one case with its places and its decisions; the first characters of the id are enough.

    Raises:
        CaseNotFoundError: none or several match.
    """
    with built.opened(home) as connection:
        found = (
            _rows(connection, f'select {LIST_COLUMNS} from management."case" where starts_with(case_id, ?)', [case_id])
            if len(case_id) >= PREFIX_MINIMUM
            else []
        )
        if len(found) != 1:
            raise CaseNotFoundError(case_id, len(found))
        case = found[0]
        case["places"] = _rows(
            connection,
            "select dataset, school_code, period, opened_on, detail_zh from management.case_school where case_id = ? "
            "order by period, school_code",
            [case["case_id"]],
        )
    case["decisions"] = _decisions(home, case["case_id"])
    return case


def _decisions(home: Home, case_id: str) -> list[dict[str, Any]]:
    runs.ensure_empty(home)
    with duckdb.connect() as connection:
        return _rows(
            connection,
            "select decision_id, decision, other_key, school_id, author, reason, recorded_at "
            f"from read_parquet('{home.runs}/decision/*.parquet') where case_id = ? order by recorded_at, decision_id",
            [case_id],
        )


def newest_decision(home: Home, case_id: str) -> str | None:
    """Return the decision of a case that was recorded last, whether a build honoured it yet or not; null where none was."""
    recorded = _decisions(home, case_id)
    return str(recorded[-1]["decision"]) if recorded else None


def decide(
    home: Home,
    case_id: str,
    decision: str,
    *,
    author: str,
    reason: str,
    school: str | None = None,
    other_key: str | None = None,
    at: datetime | None = None,
) -> str:
    """Record a decision on a case; return its id. The next build honours it.

    Args:
        home: the installation.
        case_id: the case, or the first characters of its id.
        decision: link, keep_apart, effective_school, confirm, dismiss or reopen, as the kind of case allows.
        author: who decides.
        reason: why; no personal value.
        school: school code that counts, of effective_school.
        other_key: the key that a link joins or keep_apart separates, where the case has several.
        at: when the decision became usable; default is now.

    Raises:
        CaseNotFoundError, DecisionError: see there; a second key that the case does not concern is refused.
        AuditReasonError, AuditValueError: author or reason is empty or holds an identifier; nothing is recorded.
    """
    case = show_case(home, case_id)
    allowed = (*DECISIONS.get(case["case_kind"], JUDGING), "reopen")
    if decision not in allowed:
        raise DecisionError(f"case {case['case_id'][:12]} ({case['case_kind']}) allows {', '.join(allowed)}.")
    if (decision == "effective_school") != bool(school):
        raise DecisionError("effective_school needs --school, the code of the school that counts; others take none.")
    if other_key is not None:
        if decision not in LINKING:
            raise DecisionError("--with goes with link and keep_apart only; other decisions take no second key.")
        _check_other_key(home, case, other_key)
    school_id = _school_of_case(home, case, school) if school else None
    recorded_at = at or now()
    text = "\x1f".join([case["case_id"], decision, author, reason, str(school_id), str(other_key), str(recorded_at)])
    decision_id = "d" + hashlib.sha256(text.encode()).hexdigest()[:31]
    details = {"decision": decision, "kind": case["case_kind"]} | ({"other_key": other_key} if other_key else {})
    audit.append(home, "cases.decide", author, reason, case["case_id"], details)
    runs.append(
        home,
        "decision",
        decision_id,
        [
            {
                "decision_id": decision_id,
                "case_id": case["case_id"],
                "case_kind": case["case_kind"],
                "decision": decision,
                "subject_key": case["subject_key"],
                "other_key": other_key,
                "school_id": school_id,
                "author": author,
                "reason": reason,
                "recorded_at": recorded_at,
            }
        ],
    )
    return decision_id


_IS_NEAR = """
    with near as (
        select number_key as near_key from storage.map_key_pair where evidence_key = $subject
        union
        select evidence_key from storage.map_key_pair where number_key = $subject
        union
        select 'xjh:' || right_key from collection.link_evidence where 'xjh:' || left_key = $subject
        union
        select 'xjh:' || left_key from collection.link_evidence where 'xjh:' || right_key = $subject
    )
    select count(*) from near inner join storage.map_person as person on person.evidence_key = near.near_key
    where near.near_key = $other
"""


def _check_other_key(home: Home, case: dict[str, Any], other_key: str) -> None:
    """Refuse a second key that the case is not about: one that no evidence ties to the case's own key at one step.

    Raises:
        DecisionError: it is another's key, or none at all; what was given is not repeated, for it may be a number.
    """
    with built.opened(home) as connection:
        found = connection.execute(_IS_NEAR, {"subject": case["subject_key"], "other": other_key}).fetchone()
    if not found or not found[0]:
        raise DecisionError(
            f"--with is no key that case {case['case_id'][:12]} concerns. Name a pseudonym (such as cn_id:…) that was "
            "seen with the case's subject_key; without --with the decision holds for all of them."
        )


def _school_of_case(home: Home, case: dict[str, Any], school_code: str) -> str:
    if school_code not in {place["school_code"] for place in case["places"]}:
        raise DecisionError(f"school {school_code} is not one that case {case['case_id'][:12]} concerns.")
    with built.opened(home) as connection:
        found = connection.execute(
            "select distinct school_id from storage.dim_school where school_code = ? order by 1", [school_code]
        ).fetchall()
    return str(found[0][0])


_PLACES_OF_PEOPLE = """
    select concerned.case_id, concerned.period, concerned.school_code, lake.submission_id, lake.sheet, lake.row_number,
        {class_code} as class_code
    from concerned
    inner join storage.dim_school as school
        on school.school_code = concerned.school_code and school.period = concerned.period
    inner join storage.{fact} as fact
        on fact.person_id = concerned.subject_key and fact.school_id = school.school_id and fact.period = school.period
    inner join collection.{dataset} as lake
        on lake.school_code = concerned.school_code and lake.period = concerned.period and lake.row_key = fact.row_key
    where concerned.dataset = '{dataset}'
"""
_PLACES_OF_KEYS = """
    select concerned.case_id, concerned.period, concerned.school_code, lake.submission_id, lake.sheet, lake.row_number,
        {class_code}
    from concerned
    inner join collection.{dataset} as lake
        on lake.school_code = concerned.school_code and lake.period = concerned.period
        and concerned.subject_key in ('{namespace}:' || lake.{key}, 'passport:' || lake.id_number_key)
    where concerned.dataset = '{dataset}' and concerned.case_kind = 'identity_collision'
"""


def export_cases(home: Home, org: str, *, author: str, reason: str, today: date | None = None) -> Export:
    """Write an organisation's open cases as a workbook into its outbox folder, mode 0600.

    A school gets the names of its own rows, out of the vault and into the audit log; a bureau gets no name.

    Raises:
        AuditReasonError: author or reason is empty.
        WarehouseError: nothing was built.
    """
    cases = list_cases(home, org=org)
    is_school = len(org) == SCHOOL_CODE_WIDTH
    audit.append(
        home, "cases.export", author, reason, org, {"cases": len(cases), "with_names": is_school and bool(cases)}
    )
    people = _people(home, org, [case["case_id"] for case in cases]) if is_school and cases else {}
    folder = home.outbox / org
    folder.mkdir(mode=PRIVATE_DIR_MODE, parents=True, exist_ok=True)
    path = folder / f"cases_{(today or now().date()).isoformat()}.xlsx"
    named = _write_workbook(path, cases, people)
    path.chmod(0o600)
    return Export(path, len(cases), named)


def _people(home: Home, school_code: str, case_ids: list[str]) -> dict[str, list[tuple[str, str]]]:
    """Return (name, class) of the people of each case in one school's own rows."""
    parts = []
    for dataset, fact, namespace, key, class_code in (
        ("student", "fct_enrolment_snapshot", "xjh", "xjh_key", "lake.class_code"),
        ("staff", "fct_staff_snapshot", "gh@school", "staff_no_key", "cast(null as varchar)"),
    ):
        words = {"dataset": dataset, "fact": fact, "namespace": namespace, "key": key, "class_code": class_code}
        parts += [_PLACES_OF_PEOPLE.format(**words), _PLACES_OF_KEYS.format(**words)]
    with built.opened(home) as connection:
        places = connection.execute(
            "with concerned as (select case_id, case_kind, subject_key, dataset, school_code, period "
            "from management.case_school where school_code = ? and case_id in (select unnest(?))) "
            f"select distinct * from ({' union all '.join(parts)}) order by all",
            [school_code, case_ids],
        ).to_arrow_table()
    names = names_of_rows(home, load_key(home), places.select(["submission_id", "sheet", "row_number"]))
    people: dict[str, list[tuple[str, str]]] = {}
    for row in places.to_pylist():
        name = names.get((row["submission_id"], row["sheet"], row["row_number"]))
        entry = (name or "", row["class_code"] or "")
        if name and entry not in people.setdefault(row["case_id"], []):
            people[row["case_id"]].append(entry)
    return people


def _write_workbook(path: Path, cases: list[dict[str, Any]], people: dict[str, list[tuple[str, str]]]) -> int:
    """Write one row a case and person as typed text; return how many names stand in it."""
    book = xlsxwriter.Workbook(str(path), {"strings_to_numbers": False, "strings_to_formulas": False})
    page = book.add_worksheet("待处理个案")
    bold = book.add_format({"bold": True, "border": 1})
    for column, heading in enumerate(HEADINGS):
        page.write_string(0, column, heading, bold)
    line = named = 0
    for case in cases:
        for name, class_code in people.get(case["case_id"], [("", "")]):
            line += 1
            named += bool(name)
            texts = (
                case["case_id"],
                KIND_NAMES.get(case["case_kind"], case["case_kind"]),
                case["period"] or "",
                name,
                class_code,
                case["detail_zh"],
                str(case["opened_on"] or ""),
                str(case["days_open"] if case["days_open"] is not None else ""),
            )
            for column, text in enumerate(texts):
                page.write_string(line, column, text)
    page.set_column(0, 0, 34)
    page.set_column(5, 5, 60)
    book.close()
    return named
