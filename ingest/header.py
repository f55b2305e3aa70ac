"""Finds the header among the first rows of a table and says which column is which field.

A header is recognised by how many of its cells are known spellings of the contract's fields. What a profile declares
(its title row, its own header texts, a leading star) is no finding; every departure is one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from edu.codes import code_sets
from edu.contract import Contract, FieldSpec, Profile
from edu.errors import RejectedFileError
from ingest import units
from ingest.protected_text import unprotected

Row = Sequence[str | None]

SEARCH_ROWS = 30
MINIMUM_SHARE = 0.5
"""A header names at least this share of the profile's mandatory fields; less is another table."""
CODE_ROW = re.compile(r"KD_[A-Z]*\d+")
UNIT_IN_BRACKETS = re.compile(r"^(.+)\((?:单位:)?([^()]+)\)$")
FULL_WIDTH = str.maketrans({chr(0xFF01 + i): chr(0x21 + i) for i in range(94)} | {"\u3000": " "})


@dataclass(frozen=True)
class FormNote:
    """A finding about the form of a file: of the whole, of a sheet, a column or a row; its severity is the reason's."""

    reason_code: str
    field: str | None = None
    sheet: str | None = None
    row_number: int | None = None


@dataclass(frozen=True)
class Header:
    """Where the header stands and what it says."""

    profile: str
    first_row: int
    """0-based index of the first header row among the rows given."""
    last_row: int
    columns: dict[int, str]
    """0-based column index to field."""
    units: dict[int, str]
    """0-based column index to the unit that the header names after the field, where it is not the field's own."""
    notes: tuple[FormNote, ...] = field(default=())
    title: str | None = None
    extra_rows: int = 0
    """Rows above the header that the profile does not declare."""
    above: tuple[str, ...] = ()
    """What stands alone in a row above the header: its title and notes."""


def clean(text: str | None) -> str:
    """Return a header cell without stars, white space, width differences and Excel's protection of texts."""
    return re.sub(r"[\s*]", "", unprotected((text or "").strip()).translate(FULL_WIDTH)).replace("\ufeff", "").lower()


def _is_blank(text: str | None) -> bool:
    return text is None or not text.strip()


def _known_spellings(contract: Contract, profile: str) -> dict[str, str]:
    """Return cleaned header spelling → field, own headers before aliases before item names."""
    known: dict[str, str] = {}
    specs = contract.profile_fields(profile)
    for spec in specs:
        known.setdefault(clean(contract.header(profile, spec.name)), spec.name)
    for spec in specs:
        for text in (spec.label, *spec.aliases, spec.short_item, spec.name):
            if text:
                known.setdefault(clean(text), spec.name)
    return known


class _Spellings:
    """The spellings under which a profile's columns are known."""

    def __init__(self, contract: Contract, profile: str) -> None:
        self._known = _known_spellings(contract, profile)
        self._contract = contract

    def find(self, text: str | None) -> tuple[str, str | None] | None:
        """Return the field of a header cell and the unit that it names in brackets after a known spelling.

        The field's own unit is none; what stands in brackets and is no unit leaves the cell unknown.
        """
        cell = clean(text)
        if not cell:
            return None
        if cell in self._known:
            return self._known[cell], None
        parts = UNIT_IN_BRACKETS.match(cell)
        name = self._known.get(parts[1]) if parts else None
        if parts is None or name is None:
            return None
        spec = self._contract.field(name)
        if clean(parts[2]) in {clean(word) for word in units.own_words(spec.unit)}:
            return name, None
        unit = _unit_word(spec, parts[2])
        return (name, unit) if unit else None


def is_column(contract: Contract, text: str) -> bool:
    """Whether a text is the header of a field in any profile of a contract."""
    return any(_Spellings(contract, profile).find(text) for profile in contract.profiles)


def _unit_word(spec: FieldSpec, text: str) -> str | None:
    """Return the unit that a header names for a field that is measured; null for any other text."""
    if spec.type == "duration":
        return units.MINUTES_AND_SECONDS if text in units.MINUTE_WORDS else None
    if not spec.unit:
        return None
    return next((word for word in sorted(units.every_word()) if clean(word) == text), None)


