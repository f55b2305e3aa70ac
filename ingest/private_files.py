"""The encrypted files of landings that are broken: segments of the vault, hashes for matching, quarantine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from edu import batches, vault
from edu.batches import BrokenFile
from edu.duck import connect
from edu.paths import Home
from edu.pseudonym import PlatformKey
from ingest import archive, keys, lake, linking


def broken(home: Home, key: PlatformKey, landings: Mapping[str, list[dict[str, Any]]]) -> list[BrokenFile]:
    """Return the encrypted files of landings, receipts by batch, that cannot be read, and the segments that are lost.

    Nothing else that is absent is a fault: a landing may have had nothing to write, and retention takes quarantine away.

    Raises:
        VaultBusyError: segments are being merged.
        VaultError: segments are absent, and the vault that would have taken them in cannot be opened.
    """
    with vault.standing(home):
        absent = [batch for batch in landings if not vault.segment_path(home, batch).exists()]
        segments = [
            _broken(home, vault.segment_path(home, batch))
            for batch in sorted(landings.keys() - set(absent))
            if not vault.is_segment_readable(home, key, batch)
        ]
        lost = _lost_segments(home, key, {batch: landings[batch] for batch in absent})
    with connect(extensions=("httpfs",)) as connection:
        lake.use_quarantine_key(connection, key)
        quarantine = batches.unreadable(
            connection, _there(lake.quarantine_path(home, batch) for batch in landings), lake.OPENED
        )
        linking.use_file_key(connection, key)
        hashes = batches.unreadable(
            connection, _there(linking.match_path(home, batch) for batch in landings), linking.OPENED
        )
    return segments + lost + [_broken(home, path) for path in quarantine + hashes]


def _there(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if path.exists()]


def _broken(home: Home, path: Path, problem: str = "cannot be read") -> BrokenFile:
    return BrokenFile(path.stem, path.relative_to(home.root).as_posix(), problem)


def _lost_segments(home: Home, key: PlatformKey, landings: Mapping[str, list[dict[str, Any]]]) -> list[BrokenFile]:
    """Return the segments that landings without one must have written, and that the vault did not take in."""

    @cache
    def holds_persons(digest: str) -> bool:
        try:
            return keys.holds_persons(archive.load_contract(home, digest))
        except archive.ArchiveError:
            # Without its contract the batch cannot be landed again; who needs it is told so.
            return False

    wrote = [
        batch
        for batch, landing in landings.items()
        if any(row["rows_accepted"] for row in landing) and holds_persons(landing[0]["contract_digest"])
    ]
    if not wrote:
        return []
    merged = vault.merged_batches(home, key)
    return [_broken(home, vault.segment_path(home, batch), "is missing") for batch in wrote if batch not in merged]
