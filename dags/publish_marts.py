"""# publish_marts

Publishes what was built, after the publication gate: a versioned DuckDB file, the cockpit page beside it, one atomic
switch, and an entry in the change log. Equal content makes no new version. `edu publish --rollback VERSION` serves an
earlier one again.

Then PostgreSQL is loaded, where that is set up: by `EDU_SERVING` or `EDU_POSTGRES_DSN`, or because the embedded server
runs. A load that fails leaves what was served, and can be repeated.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import dag, task
from common.constants import DEFAULT_ARGS, MARTS_PUBLISHED, WAREHOUSE_BUILT, WAREHOUSE_POOL


@dag(
    dag_id="publish_marts",
    schedule=WAREHOUSE_BUILT,
    start_date=pendulum.datetime(2024, 9, 1, tz="Asia/Shanghai"),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["publication"],
    doc_md=__doc__,
)
def publish_marts() -> None:
    """Gate, publish, load."""

    @task(pool=WAREHOUSE_POOL, retries=0)
    def gate_publication() -> int:
        """Run the publication gate; fail where a check failed."""
        from edu.pipeline import pass_gate

        return pass_gate("publication")

    @task(pool=WAREHOUSE_POOL, outlets=[MARTS_PUBLISHED])
    def publish() -> str:
        """Publish; return the version that is served."""
        from edu.paths import get_home
        from edu.pipeline import publish_version

        return publish_version(get_home()).version

    @task(pool=WAREHOUSE_POOL)
    def serve_postgres() -> bool:
        """Load PostgreSQL; return whether it is set up."""
        from edu.paths import get_home
        from warehouse.serving import refresh

        return refresh(get_home()) is not None

    gate_publication() >> publish() >> serve_postgres()


publish_marts()
