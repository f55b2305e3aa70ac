"""A submission that is on its way into the lake."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from edu.errors import RejectedFileError
from ingest.inbox import Source
from ingest.readers import ReadResult
from ingest.submission import Metadata
from ingest.uploads import Stamp, stamp


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
    earlier_landings: int = 0
    """How often the submission was landed before, which refused it for want of its password."""
    last_landed: datetime | None = None
    """When it was landed last; this landing counts from a later time on."""
    opened: Path | None = None
    """The workbook without its password, in the landing's private folder."""

    discovered: tuple[Source, Stamp] | None = field(default=None, repr=False)
    """The source as it was found, and its stamp before its hash was taken; null for what comes from the archive."""

    @property
    def is_changed(self) -> bool:
        """Whether the source was written on, replaced or taken away since it was found."""
        return self.discovered is not None and stamp(self.discovered[0]) != self.discovered[1]

    @property
    def landing_name(self) -> str:
        """What tells this landing of the submission from others, which keep their batches and receipts."""
        return self.submission_id + (f"+{self.earlier_landings}" if self.earlier_landings else "")

    @property
    def layout_path(self) -> Path | None:
        """The file whose layout the sender gets back, opened where it came under a password; null for a bundle."""
        return None if self.source.is_bundle or self.source.roster else self.opened or self.source.path

    @property
    def source_ref(self) -> str:
        suffix = "" if self.source.is_bundle else self.source.path.suffix.lower()
        return self.submission_id + (suffix if suffix.isascii() and len(suffix) <= 8 else "")
