"""The ledger of opinions on evaluations of the plan (意见台账): records under `runs/plan_opinion/`, input data of a build.

An opinion is raised once and answered any number of times; the newest record counts. Texts and reasons may name
persons: they stay in the ledger, and no model loads them.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import duckdb

from edu import runs
from edu.clock import now
from edu.codes import seed_rows
from edu.errors import EduError, ExitCode
from edu.paths import Home

STATE_NAMES = {"open": "待办理", "adopted": "采纳", "partly_adopted": "部分采纳", "not_adopted": "未采纳"}


class PlanOpinionError(EduError):
    """The record cannot be made; says what to give."""

    exit_code = ExitCode.USAGE


def add(
    home: Home,
    *,
    plan_code: str,
    evaluation: str,
    office: str,
    indicator_code: str | None,
    text: str,
    author: str,
    at: datetime | None = None,
) -> str:
    """Record an opinion and return its id.

    Raises:
        PlanOpinionError: the evaluation or the indicator is none of the plan's, or office, text or author is missing.
    """
    known = {(row["plan_code"], row["evaluation"]) for row in seed_rows("plan_evaluation")}
    if (plan_code, evaluation) not in known:
        raise PlanOpinionError(f"{plan_code}/{evaluation} is no evaluation of the seed plan_evaluation.")
    indicators = {row["indicator_code"] for row in seed_rows("plan_registry") if row["plan_code"] == plan_code}
    if indicator_code is not None and indicator_code not in indicators:
        raise PlanOpinionError(f"{indicator_code} is no indicator of {plan_code}; see the seed plan_registry.")
    if not (office.strip() and text.strip() and author.strip()):
        raise PlanOpinionError("an opinion needs --office, --text and --by.")
    identity = f"o{uuid.uuid4().hex[:12]}"
    record: dict[str, object] = {
        "opinion_id": identity,
        "plan_code": plan_code,
        "evaluation": evaluation,
        "office": office.strip(),
        "indicator_code": indicator_code,
        "opinion_text": text.strip(),
        "opinion_state": "open",
        "reply_reason": None,
        "author": author.strip(),
    }
    _append(home, record, at)
    return identity


def reply(
    home: Home, opinion_id: str, *, state: str, reason: str, author: str, at: datetime | None = None
) -> dict[str, Any]:
    """Answer an opinion and return the record.

    Raises:
        PlanOpinionError: there is no such opinion, the state is none of an answer, or reason or author is missing.
    """
    if state not in STATE_NAMES or state == "open":
        raise PlanOpinionError("an answer is adopted, partly_adopted or not_adopted.")
    if not (reason.strip() and author.strip()):
        raise PlanOpinionError("an answer needs --reason and --by.")
    found = [row for row in opinions(home) if row["opinion_id"] == opinion_id]
    if not found:
        raise PlanOpinionError(f"there is no opinion {opinion_id}; see edu plan opinion list.")
    record = {**found[0], "opinion_state": state, "reply_reason": reason.strip(), "author": author.strip()}
    _append(home, record, at)
    return record


def opinions(home: Home) -> list[dict[str, Any]]:
    """Return the newest record of each opinion, the oldest opinion first; texts included."""
    pattern = str(home.runs / "plan_opinion" / "*.parquet")
    runs.ensure_empty(home)
    with duckdb.connect() as connection:
        cursor = connection.execute(
            "select * exclude (raised_at, newest_no) from (select *, min(recorded_at) over (partition by opinion_id) "
            "as raised_at, row_number() over (partition by opinion_id order by recorded_at desc, record_id desc) "
            "as newest_no from read_parquet(?)) where newest_no = 1 order by raised_at, opinion_id",
            [pattern],
        )
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _append(home: Home, record: dict[str, Any], at: datetime | None) -> None:
    identity = f"{now():%Y%m%d%H%M%S%f}{uuid.uuid4().hex[:6]}"
    runs.append(home, "plan_opinion", identity, [{**record, "record_id": identity, "recorded_at": at or now()}])
