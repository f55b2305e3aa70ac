"""What was archived is landed again: to compare, to rebuild an installation, or under the present contract.

A landing is (submission, contract digest, code). A replay takes the recorded contract and the recorded batch, so the
same code gives the same lake; landing again takes the present contract and is a landing of its own, which counts from
its time on, while an earlier time still sees the earlier one.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from edu import batches
from edu.city_lock import refuse_locked
from edu.clock import now
from edu.contract import Contract, get_contract
from edu.duck import connect, in_memory
from edu.errors import EduError, ExitCode, RejectedFileError
from edu.paths import Home
from edu.pseudonym import PlatformKey, key_path, load_key
from edu.runs import RUN_SCHEMAS
from edu.settings import get_settings
from ingest import archive, feedback, lake, private_files
from ingest.batch import Batch
from ingest.found import Found, found_in
from ingest.inbox import discover
from ingest.pending import Pending
from ingest.readers.protected import LOCKED
from ingest.readers.table import literal
from ingest.roster import describe
from ingest.submission import Metadata
from ingest.withdrawal import UnknownSubmissionError

OWN_RECORDS = ("submission", "unit", "finding", "batch_file", "gate_result", "run_log")
"""What landings and builds write by themselves; every other kind of record was decided or sent, and is taken along."""


class ReplayTargetError(EduError):
    """The folder to replay into holds data already."""

    exit_code = ExitCode.USAGE

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} holds receipts already; name a folder that is empty or does not exist.")


class LockedWorkbookError(EduError):
    """Workbooks were read with a password, and nothing in the archive opens them."""

    def __init__(self, submissions: list[str]) -> None:
        self.submissions = submissions
        super().__init__(
            f"submissions {', '.join(submissions)}: the workbook is under a password and was archived without its opened "
            "form. Ask its sender to send it again with the password, or restore the lake from a backup (`edu restore`)."
        )


class UnmendableError(EduError):
    """Submissions of broken batches that the archive cannot give again; all else was mended."""

    def __init__(self, submissions: list[str], others: list[str]) -> None:
        self.submissions = submissions
        anew = f" Land the others of their batches anew: edu reland {', '.join(others)}." if others else ""
        super().__init__(
            f"submissions {', '.join(submissions)}: the archive cannot give them again (its bytes are gone or broken, or the "
            "workbook is under a password and was archived without its opened form). Restore runs/, lake/, vault/ and "
            f"quarantine/ from a backup (edu restore); or withdraw them (edu withdraw) and ask their senders to send them again.{anew}"
        )


@dataclass
class Replay:
    """What a replay did."""

    landings: int = 0
    submissions: int = 0
    differing: list[str] = field(default_factory=list)
    """Submissions whose rows, findings or units differ from what is recorded."""
    without_receipt: list[str] = field(default_factory=list)
    """Submissions of landings that ended and of which no receipt is left."""


def receipts(home: Home, submission_id: str | None = None) -> list[dict[str, Any]]:
    """Return all landings' receipts, or those of one submission, oldest first.

    Raises:
        UnknownSubmissionError: it was never received.
        ReceiptsBrokenError: a file of receipts cannot be read.
    """
    lake.ensure_state(home)
    with in_memory() as connection, batches.named_if_broken(home, "submission"):
        cursor = connection.execute(
            f"select * from read_parquet('{home.runs}/submission/*.parquet', union_by_name = true) "
            "where submission_id = coalesce(?, submission_id) order by recorded_at, batch_id, submission_id",
            [submission_id],
        )
        names = [column[0] for column in cursor.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    if submission_id and not rows:
        raise UnknownSubmissionError(submission_id)
    return rows


def _lost_receipts(home: Home) -> dict[str, list[dict[str, Any]]]:
    """Return, by batch, of landings that the run log says are done and of which no receipt is left, what it takes to land
    each of their submissions again. They are known by their units and findings; a landing has one of these at least.

    Raises:
        ReceiptsBrokenError, RecordsBrokenError, LakeBrokenError: a file of these records cannot be read.
    """
    with in_memory() as connection, batches.named_if_broken(home, "submission", "run_log", "unit", "finding"):
        lost = connection.execute(
            f"""
            create temp table lost as
            select run_id as batch_id, max(finished_at) as recorded_at
            from read_parquet('{home.runs}/run_log/*.parquet', union_by_name = true)
            where step = 'land' and status = 'done' and run_id not in (
                select batch_id from read_parquet('{home.runs}/submission/*.parquet', union_by_name = true)
            )
            group by run_id
            """
        ).fetchone()
        # Where none is lost the other records are not read: whatever is wrong with them is not told here.
        if lost is None or not lost[0]:
            return {}
        rows = connection.execute(
            f"""
            with told as (
                select batch_id, submission_id, null as reason_code
                from read_parquet('{home.runs}/unit/*.parquet', union_by_name = true)
                union all
                select batch_id, submission_id, if(severity = 'reject', reason_code, null)
                from read_parquet('{home.runs}/finding/*.parquet', union_by_name = true)
            )
            select lost.batch_id, lost.recorded_at, told.submission_id, max(told.reason_code)
            from lost inner join told on told.batch_id = lost.batch_id
            group by all order by all
            """
        ).fetchall()
    found: dict[str, list[dict[str, Any]]] = {}
    for batch_id, recorded_at, submission_id, reason in rows:
        digest = archive.read_manifest(home, submission_id)["contract_digest"]
        found.setdefault(batch_id, []).append(
            {
                "submission_id": submission_id,
                "reason_code": reason,
                "contract_digest": digest,
                "recorded_at": recorded_at,
            }
        )
    return found


def restored(home: Home, key: PlatformKey, submission_id: str, folder: Path) -> Pending:
    """Decrypt a submission's bytes into a private folder; return it as it was when it was landed.

    Raises:
        ArchiveError: its bytes are missing or were changed.
    """
    manifest = archive.read_manifest(home, submission_id)
    path = folder / submission_id
    parts = manifest["parts"]
    if any(part["name"] for part in parts):
        for part in parts:
            target = path / part["name"]
            target.parent.mkdir(parents=True, exist_ok=True)
            archive.restore(home, key, part["sha256"], target)
    else:
        path.mkdir()
        # A file's name may say what it does not.
        path /= Path(str(manifest["original_name"])).name
        archive.restore(home, key, manifest["sha256"], path)
    opened = None
    if unlocked := next((part["opened_sha256"] for part in parts if part.get("opened_sha256")), None):
        # The readers know a workbook that was under a password by this suffix.
        opened = folder / f"{submission_id}.opened"
        archive.restore(home, key, unlocked, opened)
    [source] = discover(path)
    snapshot = manifest["snapshot_date"]
    metadata = Metadata(
        dataset=manifest["dataset"],
        org=manifest["org"],
        period=manifest["period"],
        snapshot_date=date.fromisoformat(snapshot) if snapshot else None,
        received_at=datetime.fromisoformat(str(manifest["received_at"])),
        coverage=manifest["coverage"],
        profile=manifest["profile"],
        is_clocked=False,
    )
    if source.roster:
        said = describe(source.path, source.roster.form)
        source = replace(source, roster=replace(said, system=said.system or metadata.org))
    size = sum(part.path.stat().st_size for part in source.parts)
    return Pending(source, metadata, str(manifest["sha256"]), submission_id, size, opened=opened)


@contextmanager
def _examined(
    home: Home,
    key: PlatformKey,
    landing: list[dict[str, Any]],
    contract: Contract,
    target: Home,
    *,
    is_anew: bool = False,
) -> Iterator[Batch]:
    """Give a batch of restored submissions, read, cleaned and checked under a contract; its files go afterwards.

    What the landing refused for want of a password stays closed, though a later one may have archived its opened form;
    `is_anew` opens it.
    """
    scratch = Path(tempfile.mkdtemp(dir=home.tmp))
    try:
        with connect(extensions=("httpfs",), memory_limit=get_settings().landing_memory_limit) as connection:
            items = [restored(home, key, row["submission_id"], scratch) for row in landing]
            for item, row in zip(items, landing, strict=True):
                if row["reason_code"] in LOCKED and not is_anew:
                    item.opened = None
            batch = Batch(items, target, key, connection, scratch, contract)
            batch.examine()
            yield batch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _refused_as_recorded(batch: Batch, landing: list[dict[str, Any]]) -> None:
    """Let a workbook that was refused for its password be refused for the same again: the password is not archived."""
    recorded = {row["submission_id"]: row["reason_code"] for row in landing}
    for item in batch.items:
        reason = recorded[item.submission_id]
        if item.refusal and item.refusal.reason_code in LOCKED and reason in LOCKED:
            item.refusal = RejectedFileError(item.source.path.name, reason, "Send it again with its password.")


def _lost(batch: Batch, landing: list[dict[str, Any]]) -> list[str]:
    """Return the submissions that were read with a password of which the archive has no opened form."""
    _refused_as_recorded(batch, landing)
    recorded = {row["submission_id"]: row["reason_code"] for row in landing}
    return [
        item.submission_id
        for item in batch.items
        if item.refusal and item.refusal.reason_code in LOCKED and recorded[item.submission_id] not in LOCKED
    ]


def reland(home: Home, submission_id: str, recorded_at: datetime | None = None) -> dict[str, Any]:
    """Land a submission again under the present contract; return the new receipt.

    The newest landing counts from its recorded_at on; the receipt keeps the submission's id and received_at.

    Raises:
        UnknownSubmissionError: it was never received.
        LockedSubmissionError: the city's approval saw it.
        ArchiveError: its bytes are missing or were changed.
    """
    newest = receipts(home, submission_id)[-1:]
    refuse_locked(home, submission_id)
    key, contract, moment = load_key(home), get_contract(newest[0]["dataset"]), recorded_at or now()
    archive.store_contract(home, contract)
    with _examined(home, key, newest, contract, home, is_anew=True) as batch:
        if _lost(batch, newest):
            raise LockedWorkbookError([submission_id])
        text = f"{submission_id}\n{contract.digest}\n{moment.isoformat()}"
        batch.batch_id = "b" + hashlib.sha256(text.encode()).hexdigest()[:23]
        batch.commit(moment)
        return batch.records[0]


def replay(home: Home, target: Home, submission_id: str | None = None) -> Replay:
    """Land what was archived into another installation, batch by batch with the recorded contracts and times.

    Withdrawals, decisions, approvals and whatever else people recorded go with it, so that a build there gives the same.

    Raises:
        UnknownSubmissionError, ArchiveError: see `receipts` and `restored`.
        ReplayTargetError: the target holds receipts already.
    """
    rows = receipts(home, submission_id)
    lake.ensure_state(target)
    if any(not path.name.startswith("_") for path in (target.runs / "submission").glob("*.parquet")):
        raise ReplayTargetError(target.root)
    key = load_key(home)
    shutil.copytree(home.archive, target.archive, dirs_exist_ok=True)
    if get_settings().key_file is None:
        copy = target.vault / key_path(home).name
        shutil.copyfile(key_path(home), copy)
        copy.chmod(0o600)
    for kind in sorted(RUN_SCHEMAS.keys() - set(OWN_RECORDS)):
        shutil.copytree(home.runs / kind, target.runs / kind, dirs_exist_ok=True)
    done = Replay()
    for batch_id, landing in _by_batch(rows).items():
        contract = archive.load_contract(home, landing[0]["contract_digest"])
        with _examined(home, key, landing, contract, target) as batch:
            done.differing += _lost(batch, landing)
            batch.batch_id = batch_id
            batch.commit(landing[0]["recorded_at"])
        done.landings += 1
        done.submissions += len(landing)
    return done


def mend(home: Home) -> Replay:
    """Land again, with the recorded contract and time, every batch of which a file is missing or was changed.

    So is every batch without a record of what its landing wrote: nothing else tells what it should be. Where the archive
    has lost it too, such a batch is recorded as it is, if it has as many rows as its receipts say. Encrypted files are not
    in that record; a batch is landed again where one of them cannot be read (`ingest.private_files`). Receipts that are
    lost are written again, with the time at which the run log says that their landing ended.

    Raises:
        ArchiveError: the contract of a batch is missing or was changed.
        VaultBusyError, VaultError: see `ingest.private_files.broken`.
        UnmendableError: after all others, batches that hold a submission which the archive cannot give again.
    """
    wanted = {file.batch_id for file in batches.broken(home)}
    key, done = load_key(home), Replay()
    every = _by_batch(receipts(home))
    private = {file.batch_id for file in private_files.broken(home, key, every)}
    lost: list[str] = []
    others: list[str] = []
    unrecorded = _lost_receipts(home)
    for batch_id, landing in (every | unrecorded).items():
        if batch_id not in wanted | private | unrecorded.keys():
            continue
        if refused := _mend_batch(home, key, batch_id, landing):
            # What is recorded of the batch stays: it is worth more than a refusal in its place.
            if batch_id in private | unrecorded.keys() or not _is_adopted(home, batch_id, landing):
                lost += refused
                others += [row["submission_id"] for row in landing if row["submission_id"] not in refused]
            continue
        done.landings += 1
        done.submissions += len(landing)
    if lost:
        raise UnmendableError(lost, others)
    return done


def _mend_batch(home: Home, key: PlatformKey, batch_id: str, landing: list[dict[str, Any]]) -> list[str]:
    """Land a batch again as it is recorded; or leave it and return the submissions that the archive cannot give."""
    contract = archive.load_contract(home, landing[0]["contract_digest"])
    try:
        with _examined(home, key, landing, contract, home) as batch:
            if refused := _lost(batch, landing):
                return refused
            batch.batch_id = batch_id
            batch.commit(landing[0]["recorded_at"])
    except archive.ArchiveError:
        return [row["submission_id"] for row in landing if _is_gone(home, key, row["submission_id"])]
    return []


def _is_gone(home: Home, key: PlatformKey, submission_id: str) -> bool:
    """Whether the archive no longer has a submission's bytes as they were received."""
    with tempfile.TemporaryDirectory(dir=home.tmp) as folder:
        try:
            restored(home, key, submission_id, Path(folder))
        except archive.ArchiveError:
            return True
    return False


