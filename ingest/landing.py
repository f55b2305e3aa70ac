"""Lands submissions: bytes to archive, accepted rows to the lake, the rest to quarantine, and a receipt for each.

A batch holds submissions of one dataset and period, and is cleaned and checked by a few statements for all its files.
Its receipts are written last and are the commit point: without them nothing of the batch counts.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from edu import lineage, runs
from edu.batches import file_sha256, named_if_broken
from edu.codes import SEEDS
from edu.contract import get_contract
from edu.duck import connect
from edu.errors import EduError, ExitCode, KeyFileError, MissingMetadataError, RejectedFileError
from edu.lock import in_turn
from edu.paths import Home
from edu.pseudonym import PlatformKey, key_path, load_or_create_key
from edu.settings import get_settings
from edu.storage_error import StateFolderError, storage_error
from ingest import archive, lake, linking
from ingest.batch import Batch
from ingest.inbox import (
    EmptyFolderError,
    Source,
    check_name,
    described,
    discover,
    once,
    read_plan,
    remove_from_inbox,
    shown,
    told_of,
)
from ingest.pending import Pending
from ingest.readers import peek_title
from ingest.readers.protected import LOCKED
from ingest.receipt import CollectResult, Receipt
from ingest.submission import (
    Metadata,
    Options,
    resolve_metadata,
    resolve_roster_metadata,
    submission_id,
    workbook_password,
)
from ingest.uploads import Stamp, complete, stamp

log = logging.getLogger(__name__)

BATCH_FILES = 64
BATCH_BYTES = 256 << 20
"""A batch is closed when it holds this many files or bytes, so that memory stays bounded."""
CLOCK_TOLERANCE = timedelta(minutes=1)
"""How far the clock may lag behind the newest receipt, as it does within a second of it, before that is a fault."""
WITHDRAWN = (
    "{}: it is submission {}, which was withdrawn and does not count. To let it count again, send it with another "
    "received_at, or without one."
)
EFFECTIVE = """
with receipt as (
    select * from read_parquet('{runs}/submission/*.parquet')
    qualify row_number() over (partition by submission_id order by recorded_at desc, batch_id desc) = 1
),
live as (
    select r.*, u.school_code, row_number() over (
        partition by r.dataset, coalesce(code.first_school_code, u.school_code, r.submitter_org), r.period,
            r.snapshot_date
        order by r.received_at desc, r.submission_id desc
    ) as delivery_rank
    from receipt as r
    inner join read_parquet('{runs}/unit/*.parquet') as u
        on u.submission_id = r.submission_id and u.batch_id = r.batch_id
    -- A school whose code changed owns one unit, whichever of its codes a file names.
    left join read_csv('{seeds}/school_code_change.csv', header = true, all_varchar = true) as code
        on code.school_code = coalesce(u.school_code, r.submitter_org)
    where r.status <> 'rejected' and not exists (
        select 1 from read_parquet('{runs}/withdrawal/*.parquet') as w where w.submission_id = r.submission_id
    )
    -- What a decision (更正单) did not let count is in effect nowhere, and may be sent again.
    and r.submission_id not in (
        select submission_id from read_parquet('{runs}/correction/*.parquet', union_by_name = true)
        where decision = 'rejected'
    )
),
newest as (
    select * from receipt
    qualify row_number() over (
        partition by dataset, submitter_org, period, snapshot_date order by received_at desc, submission_id desc
    ) = 1
)
select submission_id, dataset, submitter_org, period, snapshot_date, coverage, sha256, '' as contract_digest
from live group by all having max(delivery_rank) = 1
union all
select submission_id, dataset, submitter_org, period, snapshot_date, coverage, sha256, contract_digest
from newest where status = 'rejected'
"""
"""Submissions whose bytes are in effect: the last of each of their units, or the last word and rejected by a contract."""


class LandingMemoryError(EduError):
    """The memory that a landing may take is too small for the batch; nothing of it was committed."""

    def __init__(self, dataset: str) -> None:
        super().__init__(
            f"dataset {dataset}: the memory of a landing is too small for this batch. Set EDU_LANDING_MEMORY_LIMIT "
            f"higher, or EDU_THREADS lower, and run again; nothing was lost."
        )


class FilesLeftError(EduError):
    """Files were left where they are, because nothing says what they are or they may not be read."""

    exit_code = ExitCode.USAGE

    def __init__(self, files: int) -> None:
        super().__init__(f"{files} file(s) were left in the inbox; edu collect on the inbox says what each lacks.")


def collect(
    paths: Sequence[Path],
    *,
    home: Home,
    options: Options,
    progress: Callable[[int, int], None] | None = None,
    is_planned: bool = False,
) -> CollectResult:
    """Land files and folders; return a receipt for each file in name order.

    A file that cannot be read is rejected and the others go on; a file without metadata is left where it is. One run
    waits for the end of another, but those of one plan, of which no two name the same file, go on side by side.

    Raises:
        KeyFileError: the platform key is missing although data exists, or is not the one that it was landed under.
        StorageFullError, StateFolderError: the installation cannot be written.
    """
    try:
        lake.ensure_state(home)
        key = load_or_create_key(home)
        # Two runs over one inbox would take each other's files away; plans share none.
        with in_turn(home.tmp / "landing.lock", is_shared=is_planned):
            return _collect(paths, home, key, options, progress, is_planned)
    except OSError as error:
        raise _storage_error(error, "landing") from None


def _collect(
    paths: Sequence[Path],
    home: Home,
    key: PlatformKey,
    options: Options,
    progress: Callable[[int, int], None] | None,
    is_planned: bool,
) -> CollectResult:
    receipts: list[Receipt] = []
    sources: list[Source] = []
    for path in paths:
        try:
            # A plan names each source by itself, also those that lie in the folder of another.
            there = discover(path, home.inbox, is_named=not is_planned)
            sources.extend(each for each in there if not is_planned or each.path == path)
        except EmptyFolderError as error:
            # An inbox in which nothing lies is no mistake: another run took it all in, or nobody sent anything.
            if not path.resolve().is_relative_to(home.inbox.resolve()):
                receipts.append(_failed(path, error))
        except EduError as error:
            receipts.append(_failed(path, error))
    known = _Known(home)
    if known.fingerprints and key.fingerprint not in known.fingerprints:
        raise KeyFileError(
            f"key file {key_path(home)} holds another key than the one under which this installation's data was landed: "
            "restore the right one from your copy. Nothing was landed."
        )
    sources = complete(once(sources), home)
    found = {source.path: (source, stamp(source)) for source in sources}
    pending: list[Pending] = []
    for source in sources:
        for outcome in _admit(source, options, home, known, found[source.path][1]):
            (pending if isinstance(outcome, Pending) else receipts).append(outcome)  # type: ignore[arg-type]
    done = 0
    # A bundle feeds several submissions and leaves the inbox with the last of them.
    waiting = Counter(item.source.path for item in pending)
    for batch in _batches(pending):
        landed = _land_unchanged(batch, home, key, receipts)
        for item in landed:
            waiting[item.source.path] -= 1
            source, before = found[item.source.path]
            # What the sender put in its place meanwhile is another delivery, and stays for the next run.
            if not waiting[item.source.path] and stamp(source) == before:
                remove_from_inbox(item.source, home)
        done += len(batch)
        if progress:
            progress(done, len(pending))
    # Also for what was received already: a landing that was killed after its receipts compared nothing.
    landed_or_known = {receipt.dataset for receipt in receipts if receipt.dataset}
    if any(linking.has_match(get_contract(dataset)) for dataset in landed_or_known):
        linking.record_links(home, key)
    return CollectResult(sorted(receipts, key=lambda receipt: receipt.file))


def land_plan(home: Home, number: int) -> CollectResult:
    """Land the files of one plan of `ingest.inbox.plan`."""
    return collect(read_plan(home, number), home=home, options=Options(), is_planned=True)


def _failed(path: Path, error: EduError) -> Receipt:
    return Receipt(shown(path), None, None, None, None, "failed", message=str(error), exit_code=int(error.exit_code))


def _storage_error(error: OSError | duckdb.IOException, what: str) -> EduError:
    """Return what went wrong with the installation's folders: nothing else is read or written in its own right."""
    return storage_error(error, what) or StateFolderError(getattr(error, "strerror", None) or type(error).__name__)


