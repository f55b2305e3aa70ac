"""The contract model: one YAML a dataset says everything that is true of its fields.

Header recognition, cleaning, checks, the lake's Arrow schema, dbt sources and comments, feedback texts, the data
dictionary, blank Excel templates and the synthetic files are all derived from it.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import yaml
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from edu.errors import ContractDigestError, ContractError, UnknownDatasetError

ZERO_REPORT = "零报告"
"""What a school writes that has nothing to report: it must say so, because a file without rows may be an accident."""
CONTRACT_DIR = Path(__file__).resolve().parent / "contracts"

FieldType = Literal[
    "text",  # ordinary text of bounded width, no free text
    "code",  # a value of `code_set`
    "flag",  # code set SFBZ, boolean in the lake
    "integer",
    "decimal",  # `precision`, `scale`
    "date",
    "year_month",  # C6 YYYYMM
    "school_code",  # 学校(机构)标识码, 10 digits
    "division_code",  # GB/T 2260, 6 digits
    "township_code",  # NBS, 9 digits
    "uscc",  # GB 32100, 18 characters
    "vision",  # five-mark L notation of GB 11533, decimal in the lake
    "duration",  # seconds, decimal in the lake
    "timestamp",  # a moment; without offset, Asia/Shanghai, in the lake
    "class_name",  # canonical 2023级2班; the lake adds class_no and entry_year
    "identifier",  # pseudonymised under `namespace`; the lake holds <name>_key
    "private",  # direct identifier without a key (name, phone, address): vault only
]
Privacy = Literal["identifier", "quasi", "sensitive", "ordinary"]
Fault = Literal["incomplete", "quarantine", "warn"]
PeriodKind = Literal["term", "school_year", "fiscal_year", "date"]

SYSTEM_COLUMNS: tuple[tuple[str, pa.DataType], ...] = (
    ("submission_id", pa.string()),
    ("batch_id", pa.string()),
    ("sheet", pa.string()),
    ("row_number", pa.int32()),
    ("submitter_org", pa.string()),
    ("period", pa.string()),
    ("snapshot_date", pa.date32()),
    ("is_incomplete", pa.bool_()),
    ("is_deleted", pa.bool_()),
)
"""Columns that every lake table opens with: where a row came from and what it speaks of."""


class Strict(BaseModel):
    """A contract says nothing that the model does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FieldSpec(Strict):
    """One field of a dataset."""

    name: str
    label: str
    item: str | None = None
    """JY/T data item, e.g. JCTB0201.XM; null where the platform has a field of its own."""
    type: FieldType
    width: int | None = None
    precision: int = 18
    scale: int = 2
    unit: str | None = None
    code_set: str | None = None
    namespace: str | None = None
    privacy: Privacy = "ordinary"
    mandatory: bool = False
    """An empty value is a fault."""
    on_fault: Fault = "incomplete"
    """What a value that cannot be read, or a missing mandatory one, does to its row."""
    minimum: float | None = None
    maximum: float | None = None
    on_range: Fault | None = None
    """The same for a value outside its bounds, where that differs."""
    zero: Literal["value", "not_yet"] = "value"
    """Whether zero is a figure, or says that there is nothing to measure yet (a new school)."""
    is_kept: bool = True
    """Whether a private value goes to the vault; where not, it is judged at landing and forgotten."""
    real_words: tuple[str, ...] = ()
    """Words that usually mean nothing but are real values here."""
    aliases: tuple[str, ...] = ()
    """Foreign spellings of the header, beyond the label and the JY/T short name."""
    forms: tuple[str, ...] = ()
    """Profiles that carry the field; empty is all."""
    example: str | None = None
    """What a template shows, where its type's example would not fit; a code for coded fields."""
    description: str

    @property
    def is_loaded(self) -> bool:
        """Whether anything of the field reaches the lake."""
        return self.type != "private"

    @property
    def short_item(self) -> str | None:
        """The item's short name (`XM` of `JCTB0201.XM`)."""
        return self.item.rsplit(".", 1)[-1] if self.item else None

    def lake_columns(self) -> list[tuple[str, pa.DataType]]:
        """Name and Arrow type of what the lake holds of this field."""
        plain: dict[str, pa.DataType] = {
            "text": pa.string(),
            "code": pa.string(),
            "flag": pa.bool_(),
            "integer": pa.int64(),
            "decimal": pa.decimal128(self.precision, self.scale),
            "vision": pa.decimal128(self.precision, self.scale),
            "duration": pa.decimal128(self.precision, self.scale),
            "date": pa.date32(),
            "timestamp": pa.timestamp("us"),
            "year_month": pa.string(),
            "school_code": pa.string(),
            "division_code": pa.string(),
            "township_code": pa.string(),
            "uscc": pa.string(),
        }
        if self.type == "private":
            return []
        if self.type == "identifier":
            return [(f"{self.name}_key", pa.string())]
        if self.type == "class_name":
            return [(self.name, pa.string()), ("class_no", pa.int64()), ("entry_year", pa.int64())]
        return [(self.name, plain[self.type])]

    @model_validator(mode="after")
    def _is_complete(self) -> FieldSpec:
        if self.type == "code" and not self.code_set:
            raise ValueError(f"field {self.name}: type code needs code_set")
        if self.type == "identifier" and not self.namespace:
            raise ValueError(f"field {self.name}: type identifier needs namespace")
        if not self.is_kept and self.type != "private":
            raise ValueError(f"field {self.name}: only a private value can be forgotten")
        if self.type in ("identifier", "private") and self.privacy != "identifier":
            raise ValueError(f"field {self.name}: type {self.type} has privacy identifier")
        return self