def _match(row: Row, known: _Spellings) -> dict[int, str]:
    return {i: found[0] for i, cell in enumerate(row) if (found := known.find(cell))}


def _filled(row: Row) -> list[str]:
    """Return the row with empty cells taking the value at their left, as merged cells read."""
    filled, last = [], ""
    for cell in row:
        last = last if _is_blank(cell) else str(cell)
        filled.append(last)
    return filled


def _texts_of(upper: Row, lower: Row, groups: Sequence[str], column: int) -> list[str | None]:
    """Return what may name a column in two header rows: a label below, below its group, or merged down from above."""
    low = lower[column] if column < len(lower) else None
    up = upper[column] if column < len(upper) else None
    group = groups[column] if column < len(groups) else ""
    return [low, f"{group}_{low}", f"{group}{low}"] if not _is_blank(low) else [up]


def _match_two(upper: Row, lower: Row, known: _Spellings) -> dict[int, str]:
    """Match columns whose name stands in two rows."""
    groups = _filled(upper)
    matched: dict[int, str] = {}
    for i in range(max(len(upper), len(lower))):
        found = next((hit for text in _texts_of(upper, lower, groups, i) if (hit := known.find(text))), None)
        if found:
            matched[i] = found[0]
    return matched


def _value_form_votes(contract: Contract, columns: dict[int, str], body: Sequence[Row]) -> tuple[int, int]:
    """Count body cells of coded fields that are codes and that are labels."""
    codes = labels = 0
    for i, name in columns.items():
        spec = contract.field(name)
        code_set = "SFBZ" if spec.type == "flag" else spec.code_set
        if code_set is None:
            continue
        names = set(code_sets()[code_set].values())
        for row in body:
            value = unprotected((row[i] or "").strip()) if i < len(row) else ""
            codes += value in code_sets()[code_set]
            labels += value in names
    return codes, labels


@dataclass(frozen=True)
class _Candidate:
    first_row: int
    last_row: int
    columns: dict[int, str]
    is_merged: bool


def _find(rows: Sequence[Row], known: _Spellings) -> _Candidate | None:
    """Return the row, or the two rows, that name the most fields; the first of equals."""
    best: _Candidate | None = None
    for i, row in enumerate(rows[:SEARCH_ROWS]):
        columns = _match(row, known)
        above = rows[i - 1] if i else ()
        names_above = sum(not _is_blank(cell) for cell in above)
        merged = _match_two(above, row, known) if names_above > 1 and _match(above, known) != columns else {}
        is_merged = len(merged) > len(columns) or (len(merged) == len(columns) > 1 and names_above > 1)
        candidate = _Candidate(i - 1, i, merged, True) if is_merged else _Candidate(i, i, columns, False)
        if best is None or len(candidate.columns) > len(best.columns):
            best = candidate
    return best if best and best.columns else None


def recognise(
    file: str,
    rows: Sequence[Row],
    contract: Contract,
    profile: str | None,
    file_type: str,
    sheet: str | None = None,
) -> Header:
    """Return the header of a table whose first rows are given.

    Without a profile the one is taken whose headers are spelled exactly most often, then the one whose form of
    values (code or label) the first rows have, then the one that has just these rows above its header, then the one that
    uses this type of file first.

    Raises:
        RejectedFileError: no row names enough fields, two columns claim one field, or a mandatory column is missing.
    """
    found: list[tuple[tuple[int, int, int, int], str, _Candidate]] = []
    for order, (name, spec) in enumerate(contract.profiles.items()):
        if profile != name and (profile is not None or spec.carrier != "table"):
            continue
        candidate = _find(rows, _Spellings(contract, name))
        needed = max(1, int(len(spec.mandatory) * MINIMUM_SHARE))
        if candidate is None or len(set(candidate.columns.values())) < needed:
            continue
        exact = sum(_is_exact(contract, name, c, rows, candidate) for c in candidate.columns)
        codes, labels = _value_form_votes(contract, candidate.columns, rows[candidate.last_row + 1 : SEARCH_ROWS])
        votes = codes - labels if spec.value_form == "code" else labels - codes
        title, extra = _above(rows[: candidate.first_row], spec)
        has_its_title = not extra and (title is not None or spec.title_pattern is None)
        preference = -spec.file_types.index(file_type) if file_type in spec.file_types else -len(spec.file_types)
        found.append(((exact, votes, int(has_its_title), preference * 10 - order), name, candidate))
    if not found:
        raise RejectedFileError(
            file,
            "header_not_found",
            f"No row is a header of dataset {contract.dataset}; use the template or the national export.",
            sheet=sheet,
        )
    _, name, candidate = max(found, key=lambda item: item[0])
    return _header(file, rows, contract, name, candidate, sheet)


