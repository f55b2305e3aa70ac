"""The registry of the synthetic city: real divisions and townships, invented schools, seven real universities."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from edu.codes import seed_rows
from edu.identifiers import org_code_check, uscc_check
from synthetic.names import SCHOOL_WORDS, UNIVERSITIES

CITY = "421000"
DIVISION_WEIGHTS = {
    "421002": 0.13, "421003": 0.11, "421022": 0.14, "421024": 0.06, "421071": 0.03,
    "421081": 0.09, "421083": 0.13, "421087": 0.12, "421088": 0.19,
}  # fmt: skip
"""Share of learners by division, after the populations of the counties (domain reference, section 4)."""
CITY_RUN_DIVISIONS = ("421002", "421003")
SPECIAL_SCHOOL_DIVISIONS = ("421002", "421003", "421022", "421081", "421083", "421087", "421088")


@dataclass(frozen=True)
class Kind:
    """One kind of institution: how many the city has at scale 1, and how its places divide among stages."""

    code: str
    prefix: str
    total: int
    places: dict[str, float]
    """Relative places a school by stage."""
    word: str


KINDS = (
    Kind("111", "11", 900, {"preschool": 1.0}, "幼儿园"),
    Kind("211", "21", 430, {"primary": 1.0}, "小学"),
    Kind("218", "21", 150, {"primary": 0.12}, "教学点"),
    Kind("311", "31", 120, {"junior": 1.0}, "初级中学"),
    Kind("312", "31", 70, {"primary": 0.7, "junior": 0.5}, "九年一贯制学校"),
    Kind("341", "34", 18, {"junior": 0.7, "senior": 0.8}, "完全中学"),
    Kind("342", "34", 24, {"senior": 1.6}, "高级中学"),
    Kind("345", "34", 16, {"primary": 0.8, "junior": 0.7, "senior": 0.6}, "十二年一贯制学校"),
    Kind("365", "36", 20, {"vocational": 1.0}, "职业高中"),
)
MINIMUM_PER_COUNTY = 2
PRIVATE_SHARE = {"111": 0.45, "345": 0.6, "312": 0.15, "342": 0.15, "365": 0.2}


@dataclass(frozen=True)
class School:
    """One institution as the registry knows it in every term."""

    school_code: str
    school_name: str
    school_kind_code: str
    sponsor_code: str
    division_code: str
    township_code: str
    urban_rural_code: str
    managing_org: str
    social_credit_code: str
    founded_ym: str
    is_boarding: str
    class_capacity: int
    places: dict[str, float] = field(hash=False)


def _credit_code(number: int, is_private: bool) -> str:
    body = f"{number:08d}"
    first = ("52" if is_private else "12") + "421000" + body
    first17 = first + org_code_check(body)
    return first17 + uscc_check(first17)


def make_schools(scale: float, seed: int) -> list[School]:
    """Return all institutions in code order; at least two of each kind a division, whatever the scale."""
    draw = random.Random(f"{seed}/schools")
    townships: dict[str, list[tuple[str, str]]] = {}
    listed = seed_rows("township")
    newest = max(row["edition"] for row in listed)
    for row in (row for row in listed if row["edition"] == newest):
        townships.setdefault(row["division_code"], []).append((row["township_code"], row["township_name"]))
    schools: list[School] = []
    names: set[str] = set()
    serial = 0

    def add(kind: str, prefix: str, word: str, division: str, places: dict[str, float], index: int) -> None:
        nonlocal serial
        serial += 1
        township_code, township_name = draw.choice(townships[division])
        is_town = int(township_code[6:]) < 200
        is_street = int(township_code[6:]) < 100
        urban = draw.choice(("111", "112")) if is_street else draw.choice(("121", "122") if is_town else ("210", "220"))
        if kind == "218":
            urban = "220"
        is_private = draw.random() < PRIVATE_SHARE.get(kind, 0.0)
        is_city_run = division in CITY_RUN_DIVISIONS and kind in ("211", "311", "342", "365") and index == 0
        name = base = f"{township_name}{draw.choice(SCHOOL_WORDS)}{word}"
        number = 1
        while name in names:
            number += 1
            name = f"{base[: -len(word)]}第{number}{word}"
        names.add(name)
        spread = draw.lognormvariate(0, 0.8) * (1.25 if urban.startswith("1") else 0.85)
        capacity = {"111": draw.randint(25, 35), "514": 12}.get(kind, draw.randint(38, 62))
        schools.append(
            School(
                school_code=f"{prefix}42{serial:06d}",
                school_name=name,
                school_kind_code=kind,
                sponsor_code="999" if is_private else ("821" if is_city_run else "831"),
                division_code=division,
                township_code=township_code,
                urban_rural_code=urban,
                managing_org=CITY if is_city_run else division,
                social_credit_code=_credit_code(serial, is_private),
                founded_ym=f"{draw.randint(1950, 2015)}09",
                is_boarding="1" if kind in ("311", "312", "341", "342", "345", "365") and draw.random() < 0.7 else "0",
                class_capacity=capacity,
                places={stage: size * spread for stage, size in places.items()},
            )
        )

    for division, weight in DIVISION_WEIGHTS.items():
        for kind in KINDS:
            count = max(MINIMUM_PER_COUNTY, round(kind.total * weight * scale))
            for index in range(count):
                add(kind.code, kind.prefix, kind.word, division, kind.places, index)
        if division in SPECIAL_SCHOOL_DIVISIONS:
            add("514", "51", "特殊教育学校", division, {"special": 1.0}, 1)
    for number, (code, name, kind_code, sponsor) in enumerate(UNIVERSITIES):
        schools.append(
            School(
                school_code=code,
                school_name=name,
                school_kind_code=kind_code,
                sponsor_code=sponsor,
                division_code="421003" if number % 2 else "421002",
                township_code="421003001" if number % 2 else "421002001",
                urban_rural_code="111",
                managing_org=CITY,
                social_credit_code=_credit_code(900_000 + number, sponsor == "999"),
                founded_ym="195009",
                is_boarding="1",
                class_capacity=50,
                places={"higher": 3.0 if number == 0 else 1.0},
            )
        )
    return sorted(schools, key=lambda school: school.school_code)