class _Known:
    """What was received: ids, and the bytes that are in effect now.

    Raises:
        ReceiptsBrokenError, LakeBrokenError, RecordsBrokenError: receipts, units, withdrawals or decisions cannot be read.
    """

    def __init__(self, home: Home) -> None:
        with connect() as connection, named_if_broken(home, "submission", "unit", "withdrawal", "correction"):
            self.ids = {
                row[0]
                for row in connection.execute(
                    f"select submission_id from read_parquet('{home.runs}/submission/*.parquet')"
                ).fetchall()
            }
            reasons = ", ".join(f"'{reason}'" for reason in LOCKED)
            self.locked: dict[str, tuple[int, datetime]] = {
                row[0]: (row[1], row[2])
                for row in connection.execute(
                    "with landed as (select submission_id, reason_code, recorded_at, "
                    "count(*) over (partition by submission_id) as landings "
                    f"from read_parquet('{home.runs}/submission/*.parquet', union_by_name = true) "
                    "qualify row_number() over (partition by submission_id order by recorded_at desc, batch_id desc) = 1) "
                    f"select submission_id, landings, recorded_at from landed where reason_code in ({reasons})"
                ).fetchall()
            }
            """Submissions that are refused for want of a password: how often they were landed, and when last."""
            self.taken_back = {
                row[0]
                for row in connection.execute(
                    f"select submission_id from read_parquet('{home.runs}/withdrawal/*.parquet')"
                ).fetchall()
            }
            """Submissions that were withdrawn, and stay so."""
            self.fingerprints = {
                row[0]
                for row in connection.execute(
                    "select distinct key_fingerprint from "
                    f"read_parquet('{home.runs}/submission/*.parquet') where key_fingerprint is not null"
                ).fetchall()
            }
            """Keys under which anything was landed."""
            rows = connection.execute(EFFECTIVE.format(runs=home.runs, seeds=SEEDS)).fetchall()
            row = connection.execute(
                f"select max(recorded_at) from read_parquet('{home.runs}/submission/*.parquet')"
            ).fetchone()
        self.newest: datetime | None = row[0] if row else None
        self.effective = {tuple(row[1:]): row[0] for row in rows}

    def in_order(self, metadata: Metadata) -> Metadata:
        """Return the metadata with a time after all that was received before, where only the clock gave its time.

        A clock that was set back would let a correction come before what it corrects.
        """
        if not metadata.is_clocked or self.newest is None or metadata.received_at > self.newest:
            return metadata
        late = self.newest - metadata.received_at
        if late > CLOCK_TOLERANCE:
            log.warning("the clock is %s behind the newest receipt; set it right", late)
        return replace(metadata, received_at=self.newest + timedelta(seconds=1))

    def find(
        self, identity: str, sha256: str, metadata: Metadata, contract_digest: str, has_password: bool
    ) -> str | None:
        """Return the submission that the bytes already are; null where they are a new delivery.

        Bytes that nothing dates are ignored while they are what all their units hold, and while they would be
        rejected again; after something newer, or a withdrawal, they are a new delivery: a clerk may go back. So they are
        when a password comes with a workbook that was refused for want of one.
        """
        if identity in self.ids:
            return None if has_password and identity in self.locked else identity
        if not metadata.is_clocked:
            return None
        of = (metadata.dataset, metadata.org, metadata.period, metadata.snapshot_date, metadata.coverage, sha256)
        known = self.effective.get((*of, "")) or self.effective.get((*of, contract_digest))
        return None if has_password and known in self.locked else known


