"""The folders under `EDU_HOME`, each with one job."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edu.errors import EduError, ExitCode
from edu.settings import get_settings

PRIVATE_DIR_MODE = 0o700


@dataclass(frozen=True)
class Home:
    """Paths of one installation's state.

    `inbox archive quarantine outbox vault` may hold identifiers and are mode 0700; nothing else may.
    """

    root: Path

    @property
    def inbox(self) -> Path:
        return self.root / "inbox"

    @property
    def archive(self) -> Path:
        return self.root / "archive"

    @property
    def lake(self) -> Path:
        return self.root / "lake"

    @property
    def quarantine(self) -> Path:
        return self.root / "quarantine"

    @property
    def outbox(self) -> Path:
        return self.root / "outbox"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def vault(self) -> Path:
        return self.root / "vault"

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse.duckdb"

    @property
    def published(self) -> Path:
        return self.root / "published"

    @property
    def airflow(self) -> Path:
        return self.root / "airflow"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def tmp(self) -> Path:
        return self.root / "tmp"

    def ensure(self) -> Home:
        """Create the folders that are missing, private ones with mode 0700; return self."""
        for folder in (self.root, self.lake, self.runs, self.published, self.logs, self.airflow):
            folder.mkdir(parents=True, exist_ok=True)
        for folder in (self.inbox, self.archive, self.quarantine, self.outbox, self.vault, self.tmp):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(PRIVATE_DIR_MODE)
        return self


class HomePathError(EduError):
    """`EDU_HOME` has a character that paths inside SQL cannot have."""

    exit_code = ExitCode.USAGE

    def __init__(self, path: Path) -> None:
        super().__init__(f"EDU_HOME {path} contains a quote or a brace; choose a folder without one.")


def get_home() -> Home:
    """Return the folders of the installation that `EDU_HOME` names.

    Raises:
        HomePathError: the path contains a quote, a brace or a glob character.
    """
    root = get_settings().home.expanduser().resolve()
    if set(str(root)) & set("'\"{}*?[]"):
        raise HomePathError(root)
    return Home(root)
