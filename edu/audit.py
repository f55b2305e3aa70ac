"""The audit log: who looked at, changed or decided what, as a chain of entries that cannot be altered unseen.

`vault/audit.jsonl` holds one JSON object a line: seq, at, action, actor, reason, subject, details, prev, mac. `mac` is
HMAC-SHA256 under a key of the installation over the entry with the `mac` before it, so an entry cannot be changed,
dropped or put in another place without the key. Cutting entries off at the end leaves a valid chain; therefore each
new head is also appended to `audit-head.jsonl` in a folder that belongs outside the machine (`EDU_AUDIT_HEAD_DIR`).
A head that the log lacks stays a problem whatever is appended later. Only a restore explains one: its entry says where
the restored log ended, and what was exported after that and before the restore is listed as lost, not as cut off.

Entries name people by pseudonym only: text of the shape of an identifier is refused.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edu.clock import now
from edu.errors import EduError, ExitCode
from edu.paths import Home
from edu.pseudonym import load_key, load_or_create_key
from edu.settings import get_settings

LOG_NAME = "audit.jsonl"
RESTORE = "restore"
"""The action that goes back to an earlier end of the log."""
HEAD_NAME = "audit-head.jsonl"
FIRST_PREV = "0" * 64
TAIL_BYTES = 1 << 16
IDENTIFIER = re.compile(r"(?<![0-9A-Za-z])(\d{17}[\dXx]|\d{15}|1[3-9]\d{9}|[GJLgjl]\d{17}[\dXx])(?![0-9A-Za-z])")
"""A resident ID number (18 or 15), a mobile number or a school-roll number standing alone in a text."""


class AuditValueError(EduError):
    """An entry would hold what looks like a person's identifier."""

    exit_code = ExitCode.USAGE

    def __init__(self, part: str) -> None:
        self.part = part
        super().__init__(
            f"audit entry: {part} holds a number of the shape of an identifier. Name people by their pseudonym or case."
        )


class AuditReasonError(EduError):
    """An action that must be accounted for has no actor or no reason."""

    exit_code = ExitCode.USAGE

    def __init__(self, part: str) -> None:
        super().__init__(f"--{part} is empty; say who does this and why.")


class AuditBrokenError(EduError):
    """The audit log is not what was written."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(f"audit log: {'; '.join(problems[:5])}. Compare it with a backup and inform the data officer.")


@dataclass(frozen=True)
class AuditReport:
    """What checking the chain found; no problem means that it is whole."""

    entries: int
    head: str
    heads_seen: int
    problems: list[str] = field(default_factory=list)
    explained: list[str] = field(default_factory=list)
    """Breaks that a restore of an older backup left: who restored when, and which entries were lost with it."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing was changed, dropped or cut off."""
        return not self.problems


def log_path(home: Home) -> Path:
    """Return where the log is."""
    return home.vault / LOG_NAME


def head_path(home: Home) -> Path:
    """Return where the heads are exported to."""
    return (get_settings().audit_head_dir or home.logs / "audit-head") / HEAD_NAME


def _mac(secret: bytes, entry: dict[str, Any]) -> str:
    content = {name: value for name, value in entry.items() if name != "mac"}
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hmac.digest(secret, text.encode(), hashlib.sha256).hex()


