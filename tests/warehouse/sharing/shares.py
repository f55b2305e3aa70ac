"""What the tests of sharing begin with: a few schools, and requests."""

from __future__ import annotations

from datetime import date
from typing import Any

from edu.paths import Home
from warehouse.sharing.requests import decide, request

LATER = date(2999, 1, 1)
PUPILS = {
    # (school, grade, sex): pupils; the school's totals are known.
    ("S1000000001", "11", "1"): 3,
    ("S1000000001", "11", "2"): 20,
    ("S1000000001", "12", "1"): 9,
    ("S1000000002", "11", "1"): 30,
    ("S1000000002", "11", "2"): 31,
    ("S1000000003", "11", "1"): 40,
}
MANAGED_BY = {"S1000000001": "421002", "S1000000002": "421003", "S1000000003": "421002"}


def ask(
    home: Home,
    item: str = "school_enrolment",
    fields: str = "school_id school_name grade_code sex_code pupils",
    **more: Any,
) -> str:
    given: dict[str, Any] = {
        "receiver": "health_bureau",
        "purpose": "预防接种",
        "expires_on": LATER,
        "requested_by": "甲",
    }
    return request(home, item_id=item, fields=fields.split(), **(given | more))


def approved(home: Home, **more: Any) -> str:
    request_id = ask(home, **more)
    decide(home, request_id, approve=True, decided_by="乙", reason="符合规定")
    return request_id
