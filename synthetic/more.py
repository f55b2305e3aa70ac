"""Writes the datasets beside the rosters: by county for persons, by the city's offices for the rest; all of it clean.

What each row says of the world is also written as it is, to `truth/facts/<dataset>.parquet`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from edu.codes import seed_rows
from edu.contract import Contract, contracts, get_contract
from synthetic.base_tables import make_base_tables, write_base_tables
from synthetic.facts_city import make_city_facts
from synthetic.facts_people import make_people
from synthetic.facts_school import make_school_facts
from synthetic.facts_staff import make_staff_facts
from synthetic.files import FileSpec, Row, labelled, write_sidecar, write_workbook
from synthetic.world import World

DATASETS = (
    "assessment",
    "base_table_figure",
    "credit_evaluation",
    "digital_campus",
    "digital_resource",
    "elective_choice",
    "finance",
    "fitness",
    "graduate_outcome",
    "learning_event",
    "lifelong_learner",
    "plan_indicator",
    "population",
    "private_inspection",
    "resource_usage",
    "school_group",
    "sports_programme",
    "staff_post",
    "staff_rotation",
    "staff_training",
    "student_support",
    "vision",
    "vocational_cooperation",
)
WORKBOOKS = ("plan_indicator", "private_inspection", "school_group", "sports_programme")
"""Sent as filled templates; the rest are exports."""
FORMS = ("base_table_figure",)
"""Sent as workbooks of printed forms."""
PARQUET = ("learning_event",)
ROSTERS = ("school", "campus_facility", "class", "staff", "student", "student_event")
PRIVATE = (
    *("id_number", "xjh", "name", "phone", "address", "guardian_name", "guardian_phone", "guardian_id_number"),
    *("staff_no", "actor"),
)
"""Columns that facts leave out; pid, sid and aid say who a row is of."""


@dataclass(frozen=True)
class MoreFile(FileSpec):
    """One file of the inbox."""

    @property
    def relative(self) -> str:
        name = f"{get_contract(self.dataset).label}_{self.org}_{self.folder_period}.{self.form}"
        return f"{self.org}/{self.dataset}/{self.folder_period}/{name}"

    @property
    def title(self) -> str:
        """The title row of a workbook, as the contract's pattern reads it."""
        pattern = str(get_contract(self.dataset).profiles["template"].title_pattern)
        name = pattern.removeprefix("^").split("(?:")[0].replace("\\", "")
        word = "年度" if self.period.startswith("FY") else "学年学期"
        snapshot = f"，时点：{self.snapshot_date.isoformat()}" if self.snapshot_date else ""
        return f"{name}（{word}：{self.period}{snapshot}，填报单位：{self.org}）"

    def meta(self, received_at: datetime) -> dict[str, Any]:
        """Return the content of the sidecar."""
        return {**super().meta(received_at), "coverage": get_contract(self.dataset).default_coverage}


def _form_of(dataset: str) -> str:
    if dataset in PARQUET:
        return "parquet"
    return "xlsx" if dataset in (*WORKBOOKS, *FORMS) else "csv"


def make_more(world: World) -> None:
    """Make `rows_<dataset>` of every dataset that is not a roster."""
    make_people(world)
    make_staff_facts(world)
    make_school_facts(world)
    make_city_facts(world)
    make_base_tables(world)


def list_more(world: World) -> list[MoreFile]:
    """Return the files, in path order: one for each dataset, period and sender that has rows."""
    anchors = {
        (row["dataset"], row["period"]): date.fromisoformat(row["snapshot_date"])
        for row in seed_rows("submission_calendar")
    }
    files = []
    for dataset in DATASETS:
        found = world.db.execute(
            f"select period, org, count(*), max(snapshot_date) from rows_{dataset} group by all order by all"
        ).fetchall()
        for period, org, rows, snapshot in found:
            received = _received(world.seed, f"{dataset}/{period}/{org}", anchors[dataset, period])
            files.append(MoreFile(dataset, period, org, _form_of(dataset), None, rows, snapshot, received))
    return sorted(files, key=lambda file: file.relative)


def _received(seed: int, key: str, start: date) -> datetime:
    """Return a time some days after the day that the calendar names, drawn from the file's name."""
    number = int.from_bytes(hashlib.sha256(f"{seed}/{key}".encode()).digest()[:6], "big")
    return datetime.combine(start, time(8)) + timedelta(days=3 + number % 14, seconds=number % 36_000)


def _columns(contract: Contract, file: FileSpec) -> str:
    day = "%Y-%m-%d" if file.form == "xlsx" else "%Y%m%d"
    columns = []
    for spec in contract.profile_fields(file.profile):
        text = f"strftime({spec.name}, '{day}')" if spec.type == "date" else f"cast({spec.name} as varchar)"
        columns.append(f'{text} as "{contract.header(file.profile, spec.name)}"')
    return ", ".join(columns)


def _select(file: FileSpec) -> str:
    contract = get_contract(file.dataset)
    return (
        f"select {_columns(contract, file)} from rows_{file.dataset} "
        f"where period = '{file.period}' and org = '{file.org}' order by all"
    )


def fetch_more(world: World, file: FileSpec) -> list[Row]:
    """Return the rows of a file of these datasets in code form."""
    return [list(row) for row in world.db.execute(_select(file)).fetchall()]


def write_more(world: World, file: FileSpec, folder: Path, received_at: datetime) -> None:
    """Write one file as it is, with its sidecar, below `folder`."""
    path = folder / file.relative
    path.parent.mkdir(parents=True, exist_ok=True)
    if file.dataset in FORMS:
        write_base_tables(world, file.org, file.period, path)
    elif file.form == "xlsx":
        _write_template(world, file, path)
    else:
        options = "format parquet" if file.form == "parquet" else "header, delimiter ','"
        world.db.execute(f"copy ({_select(file)}) to '{path}' ({options})")
    write_sidecar(path, file, received_at)


def _write_template(world: World, file: FileSpec, path: Path) -> None:
    contract = get_contract(file.dataset)
    form = contract.profiles["template"]
    header = [
        ("*" if spec.name in form.mandatory else "") + contract.header("template", spec.name)
        for spec in contract.profile_fields("template")
    ]
    rows = [labelled(contract, "template", row) for row in fetch_more(world, file)]
    write_workbook(path, str(form.sheet), [file.title], [], header, rows, [])


def write_facts(world: World, folder: Path) -> None:
    """Write `<dataset>.parquet` for every dataset: the world's rows as codes, without direct identifiers."""
    folder.mkdir(parents=True, exist_ok=True)
    for dataset in (*ROSTERS, *DATASETS):
        known = {row[0] for row in world.db.execute(f"describe rows_{dataset}").fetchall()}
        gone = [spec.name for spec in contracts()[dataset].fields if spec.name in PRIVATE and spec.name in known]
        kept = f"* exclude ({', '.join(gone)})" if gone else "*"
        world.db.execute(
            f"copy (select {kept} from rows_{dataset} order by all) to '{folder / dataset}.parquet' (format parquet)"
        )
