"""Backups of a small installation: complete, incremental, sealed, checked, and given back as they were."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from rosters import id_number, pupil, write_roster

from edu import audit, runs, vault
from edu.clock import now
from edu.errors import KeyFileError
from edu.paths import Home, get_home
from edu.pseudonym import key_path, load_key
from edu.settings import get_settings
from ingest.landing import collect
from ingest.submission import Options
from warehouse.backup import Backup, make, make_backup, restore_backup, verify_backups
from warehouse.backup.contents import DisturbedError
from warehouse.backup.restore import RestoreTargetError
from warehouse.backup.store import BackupBrokenError, BackupBusyError, BackupPlaceError, Store

PERIODS = (("2024-2025/1", "2024-09-01"), ("2024-2025/2", "2025-03-01"))
NOT_IN_IT = ("outbox", "inbox", "logs", "tmp", "warehouse.duckdb", "airflow")


def land(home: Home, period: str, snapshot: str, serial: int) -> None:
    """Drop and land one roster of three pupils, one of them quarantined, so that every store gets something."""
    folder = home.inbox / "421002" / "student" / period.replace("/", "-")
    rows = [pupil(serial), pupil(serial + 2, phone="13812345678"), pupil(serial + 4, grade_code="研究生")]
    path = write_roster(folder / "花名册-王小明.csv", rows)
    path.with_name(path.name + ".meta.json").write_text(
        json.dumps({"dataset": "student", "org": "421002", "period": period, "snapshot_date": snapshot})
    )
    result = collect([home.inbox], home=home, options=Options())
    assert [receipt.status for receipt in result.receipts] == ["partly_accepted"]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Give a home with one landing, a decision, an answer of the vault, and something published; tests copy it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDU_HOME", str(tmp_path_factory.mktemp("backup") / "edu_home"))
        patch.setenv("EDU_SETTLE_SECONDS", "0")
        get_settings.cache_clear()
        home = get_home().ensure()
        land(home, *PERIODS[0], 1)
        record = {name: "x" for name in runs.RUN_SCHEMAS["decision"].names} | {"recorded_at": datetime(2024, 10, 1)}
        runs.append(home, "decision", "d1", [record])
        audit.append(home, "cases.decide", "officer", "核对", "case c1")
        (home.vault / "revealed").mkdir(mode=0o700)
        (home.vault / "revealed" / "c1.json").write_text(id_number(1))
        for version in ("1.0.0", "1.0.1"):
            (home.published / f"edu_{version}.duckdb").write_bytes(version.encode() * 1000)
        (home.published / "current.duckdb").symlink_to("edu_1.0.1.duckdb")
        (home.root / "suppression").mkdir(mode=0o700)
        (home.root / "suppression" / "history.json").write_text("{}")
        home.warehouse.write_bytes(b"made from the lake")
    get_settings.cache_clear()
    return home


@pytest.fixture
def home(template: Home, edu_home: Home) -> Home:
    """Give a copy of the template that the test may change."""
    shutil.rmtree(edu_home.root)
    shutil.copytree(template.root, edu_home.root, symlinks=True)
    return edu_home


def back_up(home: Home, folder: Path, *, keep: int = 9, keep_days: int = 9) -> Backup:
    return make_backup(home, folder, actor="operator", keep=keep, keep_days=keep_days)


def precious(home: Home) -> dict[str, bytes]:
    """Return all files but those that are not in a backup, by independent rules: names and bytes."""
    found = {}
    for path in home.root.rglob("*"):
        name = path.relative_to(home.root).as_posix()
        is_left = name.startswith((*NOT_IN_IT, "vault/revealed", "vault/.", "vault/platform.key"))
        if path.is_file() and (not is_left or name.startswith("logs/audit-head")):
            found[name] = path.read_bytes()
    return found


def test_a_restored_home_has_every_file_with_its_mode_and_opens(home: Home, tmp_path: Path) -> None:
    done = back_up(home, tmp_path / "backup")
    before = precious(home)
    kept = tmp_path / "key-in-the-safe"
    shutil.copy(key_path(home), kept)
    modes = {name: stat.S_IMODE((home.root / name).stat().st_mode) for name in before}
    into = Home(tmp_path / "new")
    manifest = restore_backup(tmp_path / "backup", into, actor="operator", key_file=kept)
    assert manifest.backup_id == done.manifest.backup_id
    found = precious(into)
    # The restore is an entry of its own at the end of the log, and its head.
    logs = {"vault/audit.jsonl", "logs/audit-head/audit-head.jsonl"}
    assert {name: found[name][: len(before[name])] if name in logs else found[name] for name in found} == before
    assert {name: stat.S_IMODE((into.root / name).stat().st_mode) for name in before} == modes
    assert [entry["action"] for entry in audit.entries(into)] == ["cases.decide", "backup", "restore"]
    assert audit.verify(into).is_whole
    assert (into.published / "current.duckdb").readlink() == Path("edu_1.0.1.duckdb")
    assert stat.S_IMODE(key_path(into).stat().st_mode) == 0o600
    with vault.reading(into, load_key(into)) as connection:
        assert connection.execute("select count(*) from identifier where value = ?", [id_number(1)]).fetchone() == (1,)
    assert not (into.root / ".restoring").exists()


def test_nothing_in_a_backup_can_be_read_and_nobody_else_may_open_it(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    back_up(home, folder)
    secret = load_key(home).secret.hex().encode()
    # An independent list: what stands in the roster, the name of the file, the pseudonym, the school.
    pseudonyms = pq.read_table(home.lake / "student", columns=["id_number_key"]).column(0).to_pylist()
    words = [
        "王小明",
        "花名册",
        id_number(1),
        id_number(3),
        "13812345678",
        "江津路",
        "2142000001",
        *filter(None, pseudonyms),
    ]
    for path in [folder, *folder.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
        if path.is_file():
            content = path.read_bytes()
            assert secret not in content
            assert load_key(home).secret not in content
            assert [word for word in words if word.encode() in content] == [], path


def test_the_second_backup_reads_only_what_is_new(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    first = back_up(home, folder)
    objects = {path.name: path.stat().st_mtime_ns for path in (folder / "objects").glob("*/*")}
    second = back_up(home, folder)
    # The log and its head: a backup is an entry in it.
    assert second.added == 2
    land(home, *PERIODS[1], 101)
    third = back_up(home, folder)
    new = {entry.path for entry in third.manifest.entries} - {entry.path for entry in first.manifest.entries}
    assert {name.split("/")[0] for name in new} == {"archive", "lake", "quarantine", "runs", "vault"}
    assert third.added == len(new) + 2
    assert objects.items() <= {path.name: path.stat().st_mtime_ns for path in (folder / "objects").glob("*/*")}.items()
    assert third.manifest.receipts == 2
    assert verify_backups(home, folder).problems == []


def test_the_same_content_is_stored_once(home: Home, tmp_path: Path) -> None:
    for copy in ("one", "two"):
        (home.published / f"site_{copy}").mkdir()
        (home.published / f"site_{copy}" / "plotly.js").write_bytes(os.urandom(10) + b"same" * 1000)
    shutil.copy(home.published / "site_one" / "plotly.js", home.published / "site_two" / "plotly.js")
    done = back_up(home, tmp_path / "backup")
    digests = {entry.path: entry.digest for entry in done.manifest.entries}
    assert digests["published/site_one/plotly.js"] == digests["published/site_two/plotly.js"]
    assert len(list((tmp_path / "backup" / "objects").glob("*/*"))) == len(set(digests.values()))


def damage(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "flipped":
        content[len(content) // 2] ^= 1
    elif how == "cut off":
        del content[-20:]
    elif how == "emptied":
        content = bytearray()
    path.unlink()
    if how != "gone":
        path.write_bytes(content)


@pytest.mark.parametrize("how", ["flipped", "cut off", "emptied", "gone"])
def test_a_content_that_was_damaged_is_told_and_nothing_of_it_is_restored(home: Home, tmp_path: Path, how: str) -> None:
    folder = tmp_path / "backup"
    done = back_up(home, folder)
    hit = next(entry for entry in done.manifest.entries if entry.path.startswith("lake/student/2024-2025-1/"))
    damage(folder / "objects" / hit.digest[:2] / hit.digest, how)
    word = "is missing" if how == "gone" else "was changed"
    wanted = f"{hit.path} {word}"
    assert verify_backups(home, folder).problems == [f"backup {done.manifest.backup_id}: {wanted}"]
    into = Home(tmp_path / "new")
    with pytest.raises(BackupBrokenError) as caught:
        restore_backup(folder, into, actor="operator", key_file=key_path(home))
    assert caught.value.problems == [wanted]
    assert not (into.root / hit.path).exists()
    assert (into.root / ".restoring").exists()


def test_contents_that_were_exchanged_are_told(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    back_up(home, folder)
    one, two = sorted((folder / "objects").glob("*/*"))[:2]
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)
    assert len(verify_backups(home, folder).problems) == 2


@pytest.mark.parametrize("how", ["cut off", "emptied", "flipped"])
def test_a_manifest_that_was_damaged_is_told_and_the_others_stand(home: Home, tmp_path: Path, how: str) -> None:
    folder = tmp_path / "backup"
    first = back_up(home, folder).manifest
    land(home, *PERIODS[1], 101)
    second = back_up(home, folder, keep=1, keep_days=9).manifest
    damage(folder / "backups" / f"{second.backup_id}.json", how)
    assert [second.backup_id in problem for problem in verify_backups(home, folder).problems] == [True]
    with pytest.raises(BackupBrokenError, match=second.backup_id):
        restore_backup(folder, Home(tmp_path / "new"), actor="operator", key_file=key_path(home))
    into = Home(tmp_path / "older")
    restore_backup(folder, into, actor="operator", key_file=key_path(home), backup_id=first.backup_id)
    # What the damaged manifest named is not known, so nothing is removed while it lies there.
    third = back_up(home, folder, keep=1, keep_days=0)
    assert (third.removed, len(third.problems)) == ([], 1)


def test_a_manifest_that_was_altered_by_hand_is_told(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    path = folder / "backups" / f"{back_up(home, folder).manifest.backup_id}.json"
    content = json.loads(path.read_text())
    content["entries"] = [entry for entry in content["entries"] if not entry["path"].startswith("runs/decision")]
    path.write_text(json.dumps(content))
    with pytest.raises(BackupBrokenError, match="was changed"):
        restore_backup(folder, Home(tmp_path / "new"), actor="operator", key_file=key_path(home))


def test_without_the_right_key_nothing_is_restored(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    back_up(home, folder)
    other = tmp_path / "other.key"
    other.write_text("ab" * 32)
    into = Home(tmp_path / "new")
    with pytest.raises(KeyFileError, match=load_key(home).fingerprint):
        restore_backup(folder, into, actor="operator", key_file=other)
    with pytest.raises(KeyFileError, match="missing"):
        restore_backup(folder, into, actor="operator")
    assert not into.root.exists()
    key_path(home).chmod(0o600)
    shutil.copy(other, key_path(home))
    with pytest.raises(KeyFileError, match="was made with the key"):
        back_up(home, folder)


def test_the_key_may_lie_in_the_folder_already(home: Home, tmp_path: Path) -> None:
    back_up(home, tmp_path / "backup")
    into = Home(tmp_path / "new")
    into.vault.mkdir(parents=True)
    shutil.copy(key_path(home), into.vault / "platform.key")
    restore_backup(tmp_path / "backup", into, actor="operator")
    assert precious(into).keys() == precious(home).keys()


def test_a_restore_never_writes_over_anything(home: Home, tmp_path: Path) -> None:
    back_up(home, tmp_path / "backup")
    with pytest.raises(RestoreTargetError):
        restore_backup(tmp_path / "backup", home, actor="operator")
    with pytest.raises(BackupPlaceError, match="no backup 19990101"):
        restore_backup(
            tmp_path / "backup", Home(tmp_path / "new"), actor="o", key_file=key_path(home), backup_id="19990101"
        )


@pytest.mark.parametrize("inside", ["backups", "."])
def test_a_backup_within_the_home_is_refused(home: Home, inside: str) -> None:
    with pytest.raises(BackupPlaceError):
        back_up(home, home.root / inside)


def test_a_folder_of_other_files_is_refused(home: Home, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.jpg").write_text("x")
    with pytest.raises(BackupPlaceError, match="other files"):
        back_up(home, tmp_path / "photos")


def test_two_backups_at_once_do_not_mix(home: Home, tmp_path: Path) -> None:
    store = Store(tmp_path / "backup", load_key(home))
    with store.writing(), pytest.raises(BackupBusyError):
        back_up(home, tmp_path / "backup")


def test_backups_are_kept_by_number_and_by_days(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, start = tmp_path / "backup", now()
    made = []
    for day in range(6):
        monkeypatch.setattr(make, "now", lambda day=day: start + timedelta(days=day))
        (home.published / "changelog.json").write_text(f"[{' ' * day}]")
        made.append(back_up(home, folder, keep=99).manifest.backup_id)
    store = Store(folder, load_key(home))
    assert store.backup_ids() == made
    monkeypatch.setattr(make, "now", lambda: start + timedelta(days=6))
    # By number two, by days those of day 3 and later (day 6 less 3 days is day 3, which is not before it).
    done = back_up(home, folder, keep=2, keep_days=3)
    assert done.removed == made[:3]
    assert store.backup_ids() == [*made[3:], done.manifest.backup_id]
    monkeypatch.setattr(make, "now", lambda: start + timedelta(days=99))
    last = back_up(home, folder, keep=3, keep_days=3).manifest.backup_id
    assert store.backup_ids() == [made[5], done.manifest.backup_id, last]
    used = {entry.digest for name in store.backup_ids() for entry in store.read_manifest(name).entries}
    assert {path.name for path in (folder / "objects").glob("*/*")} == used
    assert verify_backups(home, folder).problems == []


def test_of_backups_within_a_second_the_last_is_the_newest(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, second = tmp_path / "backup", now()
    made = []
    for number in range(5):
        # The last one is made after the clock was put back.
        monkeypatch.setattr(make, "now", lambda number=number: second - timedelta(seconds=number // 4))
        (home.published / "changelog.json").write_text(f"[{' ' * number}]")
        made.append(back_up(home, folder).manifest.backup_id)
    assert Store(folder, load_key(home)).backup_ids() == made
    assert restore_backup(folder, Home(tmp_path / "new"), actor="o", key_file=key_path(home)).backup_id == made[-1]


def test_a_landing_without_receipts_is_not_in_it(home: Home, tmp_path: Path) -> None:
    # As a landing that goes on leaves it: rows, findings and names are written, the receipts are not.
    batch = "b" + "0" * 23
    for source in [
        *home.lake.glob("student/2024-2025-1/b*"),
        *home.runs.glob("unit/b*"),
        *home.runs.glob("finding/b*"),
    ]:
        shutil.copy(source, source.with_name(f"{batch}.parquet"))
    shutil.copy(next(home.vault.glob("segments/*.parquet")), home.vault / "segments" / f"{batch}.parquet")
    figures = runs.append(home, "official_figure", "unfinished", [])
    done = back_up(home, tmp_path / "backup")
    names = [entry.path for entry in done.manifest.entries]
    assert not [name for name in names if batch in name or figures.name in name]
    assert done.manifest.receipts == 1


def test_what_lands_while_a_backup_runs_is_whole_or_not_in_it(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[str] = []
    add = make._add

    def land_in_between(home: Home, store: Any, name: str, *rest: Any) -> None:
        if not copied:
            land(home, *PERIODS[1], 101)
        copied.append(name)
        add(home, store, name, *rest)

    monkeypatch.setattr(make, "_add", land_in_between)
    done = back_up(home, tmp_path / "backup")
    assert done.manifest.receipts == 1
    batches = {name.rsplit("/", 1)[1].split(".")[0] for name in copied if name.startswith("runs/submission/b")}
    assert len(batches) == 1
    [batch] = batches
    others = [
        name
        for name in copied
        if name.startswith(("lake/", "quarantine/b", "runs/unit/b", "runs/finding/b", "vault/segments", "vault/match"))
        and batch not in name
        and "_empty" not in name
    ]
    assert others == []


def test_a_publication_meanwhile_ends_the_backup_and_the_earlier_ones_stand(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "backup"
    first = back_up(home, folder).manifest.backup_id
    add, seen = make._add, []

    def publish_in_between(home: Home, store: Any, name: str, *rest: Any) -> None:
        if not seen:
            (home.published / "current.duckdb").unlink()
            (home.published / "current.duckdb").symlink_to("edu_1.0.0.duckdb")
        seen.append(name)
        add(home, store, name, *rest)

    monkeypatch.setattr(make, "_add", publish_in_between)
    with pytest.raises(DisturbedError):
        back_up(home, folder)
    assert Store(folder, load_key(home)).backup_ids() == [first]


KILLED = """
import os, signal, sys
from pathlib import Path
done, whole, stop_at = 0, Path.replace, int(sys.argv[2])
def replace(self, target):
    # Every content and the manifest are written aside and renamed: die before the n-th rename.
    global done
    done += 1
    if done == stop_at:
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(self, target)
from edu.paths import get_home
from warehouse.backup import make_backup
Path.replace = replace
make_backup(get_home(), Path(sys.argv[1]), actor="operator", keep=9, keep_days=9)
print("renames", done)
"""


def test_a_killed_backup_leaves_the_former_one_whole(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    first = back_up(home, folder).manifest.backup_id
    land(home, *PERIODS[1], 101)

    def run(stop_at: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", KILLED, str(folder), str(stop_at)],
            env={**os.environ, "EDU_HOME": str(home.root)},
            capture_output=True,
            text=True,
            check=False,
        )

    # The last of the new contents and the manifest itself: 13 new files, the log and its head, the manifest.
    for stop_at in (1, 7):
        assert run(stop_at).returncode == -signal.SIGKILL
        assert Store(folder, load_key(home)).backup_ids() == [first]
        assert verify_backups(home, folder).problems == []
    # What the killed runs had sealed is not sealed again under another name: only the log, its head and the rest.
    finished = run(0)
    assert finished.returncode == 0, finished.stderr[-2000:]
    renames = int(finished.stdout.split()[-1])
    shutil.rmtree(folder)
    back_up(home, folder)
    land(home, "2025-2026/1", "2025-09-01", 201)
    last = run(renames + 99)
    assert last.returncode == 0
    whole = int(last.stdout.split()[-1])
    land(home, "2025-2026/2", "2026-03-01", 301)
    before = Store(folder, load_key(home)).backup_ids()
    assert run(whole).returncode == -signal.SIGKILL
    assert Store(folder, load_key(home)).backup_ids() == before
    assert not list((folder / "objects").glob("*/.*"))
    back_up(home, folder)
    assert not [path for path in folder.rglob(".*") if path.name.endswith(".part")]
    assert verify_backups(home, folder).problems == []


def test_a_restore_that_was_cut_short_goes_on(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, into = tmp_path / "backup", Home(tmp_path / "new")
    back_up(home, folder)
    get, count = Store.get, [0]

    def stop(self: Store, digest: str, target: Path | None) -> str | None:
        count[0] += 1
        if count[0] == 20:
            raise KeyboardInterrupt
        return get(self, digest, target)

    monkeypatch.setattr(Store, "get", stop)
    with pytest.raises(KeyboardInterrupt):
        restore_backup(folder, into, actor="operator", key_file=key_path(home))
    # Receipts come last: what is there counts for nothing yet.
    assert not list(into.runs.glob("submission/b*.parquet"))
    monkeypatch.setattr(Store, "get", get)
    restore_backup(folder, into, actor="operator", key_file=key_path(home))
    assert precious(into).keys() == precious(home).keys()


def test_a_backup_is_an_entry_of_the_audit_log(home: Home, tmp_path: Path) -> None:
    done = back_up(home, tmp_path / "backup")
    entry = audit.entries(home)[-1]
    assert (entry["action"], entry["actor"], entry["subject"]) == ("backup", "operator", done.manifest.backup_id)


def test_a_restore_of_an_older_backup_leaves_one_explained_break(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDU_AUDIT_HEAD_DIR", str(tmp_path / "heads"))
    get_settings.cache_clear()
    done = back_up(home, tmp_path / "backup")
    end = len(audit.entries(home))
    for number in range(2):
        audit.append(home, "vault.reveal", "officer", "核对", f"case c{number}")
    into = Home(tmp_path / "new")
    restore_backup(tmp_path / "backup", into, actor="operator", key_file=key_path(home))
    audit.append(into, "vault.reveal", "officer", "核对", "case c3")
    report = audit.verify(into)
    assert report.problems == []
    [line] = report.explained
    assert f"backup {done.manifest.backup_id} by operator" in line
    assert f"went back to seq {end}: 2 exported entries, to seq {end + 2}, are lost" in line
    details = audit.entries(into)[end]["details"]
    assert (details["log_ended_at"], details["exported_to"]) == (end, end + 2)


@pytest.mark.parametrize("how", ["flipped", "cut off", "emptied", "gone"])
def test_a_damaged_content_is_sealed_anew_by_the_backup_after_the_one_that_told_it(
    home: Home, tmp_path: Path, how: str
) -> None:
    folder = tmp_path / "backup"
    first = back_up(home, folder)
    entry = next(entry for entry in first.manifest.entries if entry.path.startswith("archive/"))
    damage(Store(folder, load_key(home)).object_path(entry.digest), how)
    command = [sys.executable, "-m", "edu.cli", "backup", "--to", str(folder), "--by", "operator"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ("problem: " in told.stdout, told.returncode) == ((False, 0) if how == "gone" else (True, 1)), told.stderr
    mended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ("problem: " in mended.stdout, mended.returncode) == (False, 0)
    into = Home(tmp_path / "new")
    restore_backup(folder, into, actor="operator", backup_id=first.manifest.backup_id, key_file=key_path(home))
    assert (into.root / entry.path).read_bytes() == (home.root / entry.path).read_bytes()
