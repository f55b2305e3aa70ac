"""Withdrawal: a submission is taken back by an event beside its receipt, which stays as it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from edu import audit, runs
from edu.city_lock import refuse_locked, refuse_register_of_locked
from edu.clock import now
from edu.duck import in_memory
from edu.errors import EduError, ExitCode
from edu.paths import Home


class UnknownSubmissionError(EduError):
    """No receipt has this id."""

    exit_code = ExitCode.USAGE

    def __init__(self, submission_id: str) -> None:
        self.submission_id = submission_id
        super().__init__(
            f"submission {submission_id!r} was never received; edu status and the receipts name those that were."
        )


@dataclass(frozen=True)
class Withdrawal:
    """What was recorded, and whether it was new."""

    submission_id: str
    dataset: str
    period: str
    recorded_at: datetime
    is_new: bool


def withdraw(
    home: Home, submission_id: str, *, by: str, reason: str, recorded_at: datetime | None = None
) -> Withdrawal:
    """Take a submission back: what it had superseded counts again at the next build. Doing it twice changes nothing.

    Raises:
        UnknownSubmissionError: no receipt has the id.
        LockedSubmissionError: the city's approval saw it, or a 更正单 made it count.
        LockedRegisterError: it is a register of schools on which locked figures stand.
        AuditReasonError, AuditValueError: nobody or no reason is given, or a text holds an identifier.
    """
    runs.ensure_empty(home)
    with in_memory() as connection:
        receipt = connection.execute(
            f"select dataset, period from read_parquet('{home.runs}/submission/*.parquet') where submission_id = ? "
            "order by recorded_at limit 1",
            [submission_id],
        ).fetchone()
        known = connection.execute(
            f"select min(recorded_at) from read_parquet('{home.runs}/withdrawal/*.parquet') where submission_id = ?",
            [submission_id],
        ).fetchone()
    if receipt is None:
        raise UnknownSubmissionError(submission_id)
    if known and known[0]:
        return Withdrawal(submission_id, receipt[0], receipt[1], known[0], is_new=False)
    refuse_locked(home, submission_id)
    if receipt[0] == "school":
        refuse_register_of_locked(home, submission_id, receipt[1])
    moment = recorded_at or now()
    audit.append(home, "submission.withdraw", by, reason, submission_id, {"dataset": receipt[0], "period": receipt[1]})
    record = {"submission_id": submission_id, "author": by, "reason": reason, "recorded_at": moment}
    runs.append(home, "withdrawal", submission_id, [record])
    return Withdrawal(submission_id, receipt[0], receipt[1], moment, is_new=True)
