"""Typed errors. Each names what it concerns and says what to do; none carries a person's value.

Exit codes of the command line: 0 ok, 1 runtime, 2 usage, 3 something rejected or held, 4 gate failed.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command of `edu` tells its caller."""

    OK = 0
    RUNTIME = 1
    USAGE = 2
    REJECTED = 3
    GATE_FAILED = 4


class EduError(Exception):
    """Base of all errors that the platform raises on purpose.

    Subclasses hold typed attributes and write their own message; `exit_code` is what `edu` returns.
    """

    exit_code: ExitCode = ExitCode.RUNTIME


class ContractError(EduError):
    """A contract file is wrong: unknown key, missing label, a rule that names no field."""

    def __init__(self, dataset: str, problem: str) -> None:
        self.dataset = dataset
        self.problem = problem
        super().__init__(f"contract {dataset}: {problem}. Correct edu/contracts/{dataset}.yml.")


class ContractDigestError(EduError):
    """A recorded contract is not the one whose digest it bears."""

    def __init__(self, digest: str) -> None:
        self.digest = digest
        super().__init__(f"contract {digest}: its content was changed. Take the archive from a backup (`edu restore`).")


class UnknownDatasetError(EduError):
    """A dataset was named for which there is no contract."""

    exit_code = ExitCode.USAGE

    def __init__(self, dataset: str, known: list[str]) -> None:
        self.dataset = dataset
        super().__init__(f"dataset {dataset!r} has no contract. Known datasets: {', '.join(known)}.")


class KeyFileError(EduError):
    """The pseudonym key is missing, unreadable, or not the one that existing data was made with."""


class RejectedFileError(EduError):
    """A file cannot be read as a submission; its receipt has status `rejected`.

    `reason_code` is a row of the seed `reason_code`; `field`, `sheet` and `row_number` narrow the place where known.
    """

    exit_code = ExitCode.REJECTED

    def __init__(
        self,
        file: str,
        reason_code: str,
        what_to_do: str,
        *,
        field: str | None = None,
        sheet: str | None = None,
        row_number: int | None = None,
    ) -> None:
        self.file = file
        self.reason_code = reason_code
        self.field = field
        self.sheet = sheet
        self.row_number = row_number
        place = f", sheet {sheet}" if sheet else ""
        place += f", row {row_number}" if row_number else ""
        place += f", field {field}" if field else ""
        super().__init__(f"{file}{place}: {reason_code}. {what_to_do}")


class MissingMetadataError(EduError):
    """Neither option, sidecar, folder nor title row says which dataset, organisation or period a file is."""

    exit_code = ExitCode.USAGE

    def __init__(self, file: str, missing: list[str]) -> None:
        self.file = file
        self.missing = missing
        super().__init__(
            f"{file}: {', '.join(missing)} not known. Give them as options (--dataset --org --period "
            f"--snapshot-date), in {file}.meta.json, or by the folder inbox/<org>/<dataset>/<period>/."
        )


class GateFailedError(EduError):
    """A gate of global scope failed; nothing after it ran and the served version stays."""

    exit_code = ExitCode.GATE_FAILED

    def __init__(self, gate: str, failed: list[str]) -> None:
        self.gate = gate
        self.failed = failed
        super().__init__(
            f"gate {gate} failed: {'; '.join(failed)}. See runs/gate_result and the Data Docs; correct the "
            f"input or the model, then build again."
        )


class WarehouseError(EduError):
    """The warehouse or the published version cannot be used as asked."""