def _is_adopted(home: Home, batch_id: str, landing: list[dict[str, Any]]) -> bool:
    """Record what a landing without record wrote, if it has the rows that its receipts say; return whether it does."""
    if batches.has_record(home, batch_id):
        return False
    rows, *records = lake.batch_files(home, landing[0]["dataset"], landing[0]["period"], batch_id)
    wanted = {row["submission_id"]: row["rows_accepted"] for row in landing if row["rows_accepted"]}
    found: dict[str, int] = {}
    if wanted:
        with in_memory() as connection:
            try:
                found = dict(
                    connection.execute(
                        f"select submission_id, count(*) from read_parquet('{rows}') group by submission_id"
                    ).fetchall()
                )
            except duckdb.Error:
                return False
    if found != wanted or not all(path.exists() for path in records):
        return False
    batches.record(home, batch_id, [path for path in (rows, *records) if path.exists()])
    return True


def _by_batch(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    batches: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda item: (item["recorded_at"], item["batch_id"], item["submission_id"])):
        batches.setdefault(row["batch_id"], []).append(row)
    return batches


def verify(home: Home, submission_id: str | None = None) -> Replay:
    """Replay into a private folder that goes afterwards, and compare rows, findings and units with what is recorded.

    Of encrypted files, which are never the same twice, only is asked that they can be read. Of all submissions, also is
    asked whether a landing ended of which no receipt is left.

    Raises:
        UnknownSubmissionError, ArchiveError: see `receipts` and `restored`.
        VaultBusyError, VaultError: see `ingest.private_files.broken`.
    """
    folder = Path(tempfile.mkdtemp(dir=home.tmp))
    try:
        aside = Home(folder)
        lake.ensure_state(aside)
        done = Replay()
        key = load_key(home)
        every = _by_batch(receipts(home, submission_id))
        private = {file.batch_id for file in private_files.broken(home, key, every)}
        for batch_id, landing in every.items():
            contract = archive.load_contract(home, landing[0]["contract_digest"])
            ids = [row["submission_id"] for row in landing]
            with _examined(home, key, landing, contract, aside) as batch:
                _refused_as_recorded(batch, landing)
                batch.batch_id = batch_id
                batch.commit(landing[0]["recorded_at"])
            differing = _differing(home, aside, contract.dataset, batch_id, ids)
            done.differing += sorted(ids) if batch_id in private else differing
            done.landings += 1
            done.submissions += len(ids)
        if submission_id is None:
            gone = [row["submission_id"] for landing in _lost_receipts(home).values() for row in landing]
            done.without_receipt = sorted(set(gone))
        return done
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _differing(home: Home, aside: Home, dataset: str, batch_id: str, ids: list[str]) -> list[str]:
    """Return the submissions of a batch of which the two installations hold different records.

    Those of a file that cannot be read are among them.
    """
    different: set[str] = set()
    with in_memory() as connection:
        for kind in (f"lake/{dataset}/*", "runs/finding", "runs/unit", "runs/submission"):
            sides = [side for side in (home, aside) if list(side.root.glob(f"{kind}/{batch_id}.parquet"))]
            if len(sides) == 1:
                different.update(ids)
            if len(sides) < 2:
                continue
            try:
                different.update(_differing_rows(connection, home, aside, f"{kind}/{batch_id}.parquet", ids))
            except duckdb.Error:
                if not batches.unreadable(connection, home.root.glob(f"{kind}/{batch_id}.parquet")):
                    raise
                different.update(ids)
    return sorted(different)


