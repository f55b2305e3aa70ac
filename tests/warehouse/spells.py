"""Spells of enrolment by a second method: a walk through one person's days, written from the rules and not the SQL."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

WINDOW = timedelta(days=30)


@dataclass
class History:
    """What is known of one person: approved starts and ends, and on which roll each snapshot has the person."""

    starts: set[tuple[str, date]] = field(default_factory=set)
    ends: set[tuple[str, date]] = field(default_factory=set)
    seen: set[tuple[str, date]] = field(default_factory=set)


@dataclass(frozen=True)
class Spell:
    """One spell; `end` is the first day after it."""

    school: str
    start: date
    start_basis: str
    end: date | None
    end_basis: str | None
    is_effective: bool = True


def _last_event(history: History, school: str, day: date) -> tuple[str, date] | None:
    """Return the newest approved event at the school up to a day; of two on one day the end comes first."""
    events = [(when, 1, "start") for where, when in history.starts if where == school and when <= day]
    events += [(when, 0, "end") for where, when in history.ends if where == school and when <= day]
    return (max(events)[2], max(events)[0]) if events else None


def _next_event(history: History, school: str, day: date) -> tuple[str, date] | None:
    events = [(when, 1, "start") for where, when in history.starts if where == school and when > day]
    events += [(when, 0, "end") for where, when in history.ends if where == school and when > day]
    return (min(events)[2], min(events)[0]) if events else None


def _contradicted(history: History, school: str, day: date, is_present: bool) -> bool:
    """Whether an event within the window says otherwise than a snapshot does."""
    before, after = _last_event(history, school, day), _next_event(history, school, day)
    against_before, against_after = ("end", "start") if is_present else ("start", "end")
    if before and before[0] == against_before and day - before[1] <= WINDOW:
        return True
    return bool(after and after[0] == against_after and after[1] - day <= WINDOW)


def _missing_days(history: History, school: str, full: list[date]) -> set[date]:
    """Days of full snapshots that first miss the person after each sight and each start."""
    mine = {day for where, day in history.seen if where == school}
    missing = set()
    for day in mine:
        later = [other for other in full if other > day]
        if later and min(later) not in mine:
            missing.add(min(later))
    for where, day in history.starts:
        later = [other for other in full if where == school and other - day > WINDOW]
        if later and min(later) not in mine:
            missing.add(min(later))
    return missing


def _spells_at(history: History, school: str, full: list[date]) -> list[Spell]:
    seen = {day for where, day in history.seen if where == school and not _contradicted(history, school, day, True)}
    gone = {d for d in _missing_days(history, school, full) if not _contradicted(history, school, d, False)}
    starts = {day for where, day in history.starts if where == school}
    ends = {day for where, day in history.ends if where == school}

    def ends_here(moved_on: date) -> bool:
        """Whether a start elsewhere ends the spell: nothing of this school speaks against it first."""
        following: list[tuple[date, int, str]] = [(day, 5, "seen") for day in seen if day - moved_on > WINDOW]
        following += [(day, 1, "end") for day in ends if day > moved_on]
        following += [(day, 4, "start") for day in starts if day >= moved_on]
        following += [(day, 6, "gone") for day in gone if day >= moved_on]
        return not following or min(following)[2] in ("start", "gone")

    moves = {day for where, day in history.starts if where != school and ends_here(day)}
    for move in sorted(moves):
        for day in sorted(seen):
            last_move = max(other for other in moves if other <= day) if any(m <= day for m in moves) else None
            came_back = any(last_move is not None and last_move <= start <= day for start in starts)
            if last_move == move and day - move <= WINDOW and not came_back:
                seen.discard(day)
    days = sorted(seen | gone | starts | ends | moves)
    spells: list[Spell] = []
    opened: tuple[date, str] | None = None
    for day in days:
        basis = "event" if day in ends else "transfer" if day in moves else None
        if opened and basis:
            spells.append(Spell(school, opened[0], opened[1], day, basis))
            opened = None
        if not opened and day in starts:
            opened = (day, "event")
        if not opened and day in seen:
            opened = (day, "snapshot")
        if opened and day in gone:
            spells.append(Spell(school, opened[0], opened[1], day, "absent"))
            opened = None
    if opened:
        spells.append(Spell(school, opened[0], opened[1], None, None))
    return spells


def spells_of(history: History, full: dict[str, list[date]]) -> list[Spell]:
    """Return the spells of one person over all schools."""
    schools = {where for where, _ in history.starts | history.seen}
    every = [spell for school in sorted(schools) for spell in _spells_at(history, school, full.get(school, []))]

    def weight(spell: Spell) -> tuple[bool, date, str]:
        return (spell.start_basis == "event", spell.start, spell.school)

    def overlaps(one: Spell, other: Spell) -> bool:
        return (one.end is None or other.start < one.end) and (other.end is None or one.start < other.end)

    return [
        Spell(
            spell.school,
            spell.start,
            spell.start_basis,
            spell.end,
            spell.end_basis,
            not any(
                other.school != spell.school and weight(other) > weight(spell) and overlaps(spell, other)
                for other in every
            ),
        )
        for spell in every
    ]


def no_overlap(spells: Iterable[Spell]) -> bool:
    """Whether no two spells share a day."""
    ordered = sorted(spells, key=lambda spell: spell.start)
    pairs = itertools.pairwise(ordered)
    return all(one.end is not None and one.end <= other.start for one, other in pairs)
