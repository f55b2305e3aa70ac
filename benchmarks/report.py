"""What was measured: kept as JSON part by part, shown as a table, written into the page on performance."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.common import Part, machine

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
MET = {None: "", True: "yes", False: "**no**"}


def record(part: Part, command: str, load_before: float) -> dict[str, Any]:
    """Return a part's result as JSON content; the load is that of the last minute, before and after."""
    return {
        "command": command,
        "load": [round(load_before, 1), round(os.getloadavg()[0], 1)],
        "machine": machine(),
        "figures": [{**asdict(figure), "is_met": figure.is_met} for figure in part.figures],
        "skipped": part.skipped,
    }


def read(path: Path) -> dict[str, Any]:
    """Return the results so far by part."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return content


def save(path: Path, results: dict[str, Any]) -> None:
    """Write results."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _cells(figure: dict[str, Any]) -> tuple[str, str, str, str, str]:
    ratio = "" if figure["ratio"] is None else f"{figure['ratio']:.2f} × {figure['baseline']}"
    bar = "" if figure["bar"] is None else f"{figure['bar']:g}"
    return figure["name"], f"{figure['value']:,.2f} {figure['unit']}", ratio, bar, MET[figure["is_met"]]


def show(name: str, result: dict[str, Any]) -> None:
    """Print one part as a table."""
    table = Table("what", "value", "ratio", "bar", "met", title=name)
    for figure in result["figures"]:
        table.add_row(*(cell.replace("*", "") for cell in _cells(figure)))
    console = Console()
    console.print(table)
    for text in result["skipped"]:
        console.print(f"not measured: {text}")


def as_markdown(results: dict[str, Any]) -> str:
    """Return all parts as tables of a page."""
    lines = []
    for name, result in results.items():
        told = result["machine"]
        lines += [
            f"### {name}",
            f"`{result['command']}` on {told['cpu']}, {told['cores']} cores, {told['memory_gib']} GiB; Python "
            f"{told['python']}, DuckDB {told['duckdb']}; load of the machine before and after: "
            f"{result['load'][0]:g}, {result['load'][1]:g}.",
            "",
            "| what | value | ratio | bar | met |",
            "|-|-|-|-|-|",
            *("| " + " | ".join(_cells(figure)) + " |" for figure in result["figures"]),
            "",
            *(f"Not measured: {text}." for text in result["skipped"]),
            *([""] if result["skipped"] else []),
        ]
    return "\n".join(lines).rstrip()


def write_page(page: Path, results: dict[str, Any]) -> None:
    """Put the tables between the marks of a page.

    Raises:
        ValueError: the page has no such marks.
    """
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page.name} has no place for the tables: {BEGIN} … {END}")
    page.write_text(f"{before}{BEGIN}\n{as_markdown(results)}\n{END}{after}", encoding="utf-8")
