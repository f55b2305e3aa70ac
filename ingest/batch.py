"""Lands one batch: submissions of one dataset and period, cleaned and checked by a few statements for all their files.

Its receipts are written last and are the commit point: without them nothing of the batch counts.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from edu.batches import file_sha256
from edu.clock import now
from edu.contract import Contract, get_contract
from edu.duck import give_memory_back
from edu.errors import RejectedFileError
from edu.paths import Home
from edu.pseudonym import PlatformKey
from ingest import archive, feedback, plain
from ingest.examination import Examination
from ingest.found import found_in
from ingest.inbox import shown
from ingest.pending import Pending
from ingest.readers import protected, read, sniff
from ingest.receipt import Receipt
from ingest.record import Recorder
from ingest.rows import RowWriter

log = logging.getLogger(__name__)


class Batch:
    """The steps of landing one batch, over one connection."""

    def __init__(
        self,
        items: list[Pending],
        home: Home,
        key: PlatformKey,
        connection: duckdb.DuckDBPyConnection,
        scratch: Path,
        contract: Contract | None = None,
    ) -> None:
        self.items = items
        self.home = home
        self.key = key
        self.connection = connection
        self.scratch = scratch
        self.contract: Contract = contract or get_contract(items[0].metadata.dataset)
        self.period = items[0].metadata.period
        self.records: list[dict[str, Any]] = []
        names = "\n".join(item.landing_name for item in items)
        self.batch_id = "b" + hashlib.sha256(names.encode()).hexdigest()[:23]
        self.examination = Examination(items, self.contract, self.period, connection, scratch)

    def land(self) -> list[Receipt]:
        """Archive, read, clean, check and write; return a receipt for each submission.

        Raises:
            ChangedFileError: a file is no longer the one whose hash was taken; nothing of the batch counts.
        """
        archive.store_contract(self.home, self.contract)
        self._check_unchanged()
        for item in self.items:
            self._archive(item)
        self.examine()
        # What was read is what was archived.
        self._check_unchanged()
        # Nothing is recorded before it was received, whatever the clock says.
        clocked = [item.metadata.received_at for item in self.items if item.metadata.is_clocked]
        later = [item.last_landed + timedelta(seconds=1) for item in self.items if item.last_landed]
        receipts = self.commit(max([now(), *clocked, *later]))
        self._give_feedback()
        return receipts

    def _check_unchanged(self) -> None:
        for item in self.items:
            if item.is_changed:
                raise archive.ChangedFileError(shown(item.source.path))

    def commit(self, recorded_at: datetime) -> list[Receipt]:
        """Write rows and then records of what was examined; return a receipt for each submission."""
        RowWriter(self.examination, self.home, self.key, self.batch_id).write()
        recorder = Recorder(self.examination, self.home, self.key, self.batch_id)
        receipts = recorder.write(recorded_at)
        self.records = recorder.records
        log.info("batch %s: %s submissions of %s", self.batch_id, len(receipts), self.contract.dataset)
        return receipts

    def examine(self) -> None:
        """Read, clean and check, in the connection only: make `cleaned`, `judged` and `finding_rows`."""
        for number, item in enumerate(self.items):
            if item.source.refusal:
                item.refusal = item.source.refusal
                continue
            try:
                item.result = read(
                    item.source,
                    self.contract,
                    item.metadata.profile,
                    self.connection,
                    self.scratch,
                    f"raw_{number}",
                    item.password,
                    item.opened,
                    partial(plain.judged_sql, self.contract),
                )
            except RejectedFileError as error:
                item.refusal = error
        # Arrow keeps what the readers have given back; the statements to come need it more.
        give_memory_back()
        self.examination.run()

    def _archive(self, item: Pending) -> None:
        parts = []
        for part in item.source.parts:
            digest = item.sha256 if not item.source.is_bundle else file_sha256(part.path)
            archive.store(self.home, self.key, part.path, digest)
            opened = self._archive_opened(item, part.path)
            parts.append(
                {"name": part.name, "sha256": digest, "constants": dict(part.constants)}
                | ({"opened_sha256": opened} if opened else {})
            )
        metadata = asdict(item.metadata)
        metadata.pop("is_clocked")
        archive.write_manifest(
            self.home,
            item.submission_id,
            {
                **metadata,
                "original_name": item.source.path.name,
                "sha256": item.sha256,
                "parts": parts,
                "contract_digest": self.contract.digest,
                "key_fingerprint": self.key.fingerprint,
            },
        )

    def _archive_opened(self, item: Pending, path: Path) -> str | None:
        """Archive a workbook as its password opens it, and return the hash; null where it has none or that is wrong.

        The password goes, so that what it locks could not be read again from the archive. The opened form stays in the
        landing's private folder, which goes with it, for the reader and for the sender's correction workbook.
        """
        if not item.password:
            return None
        try:
            if sniff.kind_of(path) != "ole2" or not protected.is_protected(path):
                return None
            item.opened = protected.opened(path, item.password, self.scratch, item.submission_id)
        except RejectedFileError:
            return None
        digest = file_sha256(item.opened)
        archive.store(self.home, self.key, item.opened, digest)
        return digest

    def _give_feedback(self) -> None:
        """Put receipts and correction workbooks into the outbox. What fails here can be made again at any time."""
        try:
            mended = feedback.repairs(self.connection, self.contract)
            for item, record in zip(self.items, self.records, strict=True):
                identity = item.submission_id
                own = [row for row in mended if row[0] == identity]
                if feedback.has_statements(self.contract, record):
                    feedback.deliver_statements(self.home, self.connection, self.contract, record)
                found = found_in(self.connection, "finding_record", identity)
                feedback.deliver(self.home, self.contract, record, found, own, item.layout_path, item.source.path.name)
        except Exception as error:  # a landing that is committed stays committed
            log.warning("batch %s: feedback is incomplete (%s)", self.batch_id, type(error).__name__)
