"""What a caller of a landing is told: a receipt for each file, and the exit code of the worst."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from edu.duck import connect
from edu.errors import ExitCode
from edu.paths import Home


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
    rows_dropped: int = 0
    """Titles, notes, repeated headers, sums and signatures around the rows; none of `rows_read`."""
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


def not_built(home: Home) -> dict[str, int]:
    """Return how many landings of each dataset came after the last build of the collection layer began.

    It is read from the records, not from what a landing reports: one that was killed after its receipts and tried again
    has nothing new to report, and yet nobody has built what it landed.
    """
    with connect() as connection:
        rows = connection.execute(
            f"""
            select dataset, count(*) from read_parquet('{home.runs}/submission/*.parquet')
            where recorded_at >= coalesce(
                (
                    select max(started_at) from read_parquet('{home.runs}/run_log/*.parquet')
                    where step = 'collection' and status = 'done'
                ),
                timestamp '-infinity'
            )
            group by dataset order by dataset
            """
        ).fetchall()
    return dict(rows)
