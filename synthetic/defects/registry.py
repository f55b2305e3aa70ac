"""Defects of schools and their figures that show only beside other datasets or editions (classes 27, 37, 51)."""

from __future__ import annotations

from edu.codes import seed_rows
from synthetic.defects.linking import CASE
from synthetic.defects.plan import CellEdit, RowClass, Scene

PRIMARY_KINDS = ("211", "218")
NINE_YEARS = "312"


def older_township(_: Scene, row: dict[str, object], __: int) -> CellEdit | None:
    """The township's code of an older edition, in which its county had another one."""
    listed = seed_rows("township")
    newest = max(item["edition"] for item in listed)
    name = next(
        (i["township_name"] for i in listed if i["edition"] == newest and i["township_code"] == row["township_code"]),
        None,
    )
    counties = {
        r["division_code"] for r in seed_rows("division_succession") if r["successor_code"] == row["division_code"]
    }
    older = next(
        (i["township_code"] for i in listed if i["division_code"] in counties and i["township_name"] == name), None
    )
    if older is None:
        return None
    return CellEdit(27, 0, "township_code", older, "computed", expected_in="storage.dim_township")


def other_class_sum(_: Scene, row: dict[str, object], number: int) -> CellEdit:
    """A class that reports another number of pupils than the roll has."""
    reported = int(str(row["reported_pupils"])) + 1 + number % 3
    return CellEdit(37, 0, "reported_pupils", str(reported), "compared", expected_in="management.reconciliation")


def stage_without_pupils(scene: Scene, row: dict[str, object], _: int) -> CellEdit | None:
    """A primary school that is registered as one of nine years: its junior stage has nobody."""
    if not scene.file.period.endswith("/1") or row["school_kind_code"] not in PRIMARY_KINDS:
        return None
    # The roll of a school that sends workbooks may be refused as a whole.
    if str(row["school_code"]) in scene.world.workbook_senders:
        return None
    return CellEdit(
        51,
        0,
        "school_kind_code",
        NINE_YEARS,
        "case",
        expected_in=CASE,
        reported={"school_kind_code": NINE_YEARS},
    )


REGISTRY_CLASSES = (
    RowClass(51, ("school",), stage_without_pupils, is_rare=True),
    RowClass(27, ("school",), older_township, is_rare=True),
    RowClass(37, ("class",), other_class_sum, compared_with="student"),
)
