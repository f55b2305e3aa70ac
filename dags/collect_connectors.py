"""# collect_<connector>

Pulls what changed in a source database since the last run, lands it, and emits an asset event for every dataset of
which something waits for a build. There is one such DAG for each file under `EDU_HOME/connectors/`; none, none.

All tables are read in one snapshot. Nothing passes between its tasks.
"""

from __future__ import annotations

import logging
from typing import Any

import pendulum
from airflow.sdk import Metadata, dag, task
from common.constants import DATASET_ASSETS, DEFAULT_ARGS

from edu.connector import Connector, ConnectorError, connector_folder, read_connector
from edu.paths import get_home

log = logging.getLogger(__name__)


def collect_connector(connector: Connector) -> Any:
    """Return the DAG of one connector."""
    name = connector.name
    datasets = [table.dataset for table in connector.tables]

    @dag(
        dag_id=f"collect_{name}",
        schedule=connector.schedule,
        start_date=pendulum.datetime(2024, 9, 1, tz="Asia/Shanghai"),
        catchup=False,
        max_active_runs=1,
        default_args=DEFAULT_ARGS,
        tags=["collection"],
        doc_md=str(__doc__).replace("collect_<connector>", f"collect_{name}"),
    )
    def collect() -> None:
        @task
        def pull() -> None:
            """Pull and land."""
            from edu.connector import get_connector
            from ingest.pull import pull as pull_source

            home = get_home().ensure()
            pull_source(home, get_connector(home, name))

        @task(outlets=[DATASET_ASSETS[dataset] for dataset in datasets])
        def announce():  # type: ignore[no-untyped-def]
            """Emit an asset event for each dataset of which something waits for a build, with how many submissions."""
            from airflow.sdk.exceptions import AirflowSkipException

            from ingest.receipt import not_built

            waiting = {dataset: count for dataset, count in not_built(get_home()).items() if dataset in datasets}
            if not waiting:
                raise AirflowSkipException("nothing changed at the source")
            for dataset, count in waiting.items():
                yield Metadata(DATASET_ASSETS[dataset], extra={"submissions": count})

        pull() >> announce()

    return collect()


for path in sorted(connector_folder(get_home()).glob("*.yml")):
    try:
        globals()[f"collect_{path.stem}"] = collect_connector(read_connector(path))
    except ConnectorError as error:
        # One wrong file does not take the other connectors away; `edu pull` says what is wrong with it.
        log.error("%s", error)
