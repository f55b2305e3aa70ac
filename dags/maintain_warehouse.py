"""# maintain_warehouse

Daily upkeep: merges the vault's segments that landings wrote, removes answers of the vault that have expired and what
is past the years of its contract, compacts what grew, backs all up to `EDU_BACKUP_DIR` and reads the backups again,
verifies the audit log and the official releases, alerts for what is overdue, and removes from the outbox the share
packages whose approval has ended and what is older than 30 days.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import dag, task
from common.constants import DEFAULT_ARGS, WAREHOUSE_POOL


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
    """Independent tasks, except that the backup follows the merge, retention and compaction, which change what it copies."""

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
        """Remove packages whose approval has ended and outbox files past their days; return how many."""
        from edu.paths import get_home
        from edu.pipeline import clear_outbox as clear

        return clear(get_home().ensure())

    @task
    def apply_retention() -> int:
        """Remove what is past its years; return how many datasets and periods were concerned."""
        from edu.paths import get_home
        from ingest.retention import apply_retention as apply

        return len(apply(get_home().ensure(), actor="maintain_warehouse", is_dry_run=False))

    @task(pool=WAREHOUSE_POOL)
    def compact() -> int:
        """Merge old records of runs and free what the warehouse's file holds unused; return how many files went."""
        from edu.paths import get_home
        from warehouse.compaction import compact as make_small

        return make_small(get_home().ensure()).record_files

    @task(pool=WAREHOUSE_POOL)
    def back_up() -> bool:
        """Back up and read all backups again; return whether a folder for it is set."""
        from edu.paths import get_home
        from edu.pipeline import back_up as make

        return make(get_home().ensure())

    @task
    def remove_expired_answers() -> int:
        """Remove written answers of the vault that have expired; return how many."""
        from edu.paths import get_home
        from warehouse.reveal import remove_expired

        return remove_expired(get_home())

    @task(retries=0)
    def verify_audit_log() -> int:
        """Fail where an entry was changed, dropped or cut off; return how many entries there are."""
        from edu.pipeline import check_audit_log

        return check_audit_log()

    @task(retries=0)
    def verify_official_releases() -> int:
        """Fail where frozen figures are not what was reported; return how many releases there are."""
        from edu.pipeline import check_official_releases

        return check_official_releases()

    @task(pool=WAREHOUSE_POOL)
    def alert_overdue() -> int:
        """Alert where a due date has passed and units are missing; return how many datasets and periods."""
        from edu.paths import get_home
        from edu.pipeline import alert_overdue as alert

        return alert(get_home())

    merge_vault() >> apply_retention() >> compact() >> back_up()
    alert_overdue()
    remove_expired_answers()
    verify_audit_log()
    verify_official_releases()
    clear_outbox()


maintain_warehouse()
