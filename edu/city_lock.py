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


class LockedRegisterError(EduError):
    """Figures that the city locked stand on the register of schools that the submission brought."""

    exit_code = ExitCode.REJECTED

    def __init__(self, submission_id: str, dataset: str, period: str) -> None:
        super().__init__(
            f"submission {submission_id} is a register of schools on which what the city locked of dataset {dataset} in "
            f"{period} stands. Send a corrected register instead."
        )


def refuse_locked(home: Home, submission_id: str) -> None:
    """Let pass what the city's approval did not see, and what no decision after it took in.

    Raises:
        LockedSubmissionError: it saw the submission, or a 更正单 made it count.
    """
    runs.ensure_empty(home)
    with in_memory() as connection:
        locked = connection.execute(
            "select s.dataset, s.period "
            f"from read_parquet('{home.runs}/approval/*.parquet', union_by_name = true) as a "
            f"inner join read_parquet('{home.runs}/approval_seen/*.parquet', union_by_name = true) as s "
            "on s.approval_id = a.approval_id "
            "where a.org_level = 'city' and s.submission_id = $submission "
            f"union all select dataset, period from read_parquet('{home.runs}/correction/*.parquet', union_by_name = true) "
            "where decision = 'approved' and submission_id = $submission order by all limit 1",
            {"submission": submission_id},
        ).fetchone()
    if locked:
        raise LockedSubmissionError(submission_id, *locked)


def refuse_register_of_locked(home: Home, submission_id: str, period: str) -> None:
    """Let pass the withdrawal of a register of schools in whose term and year the city locked nothing.

    Raises:
        LockedRegisterError: locked rows would lose the school that they belong to.
    """
    year = period[:9]
    with in_memory() as connection:
        locked = connection.execute(
            f"select dataset, period from read_parquet('{home.runs}/approval/*.parquet', union_by_name = true) "
            "where org_level = 'city' and list_contains($periods, period) order by all limit 1",
            {"periods": [period, year, f"FY{year[:4]}", f"FY{year[5:]}"]},
        ).fetchone()
    if locked:
        raise LockedRegisterError(submission_id, *locked)
