"""Backup and recovery; see docs/recovery.md."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from edu.commands.common import UsageError, screen
from edu.errors import ExitCode
from edu.paths import Home, get_home
from edu.settings import get_settings

app = typer.Typer()

By = Annotated[str, typer.Option("--by", default_factory=getpass.getuser, help="Who asks; the audit log names them.")]


@app.command()
def backup(
    by: By,
    to: Annotated[Path | None, typer.Option(help="Folder of backups; default is EDU_BACKUP_DIR.")] = None,
    verify: Annotated[bool, typer.Option(help="Make none; read all that is there again and compare.")] = False,
) -> None:
    """Back up EDU_HOME, sealed and incremental, and read all backups again; earlier backups go by EDU_BACKUP_KEEP and EDU_BACKUP_KEEP_DAYS."""
    from warehouse.backup import make_backup, verify_backups

    settings = get_settings()
    folder = to or settings.backup_dir
    if folder is None:
        raise UsageError("--to or EDU_BACKUP_DIR names the folder of backups.")
    home = get_home()
    if verify:
        with screen.status("verifying"):
            found = verify_backups(home, folder)
        typer.echo(f"{found.backups} backups, {found.contents} contents, {found.size:,} bytes read")
        problems = found.problems
    else:
        with screen.status("backing up"):
            done = make_backup(
                home.ensure(), folder, actor=by, keep=settings.backup_keep, keep_days=settings.backup_keep_days
            )
        typer.echo(
            f"backup {done.manifest.backup_id}: {len(done.manifest.entries)} files, {done.manifest.size:,} bytes, "
            f"{done.added} files new or changed, {len(done.removed)} earlier backups removed"
        )
        typer.echo(f"key {done.manifest.key_fingerprint} is not in it; keep a copy of the key file apart.")
        with screen.status("verifying"):
            problems = verify_backups(home, folder).problems
    for problem in problems:
        typer.echo(f"problem: {problem}")
    if problems:
        raise typer.Exit(int(ExitCode.RUNTIME))


@app.command()
def restore(
    by: By,
    source: Annotated[Path, typer.Option("--from", help="Folder of backups.")],
    into: Annotated[Path | None, typer.Option(help="Empty folder to restore into; default is EDU_HOME.")] = None,
    backup_id: Annotated[str | None, typer.Option("--backup", help="Which one; default is the newest.")] = None,
    key: Annotated[Path | None, typer.Option(help="Your copy of the key file; default is EDU_KEY_FILE.")] = None,
) -> None:
    """Restore an installation into an empty folder, checked; then build the warehouse with edu build --full."""
    from warehouse.backup import restore_backup

    target = Home(into.expanduser().resolve()) if into else get_home()
    with screen.status("restoring"):
        manifest = restore_backup(source, target, actor=by, backup_id=backup_id, key_file=key)
    typer.echo(f"restored {manifest.backup_id} of {manifest.created_at}: {len(manifest.entries)} files, all checked")
    if manifest.served_digest:
        typer.echo(f"version {manifest.served_version} is served: digest {manifest.served_digest}")
    typer.echo(f"next: EDU_HOME={target.root} edu build --full, which makes the warehouse from the lake")
