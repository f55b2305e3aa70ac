"""# collect_<connector>

Pulls what changed in a source database since the last run, lands it, and emits an asset event for every dataset of
which something new was received. There is one such DAG for each file under `EDU_HOME/connectors/`; none, none.

All tables are read in one snapshot. What passes between tasks are names of datasets and counts.
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
        def pull() -> dict[str, int]:
            """Pull and land; return how many submissions of each dataset are new."""
            from edu.connector import get_connector
            from ingest.pull import pull as pull_source

            home = get_home().ensure()
            return pull_source(home, get_connector(home, name)).new_by_dataset()

        @task(outlets=[DATASET_ASSETS[dataset] for dataset in datasets])
        def announce(landed: dict[str, int]):  # type: ignore[no-untyped-def]
            """Emit an asset event for each dataset that was touched."""
            from airflow.sdk.exceptions import AirflowSkipException

            if not landed:
                raise AirflowSkipException("nothing changed at the source")
            for dataset, count in sorted(landed.items()):
                yield Metadata(DATASET_ASSETS[dataset], extra={"submissions": count})

        announce(pull())

    return collect()


for path in sorted(connector_folder(get_home()).glob("*.yml")):
    try:
        globals()[f"collect_{path.stem}"] = collect_connector(read_connector(path))
    except ConnectorError as error:
        # One wrong file does not take the other connectors away; `edu pull` says what is wrong with it.
        log.error("%s", error)