def _is_exact(contract: Contract, profile: str, column: int, rows: Sequence[Row], candidate: _Candidate) -> bool:
    header = contract.header(profile, candidate.columns[column])
    cell = _cell(rows[candidate.last_row], column) or _cell(rows[candidate.first_row], column)
    return cell in (header, f"*{header}")


def _cell(row: Row, column: int) -> str | None:
    value = row[column] if column < len(row) else None
    return None if _is_blank(value) else value


def _header(
    file: str, rows: Sequence[Row], contract: Contract, name: str, candidate: _Candidate, sheet: str | None
) -> Header:
    profile = contract.profiles[name]
    claimed: dict[str, int] = {}
    for column, field_name in candidate.columns.items():
        if field_name in claimed:
            raise RejectedFileError(
                file,
                "header_ambiguous",
                f"Columns {claimed[field_name] + 1} and {column + 1} are both {contract.field(field_name).label}; keep one.",
                field=field_name,
                sheet=sheet,
            )
        claimed[field_name] = column
    for field_name in profile.mandatory:
        if field_name not in claimed:
            raise RejectedFileError(
                file,
                "mandatory_column_missing",
                f"Add the column {contract.header(name, field_name)}.",
                field=field_name,
                sheet=sheet,
            )
    title, extra = _above(rows[: candidate.first_row], profile)
    measured = _units(rows, contract, name, candidate)
    notes = [FormNote("extra_rows_dropped")] if extra else []
    if candidate.is_merged:
        notes.append(FormNote("merged_header"))
    else:
        notes.extend(
            FormNote("header_variant", field_name)
            for column, field_name in candidate.columns.items()
            if column not in measured and not _is_exact(contract, name, column, rows, candidate)
        )
    for column, unit in measured.items():
        spec = contract.field(candidate.columns[column])
        if spec.type == "duration":
            notes.append(FormNote("duration_header", spec.name))
        elif unit in units.conversions(spec.unit):
            notes.append(FormNote("header_unit", spec.name))
        else:
            notes.append(FormNote("header_unit_mismatch", spec.name))
    return Header(
        name,
        candidate.first_row,
        candidate.last_row,
        candidate.columns,
        measured,
        tuple(notes),
        title,
        extra,
        _alone(rows[: candidate.first_row]),
    )


def _units(rows: Sequence[Row], contract: Contract, name: str, candidate: _Candidate) -> dict[int, str]:
    """Return the units that the header names, by column."""
    known = _Spellings(contract, name)
    lower = rows[candidate.last_row]
    upper = rows[candidate.first_row] if candidate.is_merged else lower
    groups = _filled(upper)
    found: dict[int, str] = {}
    for column in candidate.columns:
        texts = _texts_of(upper, lower, groups, column) if candidate.is_merged else [lower[column]]
        hit = next((known.find(text) for text in texts if known.find(text)), None)
        if hit and hit[1]:
            found[column] = hit[1]
    return found


def _above(rows: Sequence[Row], profile: Profile) -> tuple[str | None, int]:
    """Return the title that the profile declares, and how many rows above the header it does not declare."""
    title, extra = None, 0
    for row in rows:
        cells = [cell.strip() for cell in row if cell is not None and cell.strip()]
        if not cells:
            continue
        is_title = title is None and len(set(cells)) == 1 and profile.layout.title_rows > 0
        if is_title and profile.title_pattern and re.match(profile.title_pattern, cells[0]):
            title = cells[0]
        else:
            extra += 1
    return title, extra


def _alone(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the texts each of which is all that a row says."""
    texts = [{cell.strip() for cell in row if cell is not None and cell.strip()} for row in rows]
    return tuple(sorted({text for said in texts if len(said) == 1 for text in said}))
