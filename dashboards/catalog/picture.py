"""Draws where a table comes from and who reads it, as inline SVG."""

from __future__ import annotations

from html import escape

from dashboards.catalog.content import LAYERS, Content, Table

WIDTH, HEIGHT, GAP_X, GAP_Y = 226, 44, 48, 14
MAXIMUM = 9
"""More tables in one column are summed up in a last box."""
STEPS_UP, STEPS_DOWN = 4, 2
READABLE = 960
"""Pixels below which a wide picture is scrolled rather than made smaller."""


def _levels(content: Content, start: Table, ways: str, steps: int) -> list[list[str]]:
    """Return the tables that are 1, 2, … steps away, each at its nearest distance."""
    seen, found, current = {start.full_name}, [], [start.full_name]
    for _ in range(steps):
        following = sorted(
            {name for table in current for name in getattr(content.tables[table], ways) if name not in seen},
            key=lambda name: (list(LAYERS).index(content.tables[name].schema), name),
        )
        if not following:
            break
        seen |= set(following)
        found.append(following)
        current = following
    return found


def lineage_svg(content: Content, table: Table) -> str:
    """Return the picture: what the table is made of to its left, what reads it to its right."""
    up = _levels(content, table, "parents", STEPS_UP)
    down = _levels(content, table, "children", STEPS_DOWN)
    columns = [*reversed(up), [table.full_name], *down]
    shown = [names if len(names) <= MAXIMUM else names[: MAXIMUM - 1] for names in columns]
    hidden = [len(names) - len(kept) for names, kept in zip(columns, shown, strict=True)]
    tallest = max(len(kept) + bool(rest) for kept, rest in zip(shown, hidden, strict=True))
    height = tallest * (HEIGHT + GAP_Y) + GAP_Y
    width = len(columns) * WIDTH + (len(columns) - 1) * GAP_X + 4
    places: dict[str, tuple[float, float]] = {}
    boxes = []
    for index, (names, rest) in enumerate(zip(shown, hidden, strict=True)):
        x = 2 + index * (WIDTH + GAP_X)
        count = len(names) + bool(rest)
        y = (height - count * (HEIGHT + GAP_Y) + GAP_Y) / 2
        for name in names:
            places[name] = (x, y)
            boxes.append(_box(content.tables[name], x, y, is_own=name == table.full_name))
            y += HEIGHT + GAP_Y
        if rest:
            boxes.append(
                f'<text class="more" x="{x + WIDTH / 2}" y="{y + HEIGHT / 2 + 4}" text-anchor="middle">另有 {rest} 张</text>'
            )
    lines = [
        _line(places[parent], places[name])
        for name in places
        for parent in content.tables[name].parents
        if parent in places and places[parent][0] < places[name][0]
    ]
    title = f"{table.label}的数据来源与去向"
    return (
        f'<svg class="lineage" role="img" aria-label="{escape(title)}" viewBox="0 0 {width} {height}" '
        f'style="min-width: {min(width, READABLE)}px; max-width: {width}px"><title>{escape(title)}</title>'
        f"{''.join(lines)}{''.join(boxes)}</svg>"
    )


def _box(table: Table, x: float, y: float, *, is_own: bool) -> str:
    kind = "own" if is_own else table.schema
    label = table.label if len(table.label) <= 15 else table.label[:14] + "…"
    name = table.full_name if len(table.full_name) <= 33 else table.full_name[:32] + "…"
    return (
        f'<a href="{escape(table.page)}"><g class="box {kind}"><title>{escape(table.full_name)} {escape(table.label)}'
        f'</title><rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
        f'<text class="label" x="{x + 10}" y="{y + 19}">{escape(label)}</text>'
        f'<text class="name" x="{x + 10}" y="{y + 35}">{escape(name)}</text></g></a>'
    )


def _line(start: tuple[float, float], end: tuple[float, float]) -> str:
    x1, y1 = start[0] + WIDTH, start[1] + HEIGHT / 2
    x2, y2 = end[0], end[1] + HEIGHT / 2
    middle = (x1 + x2) / 2
    return f'<path class="way" d="M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}"/>'
