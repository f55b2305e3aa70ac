"""What a submission is: its metadata, where each item comes from, and its id."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from edu.clock import localise, now
from edu.contract import Contract, contracts, get_contract
from edu.errors import EduError, ExitCode, MissingMetadataError
from edu.periods import default_snapshot, start_year
from ingest.correction import properties_of

SIDECAR_SUFFIX = ".meta.json"
ORG_SHAPE = re.compile(r"\d{6}|\d{4}[0-9A-Z]{2}|\d{10}|[a-z][a-z0-9_-]{1,30}")
PERIOD_SHAPES = {
    "term": re.compile(r"(\d{4})-(\d{4})/([12])"),
    "school_year": re.compile(r"(\d{4})-(\d{4})"),
    "fiscal_year": re.compile(r"FY(\d{4})"),
    "date": re.compile(r"\d{4}-\d{2}-\d{2}"),
}
ROSTER_FOLDERS = ("oneroster", "sds")
COVERAGES = ("full", "partial", "delta")
CLOCKS_DIFFER = timedelta(days=1)
REPORTING_YEARS = 2
"""A period is reported, and corrected, by the end of the second calendar year after the one that it begins in."""


class MetadataError(EduError):
    """Metadata was given, and is wrong."""

    exit_code = ExitCode.USAGE

    def __init__(self, file: str, item: str, problem: str) -> None:
        self.file = file
        self.item = item
        super().__init__(f"{file}: {item}: {problem}")


@dataclass(frozen=True)
class Options:
    """What the caller says of the files; null leaves it to the file's surroundings."""

    dataset: str | None = None
    org: str | None = None
    period: str | None = None
    snapshot_date: date | None = None
    received_at: datetime | None = None
    coverage: str | None = None
    profile: str | None = None
    password: str | None = field(default=None, repr=False)
    """Opens an encrypted workbook. It is no metadata: nothing stores it."""


@dataclass(frozen=True)
class Metadata:
    """What a submission is of."""

    dataset: str
    org: str
    period: str
    snapshot_date: date | None
    received_at: datetime
    coverage: str
    profile: str | None
    is_clocked: bool
    """Whether `received_at` was read from the clock because nothing else gave it."""


def folder_period(period: str) -> str:
    """Return a period as it is written in folder and file names."""
    return period.replace("/", "-")


def _from_folder(path: Path) -> dict[str, Any]:
    """Read `<org>/<dataset>/<period>/<file>`, where the dataset is one that has a contract.

    A folder of partitions lies there as a file does, or is the period's folder itself.
    """
    parts = path.resolve().parts
    for end in (len(parts) - 1, *([len(parts)] if path.is_dir() else [])):
        if end >= 3 and parts[end - 2] in contracts() and ORG_SHAPE.fullmatch(parts[end - 3]):
            return {"org": parts[end - 3], "dataset": parts[end - 2], "period": _period(parts[end - 1])}
    return {}


def _period(folder: str) -> str:
    """Return the period that a folder's name writes, see `folder_period`."""
    return re.sub(r"^(\d{4}-\d{4})-([12])$", r"\1/\2", folder)