def _admit(source: Source, options: Options, home: Home, known: _Known, before: Stamp) -> list[Pending | Receipt]:
    """Resolve what a source is; return it as pending, once a dataset, or the receipt that ends its way here.

    What was received already leaves the inbox, unless its stamp is no longer the one of before it was read.
    """
    is_roster = source.roster is not None
    discovered = (source, before)
    try:
        check_name(source)
        if is_roster:
            source, every = _admit_roster(source, options)
        else:
            every = [_metadata_of_file(source, options)]
        every = [known.in_order(metadata) for metadata in every]
        password = None if is_roster else workbook_password(source.path, options)
        sha256 = _sha256_of(source)
    except EduError as error:
        return [_failed(source.path, error)]
    except OSError as error:
        problem = RejectedFileError(
            source.path.name, "file_unreadable", f"It may not be read ({error.strerror}); give permission."
        )
        return [
            Receipt(
                str(source.path),
                None,
                None,
                None,
                None,
                "failed",
                message=str(problem),
                exit_code=int(ExitCode.RUNTIME),
            )
        ]
    size = sum(part.path.stat().st_size for part in source.parts)
    outcomes: list[Pending | Receipt] = []
    for metadata in every:
        identity = submission_id(sha256, metadata)
        received = known.find(identity, sha256, metadata, get_contract(metadata.dataset).digest, bool(password))
        if received:
            # Whoever sends again what he withdrew means it to count.
            told = WITHDRAWN.format(source.path.name, received) if received in known.taken_back else None
            outcomes.append(
                Receipt(
                    str(source.path), received, metadata.dataset, metadata.org, metadata.period, "ignored", message=told
                )
            )
        else:
            known.ids.add(identity)
            landings, last = known.locked.pop(identity, (0, None))
            outcomes.append(
                Pending(
                    source,
                    metadata,
                    sha256,
                    identity,
                    size,
                    password=password,
                    earlier_landings=landings,
                    last_landed=last,
                    discovered=discovered,
                )
            )
    if not any(isinstance(outcome, Pending) for outcome in outcomes):
        _make_up_feedback(home, [str(receipt.submission_id) for receipt in outcomes])
        if stamp(source) == before:
            remove_from_inbox(source, home)
    return outcomes


