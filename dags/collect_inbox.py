"""# collect_inbox

Lands every file that lies in the inbox: the inbox is divided into at most 16 plans of about equal size, each plan is
landed by a mapped task, and an asset event is emitted for every dataset of which something waits for a build.

Run it by hand after files were dropped; under `make up` it runs every 15 minutes. A file that cannot be read gets a
receipt with status `rejected`; a file without metadata stays in the inbox, and `check_left` fails after the rest.
What passes between tasks are numbers of plans and names of datasets, never a file's name.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import Metadata, dag, task
from common.constants import DATASET_ASSETS, DEFAULT_ARGS, MAXIMUM_BATCHES


@dag(
    dag_id="collect_inbox",
    schedule="*/15 * * * *",
    start_date=pendulum.datetime(2024, 9, 1, tz="Asia/Shanghai"),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["collection"],
    doc_md=__doc__,
)
def collect_inbox() -> None:
    """Plan, land, announce."""

    @task
    def plan() -> list[int]:
        """Divide the inbox; return the numbers of the plans."""
        from edu.paths import get_home
        from ingest.inbox import plan as plan_inbox

        return plan_inbox(get_home().ensure(), MAXIMUM_BATCHES)

    @task
    def land(number: int) -> int:
        """Land one plan; return how many files were left where they are."""
        from edu.paths import get_home
        from ingest.landing import land_plan

        return land_plan(get_home(), number).failed

    @task(outlets=list(DATASET_ASSETS.values()), trigger_rule="none_failed")
    def announce():  # type: ignore[no-untyped-def]
        """Emit an asset event for each dataset of which something waits for a build, with how many submissions."""
        from airflow.sdk.exceptions import AirflowSkipException

        from edu.paths import get_home
        from ingest.receipt import not_built

        waiting = not_built(get_home())
        if not waiting:
            raise AirflowSkipException("nothing new was received")
        for dataset, count in waiting.items():
            yield Metadata(DATASET_ASSETS[dataset], extra={"submissions": count})

    @task(trigger_rule="all_done", retries=0)
    def check_left(left_by_plan: list[int]) -> None:
        """Fail where files were left in the inbox, after the others went on."""
        from edu.paths import get_home
        from ingest.inbox import count_never_completed
        from ingest.landing import FilesLeftError

        left = sum(left_by_plan or []) + count_never_completed(get_home())
        if left:
            raise FilesLeftError(left)

    landed = land.expand(number=plan())
    landed >> announce() >> check_left(landed)


collect_inbox()
