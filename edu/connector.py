"""Connectors: which tables of a source database feed which datasets. One YAML each under `EDU_HOME/connectors/`.

A connector names the environment variable that holds its DSN; the DSN itself stands in no file, log, receipt or lake.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edu.contract import contracts
from edu.errors import EduError, ExitCode
from edu.paths import Home

NAME_SHAPE = re.compile(r"[a-z][a-z0-9_]{1,30}")
IDENTIFIER_SHAPE = re.compile(r"[^\"';\x00-\x1f.]{1,64}")
QUERY_SHAPE = re.compile(r"\s*(?:select|with)\b[^;\x00]*", re.IGNORECASE)
ENVIRONMENT_SHAPE = re.compile(r"[A-Z][A-Z0-9_]{2,63}")
CURRENT_TERM = "current_term"


class ConnectorError(EduError):
    """A connector's file is wrong, or its database cannot be read."""

    exit_code = ExitCode.USAGE

    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        super().__init__(f"connector {name}: {problem}")


class SourceTable(BaseModel):
    """One table, view or SELECT, and the dataset that it feeds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: str
    table: str | None = None
    """`schema.table`, or `table` in the default schema."""
    query: str | None = None
    """In the place of a table: one SELECT over the tables of the database in DuckDB's SQL, without a semicolon."""
    columns: dict[str, str]
    """Field of the contract to column of the table or query."""
    watermark: str | None = None
    """Column that grows with every change of a row; without one the whole table is taken every time."""
    overlap_minutes: int = Field(default=10, ge=0)
    """How far behind the last watermark reading begins again, for changes that were committed late."""
    has_deletes: bool = True
    """Whether keys that are gone from the table become explicit deletes."""

    @model_validator(mode="after")
    def _fits_contract(self) -> SourceTable:
        if self.dataset not in contracts():
            raise ValueError(f"dataset {self.dataset} has no contract")
        contract = contracts()[self.dataset]
        known = {spec.name for spec in contract.profile_fields("database")}
        wrong = sorted(set(self.columns) - known)
        if wrong:
            raise ValueError(f"dataset {self.dataset} has no field {', '.join(wrong)}")
        if (self.table is None) == (self.query is None):
            raise ValueError("give a table or a query, one of them")
        if self.query is not None and not QUERY_SHAPE.fullmatch(self.query):
            raise ValueError("query: write one SELECT without a semicolon")
        places = self.table.split(".") if self.table is not None else []
        for text in (*self.columns.values(), *places, *([self.watermark] if self.watermark else [])):
            if not IDENTIFIER_SHAPE.fullmatch(text):
                raise ValueError(f"{text!r} is no name of a table or column")
        if self.watermark and contract.is_additive:
            raise ValueError(
                f"rows of {self.dataset} have no key and add up, so it is taken whole: leave watermark out"
            )
        if not self.key_fields and (self.watermark or self.has_deletes) and not contract.is_additive:
            raise ValueError(f"the columns hold no whole key of {self.dataset}: {contract.evidence}")
        return self

    @property
    def key_fields(self) -> tuple[str, ...]:
        """Fields that identify a row: the school's and the first group of evidence that the table has whole."""
        contract = contracts()[self.dataset]
        group = next((group for group in contract.evidence if set(group) <= set(self.columns)), ())
        school = (contract.school_field,) if contract.school_field and contract.school_field in self.columns else ()
        return tuple(dict.fromkeys((*school, *group))) if group else ()


class Connector(BaseModel):
    """One source database."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    type: Literal["postgres", "mysql"]
    dsn_env: str
    """Environment variable with the DSN: a libpq string, or `host=… user=… password=… database=…` for MySQL."""
    org: str
    period: str
    """A period, or `current_term`: the first from August, the second from February."""
    schedule: str | None = "0 2 * * *"
    """Cron of its DAG; null is by hand."""
    tables: tuple[SourceTable, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_named(self) -> Connector:
        if not NAME_SHAPE.fullmatch(self.name):
            raise ValueError("name: use 2 to 31 of a-z, 0-9 and _, beginning with a letter")
        if not ENVIRONMENT_SHAPE.fullmatch(self.dsn_env):
            raise ValueError("dsn_env: name the environment variable, do not write the DSN here")
        datasets = [table.dataset for table in self.tables]
        if len(set(datasets)) != len(datasets):
            raise ValueError("two tables feed one dataset; join them in a view")
        return self

    def dsn(self, environment: Mapping[str, str] = os.environ) -> str:
        """Return the DSN.

        Raises:
            ConnectorError: the variable is not set.
        """
        if not environment.get(self.dsn_env):
            raise ConnectorError(self.name, f"set the environment variable {self.dsn_env} to the DSN of the database.")
        return environment[self.dsn_env]

    def period_of(self, day: date) -> str:
        """Return the period that a pull on a day speaks of."""
        if self.period != CURRENT_TERM:
            return self.period
        first = day.year if day.month >= 8 else day.year - 1
        return f"{first}-{first + 1}/{1 if day.month >= 8 or day.month == 1 else 2}"


def connector_folder(home: Home) -> Path:
    """Return where the connectors' files are."""
    return home.root / "connectors"


def read_connector(path: Path) -> Connector:
    """Read and validate one connector file.

    Raises:
        ConnectorError: it is no YAML, or does not fit.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Connector.model_validate({"name": path.stem, **content})
    except ValidationError as error:
        # The input is left out: somebody may have written a password into the file.
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
        raise ConnectorError(path.stem, f"{problems}. Correct {path.name}.") from None
    except (OSError, TypeError, yaml.YAMLError) as error:
        raise ConnectorError(path.stem, f"{path.name} cannot be read ({type(error).__name__}).") from None


def connectors(home: Home) -> dict[str, Connector]:
    """Return all connectors by name, in name order."""
    return {path.stem: read_connector(path) for path in sorted(connector_folder(home).glob("*.yml"))}


def get_connector(home: Home, name: str) -> Connector:
    """Return one connector.

    Raises:
        ConnectorError: there is none of that name.
    """
    path = connector_folder(home) / f"{name}.yml"
    if not NAME_SHAPE.fullmatch(name) or not path.exists():
        raise ConnectorError(name, f"there is no {name}.yml in {connector_folder(home).name}/ of EDU_HOME.")
    return read_connector(path)