def _differing_rows(
    connection: duckdb.DuckDBPyConnection, home: Home, aside: Home, file: str, ids: list[str]
) -> Iterator[str]:
    """Give the submissions of which a file, named within both installations, holds different rows."""
    wanted = ", ".join(f"'{identity}'" for identity in ids)
    left_out = _not_compared(connection, home.root / file)
    empty = Path(file.replace("*", "_empty")).with_name("_empty.parquet")
    first, second = (
        f"(select *{left_out} from read_parquet(['{side.root / file}', '{side.root / empty}'], union_by_name = true) "
        f"where submission_id in ({wanted}))"
        for side in (home, aside)
    )
    for pair in (f"{first} except all {second}", f"{second} except all {first}"):
        for row in connection.execute(f"select distinct submission_id from ({pair})").fetchall():
            yield row[0]


def _not_compared(connection: duckdb.DuckDBPyConnection, record: Path) -> str:
    """Return the clause that leaves out the code's version, and columns that are younger than a record of `runs/`."""
    kind = record.parent.name
    names = {"code_version"} if kind == "submission" else set()
    if kind in RUN_SCHEMAS:
        names |= set(RUN_SCHEMAS[kind].names) - set(connection.read_parquet(str(record)).columns)
    return f" exclude ({', '.join(sorted(names))})" if names else ""


