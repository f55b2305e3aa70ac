"""A submission that is on its way into the lake."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edu.errors import RejectedFileError
from ingest.inbox import Source
from ingest.readers import ReadResult
from ingest.submission import Metadata


@dataclass
class Pending:
    """A submission that is to be landed."""

    source: Source
    metadata: Metadata
    sha256: str
    submission_id: str
    size: int
    result: ReadResult | None = None
    refusal: RejectedFileError | None = None
    password: str | None = field(default=None, repr=False)
    """Opens the workbook; held in memory only."""
    opened: Path | None = None
    """The workbook without its password, where it comes out of the archive."""

    @property
    def source_ref(self) -> str:
        suffix = "" if self.source.is_bundle else self.source.path.suffix.lower()
        return self.submission_id + (suffix if suffix.isascii() and len(suffix) <= 8 else "")