def _from_sidecar(path: Path) -> dict[str, Any]:
    sidecar = path.with_name(path.name + SIDECAR_SUFFIX)
    if not sidecar.exists():
        return {}
    try:
        content = json.loads(sidecar.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MetadataError(
            path.name, "sidecar", f"cannot be read ({type(error).__name__}); correct the JSON."
        ) from None
    if not isinstance(content, dict):
        raise MetadataError(path.name, "sidecar", "is no JSON object; correct it.")
    return {key: value for key, value in content.items() if value is not None}


def workbook_password(path: Path, options: Options) -> str | None:
    """Return the password of a workbook: the caller's, else the sidecar's `password`, else null."""
    said = options.password or _from_sidecar(path).get("password")
    return str(said) if said else None


def _from_title(title: str | None) -> dict[str, Any]:
    if not title:
        return {}
    for dataset, contract in contracts().items():
        for profile in contract.profiles.values():
            match = profile.title_pattern and re.match(profile.title_pattern, title.strip())
            if match:
                found = {key: value for key, value in match.groupdict().items() if value}
                return {"dataset": dataset, **found}
    return {}


def title_snapshot_differs(title: str | None, metadata: Metadata) -> bool:
    """Whether the title row of a file says another snapshot date than its submission (class 45)."""
    written = _from_title(title).get("snapshot_date")
    return metadata.snapshot_date is not None and written not in (None, metadata.snapshot_date.isoformat())


def resolve_metadata(path: Path, options: Options, title: str | None = None) -> Metadata:
    """Return the metadata of a file; each item from option, sidecar, folder, workbook or title row, in this order.

    A correction workbook says itself of what it is.

    Raises:
        MissingMetadataError: dataset, organisation or period is given nowhere.
        UnknownDatasetError: the dataset has no contract.
        MetadataError: an item is given and wrong, or the time of receipt is yet to come.
    """
    given = {key: value for key, value in vars(options).items() if value is not None and key != "password"}
    found: dict[str, Any] = {
        **_from_title(title),
        **properties_of(path),
        **_from_folder(path),
        **_from_sidecar(path),
        **given,
    }
    missing = [item for item in ("dataset", "org", "period") if not found.get(item)]
    if missing:
        raise MissingMetadataError(path.name, missing)
    contract = get_contract(str(found["dataset"]))
    period = str(found["period"])
    org = str(found["org"])
    if not ORG_SHAPE.fullmatch(org):
        raise MetadataError(path.name, "org", "is no division code, school code or system name.")
    _check_period(path.name, contract, period)
    coverage = str(found.get("coverage") or contract.default_coverage)
    if coverage not in COVERAGES:
        raise MetadataError(path.name, "coverage", f"is none of {', '.join(COVERAGES)}.")
    profile = found.get("profile")
    if profile is not None and profile not in contract.profiles:
        raise MetadataError(path.name, "profile", f"is none of {', '.join(contract.profiles)}.")
    received = found.get("received_at")
    moment = _moment(path.name, received) if received else now()
    _check_moment(path.name, period, moment)
    return Metadata(
        dataset=contract.dataset,
        org=org,
        period=period,
        snapshot_date=_snapshot_date(path.name, contract, period, found.get("snapshot_date")),
        received_at=moment,
        coverage=coverage,
        profile=profile,
        is_clocked=not received,
    )


def resolve_roster_metadata(path: Path, options: Options, coverages: Mapping[str, str], profile: str) -> list[Metadata]:
    """Return the metadata of each dataset that a roster feeds; all of one moment, in dataset order.

    Items come from option, sidecar or folder `inbox/<org>/<oneroster|sds>/<period>/`; coverage is what the roster's
    manifest says of each dataset, unless option or sidecar says another.

    Raises:
        MissingMetadataError: organisation or period is given nowhere.
        MetadataError: an item is given and wrong.
    """
    given = {key: value for key, value in vars(options).items() if value is not None}
    found: dict[str, Any] = {**_from_roster_folder(path), **_from_sidecar(path), **given}
    missing = [item for item in ("org", "period") if not found.get(item)]
    if missing:
        raise MissingMetadataError(path.name, missing)
    received = found.get("received_at")
    moment = _moment(path.name, received) if received else now()
    wanted = [found["dataset"]] if found.get("dataset") in coverages else sorted(coverages)
    return [
        replace(
            resolve_metadata(
                path,
                Options(
                    dataset=dataset,
                    org=str(found["org"]),
                    period=str(found["period"]),
                    snapshot_date=found.get("snapshot_date"),
                    received_at=moment,
                    coverage=found.get("coverage") or coverages[dataset],
                    profile=profile,
                ),
            ),
            is_clocked=not received,
        )
        for dataset in wanted
    ]


def _from_roster_folder(path: Path) -> dict[str, Any]:
    """Read `<org>/<oneroster|sds>/<period>/<bundle>`, or the same where the period's folder is the bundle."""
    parts = path.resolve().parts
    for end in (len(parts) - 1, len(parts)):
        if end >= 3 and parts[end - 2] in ROSTER_FOLDERS and ORG_SHAPE.fullmatch(parts[end - 3]):
            return {"org": parts[end - 3], "period": _period(parts[end - 1])}
    return {}


def _check_period(file: str, contract: Contract, period: str) -> None:
    match = PERIOD_SHAPES[contract.period_kind].fullmatch(period)
    years = match.groups()[:2] if match and contract.period_kind in ("term", "school_year") else None
    if not match or (years and int(years[1]) != int(years[0]) + 1):
        example = {"term": "2024-2025/1", "school_year": "2024-2025", "fiscal_year": "FY2024", "date": "2024-09-01"}
        raise MetadataError(
            file, "period", f"{period!r} is no {contract.period_kind}; write it like {example[contract.period_kind]}."
        )


def _snapshot_date(file: str, contract: Contract, period: str, given: Any) -> date | None:
    """Return the snapshot date: the given one, else the period's own."""
    if not contract.snapshot:
        return None
    if isinstance(given, date):
        return given
    if given:
        try:
            return date.fromisoformat(str(given))
        except ValueError:
            raise MetadataError(file, "snapshot_date", "is no date; write it like 2024-09-01.") from None
    return default_snapshot(period)


def _moment(file: str, given: Any) -> datetime:
    try:
        moment = given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
    except ValueError:
        raise MetadataError(file, "received_at", "is no time; write it like 2024-09-05T10:30:00.") from None
    return localise(moment).replace(microsecond=0)


def _check_moment(file: str, period: str, moment: datetime) -> None:
    """Refuse a time of receipt that is yet to come and lies far behind its period: a slip in the year.

    The newest receipt is the day from which all of the city is judged, so one slip would make everything overdue. A
    little of the future is let pass for clocks that differ, and the years in which a period is reported for
    installations that are tried out with files of a calendar of their own, on whatever day that is done.
    """
    last_year = datetime.combine(date(start_year(period) + REPORTING_YEARS, 12, 31), time.max)
    if moment > max(now() + CLOCKS_DIFFER, last_year):
        raise MetadataError(
            file, "received_at", f"{moment.isoformat()} is yet to come; write when the file was received."
        )


def submission_id(sha256: str, metadata: Metadata) -> str:
    """Return the id: the same bytes with the same metadata are the same submission wherever they land."""
    content = [
        sha256,
        metadata.dataset,
        metadata.org,
        metadata.period,
        metadata.snapshot_date.isoformat() if metadata.snapshot_date else None,
        metadata.received_at.isoformat(),
        metadata.coverage,
    ]
    return "s" + hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()[:31]
