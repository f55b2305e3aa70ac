"""The whole path: all files of a city's terms, landed, built and published; and twice the data against once."""

from __future__ import annotations

from benchmarks.city import passage
from benchmarks.common import Figure, Part, Plan

MEMORY_BAR_MB = 4096.0
TWICE_BAR = 2.2


def measure(plan: Plan) -> Part:
    """Measure the city of the plan, and one of twice its scale."""
    once, twice = (passage(plan, scale, plan.terms) for scale in (plan.scale, 2 * plan.scale))
    size = f"scale {plan.scale:g}, {plan.terms} terms"
    return Part(
        [
            Figure(f"whole path, {size}, {once.rows:,} rows", once.seconds, "s"),
            Figure("of it landing", once.collect_s, "s"),
            Figure("of it building", once.build_s, "s"),
            Figure("of it publishing", once.publish_s, "s"),
            Figure("rows a second on the whole path", once.rows / once.seconds, "rows/s"),
            Figure("peak memory of one process", max(once.peak_mb, twice.peak_mb), "MB", bar=MEMORY_BAR_MB),
            Figure(
                f"twice the scale, {twice.rows:,} rows",
                twice.seconds,
                "s",
                "the time of half",
                twice.seconds / once.seconds,
                TWICE_BAR,
            ),
        ]
    )
