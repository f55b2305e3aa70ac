"""Which CSV texts a fast parser may read: every quote opens, closes or stands inside a cell beyond doubt."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from ingest.readers.dialect import Dialect
from ingest.readers.records import _end_of_cells, well_formed

PLAIN, ESCAPED = Dialect(",", '"', None), Dialect(";", "'", "\\")


def end_of_cells(text: str, dialect: Dialect) -> int:
    """Return the end of the last cell of a text up to which all are well formed, one character after another."""
    at = end = 0
    while at < len(text):
        if text[at] == dialect.quote:
            at += 1
            while at < len(text):
                if dialect.escape and text[at] == dialect.escape:
                    at += 2
                elif text[at] != dialect.quote:
                    at += 1
                elif text[at : at + 2] == dialect.quote * 2:
                    at += 2
                else:
                    break
            if at >= len(text):
                return end
            at += 1
        else:
            while at < len(text) and text[at] not in (dialect.delimiter, "\r", "\n"):
                if dialect.escape and text[at] == dialect.escape:
                    return end
                at += 1
        if at >= len(text) or text[at] not in (dialect.delimiter, "\r", "\n"):
            return end
        at += 2 if text[at : at + 2] == "\r\n" else 1
        end = at
    return end


def texts(dialect: Dialect) -> st.SearchStrategy[str]:
    """Return texts of what matters to a dialect."""
    pieces = [dialect.quote, dialect.quote * 2, dialect.delimiter, "a", "字", "\n", "\r", "\r\n", dialect.escape or "x"]
    return st.lists(st.sampled_from(pieces), max_size=30).map("".join)


# Possessive quantifiers of Python before 3.11.5 took the broken cell after sound ones for a whole one.
@example('"a ""b"" c",1\r\n' * 3 + '"the "best" one",1\r\n')
@given(texts(PLAIN))
def test_cells_end_where_a_reader_of_characters_says(text: str) -> None:
    content = text.encode()
    assert _end_of_cells(well_formed(PLAIN), content) == len(text[: end_of_cells(text, PLAIN)].encode())


@given(texts(ESCAPED))
def test_cells_with_escapes_too(text: str) -> None:
    content = text.encode()
    assert _end_of_cells(well_formed(ESCAPED), content) == len(text[: end_of_cells(text, ESCAPED)].encode())
