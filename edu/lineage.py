"""OpenLineage events (openlineage.io): which job read and wrote which datasets, when, and how it ended.

Events go to `EDU_OPENLINEAGE_URL` where that is set, else to `EDU_OPENLINEAGE_FILE` (default `logs/openlineage.jsonl`),
one JSON object a line. They hold names of datasets, ids of submissions and counts; never a person's value. That an
event cannot be delivered is logged and never fails the job.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from edu.paths import Home
from edu.settings import get_settings

log = logging.getLogger(__name__)

NAMESPACE = "edu-platform"
PRODUCER = "https://openlineage.io/producers/edu-platform"
TIMEOUT_SECONDS = 3.0


@dataclass
class Job:
    """What a job tells of itself while it runs; outputs may be added until its end."""

    name: str
    inputs: list[str]
    outputs: list[str]
    rows: dict[str, int] = field(default_factory=dict)
    """Rows of an output, where known."""


def _client(home: Home) -> Any:
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.file import FileConfig, FileTransport
    from openlineage.client.transport.http import HttpConfig, HttpTransport

    settings = get_settings()
    if settings.openlineage_url:
        config = HttpConfig(
            url=settings.openlineage_url, timeout=TIMEOUT_SECONDS, retry={"total": 1, "allowed_methods": ["POST"]}
        )
        return OpenLineageClient(transport=HttpTransport(config))
    path = settings.openlineage_file or home.logs / "openlineage.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    return OpenLineageClient(transport=FileTransport(FileConfig(log_file_path=str(path), append=True)))


def _emit(client: Any, job: Job, run_id: str, state: str, error: BaseException | None = None) -> None:
    from openlineage.client.event_v2 import InputDataset, OutputDataset, Run, RunEvent, RunState
    from openlineage.client.event_v2 import Job as LineageJob
    from openlineage.client.facet_v2 import error_message_run, output_statistics_output_dataset

    facets: dict[str, Any] = {}
    if error is not None:
        # The message of an error of the platform names no value, but others may: only the kind is told.
        facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(
            message=type(error).__name__, programmingLanguage="python"
        )
    event = RunEvent(
        eventTime=datetime.now(UTC).isoformat(),
        producer=PRODUCER,
        run=Run(runId=run_id, facets=facets),
        job=LineageJob(namespace=NAMESPACE, name=job.name),
        eventType=RunState[state],
        inputs=[InputDataset(namespace=NAMESPACE, name=name) for name in job.inputs],
        outputs=[
            OutputDataset(
                namespace=NAMESPACE,
                name=name,
                outputFacets={
                    "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                        rowCount=job.rows[name]
                    )
                }
                if name in job.rows
                else {},
            )
            for name in job.outputs
        ],
    )
    try:
        client.emit(event)
    except Exception as problem:
        log.warning("lineage event of %s could not be delivered (%s)", job.name, type(problem).__name__)


@contextmanager
def running(home: Home, name: str, inputs: Sequence[str] = (), outputs: Sequence[str] = ()) -> Iterator[Job]:
    """Emit START, then COMPLETE, or FAIL with the kind of the error, which goes on."""
    job = Job(name, sorted(set(inputs)), sorted(set(outputs)))
    run_id = str(uuid.uuid4())
    try:
        client = _client(home)
    except Exception as problem:
        log.warning("lineage events are not delivered (%s)", type(problem).__name__)
        yield job
        return
    _emit(client, job, run_id, "START")
    try:
        yield job
    except BaseException as error:
        _emit(client, job, run_id, "FAIL", error)
        raise
    _emit(client, job, run_id, "COMPLETE")
