"""Contracts: what is wrong is refused, and what is generated is what is committed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from edu.codes import code_sets, grades, seed_rows, spellings
from edu.contract import CONTRACT_DIR, contracts, get_contract, read_contract
from edu.dictionary import generated_files
from edu.errors import ContractError, UnknownDatasetError
from ingest.checks import KINDS
from ingest.messages import reasons

DATASETS = [
    "assessment",
    "base_table_figure",
    "campus_facility",
    "class",
    "credit_evaluation",
    "digital_campus",
    "digital_resource",
    "elective_choice",
    "finance",
    "fitness",
    "graduate_outcome",
    "learning_activity_daily",
    "learning_event",
    "lifelong_learner",
    "plan_indicator",
    "population",
    "private_inspection",
    "resource_usage",
    "school",
    "school_group",
    "sports_programme",
    "staff",
    "staff_post",
    "staff_rotation",
    "staff_training",
    "student",
    "student_event",
    "student_support",
    "vision",
    "vocational_cooperation",
]


def test_all_datasets_are_there() -> None:
    assert list(contracts()) == DATASETS


def test_generated_files_are_committed() -> None:
    files = generated_files()
    assert len(files) == 3 + 2 * len(DATASETS)
    assert [path.name for path, text in files.items() if path.read_text(encoding="utf-8") != text] == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"colour": "red"}, "colour"),
        ({"evidence": [["nothing"]]}, "nothing"),
        ({"fields": [{"name": "a", "label": "甲", "type": "code", "description": "x"}]}, "code_set"),
        ({"fields": [{"name": "a", "label": "甲", "type": "private", "description": "x"}]}, "privacy"),
    ],
)
def test_a_wrong_contract_is_refused(tmp_path: Path, change: dict[str, object], problem: str) -> None:
    content = yaml.safe_load((CONTRACT_DIR / "class.yml").read_text(encoding="utf-8"))
    path = tmp_path / "class.yml"
    path.write_text(yaml.safe_dump({**content, **change}, allow_unicode=True), encoding="utf-8")
    with pytest.raises(ContractError, match=problem):
        read_contract(path)


def test_an_unknown_dataset_names_the_known() -> None:
    with pytest.raises(UnknownDatasetError, match="student_event"):
        get_contract("weather")


def test_no_identifier_reaches_the_lake() -> None:
    for contract in contracts().values():
        names = set(contract.lake_schema().names)
        for field in contract.fields:
            if field.privacy == "identifier":
                assert field.name not in names


def test_code_sets_and_rules_exist() -> None:
    for contract in contracts().values():
        for field in contract.fields:
            assert field.code_set is None or field.code_set in code_sets()
        for rule in contract.rules:
            assert rule.kind in KINDS
            assert rule.reason_code in reasons()


def test_an_alias_is_never_a_label_or_code_of_its_set() -> None:
    for row in seed_rows("code_alias"):
        codes = code_sets()[row["code_set"]]
        assert row["code"] in codes
        assert row["alias"] not in codes.values()
        assert row["alias"] not in codes
    assert spellings("GRADE")["初一"] == "21"


def test_grades_are_the_code_set() -> None:
    assert {code: grade.grade_name for code, grade in grades().items()} == code_sets()["GRADE"]


def test_every_class_of_the_catalogue_has_its_place() -> None:
    """All 58 classes are described, and each has a reason code unless the warehouse or an export deals with it."""
    classes = {int(row["class_no"]): row for row in seed_rows("defect_class")}
    assert sorted(classes) == list(range(1, 59))
    with_reason = {int(row["class_no"]) for row in seed_rows("reason_code") if row["class_no"]}
    in_files = {number for number, row in classes.items() if row["handled_in"] == "collection.finding"}
    assert in_files <= with_reason
    assert with_reason <= set(classes)
