"""The main job on one machine: a small city through the real DAGs, in one process, with progress shown."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from rich.console import Console

from edu.airflow_env import airflow_environment, database_path, ensure_airflow
from edu.errors import EduError, ExitCode
from edu.paths import Home
from edu.settings import PROJECT_ROOT

CITY = {"scale": 0.02, "terms": 4, "seed": 7, "defects": 2}
DAGS = ("collect_inbox", "build_warehouse", "publish_marts")
POLL_SECONDS = 0.4
GATE_TASKS = ("gate_collection", "gate_storage", "gate_publication")
ENDED = ("success", "failed", "skipped", "upstream_failed", "up_for_retry")


class DagRunFailedError(EduError):
    """A DAG did not succeed; names its task and where its log is."""

    def __init__(self, dag: str, tasks: list[str], log: Path) -> None:
        self.exit_code = ExitCode.GATE_FAILED if any(task in GATE_TASKS for task in tasks) else ExitCode.RUNTIME
        super().__init__(f"DAG {dag} failed in {', '.join(tasks) or 'an unknown task'}. Its log is {log}.")


def prepare_city(home: Home, console: Console) -> None:
    """Write the synthetic city once, and drop its files into the inbox as clerks would."""
    city = home.root / "city"
    if not (city / "truth" / "identifiers.txt").exists():
        from synthetic.city import write_city

        with console.status("生成模拟城市 · writing the synthetic city"):
            shutil.rmtree(city, ignore_errors=True)
            summary = write_city(
                city,
                scale=CITY["scale"],
                terms=int(CITY["terms"]),
                seed=int(CITY["seed"]),
                defects=int(CITY["defects"]),
            )
        console.print(
            f"  city: {summary.schools} institutions, {summary.learners:,} learners, {summary.files} files, "
            f"{summary.defects} defects"
        )
    shutil.copytree(city / "inbox", home.inbox, dirs_exist_ok=True)


@contextmanager
def _output_to(log: Path) -> Iterator[IO[str]]:
    """Send everything that this process prints to a log file; yield the real standard error."""
    sys.stdout.flush()
    sys.stderr.flush()
    out, err = os.dup(1), os.dup(2)
    with log.open("ab") as stream, os.fdopen(os.dup(err), "w", encoding="utf-8") as screen:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
        try:
            yield screen
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os.dup2(out, 1)
            os.dup2(err, 2)
            os.close(out)
            os.close(err)


class _Progress:
    """Prints each task of a run when it ends, from Airflow's own database."""

    def __init__(self, database: Path, dag: str, screen: IO[str]) -> None:
        self.database = database
        self.dag = dag
        self.console = Console(file=screen)
        self.after = self._newest()
        self.seen: set[tuple[str, int]] = set()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def _query(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        try:
            with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=5) as connection:
                return connection.execute(sql, values).fetchall()
        except sqlite3.OperationalError:
            return []

    def _newest(self) -> int:
        rows = self._query("select coalesce(max(id), 0) from dag_run where dag_id = ?", self.dag)
        return int(str(rows[0][0])) if rows else 0

    def tasks(self) -> list[tuple[str, int, str, float]]:
        """Return task, map index, state and seconds of the newest run."""
        rows = self._query(
            "select ti.task_id, ti.map_index, coalesce(ti.state, ''), coalesce(ti.duration, 0) "
            "from task_instance as ti inner join dag_run as r on r.dag_id = ti.dag_id and r.run_id = ti.run_id "
            "where r.dag_id = ? and r.id > ? order by ti.end_date, ti.task_id, ti.map_index",
            self.dag,
            self.after,
        )
        return [(str(row[0]), int(str(row[1])), str(row[2]), float(str(row[3]))) for row in rows]

    def _report(self) -> None:
        for task, index, state, seconds in self.tasks():
            if state in ENDED and (task, index) not in self.seen:
                self.seen.add((task, index))
                name = task if index < 0 else f"{task} [{index + 1}]"
                mark = {"success": "[green]✓[/]", "skipped": "[yellow]–[/]"}.get(state, "[red]✗[/]")
                self.console.print(f"  {mark} {name:<24} {seconds:6.1f} s")

    def _watch(self) -> None:
        while not self.stop.wait(POLL_SECONDS):
            self._report()

    def __enter__(self) -> _Progress:
        self.console.print(f"[bold]{self.dag}[/]")
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()
        self._report()


def run_dags(home: Home) -> None:
    """Run the DAGs in turn in this process.

    Raises:
        DagRunFailedError: one of them failed.
    """
    os.environ.update(airflow_environment(home))
    log = home.logs / "run.log"
    with _output_to(log) as screen:
        # A missing DAG folder gives no error and no DAG, so the ids are looked up one by one.
        from airflow.dag_processing.dagbag import DagBag

        logging.getLogger("great_expectations").setLevel(logging.WARNING)
        # The scheduler's processes have the DAG folder on their path; this one has not.
        sys.path.insert(0, str(PROJECT_ROOT / "dags"))
        bag = DagBag(str(PROJECT_ROOT / "dags"))
        if bag.import_errors:
            raise DagRunFailedError("import", sorted(Path(name).name for name in bag.import_errors), log)
        for dag_id in DAGS:
            with _Progress(database_path(home), dag_id, screen) as progress:
                run = bag.dags[dag_id].test()
            if str(run.state) not in ("success", "DagRunState.SUCCESS"):
                failed = [task for task, _, state, _ in progress.tasks() if state == "failed"]
                raise DagRunFailedError(dag_id, failed, log)


def run(home: Home, console: Console) -> None:
    """Write the city, prepare Airflow, run the DAGs."""
    start = time.monotonic()
    home.ensure()
    prepare_city(home, console)
    with console.status("准备 Airflow · preparing Airflow"):
        ensure_airflow(home)
    run_dags(home)
    console.print(f"  {time.monotonic() - start:.0f} s in all\n")