class Rule(Strict):
    """A rule over one row that needs more than its field's type.

    `kind` names the check in `ingest.checks`; its numbers are `params`, dated and sourced here.
    """

    kind: str
    field: str
    reason_code: str
    severity: Literal["quarantine", "incomplete", "warn"]
    params: dict[str, int | float | str | list[str] | dict[str, int]] = Field(default_factory=dict)
    source: str


class Layout(Strict):
    """Where the table stands in a sheet: rows above the header, rows that the header takes."""

    title_rows: int = 0
    header_rows: int = 1


class PositionalSheet(Strict):
    """A printed form on one sheet, whose figures are told by the row and the column that they stand in.

    Texts of the form stand here without white space and in half width, a column as its path through the header's rows
    from above (`在校生数/其中/女`).
    """

    table_no: str
    """Code of the form, a value of the contract's table field."""
    name_pattern: str
    """Pattern of the whole name of the sheet."""
    header_rows: int
    row_label: str
    """Path of the column that says what a row is."""
    columns: dict[str, str]
    """Path to the code of the column; every one must be there."""
    ignored: tuple[str, ...] = ()
    """Paths of columns without figures, such as line numbers; they need not be there."""
    rows: dict[str, str]
    """Label to the code of the row."""


class Positions(Strict):
    """How a workbook of printed forms becomes rows: one a cell that holds a figure or a mark."""

    school_pattern: str
    """Finds the school's code, its one group, in the text of a row above the header, all its cells together."""
    file_pattern: str
    """Finds it in the file's name, where the sheet does not say it."""
    table_field: str
    row_field: str
    column_field: str
    value_field: str
    mark_field: str
    """Flag field that is true where a mark in the place of a figure says that there can be none."""
    marks: tuple[str, ...]
    sheets: tuple[PositionalSheet, ...]


class Profile(Strict):
    """One form in which the dataset arrives."""

    label: str
    carrier: Literal["table", "bundle", "database", "positional", "statements"] = "table"
    """What brings it: one table with a header, a bundle of files that refer to each other, a pull from a database, a
    workbook of printed forms, statements in JSON, whose `headers` are paths. A header is recognised among tables only."""
    file_types: tuple[Literal["csv", "xlsx", "parquet", "json"], ...]
    value_form: Literal["code", "label"]
    layout: Layout = Layout()
    positions: Positions | None = None
    """Where the figures of a positional workbook stand."""
    sheet: str | None = None
    title_pattern: str | None = None
    """Pattern of the title row with named groups among org, period, snapshot_date."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Field to the header that this form uses; a field not named uses its label."""
    fields: tuple[str, ...] | None = None
    """Fields that this form carries, in its column order; null is all."""
    mandatory: tuple[str, ...] = ()
    """Fields whose column must be there; without it the file is rejected."""
    never_load: tuple[str, ...] = ()
    """Headers discarded before anything is stored."""
    ignored: tuple[str, ...] = ()
    """Headers that are known and not loaded."""

    @model_validator(mode="after")
    def _has_positions(self) -> Profile:
        if (self.carrier == "positional") != (self.positions is not None):
            raise ValueError("carrier positional and positions belong together")
        return self


