"""# share_packages

After a publication, builds the package of every open approval that has none of the served version yet, into the
receiver's folder of the outbox. A request that is waiting, refused, revoked or expired yields nothing, and packages
whose approval has ended are removed first. A package that cannot be built keeps no other back; the task then fails and
names it.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import dag, task
from common.constants import DEFAULT_ARGS, MARTS_PUBLISHED, OWNER, WAREHOUSE_POOL


@dag(
    dag_id="share_packages",
    schedule=MARTS_PUBLISHED,
    start_date=pendulum.datetime(2024, 9, 1, tz="Asia/Shanghai"),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["sharing"],
    doc_md=__doc__,
)
def share_packages() -> None:
    """One task: what is due."""

    @task(pool=WAREHOUSE_POOL)
    def build_due() -> int:
        """Build packages; return how many."""
        from edu.paths import get_home
        from warehouse.sharing.package import build_due as build_packages

        return len(build_packages(get_home(), released_by=OWNER))

    build_due()


share_packages()
