"""What Airflow adds to the main job: the DAGs run in one process, against the same functions called directly."""

from __future__ import annotations

import json
import shutil

from benchmarks.build import timed
from benchmarks.city import inbox, passage
from benchmarks.common import Figure, Part, Plan, run_child, said

RUN = """
import json, os, shutil, sqlite3, sys, time
from pathlib import Path
from edu.airflow_env import database_path, ensure_airflow
from edu.local_run import DAGS, run_dags
from edu.paths import get_home
home = get_home().ensure()
shutil.copytree(sys.argv[1], home.inbox, dirs_exist_ok=True)
start = time.perf_counter()
ensure_airflow(home)
prepared = time.perf_counter()
run_dags(home)
seconds = time.perf_counter() - prepared
with sqlite3.connect(f"file:{database_path(home)}?mode=ro", uri=True) as connection:
    tasks = connection.execute(
        "select dag_id, task_id, count(*), sum(coalesce(duration, 0)) from task_instance "
        "group by dag_id, task_id order by min(start_date), task_id"
    ).fetchall()
print("prepare", prepared - start)
print("tasks", json.dumps(tasks))
print("seconds", seconds)
"""


def measure(plan: Plan) -> Part:
    """Run the three DAGs of the main job on the plan's city, from an empty installation."""
    direct = passage(plan, plan.scale, plan.terms)
    steps = timed(plan).steps
    alone = {name.replace("gate ", "gate_"): seconds for name, seconds in steps.items() if name != "build"}
    home = plan.work / "dag_home"
    shutil.rmtree(home, ignore_errors=True)
    run = run_child(RUN, str(inbox(plan, plan.scale, plan.terms)), home=home)
    tasks = json.loads(said(run, "tasks"))
    shutil.rmtree(home)
    inside = sum(seconds for *_, seconds in tasks)
    part = Part([Figure("Airflow made ready, once an installation", float(said(run, "prepare")), "s")])
    for dag, task, instances, seconds in tasks:
        name = f"{dag}.{task}" + (f" ({instances} mapped)" if instances > 1 else "")
        told = dag == "build_warehouse" and task in alone
        part.figures.append(Figure(name, seconds, "s", *(("called directly", seconds / alone[task]) if told else ())))
    part.figures += [
        Figure("all tasks together", inside, "s"),
        Figure("the three DAGs beside their tasks: loading, scheduling, records", run.seconds - inside, "s"),
        Figure(
            f"the three DAGs, scale {plan.scale:g}, {plan.terms} terms",
            run.seconds,
            "s",
            "the same called directly",
            run.seconds / direct.seconds,
        ),
    ]
    return part