@contextmanager
def locked(home: Home) -> Iterator[None]:
    """Hold the log for one writer among all processes."""
    home.vault.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(home.vault / ".audit.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _last(path: Path) -> tuple[dict[str, Any] | None, int]:
    """Return the last whole entry and how many bytes of an unfinished line follow it."""
    if not path.exists():
        return None, 0
    size = path.stat().st_size
    step = TAIL_BYTES
    with path.open("rb") as stream:
        while True:
            stream.seek(max(0, size - step))
            tail = stream.read()
            end = tail.rfind(b"\n")
            start = tail.rfind(b"\n", 0, end) if end >= 0 else -1
            if (end >= 0 and start >= 0) or step >= size:
                break
            step *= 2
    if end < 0:
        return None, size
    return json.loads(tail[start + 1 : end]), len(tail) - end - 1


def _append_line(path: Path, content: dict[str, Any]) -> None:
    line = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(handle, line)
        os.fsync(handle)
    finally:
        os.close(handle)


def append(
    home: Home, action: str, actor: str, reason: str, subject: str, details: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Append one entry and export the new head; return the entry.

    Args:
        home: the installation.
        action: what was done, e.g. `vault.reveal`, `cases.decide`, `share.release`, `approval`.
        actor: who did it, an account or an office.
        reason: why.
        subject: what it concerns: a case, a pseudonym, a unit, a table; never a person's value.
        details: counts, fields, expiry; JSON values.

    Raises:
        AuditReasonError: actor or reason is empty.
        AuditValueError: a text looks like a person's identifier.
    """
    for part, text in (("by", actor), ("reason", reason)):
        if not text.strip():
            raise AuditReasonError(part)
    body = json.loads(json.dumps(details or {}, ensure_ascii=False, default=str))
    for part, text in (("actor", actor), ("reason", reason), ("subject", subject), ("details", json.dumps(body))):
        if IDENTIFIER.search(text):
            raise AuditValueError(part)
    secret = load_or_create_key(home).derive("audit")
    path = log_path(home)
    with locked(home):
        last, torn = _last(path)
        if torn:
            # A line that a crash cut off was never exported as a head; what went is said in the next entry.
            os.truncate(path, path.stat().st_size - torn)
            body["torn_bytes_dropped"] = torn
        entry: dict[str, Any] = {
            "seq": (last["seq"] if last else 0) + 1,
            "at": now().isoformat(),
            "action": action,
            "actor": actor,
            "reason": reason,
            "subject": subject,
            "details": body,
            "prev": last["mac"] if last else FIRST_PREV,
        }
        entry["mac"] = _mac(secret, entry)
        _append_line(path, entry)
        heads = head_path(home)
        heads.parent.mkdir(parents=True, exist_ok=True)
        _append_line(heads, {"seq": entry["seq"], "mac": entry["mac"], "at": entry["at"]})
    return entry


def entries(home: Home) -> list[dict[str, Any]]:
    """Return all whole entries, oldest first."""
    path = log_path(home)
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1] if line]


def ends(home: Home) -> tuple[int, int]:
    """Return the last seq of the log and the highest that was exported; 0 where there is none."""
    last, _ = _last(log_path(home))
    return (last["seq"] if last else 0), max((head.seq for head in _read_heads(head_path(home))), default=0)


@dataclass(frozen=True)
class _Head:
    """One exported head."""

    seq: int
    mac: str


def verify(home: Home, heads: Path | None = None) -> AuditReport:
    """Check every entry, the chain between them, and each exported head against the chain.

    Args:
        home: the installation.
        heads: file of exported heads, e.g. the copy kept elsewhere; default is the configured one.
    """
    path, heads = log_path(home), heads or head_path(home)
    exported = _read_heads(heads)
    if not path.exists() and not exported:
        return AuditReport(0, FIRST_PREV, 0)
    secret = load_key(home).derive("audit")
    problems: list[str] = []
    macs: dict[int, str] = {}
    restores: list[dict[str, Any]] = []
    prev, seq = FIRST_PREV, 0
    raw = path.read_bytes() if path.exists() else b""
    if raw and not raw.endswith(b"\n"):
        problems.append("the last line is unfinished")
    for number, line in enumerate(raw.split(b"\n")[:-1], start=1):
        try:
            entry = json.loads(line)
            is_own = hmac.compare_digest(_mac(secret, entry), str(entry["mac"]))
        except (ValueError, KeyError, TypeError):
            problems.append(f"line {number} cannot be read")
            continue
        if not is_own:
            problems.append(f"line {number} (seq {entry.get('seq')}) was changed")
        elif entry["action"] == RESTORE:
            restores.append(entry)
        if entry.get("seq") != seq + 1 or entry.get("prev") != prev:
            problems.append(f"line {number}: entries before seq {entry.get('seq')} were removed or put elsewhere")
        prev, seq = str(entry["mac"]), int(entry.get("seq") or seq + 1)
        macs[seq] = prev
    if not exported and macs:
        problems.append(f"no exported head in {heads.name}: whether entries were cut off cannot be told")
    foreign = [(place, head) for place, head in enumerate(exported) if macs.get(head.seq) != head.mac]
    lost, explained = _explain(foreign, exported, restores)
    newest = max((head.seq for head in lost), default=0)
    if newest > seq:
        problems.append(f"the log ends at seq {seq}, but head {newest} was exported: entries were cut off")
    problems += [
        f"exported head {number} is not in the log: the chain was written anew"
        for number in sorted({head.seq for head in lost})
        if number <= seq
    ]
    return AuditReport(len(macs), prev, len(set(exported)), problems, explained)


def _explain(
    foreign: list[tuple[int, _Head]], exported: list[_Head], restores: list[dict[str, Any]]
) -> tuple[list[_Head], list[str]]:
    """Return the heads that the log lacks and no restore accounts for, and what each restore accounts for.

    A restore's entry follows at once where the restored log ended. It accounts for heads beyond that end which were
    exported before its own; one exported after it was cut off later, and one below the end was never in that backup.
    """
    explained = []
    for entry in restores:
        own = _Head(entry["seq"], entry["mac"])
        place = exported.index(own) if own in exported else 0
        held = [item for item in foreign if item[0] < place and item[1].seq >= own.seq]
        if held:
            taken = set(held)
            foreign = [item for item in foreign if item not in taken]
            last = max(head.seq for _, head in held)
            explained.append(
                f"a restore of backup {entry['subject']} by {entry['actor']} at {entry['at']} went back to seq "
                f"{own.seq - 1}: {len(held)} exported entries, to seq {last}, are lost"
            )
    return [head for _, head in foreign], explained


def _read_heads(path: Path) -> list[_Head]:
    """Return all exported heads in the order of their export; one seq may have several."""
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            head = json.loads(line)
            found.append(_Head(int(head["seq"]), str(head["mac"])))
        except (ValueError, KeyError, TypeError):
            continue
    return found
