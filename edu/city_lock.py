"""What the city's approval locked: it changes by a 更正单 only, never by an act on the submission itself."""

from __future__ import annotations

from edu import runs
from edu.duck import in_memory
from edu.errors import EduError, ExitCode
from edu.paths import Home


class LockedSubmissionError(EduError):
    """The city's approval saw the submission: what is locked changes by a decision only."""

    exit_code = ExitCode.REJECTED

    def __init__(self, submission_id: str, dataset: str, period: str) -> None:
        super().__init__(
            f"submission {submission_id} is part of what the city locked of dataset {dataset} in {period}. Send a "
            "corrected file; edu correction decides whether it counts."
        )


def refuse_locked(home: Home, submission_id: str) -> None:
    """Let pass what the city's approval did not see.

    Raises:
        LockedSubmissionError: it saw the submission.
    """
    runs.ensure_empty(home)
    with in_memory() as connection:
        locked = connection.execute(
            "select s.dataset, s.period "
            f"from read_parquet('{home.runs}/approval/*.parquet', union_by_name = true) as a "
            f"inner join read_parquet('{home.runs}/approval_seen/*.parquet', union_by_name = true) as s "
            "on s.approval_id = a.approval_id "
            "where a.org_level = 'city' and s.submission_id = ? order by all limit 1",
            [submission_id],
        ).fetchone()
    if locked:
        raise LockedSubmissionError(submission_id, *locked)
