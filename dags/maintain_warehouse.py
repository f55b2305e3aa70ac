"""# maintain_warehouse

Daily upkeep: merges the vault's segments that landings wrote, and removes from the outbox what is older than 30 days.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import dag, task
from common.constants import DEFAULT_ARGS


@dag(
    dag_id="maintain_warehouse",
    schedule="30 2 * * *",
    start_date=pendulum.datetime(2024, 9, 1, tz="Asia/Shanghai"),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["maintenance"],
    doc_md=__doc__,
)
def maintain_warehouse() -> None:
    """Two independent tasks."""

    @task
    def merge_vault() -> None:
        """Merge vault segments."""
        from edu.paths import get_home
        from edu.pseudonym import load_or_create_key
        from edu.vault import merge_segments

        home = get_home().ensure()
        merge_segments(home, load_or_create_key(home))

    @task
    def clear_outbox() -> int:
        """Remove outbox files past their days; return how many."""
        from edu.paths import get_home
        from edu.pipeline import clear_outbox as clear

        return clear(get_home().ensure())

    merge_vault()
    clear_outbox()


maintain_warehouse()
