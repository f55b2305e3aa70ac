"""Airflow with a scheduler that is killed in mid-run, and runs that are cleared: the figures are the same.

It is the real thing: scheduler, DAG processor and API server as processes of their own, and the LocalExecutor.
"""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from breaking import PATIENCE, Undisturbed, built, environment

from edu.airflow_env import airflow_environment, database_path, ensure_airflow
from edu.paths import Home

pytestmark = pytest.mark.slow

HEARTBEAT = {
    # A task whose process died with its scheduler is found after these seconds, instead of five minutes.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "20",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
}


def free_port() -> str:
    """Return a port of the loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


class Airflow:
    """The parts of Airflow over one installation."""

    def __init__(self, home: Home, key: Path) -> None:
        self.home = home
        port = free_port()
        self.environment = {
            **environment(home.root, key),
            **airflow_environment(home),
            **HEARTBEAT,
            "AIRFLOW__API__PORT": port,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        }
        self.parts: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, part: str) -> None:
        """Start one of scheduler, dag-processor, api-server in a process group of its own."""
        log = (self.home.logs / f"{part}.log").open("ab")
        self.parts[part] = subprocess.Popen(
            [sys.executable, "-m", "airflow", part],
            env=self.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def kill(self, part: str) -> None:
        """Kill a part with all processes that it started."""
        process = self.parts.pop(part)
        for group in {process.pid, *groups_below(process.pid)}:
            try:
                os.killpg(group, signal.SIGKILL)
            except ProcessLookupError:
                continue
        process.wait()

    def command(self, *arguments: str) -> None:
        """Run a command of Airflow."""
        subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env=self.environment,
            check=True,
            capture_output=True,
            timeout=PATIENCE,
        )

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        """Query Airflow's own database."""
        with sqlite3.connect(f"file:{database_path(self.home)}?mode=ro", uri=True, timeout=30) as connection:
            return connection.execute(sql).fetchall()

    def wait(self, what: str, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, f"{what}: {self.states()}"
            time.sleep(0.5)

    def states(self) -> list[tuple[object, ...]]:
        """Return DAG, state and number of its runs."""
        return self.ask("select dag_id, state, count(*) from dag_run group by 1, 2 order by 1, 2")

    def succeeded(self, dag: str) -> int:
        """Return how many runs of a DAG succeeded."""
        return int(str(self.ask(f"select count(*) from dag_run where dag_id = '{dag}' and state = 'success'")[0][0]))

    def is_quiet(self) -> bool:
        """Whether no run is going on or waits."""
        return not self.ask("select 1 from dag_run where state in ('running', 'queued') limit 1") and not self.ask(
            "select 1 from asset_dag_run_queue limit 1"
        )

    def is_running(self, dag: str, task: str) -> bool:
        """Whether a task is at work."""
        return bool(
            self.ask(
                f"select 1 from task_instance where dag_id = '{dag}' and task_id = '{task}' and state = 'running' limit 1"
            )
        )


def groups_below(process: int) -> set[int]:
    """Return the process groups of all processes below one."""
    import psutil

    found = set()
    for child in psutil.Process(process).children(recursive=True):
        try:
            found.add(os.getpgid(child.pid))
        except ProcessLookupError:
            continue
    return found - {os.getpgid(0)}


@contextmanager
def running(home: Home, key: Path) -> Iterator[Airflow]:
    """Give a running Airflow whose DAGs are known."""
    ensure_airflow(home)
    airflow = Airflow(home, key)
    try:
        for part in ("api-server", "dag-processor", "scheduler"):
            airflow.start(part)
        airflow.wait("DAGs", lambda: len(airflow.ask("select 1 from dag where is_stale = 0")) >= 5)
        yield airflow
    finally:
        for part in list(airflow.parts):
            airflow.kill(part)


def test_a_scheduler_killed_in_mid_run_and_runs_cleared(undisturbed: Undisturbed, tmp_path: Path) -> None:
    home = Home(undisturbed.copy("dropped", tmp_path / "home"))
    with running(home, undisturbed.key) as airflow:
        airflow.command("dags", "trigger", "collect_inbox")
        for dag, task in (("collect_inbox", "land"), ("build_warehouse", "storage"), ("publish_marts", "publish")):
            airflow.wait(f"{dag}.{task}", lambda dag=dag, task=task: airflow.is_running(dag, task))
            airflow.kill("scheduler")
            airflow.start("scheduler")
        airflow.wait("publication", lambda: airflow.succeeded("publish_marts") > 0 and airflow.is_quiet())
        assert built(home.root, undisturbed.key) == undisturbed.digests["publish"]
        before = airflow.succeeded("publish_marts")
        airflow.command("tasks", "clear", "--yes", "collect_inbox")
        airflow.command("tasks", "clear", "--yes", "build_warehouse")
        airflow.wait("runs again", lambda: airflow.succeeded("publish_marts") > before and airflow.is_quiet())
        assert built(home.root, undisturbed.key) == undisturbed.digests["publish"]
