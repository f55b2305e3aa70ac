"""What a model that is made by parts may read, from the SQL that dbt compiles: of a table that it reads by its own part, no
row of another."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from edu.paths import Home
from edu.runs import ensure_empty

OWN = re.compile(r"reads (\w+) by part of (\w*)$")
THROUGH = re.compile(r"reads (\w+) through (\w+)$")
FILTER = "not in (select kept.part from main.kept_part as kept)"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, str]]:
    """All models by name, and the SQL of those that are made by parts."""
    from warehouse.transform import _invoke

    home = Home(tmp_path_factory.mktemp("dbt")).ensure()
    ensure_empty(home)
    target = home.logs / "dbt" / "target"
    target.parent.mkdir(parents=True)
    _invoke(home, home.warehouse, "all", ["compile", "--select", "config.meta.made_by:school_id"], None)
    nodes = json.loads((target / "manifest.json").read_text(encoding="utf-8"))["nodes"].values()
    models = {node["name"]: node for node in nodes if node["resource_type"] == "model"}
    by_parts = {name: node for name, node in models.items() if node["config"]["meta"].get("made_by")}
    texts = {
        name: (target / "compiled" / "edu" / node["original_file_path"]).read_text(encoding="utf-8")
        for name, node in by_parts.items()
    }
    assert len(texts) >= 7
    return models, texts


def stamped_by(node: dict[str, Any]) -> list[str]:
    """Return the columns by whose values a table has stamps."""
    meta = node["config"]["meta"]
    return [meta["made_by"]] if meta.get("made_by") else list(meta.get("stamped_by", []))


def faults(name: str, models: dict[str, Any], sql: str) -> list[str]:
    """Return what a model that is made by parts reads beyond what its stamps say it reads."""
    found = []
    node = models[name]
    parents = {
        models[parent.split(".")[-1]]["name"] for parent in node["depends_on"]["nodes"] if parent[:6] == "model."
    }
    bare = re.sub(r"\s+", " ", re.sub(r"--[^\n]*", "", sql))
    own = [match.groups() for match in map(OWN.match, node["tags"]) if match]
    through = [match.groups() for match in map(THROUGH.match, node["tags"]) if match]
    whole_parts = {
        tag.split(" of ")[0].removeprefix("reads ") for tag in node["tags"] if re.match(r"reads \w+ of ", tag)
    }
    if not own:
        found.append("reads no part of its own")
    for table, part in own:
        columns = stamped_by(models[table])
        if table not in parents:
            found.append(f"does not read {table}")
        if len(columns) != (2 if part else 1):
            found.append(f"{table} is stamped by {columns}, the part is '{part}'")
            continue
        places = list(re.finditer(re.escape(relation(models[table])), bare))
        for place in places if table not in whole_parts else []:
            # From where the table is named to where its rows are cut, nothing else is read.
            after = bare[place.end() : bare.find(FILTER, place.end()) + len(FILTER)]
            cut = re.fullmatch(
                rf"(?: as (?P<alias>\w+))? where (?P<conditions>[^;]*?)(?:\w+\.)?{columns[-1]} {re.escape(FILTER)}",
                after,
            )
            conditions = cut["conditions"] if cut else ""
            if not cut or re.search(r"\b(from|join|or)\b", conditions):
                found.append(f"reads all of {table}")
            elif part and not re.search(rf"\b{columns[0]} (= '{part}'|in \('{part}'\)) and $", conditions):
                found.append(f"reads {table} beyond {part}")
    for table, other in through:
        if table in parents and other not in {one for one, _ in own}:
            found.append(f"reads {table} through {other}, which it does not read by part")
        for place in re.finditer(re.escape(relation(models[table])), bare):
            joined = rf" as \w+ inner join \(select own\.\* from {re.escape(relation(models[other]))} as own where "
            if not re.match(joined, bare[place.end() :]):
                found.append(f"reads {table} not through {other}")
    return found


def relation(node: dict[str, Any]) -> str:
    """Return how compiled SQL names a table."""
    return f'"warehouse"."{node["schema"]}"."{node["alias"]}"'


def test_a_model_that_is_made_by_parts_reads_no_other_part(
    compiled: tuple[dict[str, Any], dict[str, str]],
) -> None:
    models, texts = compiled
    assert {name: found for name, sql in texts.items() if (found := faults(name, models, sql))} == {}


@pytest.mark.parametrize(
    ("model", "added", "fault"),
    [
        ("fct_enrolment_snapshot", "unit_current", "reads all of unit_current"),
        ("fct_enrolment_snapshot", "col_student", "reads col_student not through unit_current"),
        ("fct_enrolment_spell", "fct_enrolment_snapshot", "reads all of fct_enrolment_snapshot"),
        ("ana_enrolment", "unit_status", "reads all of unit_status"),
    ],
)
def test_a_read_of_the_whole_table_beside_is_found(
    compiled: tuple[dict[str, Any], dict[str, str]], model: str, added: str, fault: str
) -> None:
    """As where a macro that knows nothing of parts is called: neither the model's text nor its tags name the table then."""
    models, texts = compiled
    whole = f"{texts[model]} union all select * from {relation(models[added])} as beside"
    assert faults(model, models, whole) == [fault]
    assert faults(model, models, f"with beside as (select * from {relation(models[added])}) {texts[model]}") == [fault]


def test_a_part_of_another_dataset_is_found(compiled: tuple[dict[str, Any], dict[str, str]]) -> None:
    models, texts = compiled
    other = texts["ana_enrolment"].replace("'student'", "'staff'")
    assert faults("ana_enrolment", models, other) == ["reads unit_status beyond student"]
