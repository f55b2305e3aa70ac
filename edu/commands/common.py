"""What all commands share: the screen, and the parsing of options."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import TypeVar

from rich.console import Console

from edu.errors import EduError, ExitCode

screen = Console(stderr=True)
"""Progress and errors go here; answers go to standard output."""
T = TypeVar("T")


class UsageError(EduError):
    """An option has a value that cannot be."""

    exit_code = ExitCode.USAGE


def parsed(parse: Callable[[str], T], name: str, text: str | None) -> T | None:
    """Return an option's value, null where it was not given.

    Raises:
        UsageError: the text cannot be read.
    """
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError:
        raise UsageError(f"{name} {text!r} cannot be read; write it like 2024-09-01.") from None


def parsed_date(name: str, text: str | None) -> date | None:
    """Return an option that is a date; see `parsed`."""
    return parsed(date.fromisoformat, name, text)


def parsed_moment(name: str, text: str | None) -> datetime | None:
    """Return an option that is a time; see `parsed`."""
    return parsed(datetime.fromisoformat, name, text)
