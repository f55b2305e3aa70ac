"""The ledger of opinions: what is recorded, what counts, what is refused."""

from __future__ import annotations

from datetime import datetime

import pytest

from edu.codes import seed_rows
from edu.paths import Home
from warehouse.plan import PlanOpinionError, add, opinions, reply

GIVEN = {"plan_code": "plan_14", "evaluation": "mid_term", "office": "公安县教育局", "author": "记录员"}


def test_the_newest_answer_counts_and_the_ledger_keeps_all(edu_home: Home) -> None:
    first = add(edu_home, **GIVEN, indicator_code="large_class_rate", text="请核对班额口径", at=datetime(2024, 1, 5))
    second = add(edu_home, **GIVEN, indicator_code=None, text="建议补充佐证", at=datetime(2024, 1, 6))
    reply(edu_home, first, state="partly_adopted", reason="口径已核", author="规划科", at=datetime(2024, 2, 1))
    reply(edu_home, first, state="adopted", reason="已改正", author="规划科", at=datetime(2024, 3, 1))
    found = opinions(edu_home)
    assert [(row["opinion_id"], row["opinion_state"], row["reply_reason"]) for row in found] == [
        (first, "adopted", "已改正"),
        (second, "open", None),
    ]
    assert len(list((edu_home.runs / "plan_opinion").glob("[0-9]*.parquet"))) == 4


@pytest.mark.parametrize(
    "change",
    [{"evaluation": "yearly"}, {"indicator_code": "unknown_rate"}, {"office": " "}, {"text": ""}, {"author": ""}],
)
def test_what_cannot_be_recorded_is_refused(edu_home: Home, change: dict[str, str]) -> None:
    with pytest.raises(PlanOpinionError):
        add(edu_home, **{**GIVEN, "indicator_code": None, "text": "意见", **change})
    assert opinions(edu_home) == []


def test_an_answer_needs_an_opinion_a_state_and_a_reason(edu_home: Home) -> None:
    identity = add(edu_home, **GIVEN, indicator_code=None, text="意见")
    for arguments in (
        {"opinion_id": "o0", "state": "adopted", "reason": "理由"},
        {"opinion_id": identity, "state": "open", "reason": "理由"},
        {"opinion_id": identity, "state": "adopted", "reason": ""},
    ):
        with pytest.raises(PlanOpinionError):
            reply(edu_home, **arguments, author="规划科")
    assert [row["opinion_state"] for row in opinions(edu_home)] == ["open"]


def test_every_mapped_indicator_is_in_both_registries() -> None:
    plan = {row["indicator_code"] for row in seed_rows("plan_registry")}
    platform = {row["indicator_code"] for row in seed_rows("indicator")}
    for row in seed_rows("plan_indicator_map"):
        assert row["indicator_code"] in plan, row
        assert row["platform_indicator"] in platform, row
