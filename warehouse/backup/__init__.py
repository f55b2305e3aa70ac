"""Backup and recovery: an installation is copied, sealed and incremental, and given back into an empty folder.

`contents` says what is precious, `store` keeps it, `make` and `restore` move it. How to recover: docs/recovery.md.
"""

from warehouse.backup.make import Backup, Verification, make_backup, verify_backups
from warehouse.backup.restore import restore_backup

__all__ = ["Backup", "Verification", "make_backup", "restore_backup", "verify_backups"]
