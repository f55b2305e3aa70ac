"""What a caller of a landing is told: a receipt for each file, and the exit code of the worst."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from edu.errors import ExitCode


@dataclass
class Receipt:
    """What became of one file."""

    file: str
    submission_id: str | None
    dataset: str | None
    org: str | None
    period: str | None
    status: str
    """accepted, partly_accepted, rejected; ignored where the file was received before; failed without a submission."""
    rows_read: int = 0
    rows_accepted: int = 0
    rows_incomplete: int = 0
    rows_quarantined: int = 0
    reason_code: str | None = None
    findings: dict[str, int] = field(default_factory=dict)
    message: str | None = None
    exit_code: int = 0


@dataclass
class CollectResult:
    """What became of all files of one call."""

    receipts: list[Receipt]

    @property
    def exit_code(self) -> ExitCode:
        """The worst of the files: a failure before a rejection before a success."""
        codes = {receipt.exit_code for receipt in self.receipts}
        for code in (ExitCode.RUNTIME, ExitCode.USAGE, ExitCode.REJECTED):
            if code in codes:
                return code
        return ExitCode.OK

    def new_by_dataset(self) -> dict[str, int]:
        """Return how many submissions of each dataset were received now."""
        counts: dict[str, int] = {}
        for receipt in self.receipts:
            if receipt.dataset and receipt.status not in ("ignored", "failed"):
                counts[receipt.dataset] = counts.get(receipt.dataset, 0) + 1
        return counts

    @property
    def failed(self) -> int:
        """How many files could not become a submission and were left where they are."""
        return sum(receipt.status == "failed" for receipt in self.receipts)

    def to_json(self) -> str:
        """Return the receipts as one JSON object."""
        return json.dumps(
            {"exit_code": int(self.exit_code), "receipts": [asdict(receipt) for receipt in self.receipts]},
            ensure_ascii=False,
            indent=1,
        )
