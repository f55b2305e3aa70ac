"""# build_warehouse

Builds the six layers in the warehouse with the gates between them, whenever any dataset was touched. One run at a
time; a run takes in everything that has been received until it starts, so missed events cost nothing.

A gate holds back single units (a school's delivery of a period) and lets the rest go on; a failure of global scope
fails the gate's task, nothing after it runs, and the last good version stays served.
"""

from __future__ import annotations

import functools
import itertools
import operator

import pendulum
from airflow.sdk import dag, task
from common.constants import DATASET_ASSETS, DEFAULT_ARGS, WAREHOUSE_BUILT, WAREHOUSE_POOL

ANY_DATASET = functools.reduce(operator.or_, DATASET_ASSETS.values())
AFTER_STORAGE = ("management", "analysis", "query", "visualization")


@dag(
    dag_id="build_warehouse",
    schedule=ANY_DATASET,
    start_date=pendulum.datetime(2024, 9, 1, tz="Asia/Shanghai"),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["storage"],
    doc_md=__doc__,
)
def build_warehouse() -> None:
    """Seeds, collection, gate, storage, gate, the layers above, catalog."""

    @task(pool=WAREHOUSE_POOL)
    def seed() -> int:
        """Load the seeds; return how many."""
        from edu.paths import get_home
        from warehouse.transform import run_seeds

        home = get_home().ensure()
        return run_seeds(home, home.warehouse).nodes

    @task(pool=WAREHOUSE_POOL)
    def layer(name: str) -> int:
        """Build one layer and run its tests; return how many nodes ran."""
        from edu.paths import get_home
        from warehouse.transform import run_layer

        home = get_home()
        return run_layer(name, home=home, database=home.warehouse).nodes

    @task(pool=WAREHOUSE_POOL, retries=0)
    def gate(name: str) -> int:
        """Run a gate; return how many units it holds, fail where a check of global scope failed."""
        from edu.pipeline import pass_gate

        return pass_gate(name)

    @task(pool=WAREHOUSE_POOL)
    def apply_holds() -> None:
        """Let the collection layer say what its gate decided."""
        from edu.paths import get_home
        from warehouse.transform import refresh_gate_readers

        home = get_home()
        refresh_gate_readers(home, home.warehouse)

    @task(pool=WAREHOUSE_POOL, outlets=[WAREHOUSE_BUILT])
    def catalog() -> None:
        """Write the catalog of columns and their comments."""
        from edu.paths import get_home
        from warehouse.transform import finish

        home = get_home()
        finish(home, home.warehouse)

    steps = [
        seed(),
        layer.override(task_id="collection")("collection"),
        gate.override(task_id="gate_collection")("collection"),
        apply_holds(),
        layer.override(task_id="storage")("storage"),
        gate.override(task_id="gate_storage")("storage"),
        *(layer.override(task_id=name)(name) for name in AFTER_STORAGE),
        catalog(),
    ]
    for before, after in itertools.pairwise(steps):
        before >> after


build_warehouse()
