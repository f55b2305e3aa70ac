"""Runs the suites of a gate with Great Expectations inside DuckDB and records what they found.

Unit scope: a failing unit is held and the rest goes on. Global scope: a failure stops what comes after.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from edu import runs
from edu.clock import now
from edu.paths import Home
from expectations.duckdb_support import open_context
from expectations.rule import Rule, Settings, Suite, gate_bounds
from expectations.suites import (
    balanced_county,
    class_size,
    enrolment,
    enrolment_snapshot,
    person,
    published_columns,
    row_count_fact,
    row_count_flow,
    school,
    staff_snapshot,
    staffing,
    submission,
    submission_status,
    unit,
    unit_status,
)

log = logging.getLogger(__name__)

SUITES: tuple[Suite, ...] = (
    submission.SUITE,
    unit.SUITE,
    school.SUITE,
    enrolment_snapshot.SUITE,
    staff_snapshot.SUITE,
    person.SUITE,
    unit_status.SUITE,
    enrolment.SUITE,
    staffing.SUITE,
    row_count_flow.SUITE,
    row_count_fact.SUITE,
    class_size.SUITE,
    balanced_county.SUITE,
    submission_status.SUITE,
    published_columns.SUITE,
)
GATES = ("collection", "storage", "publication")
SERVED_SCHEMAS = ("query", "visualization")
DIGEST = "[0-9a-f]{23,}"
"""A pseudonym or submission id within the id of a person; ID numbers and telephones are shorter."""
IDENTIFIER_SHAPES = r"(^|\D)\d{17}[\dXx](\D|$)|(^|\D)1[3-9]\d{9}(\D|$)"
"""A resident ID number or a mobile number inside a text."""


@dataclass
class GateReport:
    """What a gate found."""

    name: str
    checks: int = 0
    failed_global: list[str] = field(default_factory=list)
    held_units: list[str] = field(default_factory=list)
    results_path: Path | None = None
    docs_path: Path | None = None

    @property
    def is_success(self) -> bool:
        """Whether what comes after may run."""
        return not self.failed_global


def run_gate(
    name: str,
    *,
    home: Home,
    database: Path,
    run_id: str,
    suites: Sequence[Suite] = SUITES,
    today: date | None = None,
) -> GateReport:
    """Run one gate on a database; write its results to `runs/gate_result` and its Data Docs.

    Args:
        name: collection, storage or publication.
        home: the installation.
        database: the DuckDB file, not open for writing anywhere.
        run_id: names the result file.
        suites: what to check; those of other gates are left out.
        today: the day on which due dates are looked at.
    """
    docs = home.runs / "data_docs" / name
    report = GateReport(name, docs_path=docs / "index.html")
    records: list[dict[str, Any]] = []
    with duckdb.connect(str(database), read_only=True) as connection:
        planned = plan_gate(name, connection, today or now().date(), suites)
        units = {
            (suite.name, rule.name): _failing_units(connection, suite, rule)
            for suite, rules in planned
            for rule in rules
            if rule.scope == "unit"
        }
    outcomes = _validate(database, docs, name, planned)
    for suite, rules in planned:
        for rule in rules:
            is_success, observed = outcomes[(suite.name, rule.name)]
            report.checks += 1
            records.append(_record(name, suite, rule, is_success, observed, run_id))
            if rule.scope == "unit":
                for failing in units[(suite.name, rule.name)]:
                    records.append(_unit_record(name, suite, rule, failing, run_id))
                    report.held_units.append(
                        f"{failing['dataset']} {failing['school_code']} {failing['period']}: {rule.name}"
                    )
            elif not is_success and rule.severity == "critical":
                report.failed_global.append(f"{suite.table} {rule.name} ({observed})")
    report.results_path = runs.append(home, "gate_result", f"{name}-{run_id}", records)
    log.info(
        "gate %s: %s checks, %s failed, %s held", name, report.checks, len(report.failed_global), len(report.held_units)
    )
    return report


def plan_gate(
    name: str, connection: duckdb.DuckDBPyConnection, today: date, suites: Sequence[Suite] = SUITES
) -> list[tuple[Suite, list[Rule]]]:
    """Return each suite of a gate with its rules for a database and a day."""
    bounds = gate_bounds(name, today)
    planned = [(suite, suite.build(bounds)) for suite in suites if suite.gate == name]
    if name == "publication" and suites is SUITES:
        planned += _identifier_suites(connection)
    return planned


def _failing_units(connection: duckdb.DuckDBPyConnection, suite: Suite, rule: Rule) -> list[dict[str, Any]]:
    """Return the units that a rule of unit scope finds, in key order."""
    query = str(rule.arguments["unexpected_rows_query"]).replace("{batch}", suite.table)
    cursor = connection.execute(f"select * from ({query}) order by dataset, school_code, period")
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _pseudonym_columns(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str, str]]:
    """Return (schema, table, column) of what the catalogue of columns declares to be pseudonyms."""
    place = connection.execute(
        "select schema_name from duckdb_tables() where table_name = 'column_catalog' and not internal"
    ).fetchone()
    if place is None:
        return set()
    rows = connection.execute(
        f'select schema_name, table_name, column_name from "{place[0]}".column_catalog where is_pseudonym'
    ).fetchall()
    return {(row[0], row[1], row[2]) for row in rows}


def _identifier_suites(connection: duckdb.DuckDBPyConnection) -> list[tuple[Suite, list[Rule]]]:
    """Return, for every served table with text columns, the check that no text looks like an identifier."""
    rows = connection.execute(
        "select schema_name, table_name, list(column_name order by column_index) from duckdb_columns() "
        "where schema_name in (select unnest(?)) and data_type = 'VARCHAR' and not internal group by all order by all",
        [list(SERVED_SCHEMAS)],
    ).fetchall()
    pseudonyms = _pseudonym_columns(connection)
    planned = []
    for schema, table, columns in rows:
        looked_at = (
            # Among random digests some hold a run of digits that looks like a telephone.
            f"regexp_replace(\"{column}\", '{DIGEST}', '', 'g')"
            if (schema, table, column) in pseudonyms
            else f'"{column}"'
            for column in columns
        )
        texts = " or ".join(f"regexp_matches({text}, '{IDENTIFIER_SHAPES}')" for text in looked_at)
        # Braces in a pattern would be read as parameters of the query.
        safe = texts.replace("{", "{{").replace("}", "}}")
        rule = Rule(
            "no_identifier_shape",
            "UnexpectedRowsExpectation",
            {"unexpected_rows_query": f"select count(*) as rows_found from {{batch}} where {safe} having count(*) > 0"},
            "A number of the shape of an ID or a telephone has no place in a served text.",
        )
        planned.append((Suite("publication", f"{schema}.{table}", lambda _: []), [rule]))
    return planned


def _validate(
    database: Path, docs: Path, gate: str, planned: list[tuple[Suite, list[Rule]]]
) -> dict[tuple[str, str], tuple[bool, str]]:
    """Run all rules through Great Expectations; return success and an aggregate for each."""
    outcomes: dict[tuple[str, str], tuple[bool, str]] = {}
    with open_context(database, docs) as (context, source):
        import great_expectations as gx

        definitions = []
        for suite, rules in planned:
            schema, table = suite.table.split(".")
            asset = source.add_table_asset(f"{gate}_{suite.name}", table_name=table, schema_name=schema)
            batch = asset.add_batch_definition_whole_table("whole")
            expectations = gx.ExpectationSuite(name=f"{gate}_{suite.name}")
            for rule in rules:
                kind = getattr(gx.expectations, rule.kind)
                expectations.add_expectation(
                    kind(**rule.arguments, notes=rule.notes, meta={"rule": rule.name, "scope": rule.scope})
                )
            definitions.append(
                context.validation_definitions.add(
                    gx.ValidationDefinition(
                        name=f"{gate}_{suite.name}", data=batch, suite=context.suites.add(expectations)
                    )
                )
            )
        checkpoint = context.checkpoints.add(
            gx.Checkpoint(
                name=gate,
                validation_definitions=definitions,
                result_format={"result_format": "SUMMARY", "partial_unexpected_count": 0},
            )
        )
        result = checkpoint.run()
        # Once for all: the checkpoint's own action builds the whole site again for every table.
        context.build_data_docs(site_names=["gates"])
        for (suite, _), outcome in zip(planned, result.run_results.values(), strict=True):
            for check in outcome.results:
                name = check.expectation_config.meta["rule"]
                outcomes[(suite.name, name)] = (bool(check.success), _observed(check))
    return outcomes


def _observed(check: Any) -> str:
    """Return an aggregate of a result, or the kind of its error; never a row."""
    raised = check.exception_info or {}
    if raised.get("raised_exception") or any(
        isinstance(v, dict) and v.get("raised_exception") for v in raised.values()
    ):
        return "the check itself failed"
    content = check.result or {}
    for name in ("observed_value", "unexpected_count", "element_count"):
        if content.get(name) is not None:
            return f"{name} {content[name]}"
    return ""


def _record(gate: str, suite: Suite, rule: Rule, is_success: bool, observed: str, run_id: str) -> dict[str, Any]:
    return {
        "gate": gate,
        "suite": suite.name,
        "table_name": suite.table,
        # The rule's own line is global even for rules of unit scope: its failing units have lines of their own.
        "scope": "global",
        "severity": rule.severity,
        "expectation": rule.name,
        "dataset": None,
        "school_code": None,
        "period": None,
        "snapshot_date": None,
        "submission_id": None,
        "is_success": is_success,
        "observed": observed,
        "notes": rule.notes,
        "run_id": run_id,
        "recorded_at": now(),
    }


def _unit_record(gate: str, suite: Suite, rule: Rule, unit_: dict[str, Any], run_id: str) -> dict[str, Any]:
    return {
        **_record(gate, suite, rule, False, str(unit_["observed"]), run_id),
        "scope": "unit",
        "dataset": unit_["dataset"],
        "school_code": unit_["school_code"],
        "period": unit_["period"],
        "snapshot_date": unit_["snapshot_date"],
        "submission_id": unit_.get("submission_id"),
    }


__all__ = ["GATES", "SUITES", "GateReport", "Settings", "run_gate"]
