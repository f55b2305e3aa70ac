"""Forecast of places, a second time: plain dictionaries, one loop a year, from the written rule."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict

import duckdb

GRADES = ("01", "02", "03", "11", "12", "13", "14", "15", "16", "21", "22", "23", "31", "32", "33")
STEPS = [
    ("a00", "a00"),
    *((f"a{age:02d}", f"a{age + 1:02d}") for age in range(17)),
    ("a02", "01"),
    *itertools.pairwise(GRADES),
    *(("23", "41"), ("41", "42"), ("42", "43")),
]
STAGES = {
    "preschool": ("01", "02", "03"),
    "primary": ("11", "12", "13", "14", "15", "16"),
    "junior": ("21", "22", "23"),
    "senior": ("31", "32", "33"),
    "vocational": ("41", "42", "43"),
    "upper_secondary": ("31", "32", "33", "41", "42", "43"),
}
AGES = {"preschool": range(3, 6), "primary": range(6, 12), "junior": range(12, 15), "upper_secondary": range(15, 18)}
CITY = "421000"
Nodes = dict[tuple[str, int, str], int]


def nodes(truth: duckdb.DuckDBPyConnection) -> Nodes:
    """Persons of each division, year and node."""
    found: Nodes = {}
    for division, year, grade, persons in truth.execute(
        "select s.division_code, p.start_year, p.grade_code, count(*) from pupil as p "
        "join site as s on s.school_code = p.school_code and s.year = p.year group by all"
    ).fetchall():
        found[division, year, grade] = persons
    for division, year, age, persons in truth.execute(
        "select division_code, cast(period[3:] as integer), age, sum(persons) from population "
        "where population_kind_code = '2' and age <= 17 group by all"
    ).fetchall():
        found[division, year, f"a{age:02d}"] = int(persons)
    return found


def forecast(persons: Nodes, origin: int, years: int) -> dict[tuple[int, str, str], tuple[float, float, float | None]]:
    """Give (horizon, division or city, stage) its learners, standard error and school-age population."""
    divisions = sorted({key[0] for key in persons})
    ratios, spreads = _ratios(persons, origin, divisions)
    sums: dict[tuple[int, str, str], list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for division in divisions:
        state = {node: (float(persons.get((division, origin, node), 0)), 0.0) for _, node in STEPS}
        for horizon in range(years + 1):
            for stage, grades in STAGES.items():
                for area in (division, CITY):
                    total = sums[horizon, area, stage]
                    total[0] += sum(state[grade][0] for grade in grades)
                    total[1] += sum(state[grade][0] ** 2 * state[grade][1] for grade in grades)
                    total[2] += sum(state[f"a{age:02d}"][0] for age in AGES.get(stage, ()))
            state = {
                after: (
                    state[before][0] * ratios[division, before, after],
                    state[before][1] + spreads[before, after] ** 2,
                )
                for before, after in STEPS
            }
    return {key: (value[0], math.sqrt(value[1]), value[2] if key[2] in AGES else None) for key, value in sums.items()}


def _ratios(
    persons: Nodes, origin: int, divisions: list[str]
) -> tuple[dict[tuple[str, str, str], float], dict[tuple[str, str], float]]:
    ratios: dict[tuple[str, str, str], float] = {}
    spreads: dict[tuple[str, str], float] = {}
    first = min(key[1] for key in persons)
    years = [year for year in range(origin - 4, origin + 1) if year - 1 >= first]
    for before, after in STEPS:
        seen = {
            division: [
                (persons[division, year - 1, before], persons.get((division, year, after), 0))
                for year in years
                if persons.get((division, year - 1, before), 0) > 0
            ]
            for division in divisions
        }
        every = [pair for pairs in seen.values() for pair in pairs]
        base = sum(pair[0] for pair in every)
        city = sum(pair[1] for pair in every) / base if base else None
        spreads[before, after] = 0.1
        if city:
            variance = sum(pair[0] * (pair[1] / pair[0] - city) ** 2 for pair in every) / base
            spreads[before, after] = math.sqrt(variance) / city
        for division in divisions:
            pairs = seen[division]
            now = persons.get((division, origin, before), 0)
            if len(pairs) >= 3:
                ratio = sum(pair[1] for pair in pairs) / sum(pair[0] for pair in pairs)
            elif city is not None:
                ratio = city
            else:
                ratio = persons.get((division, origin, after), 0) / now if now else 1.0
            ratios[division, before, after] = ratio
    return ratios, spreads