def findings(home: Home, submission_id: str, batch_id: str) -> Found:
    """Return what one landing found.

    Raises:
        LakeBrokenError: a file of findings cannot be read.
    """
    with in_memory() as connection, batches.named_if_broken(home, "finding"):
        relation = (
            f"(select * from read_parquet('{home.runs}/finding/*.parquet', union_by_name = true) "
            f"where batch_id = {literal(batch_id)})"
        )
        return found_in(connection, relation, submission_id)


def give_feedback(home: Home, submission_id: str, out: Path | None = None) -> Path | None:
    """Write the correction workbook of a submission's newest landing from the archive; null where nothing was found.

    Raises:
        UnknownSubmissionError, ArchiveError: see `receipts` and `restored`.
    """
    receipt = receipts(home, submission_id)[-1]
    found = findings(home, submission_id, receipt["batch_id"])
    contract = archive.load_contract(home, receipt["contract_digest"])
    if not found.counts and not feedback.has_statements(contract, receipt):
        return feedback.deliver(home, contract, receipt, found, [], None, out=out)
    with _examined(home, load_key(home), [receipt], contract, home) as batch:
        mended = feedback.repairs(batch.connection, contract)
        if out is None and feedback.has_statements(contract, receipt):
            feedback.deliver_statements(home, batch.connection, contract, receipt)
        [item] = batch.items
        return feedback.deliver(home, contract, receipt, found, mended, item.layout_path, item.source.path.name, out)


def give_missing_feedback(home: Home, org: str | None = None) -> list[Path]:
    """Write what the outbox lacks of an organisation, or of all; return the workbooks."""
    written = []
    newest = {row["submission_id"]: row for row in receipts(home)}
    for submission_id, row in newest.items():
        if org in (None, row["submitter_org"]) and not feedback.outbox_files(home, submission_id):
            path = give_feedback(home, submission_id)
            if path:
                written.append(path)
    return written
