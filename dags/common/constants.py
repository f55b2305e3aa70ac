"""Names that several DAG files share: assets, the pool, tags and defaults. It defines no DAG."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Asset

from edu.contract import contracts

WAREHOUSE_POOL = "warehouse"
"""One slot: a DuckDB writer locks out every other process."""
MAXIMUM_BATCHES = 16
OWNER = "data-platform"
TAGS = ("collection", "storage", "publication", "maintenance", "sharing")
"""The closed set of tags."""
RETRIES = 2
RETRY_DELAY = timedelta(seconds=30)

DATASET_ASSETS = {name: Asset(name=f"dataset_{name}", uri=f"x-edu://lake/{name}") for name in contracts()}
WAREHOUSE_BUILT = Asset(name="warehouse_built", uri="x-edu://warehouse/built")
MARTS_PUBLISHED = Asset(name="marts_published", uri="x-edu://published/current")


def alert_of_failure(context: dict[str, Any]) -> None:
    """Tell that a task failed after its retries; gates tell themselves what failed in them."""
    from edu.alerts import send
    from edu.paths import get_home

    instance = context["task_instance"]
    send(get_home(), "task_failed", f"{instance.dag_id}.{instance.task_id}", [type(context.get("exception")).__name__])


DEFAULT_ARGS = {
    "owner": OWNER,
    "retries": RETRIES,
    "retry_delay": RETRY_DELAY,
    "on_failure_callback": alert_of_failure,
}
