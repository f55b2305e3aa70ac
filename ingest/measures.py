"""Measures with notations of their own: eyesight, lengths of time, moments."""

from __future__ import annotations

from edu.contract import FieldSpec
from ingest.expression import NOTHING, Cleaned, Steps, cases, outside

DECIMAL_NOTATION = (0.02, 2.0)
"""Eyesight in decimal notation; five-mark records begin at 3.0, so the two cannot be confused."""
NUMBER = r"^\d+(\.\d+)?$"
PAIR = r"\d(\.\d+)?[^0-9.]{1,3}\d(\.\d+)?"
"""Both eyes, or with and without glasses, in one cell: which is meant cannot be told."""
MINUTES_OR_SECONDS = r"\d{1,2}\.[0-5]\d"
"""A number that may be minutes and seconds as well as seconds."""
MINUTES = r"^(\d{1,3}) ?(''?|′|’|分|:) ?(\d{1,2}(\.\d+)?) ?(\"|''|″|”|秒)?$"
"""3'45", 3′45″, 3分45秒, 3:45. A bare 3.45 is no such writing: it may be minutes or seconds."""
ISO_DURATION = r"^PT((\d+)H)?((\d+)M)?((\d+(\.\d+)?)S)?$"
OFFSET = r"(Z|[+-]\d{2}:?\d{2})$"
LOCAL_HOURS = 8
"""Asia/Shanghai has had one offset since 1991."""


def _literal(pattern: str) -> str:
    return "'" + pattern.replace("'", "''") + "'"


def vision(field: FieldSpec, plain: str, steps: Steps) -> Cleaned:
    """Five-mark L notation; a decimal record V becomes L = 5 + log10(V) (GB 11533-2011, clause 4.2)."""
    low, high = DECIMAL_NOTATION
    number = steps.add(
        f"case when regexp_matches({plain}, {_literal(NUMBER)}) then try_cast({plain} as decimal(9, 4)) end"
    )
    is_decimal = steps.add(f"coalesce({number} between {low} and {high}, false)")
    marks = steps.add(
        f"case when {is_decimal} then cast(round(5 + log10({number}), 1) as decimal(9, 4)) else {number} end"
    )
    is_outside = outside(field, marks)
    is_pair = f"regexp_full_match({plain}, {_literal(PAIR)})"
    return Cleaned(
        f"case when not {is_outside} then cast({marks} as decimal({field.precision}, {field.scale})) end",
        cases((is_pair, "vision_pair"), (f"{number} is null", "value_unreadable"), (is_outside, "out_of_range")),
        cases((is_decimal, "vision_notation_fixed")),
    )


def duration(field: FieldSpec, plain: str, steps: Steps) -> Cleaned:
    """Seconds, from a number of seconds, minutes and seconds as clerks write them, or ISO 8601 (xAPI)."""
    kind = f"decimal({field.precision}, {field.scale})"
    spoken = steps.add(f"regexp_replace({plain}, '秒$', '')")

    def part(pattern: str, group: int) -> str:
        return f"coalesce(try_cast(nullif(regexp_extract({plain}, {_literal(pattern)}, {group}), '') as {kind}), 0)"

    is_number = steps.add(f"regexp_matches({spoken}, {_literal(NUMBER)})")
    is_minutes = steps.add(f"regexp_matches({plain}, {_literal(MINUTES)})")
    is_iso = f"(regexp_matches({plain}, {_literal(ISO_DURATION)}) and regexp_matches({plain}, '[0-9][HMS]'))"
    seconds = steps.add(
        f"case when {is_number} then try_cast({spoken} as {kind}) "
        f"when {is_minutes} then 60 * {part(MINUTES, 1)} + {part(MINUTES, 3)} "
        f"when {is_iso} then 3600 * {part(ISO_DURATION, 2)} + 60 * {part(ISO_DURATION, 4)} + {part(ISO_DURATION, 6)} end"
    )
    is_outside = outside(field, seconds)
    # Too few for seconds, and the header says nothing of minutes.
    is_unclear = f"({is_outside} and regexp_full_match({spoken}, {_literal(MINUTES_OR_SECONDS)}))"
    return Cleaned(
        f"case when not {is_outside} then cast({seconds} as {kind}) end",
        cases(
            (f"{seconds} is null", "value_unreadable"), (is_unclear, "duration_unclear"), (is_outside, "out_of_range")
        ),
        cases((is_minutes, "duration_format_fixed"), (f"{is_number} and {spoken} <> {plain}", "duration_format_fixed")),
    )


def moment(plain: str, steps: Steps) -> Cleaned:
    """A time with an offset is brought to Asia/Shanghai; one without is taken as local."""
    offset = steps.add(f"regexp_extract({plain}, {_literal(OFFSET)}, 1)")
    written = f"regexp_replace({plain}, {_literal(OFFSET)}, '')"
    local = f"try_cast(replace({written}, 'T', ' ') as timestamp)"
    hours = f"try_cast(substr({offset}, 2, 2) as integer)"
    minutes = f"try_cast(right({offset}, 2) as integer)"
    east = f"case when left({offset}, 1) = '-' then -1 else 1 end * ({hours} * 60 + {minutes})"
    shift = f"case when {offset} = '' then 0 when {offset} = 'Z' then {LOCAL_HOURS * 60} else {LOCAL_HOURS * 60} - ({east}) end"
    is_shaped = f"regexp_matches({plain}, '^\\d{{4}}-\\d{{2}}-\\d{{2}}[T ]\\d{{2}}:\\d{{2}}')"
    # Years beside those are slips, and clients of the warehouse cannot hold them.
    is_usual = f"substr({plain}, 1, 4) between '1900' and '2199'"
    value = steps.add(f"case when {is_shaped} and {is_usual} then {local} + to_minutes(cast({shift} as bigint)) end")
    return Cleaned(value, cases((f"{value} is null", "date_unreadable")), NOTHING)