class Authority(Strict):
    """一数一源: whether this dataset is the first source of its items, and who owns it."""

    role: Literal["primary", "secondary"]
    office: str
    items: str


class Breakers(Strict):
    """Bounds of one delivery beyond which its unit is held until a steward has looked; null is no bound."""

    volume_min_ratio: float | None = None
    """Rows of a full delivery against the unit's last period, at least."""
    volume_max_ratio: float | None = None
    """The same, at most."""
    volume_minimum_rows: int = 30
    """Units that have fewer rows in both periods are not judged by volume."""
    figures: tuple[str, ...] = ()
    """Amounts and areas whose sums are compared with those of the unit's last year; none is no bound."""
    figures_by: tuple[str, ...] = ()
    """Fields that tell such sums of one unit apart, such as the campus; empty is one sum of all its rows."""
    figure_max_ratio: float = 100
    """How many times a figure may be that of last year, or last year's it; more is another unit of measure, whose
    smallest factor is 666.67 (㎡ to 亩)."""
    coverage_min_pct: float | None = None
    """Share of expected units after the due date, below which the city is not published; null is the gate's."""

    @model_validator(mode="after")
    def _is_a_range(self) -> Breakers:
        low, high = self.volume_min_ratio, self.volume_max_ratio
        if low is not None and high is not None and not 0 <= low <= 1 <= high:
            raise ValueError("breakers: volume_min_ratio is at most 1 and volume_max_ratio at least 1")
        if self.figure_max_ratio <= 1:
            raise ValueError("breakers: figure_max_ratio is above 1")
        return self


def _canonical(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True)


