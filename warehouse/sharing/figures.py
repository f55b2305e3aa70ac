"""Figures of persons in a package: few are hidden, with all that they could be found from, and stay so in later packages.

A block is what an item counts within all its dimensions but the last (the sexes of one grade of one school), a cell one
value of the last. Totals of blocks are no secret: the sizes of grades and classes are ordinary. So a block is shown whole
or hidden whole, and whatever follows from totals of grades, schools or counties tells nothing of a cell in it. Where the
values of a cell are few and known (the sexes), a hidden block has a row for each, that no missing row says who is not
there.

What one package tells, no other takes back, whoever receives it, and whichever schools or fields it has: the decision is
one for the item and version. A block that was hidden stays hidden. One that was shown keeps its figures while a cell
changed by few, or while few would have to be hidden beside a figure that is known already. What was handed out last
lies in `suppression/shared_<item>.parquet` (mode 0600).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from edu.errors import EduError
from edu.lock import alone
from edu.paths import PRIVATE_DIR_MODE, Home
from warehouse.sharing.requests import Item, read_releases

HIDDEN = "is_hidden"
PART_SUFFIX = "_is_hidden"
WAIT_SECONDS = 600.0


class OtherFiguresError(EduError):
    """An item counts otherwise than in the packages that left, so what they told cannot be compared."""

    def __init__(self, item_id: str) -> None:
        super().__init__(
            f"item {item_id} is counted by other columns than in packages that left; nothing was built. In the seed "
            "share_catalog give the new form an item_id of its own."
        )


class MemoryLostError(EduError):
    """Figures of an item left and nothing remembers which, so a new decision could take back what they hid."""

    def __init__(self, item_id: str, name: str) -> None:
        super().__init__(
            f"packages of {item_id} left, but {name}, which holds what they told, is gone; nothing was built. Put it back "
            "from a backup (docs/recovery.md). Where there is none, in the seed share_catalog give the "
            "item another item_id: packages of it may then tell what earlier ones hid."
        )


@dataclass(frozen=True)
class Selection:
    """Which rows of an item a package has: conditions over its table, with their values."""

    conditions: list[str]
    values: list[Any]


def state_path(home: Home, item_id: str) -> Path:
    """Return where the last figures of an item that left are remembered."""
    return home.root / "suppression" / f"shared_{item_id}.parquet"


def select_figures(
    home: Home,
    connection: duckdb.DuckDBPyConnection,
    item: Item,
    fields: tuple[str, ...],
    selection: Selection,
    version: str,
    threshold: int,
) -> tuple[pa.Table, int]:
    """Return the chosen rows with what may be told, flags of what may not, and how many rows have a hidden number.

    Args:
        home: the installation, whose memory of earlier packages is read and written.
        connection: the database that holds the item's table.
        item: an item with a column that counts persons.
        fields: columns of the package.
        selection: rows of the package.
        version: the published version.
        threshold: numbers from 1 to one less are few.

    Raises:
        OtherFiguresError: the catalog counts the item otherwise than in packages that left.
        MemoryLostError: packages of the item left, and what they told is not there.
        BusyError: another package is being built, and was so for long.
    """
    folder = home.root / "suppression"
    folder.mkdir(exist_ok=True)
    folder.chmod(PRIVATE_DIR_MODE)
    state = state_path(home, item.item_id)
    with alone(home.tmp / "share_figures.lock", "another package is being built", wait_seconds=WAIT_SECONDS):
        if not state.exists() and any(release["item_id"] == item.item_id for release in read_releases(home)):
            raise MemoryLostError(item.item_id, state.relative_to(home.root).as_posix())
        _settle(connection, item, state, version, threshold)
    return _select(connection, item, fields, selection)


def _key(column: str, table: str = "") -> str:
    prefix = f"{table}." if table else ""
    return f"coalesce({prefix}\"{column}\"::varchar, '')"


def _settle(connection: duckdb.DuckDBPyConnection, item: Item, state: Path, version: str, threshold: int) -> None:
    """Make the temporary table `told`: each cell of the item with what is told of it in this version.

    The decision is made anew when the version changed, and written before any package can leave.
    """
    keys = [*item.by_columns, *item.dims]
    block, parts = keys[:-1], list(item.part_columns)
    numbers = [str(item.count_column), *parts]
    said = [*numbers, *item.blank_columns]
    known = f"read_parquet('{state}')" if state.exists() else None
    if known:
        held = {row[0] for row in connection.execute(f"describe select * from {known}").fetchall()}
        if held != {*keys, *said, "is_hidden", "has_hidden_part", "version"}:
            raise OtherFiguresError(item.item_id)
        served = connection.execute(f"select max(version) from {known}").fetchone()
        if served == (version,):
            connection.execute(f"create or replace temp table told as select * from {known}")
            return
    columns = ", ".join(
        [
            *(f'{_key(name)} as "{name}"' for name in keys),
            *(f'"{name}"::bigint as "{name}"' for name in numbers),
            *(f'"{name}"' for name in item.blank_columns),
        ]
    )
    connection.execute(
        f'create or replace temp table counted as select {columns} from "{item.schema_name}"."{item.table_name}" '
        f'where "{item.count_column}" is not null'
    )
    empty = "select *, false as is_hidden, false as has_hidden_part, ''::varchar as version from counted where false"
    connection.execute(f"create or replace temp table last as {f'select * from {known}' if known else empty}")
    connection.execute(f"create or replace temp table decided as {_decisions(item, block, numbers, threshold)}")
    chosen = ", ".join(
        f'case when decided.verdict = \'kept\' then last."{name}" else counted."{name}" end as "{name}"'
        for name in said
    )
    same_block = " and ".join(f'decided."{name}" = counted."{name}"' for name in block)
    same_cell = " and ".join(f'last."{name}" = counted."{name}"' for name in keys)
    still_there = " and ".join(f'counted."{name}" = last."{name}"' for name in block)
    connection.execute(
        f"""
        create or replace temp table told as
        select {", ".join(f'counted."{name}"' for name in keys)}, {chosen},
            decided.verdict = 'hidden' as is_hidden, decided.has_hidden_part, ?::varchar as version
        from counted inner join decided on {same_block}
        left join last on {same_cell}
        where decided.verdict <> 'kept' or last."{keys[-1]}" is not null
        union all by name
        -- A block that nobody is in now may come back.
        select last.* replace (?::varchar as version) from last
        where not exists (select 1 from counted where {still_there})
        """,
        [version, version],
    )
    aside = state.with_name(f".{state.name}.part")
    connection.execute(f"copy (select * from told order by all) to '{aside}' (format parquet)")
    aside.chmod(0o600)
    aside.replace(state)


def _decisions(item: Item, block: list[str], numbers: list[str], threshold: int) -> str:
    """Return SQL of the decision on each block: new, kept or hidden, and whether a number of its parts is hidden."""
    count, parts = numbers[0], numbers[1:]
    most = threshold - 1
    now = [f'counted."{name}"' for name in numbers] + [f'counted."{count}" - counted."{part}"' for part in parts]
    was = [f'last."{name}"' for name in numbers] + [f'last."{count}" - last."{part}"' for part in parts]
    small = " or ".join(
        f"abs(coalesce({one}, 0) - coalesce({other}, 0)) between 1 and {most}"
        for one, other in zip(now, was, strict=True)
    )
    few_parts = " or ".join(f"{number} between 1 and {most}" for number in now[1:]) or "false"
    names = ", ".join(f'"{name}"' for name in block)
    keys = ", ".join(f'"{name}"' for name in [*block, item.dims[-1]])
    return f"""
    with judged as (
        select {names},
            bool_or(last."{count}" is not null) as is_known,
            coalesce(bool_or(last.is_hidden), false) as was_hidden,
            coalesce(bool_or(last.has_hidden_part), false) as had_hidden_part,
            bool_or(coalesce({now[0]} between 1 and {most}, false)) as has_few,
            bool_or(coalesce({few_parts}, false)) as has_few_parts,
            bool_or({small}) as has_small_change,
            bool_or(coalesce({now[0]} = {was[0]}, false)) as has_known,
            bool_or({now[0]} is null and {was[0]} > 0) as has_gone
        from counted full join last using ({keys})
        group by {names}
    ),
    decided as (
        select *,
            case
                when was_hidden then 'hidden'
                when is_known and (has_small_change or (has_few and has_known))
                    then case when has_gone then 'hidden' else 'kept' end
                when has_few then 'hidden'
                else 'new'
            end as verdict
        from judged
    )
    select {names}, verdict, verdict = 'hidden' or had_hidden_part or (verdict <> 'kept' and has_few_parts)
        as has_hidden_part
    from decided
    """


def _select(
    connection: duckdb.DuckDBPyConnection, item: Item, fields: tuple[str, ...], selection: Selection
) -> tuple[pa.Table, int]:
    """Return the chosen rows as they may be told, and how many have a hidden number."""
    keys = [*item.by_columns, *item.dims]
    count, parts = str(item.count_column), list(item.part_columns)
    used = dict.fromkeys([*fields, *keys, *item.cell_columns])
    columns = ", ".join(f'"{name}"' for name in used)
    connection.execute(
        f'create or replace temp table wanted as select {columns} from "{item.schema_name}"."{item.table_name}" '
        f"where {' and '.join(selection.conditions)}",
        selection.values,
    )
    cell = set(item.cell_columns)
    if cell:
        # A row of a hidden block for every value that its cells may have; the numbers are empty in all of them.
        place = [name for name in used if name not in cell]
        block = ", ".join(f'"{name}"' for name in keys[:-1])
        whole = ", ".join(
            f'"{name}"' if name in keys else f'min("{name}") as "{name}"' for name in place if name != keys[-1]
        )
        values = ", ".join(f'"{name}"' for name in item.cell_columns)
        hidden = " and ".join(f'told."{name}" = {_key(name, "wanted")}' for name in keys[:-1])
        made = {name: "cell" if name == keys[-1] else "place" for name in keys}
        is_there = " and ".join(f"{_key(name, 'wanted')} = {_key(name, table)}" for name, table in made.items())
        connection.execute(
            f"""
            insert into wanted by name
            select * from
                (select {whole} from wanted
                 where exists (select 1 from told where told.is_hidden and {hidden}) group by {block}) as place
            cross join (select distinct {values} from "{item.schema_name}"."{item.table_name}") as cell
            where not exists (select 1 from wanted where {is_there})
            """
        )
    same = " and ".join(f'told."{name}" = {_key(name, "wanted")}' for name in keys)
    # A row that is new in a block which keeps its figures waits unseen.
    is_hidden, has_hidden_part = "coalesce(told.is_hidden, true)", "coalesce(told.has_hidden_part, true)"
    shown = []
    for name in fields:
        if name == count:
            shown.append(f'case when not {is_hidden} then told."{name}" end as "{name}"')
        elif name in parts:
            shown.append(f'case when not {has_hidden_part} then told."{name}" end as "{name}"')
        elif name in item.blank_columns:
            # What is said of a kept number is kept with it: a band of sizes would tell the new one.
            shown.append(f'case when not {is_hidden} then told."{name}" end as "{name}"')
        else:
            shown.append(f'wanted."{name}"')
    shown.append(f"{is_hidden} as {HIDDEN}")
    shown += [f'{has_hidden_part} as "{part}{PART_SUFFIX}"' for part in parts if part in fields]
    flags = [f'"{part}{PART_SUFFIX}"' for part in parts if part in fields]
    table = connection.execute(
        f"select {', '.join(shown)} from wanted left join told on {same} order by all"
    ).to_arrow_table()
    connection.register("package_rows", table)
    row = connection.execute(
        f"select count(*) filter (where {' or '.join([HIDDEN, *flags])}) from package_rows"
    ).fetchone()
    connection.unregister("package_rows")
    return table, int(row[0]) if row else 0