def _sha256_of(source: Source) -> str:
    """Return the hash of a source: of its one file, or of what is a part of the bundle and nothing that lies beside it."""
    if not source.is_bundle:
        return file_sha256(source.path)
    return archive.sha256_of_bundle({str(part.name): part.path for part in source.parts})


def _make_up_feedback(home: Home, submissions: list[str]) -> None:
    """Write what a landing that was killed after its receipts did not: the file is still there, the outbox empty."""
    from ingest.feedback import outbox_files
    from ingest.replay import give_feedback

    for identity in submissions:
        if not outbox_files(home, identity):
            try:
                give_feedback(home, identity)
            except (EduError, OSError) as error:
                log.warning("submission %s: no feedback was written (%s)", identity, type(error).__name__)


def _metadata_of_file(source: Source, options: Options) -> Metadata:
    try:
        return resolve_metadata(source.path, options)
    except MissingMetadataError:
        return resolve_metadata(source.path, options, peek_title(source))


def _admit_roster(source: Source, options: Options) -> tuple[Source, list[Metadata]]:
    """Read what a bundle says of itself; return it with that, and the metadata of each dataset that it feeds.

    One that is refused is rejected once for each dataset that it was sent for, so that each of them says why it is
    missing; once in all where its files only add to others. Of what it covers nothing is known: were it ever landed
    again, it may replace nothing.

    Raises:
        RejectedFileError: it is refused, and nobody is known who would get the receipt.
        MissingMetadataError, MetadataError: see `resolve_roster_metadata`.
    """
    assert source.roster
    said = described(source)
    if said.refusal:
        coverages = dict.fromkeys(told_of(source, said.refusal), "partial")
        try:
            return said, resolve_roster_metadata(source.path, options, coverages, source.roster.profile)
        except MissingMetadataError:
            raise said.refusal from None
    assert said.roster
    every = resolve_roster_metadata(source.path, options, said.roster.coverages, said.roster.profile)
    return replace(said, roster=replace(said.roster, system=said.roster.system or every[0].org)), every


def _batches(pending: list[Pending]) -> Iterable[list[Pending]]:
    """Group by dataset and period, in a fixed order, each group bounded in files and bytes."""
    ordered = sorted(pending, key=lambda item: (item.metadata.dataset, item.metadata.period, item.submission_id))
    batch: list[Pending] = []
    for item in ordered:
        of = (item.metadata.dataset, item.metadata.period)
        if batch and (
            of != (batch[0].metadata.dataset, batch[0].metadata.period)
            or len(batch) >= BATCH_FILES
            or sum(other.size for other in batch) + item.size > BATCH_BYTES
        ):
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch


def _land_unchanged(batch: list[Pending], home: Home, key: PlatformKey, receipts: list[Receipt]) -> list[Pending]:
    """Land those of a batch whose files stay as they are meanwhile; add the receipts of all, and return those landed."""
    while batch:
        try:
            receipts.extend(_land(batch, home, key))
        except archive.ChangedFileError:
            changed = [item.is_changed for item in batch]
            if not any(changed):
                raise
            paths = dict.fromkeys(
                item.source.path for item, is_changed in zip(batch, changed, strict=True) if is_changed
            )
            receipts.extend(_failed(path, archive.ChangedFileError(shown(path))) for path in paths)
            batch = [item for item, is_changed in zip(batch, changed, strict=True) if not is_changed]
        else:
            break
    return batch


def _land(batch: list[Pending], home: Home, key: PlatformKey) -> list[Receipt]:
    """Land one batch: all of it, or nothing that counts."""
    dataset = batch[0].metadata.dataset
    scratch = Path(tempfile.mkdtemp(dir=home.tmp))
    try:
        with (
            connect(extensions=("httpfs",), memory_limit=get_settings().landing_memory_limit) as connection,
            lineage.running(
                home, f"collect.{dataset}", [f"submission.{item.submission_id}" for item in batch], [f"lake.{dataset}"]
            ) as job,
        ):
            work = Batch(batch, home, key, connection, scratch)
            with runs.logged(home, work.batch_id, "land") as told:
                receipts = work.land()
                told["rows"] = job.rows[f"lake.{dataset}"] = sum(receipt.rows_accepted for receipt in receipts)
                told["detail"] = f"{dataset} {batch[0].metadata.period}: {len(receipts)} submissions"
            return receipts
    except (OSError, duckdb.IOException) as error:
        gone = next((item for item in batch if item.is_changed), None)
        if gone:
            raise archive.ChangedFileError(shown(gone.source.path)) from None
        raise _storage_error(error, f"dataset {dataset}") from None
    except duckdb.OutOfMemoryException:
        raise LandingMemoryError(dataset) from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