class Contract(Strict):
    """One dataset."""

    dataset: str
    label: str
    description: str
    grain: str
    period_kind: PeriodKind
    snapshot: bool
    """Whether a submission speaks of one snapshot date."""
    school_field: str | None
    """Field with the school of a row; null where rows belong to the submitter."""
    evidence: tuple[tuple[str, ...], ...]
    """Field groups that identify a row, best first; the file row is the last resort."""
    place_fields: tuple[str, ...] = ()
    """Coded fields whose names a finding gives after the label, where one row of a file holds many rows of the dataset."""
    zero_report: bool = False
    """Whether a school may say in a row that it has nothing to report (零报告): it is then known, not missing."""
    is_additive: bool = False
    """Rows with equal keys are summed, never de-duplicated."""
    default_coverage: Literal["full", "partial", "delta"] = "full"
    retention_years: int
    max_quarantined_share: float
    """Share of quarantined rows above which a unit is held."""
    breakers: Breakers = Breakers()
    authority: Authority
    fields: tuple[FieldSpec, ...]
    rules: tuple[Rule, ...] = ()
    profiles: dict[str, Profile]

    def field(self, name: str) -> FieldSpec:
        """Return a field by name.

        Raises:
            ContractError: there is none of that name.
        """
        for spec in self.fields:
            if spec.name == name:
                return spec
        raise ContractError(self.dataset, f"no field {name}")

    def header(self, profile: str, name: str) -> str:
        """Return the header that a profile uses for a field."""
        return self.profiles[profile].headers.get(name) or self.field(name).label

    def profile_fields(self, profile: str) -> list[FieldSpec]:
        """Return the fields of a profile in its column order."""
        names = self.profiles[profile].fields
        if names is None:
            return [spec for spec in self.fields if not spec.forms or profile in spec.forms]
        return [self.field(name) for name in names]

    @property
    def has_resident_id(self) -> bool:
        """Whether a row carries a resident ID number; the lake then says how far it was verified."""
        return any(spec.namespace == "cn_id" for spec in self.fields)

    def lake_schema(self) -> pa.Schema:
        """Return the Arrow schema of `lake/<dataset>/`: system columns, `row_key`, then the fields."""
        columns = [*SYSTEM_COLUMNS, ("row_key", pa.string())]
        if self.has_resident_id:
            columns.append(("identity_status", pa.string()))
        for spec in self.fields:
            columns.extend(spec.lake_columns())
        return pa.schema([pa.field(name, kind) for name, kind in columns])

    _recorded_digest: str | None = PrivateAttr(default=None)

    @property
    def canonical_json(self) -> str:
        """The contract as the archive keeps it."""
        return _canonical(self.model_dump(mode="json"))

    @property
    def digest(self) -> str:
        """SHA-256 of the contract's canonical JSON: what a landing records of the rules it used.

        A contract out of the archive keeps the digest under which it was recorded, also where the model has gained
        fields since, so that a replay writes the rows that the first landing wrote.
        """
        return self._recorded_digest or hashlib.sha256(self.canonical_json.encode()).hexdigest()

    @classmethod
    def recorded(cls, content: dict[str, Any], digest: str) -> Contract:
        """Return the contract that was recorded under a digest; fields that its model did not have take their defaults.

        Raises:
            ContractDigestError: the content is not what was recorded.
            pydantic.ValidationError: it has fields that the model no longer knows.
        """
        if hashlib.sha256(_canonical(content).encode()).hexdigest() != digest:
            raise ContractDigestError(digest)
        contract = cls.model_validate(content)
        contract._recorded_digest = digest
        return contract

    @model_validator(mode="after")
    def _names_exist(self) -> Contract:
        names = [spec.name for spec in self.fields]
        if len(set(names)) != len(names):
            raise ValueError("two fields have one name")
        known = set(names)
        wanted = {name for group in self.evidence for name in group} | {rule.field for rule in self.rules}
        wanted |= set(self.place_fields) | set(self.breakers.figures) | set(self.breakers.figures_by)
        if self.school_field:
            wanted.add(self.school_field)
        elif self.zero_report:
            raise ValueError("a zero report names its school: school_field is null")
        for profile in self.profiles.values():
            wanted |= set(profile.headers) | set(profile.mandatory) | set(profile.fields or ())
            if profile.positions:
                at = profile.positions
                wanted |= {at.table_field, at.row_field, at.column_field, at.value_field, at.mark_field}
        if wanted - known:
            raise ValueError(f"unknown fields {sorted(wanted - known)}")
        return self


def _add_database_profile(content: object) -> None:
    """Let every dataset be pulled from a source database; a table must have what a row cannot be placed without."""
    if not isinstance(content, dict) or not isinstance(content.get("fields"), list):
        return
    profiles = content.get("profiles")
    if isinstance(profiles, dict) and "database" not in profiles:
        mandatory = [
            spec["name"]
            for spec in content["fields"]
            if isinstance(spec, dict) and spec.get("mandatory") and spec.get("on_fault") == "quarantine"
        ]
        profiles["database"] = {
            "label": "业务库直连",
            "carrier": "database",
            "file_types": ["parquet"],
            "value_form": "code",
            "mandatory": mandatory,
        }


def read_contract(path: Path) -> Contract:
    """Read and validate one contract file.

    Raises:
        ContractError: the file is not YAML or does not fit the model.
    """
    try:
        # The loader in C reads the contracts ten times faster; every command and task reads them all.
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        _add_database_profile(content)
        contract = Contract.model_validate(content)
    except (yaml.YAMLError, ValidationError) as error:
        raise ContractError(path.stem, str(error)) from error
    if contract.dataset != path.stem:
        raise ContractError(path.stem, f"dataset is named {contract.dataset}")
    return contract


@cache
def contracts() -> dict[str, Contract]:
    """Return all contracts by dataset name, in name order."""
    return {path.stem: read_contract(path) for path in sorted(CONTRACT_DIR.glob("*.yml"))}


def get_contract(dataset: str) -> Contract:
    """Return one contract.

    Raises:
        UnknownDatasetError: there is none for this dataset.
    """
    known = contracts()
    if dataset not in known:
        raise UnknownDatasetError(dataset, list(known))
    return known[dataset]
