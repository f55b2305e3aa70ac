"""The DAGs: exact ids, edges, schedules and settings, as the scheduler would load them."""

from __future__ import annotations

import itertools
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from edu.airflow_env import airflow_environment
from edu.contract import contracts
from edu.paths import Home
from edu.settings import PROJECT_ROOT

BUILD = [
    *("seed", "collection", "gate_collection", "apply_holds", "storage", "gate_storage"),
    *("management", "analysis", "query", "visualization", "catalog"),
]
TAGS = {"collection", "storage", "publication", "maintenance", "sharing"}


@pytest.fixture(scope="module")
def dags(tmp_path_factory: pytest.TempPathFactory) -> Any:
    patch = pytest.MonkeyPatch()
    for name, value in airflow_environment(Home(tmp_path_factory.mktemp("airflow"))).items():
        patch.setenv(name, value)
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(PROJECT_ROOT / "dags"))
    assert bag.import_errors == {}
    yield bag.dags
    patch.undo()


def edges(dag: Any) -> set[tuple[str, str]]:
    return {(task.task_id, after) for task in dag.tasks for after in task.downstream_task_ids}


def test_ids(dags: Any) -> None:
    assert sorted(dags) == ["build_warehouse", "collect_inbox", "maintain_warehouse", "publish_marts", "share_packages"]


def test_collect_inbox(dags: Any) -> None:
    dag = dags["collect_inbox"]
    assert edges(dag) == {
        ("plan", "land"),
        ("land", "announce"),
        ("land", "check_left"),
        ("announce", "check_left"),
    }
    assert {asset.name for asset in dag.get_task("announce").outlets} == {f"dataset_{name}" for name in contracts()}
    assert dag.get_task("land").retries == 2
    assert dag.get_task("check_left").trigger_rule == "all_done"


def test_build_warehouse_runs_layer_by_layer(dags: Any) -> None:
    dag = dags["build_warehouse"]
    assert edges(dag) == set(itertools.pairwise(BUILD))
    assert {task.pool for task in dag.tasks} == {"warehouse"}
    assert [asset.name for asset in dag.get_task("catalog").outlets] == ["warehouse_built"]
    assert dag.get_task("gate_storage").retries == 0
    assert dag.get_task("storage").retries == 2
    assert dag.get_task("storage").retry_delay == timedelta(seconds=30)


def test_build_warehouse_follows_any_dataset(dags: Any) -> None:
    condition = dags["build_warehouse"].timetable.asset_condition
    assert type(condition).__name__ == "AssetAny"
    assert {asset.name for asset in condition.objects} == {f"dataset_{name}" for name in contracts()}


def test_publish_marts(dags: Any) -> None:
    dag = dags["publish_marts"]
    assert edges(dag) == {("gate_publication", "publish"), ("publish", "serve_postgres")}
    assert {task.pool for task in dag.tasks} == {"warehouse"}
    assert dag.timetable.asset_condition.name == "warehouse_built"
    assert [asset.name for asset in dag.get_task("publish").outlets] == ["marts_published"]


def test_share_packages(dags: Any) -> None:
    dag = dags["share_packages"]
    assert [task.task_id for task in dag.tasks] == ["build_due"]
    assert dag.timetable.asset_condition.name == "marts_published"
    assert dag.get_task("build_due").pool == "warehouse"


def test_settings_that_all_share(dags: Any) -> None:
    for dag in dags.values():
        assert dag.max_active_runs == 1
        assert dag.catchup is False
        assert dag.doc_md.startswith(f"# {dag.dag_id}")
        assert dag.tags
        assert dag.tags <= TAGS
        assert {task.owner for task in dag.tasks} == {"data-platform"}


def test_dag_files_are_thin() -> None:
    for path in Path(PROJECT_ROOT / "dags").glob("*.py"):
        top = [line for line in path.read_text().splitlines() if line.startswith(("import ", "from "))]
        assert not any("warehouse." in line or "ingest." in line or "duckdb" in line for line in top), path.name


CONNECTOR = """
type: postgres
dsn_env: TEST_SOURCE_DSN
org: "421002"
period: current_term
schedule: "30 1 * * *"
tables:
  - {dataset: class, table: public.bj, columns: {school_code: xxdm, class_code: bh, class_name: bjmc, grade_code: nj}}
"""


def test_one_dag_a_connector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.dag_processing.dagbag import DagBag

    from edu.settings import get_settings

    monkeypatch.setenv("EDU_HOME", str(tmp_path))
    get_settings.cache_clear()
    folder = tmp_path / "connectors"
    folder.mkdir()
    file = str(PROJECT_ROOT / "dags" / "collect_connectors.py")
    assert list(DagBag(file).dags) == []
    (folder / "roll.yml").write_text(CONNECTOR, encoding="utf-8")
    (folder / "wrong.yml").write_text("type: oracle", encoding="utf-8")
    bag = DagBag(file)
    get_settings.cache_clear()
    assert bag.import_errors == {}
    assert list(bag.dags) == ["collect_roll"]
    dag = bag.dags["collect_roll"]
    assert edges(dag) == {("pull", "announce")}
    assert [asset.name for asset in dag.get_task("announce").outlets] == ["dataset_class"]
    assert dag.doc_md is not None
    assert dag.doc_md.startswith("# collect_roll")
    assert dag.timetable.expression == "30 1 * * *"


def test_upkeep_backs_up_after_what_changes_the_home(dags: Any) -> None:
    dag = dags["maintain_warehouse"]
    assert edges(dag) == {("merge_vault", "apply_retention"), ("apply_retention", "compact"), ("compact", "back_up")}
    assert {task.task_id for task in dag.tasks if task.pool == "warehouse"} == {"alert_overdue", "compact", "back_up"}
