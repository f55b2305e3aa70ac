"""What the parts share: what is measured, running a piece of work in a process of its own, and the rows of a result."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from edu.settings import PROJECT_ROOT


@dataclass(frozen=True)
class Plan:
    """How much is measured, and where what was made for it is kept."""

    rows: int = 1_000_000
    """Rows of the roster."""
    scale: float = 0.02
    """1 is the whole city."""
    terms: int = 4
    work: Path = PROJECT_ROOT / "build" / "benchmark"
    """Cities and installations are made here once and used by every part."""
    terms_kept: tuple[int, ...] = (2, 4)
    """Numbers of terms over which a resubmission is measured."""
    readers: int = 50
    oulad: Path = PROJECT_ROOT.parent / "shared" / "data" / "oulad"
    """The Open University data set; its part is left out where it is absent."""
    others: Path | None = None
    """A Python that has polars and dlt, for the comparison; neither is a dependency."""


@dataclass(frozen=True)
class Figure:
    """One measured figure; `ratio` is against `baseline`, `bar` is the most it may be."""

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


@dataclass
class Part:
    """What a part of the benchmark found."""

    figures: list[Figure] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    """What could not be measured here, and why."""


@dataclass(frozen=True)
class Run:
    """What a child process took."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str


def run_child(code: str, *arguments: str, home: Path | None = None, python: Path | None = None) -> Run:
    """Run Python text in a process of its own; return its wall and processor time and peak memory.

    The peak is of the largest process below it, workers included. Wall time is what the text says that its work took
    (`print("seconds", …)` as its last line), else that of the process.

    Raises:
        subprocess.CalledProcessError: the text failed.
    """
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT), **({"EDU_HOME": str(home)} if home else {})}
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
            [str(python or sys.executable), str(script), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
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


def said(run: Run, word: str) -> str:
    """Return what a child printed after a word at the beginning of a line."""
    return next(line.removeprefix(word).strip() for line in run.output.splitlines() if line.startswith(f"{word} "))


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
