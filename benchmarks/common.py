"""What the parts share: running a piece of work in a process of its own, and the rows of a result."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb


@dataclass(frozen=True)
class Figure:
    """One measured figure; `ratio` is against `baseline`, `bar` is the most it may be."""

    part: str
    name: str
    value: float
    unit: str
    baseline: str = ""
    ratio: float | None = None
    bar: float | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether the bar holds; null where there is none."""
        if self.bar is None:
            return None
        return (self.value if self.ratio is None else self.ratio) <= self.bar


@dataclass(frozen=True)
class Run:
    """What a child process took."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str


def run_child(code: str, *arguments: str, home: Path | None = None) -> Run:
    """Run Python text in a process of its own; return its wall and processor time and peak memory.

    The peak is of the largest process below it, workers included. Wall time is what the text says that its work took
    (`print("seconds", …)` as its last line), else that of the process.

    Raises:
        subprocess.CalledProcessError: the text failed.
    """
    environment = {**os.environ, **({"EDU_HOME": str(home)} if home else {})}
    wrapper = (
        "import resource, sys, time\n"
        f"exec(compile({code!r}, '<benchmark>', 'exec'))\n"
        "peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]\n"
        "print('peak', max(peaks) / 1024)\n"
    )
    # A file, not `-c`, so that worker processes which are spawned find a main module that does nothing.
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "work.py"
        script.write_text(f"if __name__ == '__main__':\n    exec({wrapper!r})\n", encoding="utf-8")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, str(script), *arguments], env=environment, capture_output=True, text=True, check=False
        )
        wall = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.stderr.write(done.stderr[-4000:])
        raise subprocess.CalledProcessError(done.returncode, "benchmark")
    lines = done.stdout.splitlines()
    peak = next(float(line.split()[1]) for line in reversed(lines) if line.startswith("peak "))
    told = next((float(line.split()[1]) for line in reversed(lines) if line.startswith("seconds ")), wall)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(told, cpu, peak, done.stdout)


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="edu-bench-") as folder:
        yield Path(folder)


def machine() -> dict[str, str | int]:
    """Describe what the figures were measured on."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1 << 30)
    return {
        "cpu": model,
        "cores": os.cpu_count() or 0,
        "memory_gib": memory,
        "python": platform.python_version(),
        "duckdb": duckdb.__version__,
    }


def write_json(path: Path, figures: list[Figure]) -> None:
    """Write figures with the machine's description."""
    content = {"machine": machine(), "figures": [{**asdict(figure), "is_met": figure.is_met} for figure in figures]}
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
